/*
 * A job is a process without the process: a name, args, an env, stdin, stdout, stderr, a status.
 * It runs once, on the thread of whoever runs it, and is freed by who made it.
 *
 *	struct job *j = job_new(engine, "create", "web", NULL);
 *	output_add(job_out(j), sink_buf(&reply));
 *	if (job_run(j, &err) < 0) ...          err has kind and sentence
 *	job_free(j);
 *
 * A handler gets the job, reads its args and env, writes to its streams, and returns 0, or
 * job_fail(). A nested job is made with job_new_nested(): it is cancelled with its parent.
 */
#ifndef ENGINE_JOB_H
#define ENGINE_JOB_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "engine/env.h"
#include "engine/stream.h"
#include "pkg/error.h"

struct engine;
struct job;

enum job_status { JOB_STATUS_OK = 0, JOB_STATUS_ERR = 1, JOB_STATUS_NOT_FOUND = 127 };

/* Args follow the name and end with NULL. Never NULL: an unknown name fails when it is run. */
struct job *job_new(struct engine *e, const char *name, ...) __attribute__((sentinel));
struct job *job_new_nested(struct job *parent, const char *name, ...) __attribute__((sentinel));
void job_add_arg(struct job *j, const char *arg);
void job_free(struct job *j);

/*
 * Run it. 0 when the handler did, else -1 with err. Unknown names are ERR_NOT_IMPLEMENTED with
 * status 127, a wrong number of args is ERR_BAD_REQUEST, a second run ERR_INTERNAL, a run after
 * shutdown began ERR_UNAVAILABLE. Closes the streams.
 */
int job_run(struct job *j, struct error *err);

/* Inside a handler: fail with kind and sentence, which also becomes the last line of stderr. -1. */
int job_fail(struct job *j, enum error_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same with an error that a library function has set. */
int job_fail_error(struct job *j, const struct error *err);

bool job_has_failed(const struct job *j); /* has job_fail() been called? */

/* Write text, or one JSON value and a newline, to stdout. 0, -1 when nobody reads any more. */
int job_printf(struct job *j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int job_write_json(struct job *j, const json_t *value);

/*
 * Wait until fd (-1: none) is readable: 1; until timeout_ms (-1: for ever) passed: 0; or until the
 * job is cancelled, because the client hung up or the engine shuts down: -1.
 */
int job_wait(struct job *j, int fd, int timeout_ms);
bool job_is_cancelled(struct job *j);

/* The client's connection, watched by job_wait() for hang-up. Borrowed; set before job_run(). */
void job_watch_hangup(struct job *j, int fd);

const char *job_name(const struct job *j);
size_t job_argc(const struct job *j);
const char *job_arg(const struct job *j, size_t i); /* NULL when there is none */
enum job_status job_status(const struct job *j);
struct engine *job_engine(const struct job *j);
struct env *job_env(struct job *j);
struct input *job_in(struct job *j);
struct output *job_out(struct job *j);
struct output *job_err(struct job *j);

#endif
