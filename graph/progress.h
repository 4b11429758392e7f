/* The stream of a pull, push or import: JSON objects as Docker's clients show them. */
#ifndef GRAPH_PROGRESS_H
#define GRAPH_PROGRESS_H

#include <jansson.h>

struct job;

/* One object of the stream; id and detail (taken) may be NULL. */
void progress_say(struct job *job, const char *id, const char *status, json_t *detail);
void progress_sayf(struct job *job, const char *id, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
