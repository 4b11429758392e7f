/*
 * Mount points of a container: what Binds, Mounts, VolumesFrom and the Volumes of an image come to.
 * They are resolved once, at create, into an array of objects, which is stored and shown:
 *
 *	Type (bind, volume, tmpfs), Name, Source, Destination, Driver, Mode, RW, Propagation
 *
 * and, not shown: Anonymous (a volume made for this container), CreateSource (a missing bind source
 * becomes a folder at start), NonRecursive, Data (options of a tmpfs).
 */
#ifndef DAEMON_MOUNTS_H
#define DAEMON_MOUNTS_H

#include <jansson.h>

#include "pkg/error.h"

struct container;
struct daemon;

/* A new array; on failure the volumes made for it are gone again. */
json_t *mounts_resolve(struct daemon *d, const json_t *config, const json_t *host_config,
		       struct error *err);
/* Remove the anonymous volumes of an array, but those that another container uses too. */
void mounts_remove_anonymous(struct daemon *d, const json_t *mounts);
/* The part of an array that `inspect` shows; a new reference. */
json_t *mounts_shown(const json_t *mounts);
/* Is there a mount point at this path? */
int mounts_has(const json_t *mounts, const char *destination);

#endif
