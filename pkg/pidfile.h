/*
 * One daemon at a time: a file that names the process and is locked by it, and locks on folders. A
 * lock ends with its process, so nothing stale can keep a daemon from starting.
 */
#ifndef PKG_PIDFILE_H
#define PKG_PIDFILE_H

#include "pkg/error.h"

/*
 * Write our pid to path; parent folders are made. The descriptor holds the lock and is the caller's.
 * -1 with ERR_CONFLICT when a living process keeps it for a second (or a dockerd wrote it).
 */
int pidfile_create(const char *path, struct error *err);

/* Remove the file and close the descriptor, if it is still the file that was made. */
void pidfile_remove(const char *path, int fd);

/* Lock a folder, which is made when missing. A descriptor, or -1 with ERR_CONFLICT: in use for a second. */
int pidfile_lock_dir(const char *path, struct error *err);

#endif
