/*
 * The runtime record of a container: its state and address as of now, in one small file of the exec
 * root. It is what a daemon after kill -9 goes by; config.v2.json follows within a second or so (see
 * disk.h), which is what counts after a reboot.
 *
 * It is overwritten in place with a single write(2), which a kill does not divide, and costs a
 * hundredth of an atomic replacement on a disk. A power cut may tear it: so it names the boot that
 * it belongs to, and is nothing to any other.
 */
#ifndef DAEMON_RECORD_H
#define DAEMON_RECORD_H

#include "pkg/error.h"

struct container;
struct daemon;

int record_open(struct daemon *d, struct error *err); /* the folder, and which boot this is */

/* By the holder of the operation token. The files on disk are saved later. */
int record_save(struct daemon *d, struct container *c, struct error *err);
void record_load(struct daemon *d,
		 struct container *c); /* over what the disk said, if there is one */
void record_remove(struct daemon *d, struct container *c);
void record_sweep(struct daemon *d); /* those of no container */

#endif
