/* One line of a json-file log: {"log":"text\n","stream":"stdout","time":"2006-01-02T15:04:05.9Z"}. */
#ifndef DAEMON_LOGLINE_H
#define DAEMON_LOGLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "pkg/buf.h"

struct logline {
	const char *text; /* in scratch */
	size_t len;
	struct timespec time;
	bool is_stderr;
};

/*
 * Read one line (without its newline). The text goes to scratch, which is emptied first. 0, or -1
 * when it is no such line. The usual form is read without a JSON parser.
 */
int logline_parse(const char *p, size_t n, struct buf *scratch, struct logline *out);

#endif
