/* What `logs` and `attach` with logs=1 share. */
#ifndef DAEMON_LOGS_H
#define DAEMON_LOGS_H

#include <stdbool.h>
#include <time.h>

#include "pkg/error.h"

struct container;
struct daemon;
struct job;
struct logline;

struct log_options {
	bool out, err; /* which streams */
	bool follow, timestamps, details;
	long long tail;               /* lines, -1: all */
	struct timespec since, until; /* zero: no bound */
};

/* Takes n bytes of one stream; -1 when the reader is gone. */
struct log_sink {
	int (*write)(void *to, bool is_stderr, const void *p, size_t n);
	void *to;
};

/* Write the log of c to the sink, in pieces of many lines; with follow until it stops. */
int logs_write(struct daemon *d, struct container *c, struct job *job, const struct log_options *o,
	       const struct log_sink *sink, struct error *err);

#endif
