/* The files of one log, opened for reading: see logreader.h. */
#ifndef DAEMON_LOGFILES_H
#define DAEMON_LOGFILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "pkg/error.h"

enum { LOGFILES_MAX = 1024 }; /* rotated files that are looked for */

/* Descriptors, oldest file first. */
struct logfiles {
	int *fds;
	size_t n;
	bool overlap; /* the oldest may hold lines up to `last`, which were read already */
};
void logfiles_done(struct logfiles *f); /* closes what is in it */

/*
 * Open what there is. Newer than: stop at the file that newer_than is open on (-1: take all), or,
 * when that one has been compressed since, at the one that begins no later than `last`.
 */
int logfiles_open(const char *path, const char *tmp_dir, int newer_than, struct timespec last,
		  struct logfiles *out, struct error *err);

/* Where the last `lines` lines begin: an index into f and an offset in that file. */
int logfiles_tail(const struct logfiles *f, long long lines, size_t *index, off_t *offset,
		  struct error *err);

#endif
