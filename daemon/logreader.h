/*
 * Reading a container's log, rotated files and all: PATH is the newest, PATH.1 the one before it,
 * then PATH.2, ...; the older ones may be compressed (PATH.2.gz). All files are opened at the
 * beginning, so that a rotation meanwhile takes nothing away; logreader_next() goes on into files
 * that appear later, which is how a log is followed.
 */
#ifndef DAEMON_LOGREADER_H
#define DAEMON_LOGREADER_H

#include <stdbool.h>

#include "daemon/logline.h"
#include "pkg/error.h"

struct logreader;

/*
 * tail: lines from the end, -1 for all. tmp_dir: where a compressed file is unpacked to, unlinked.
 * A log that does not exist yet is empty.
 */
struct logreader *logreader_open(const char *path, const char *tmp_dir, long long tail,
				 struct error *err);
void logreader_close(struct logreader *r);

/*
 * The next line, valid until the next call: 1; 0 when there is none at present; -1 with err. What is
 * no log line is skipped.
 */
int logreader_next(struct logreader *r, struct logline *out, struct error *err);

#endif
