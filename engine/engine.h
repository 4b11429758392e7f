/*
 * The engine: a hash table of named handlers, the jobs that run them, and an orderly end.
 * It knows nothing of containers.
 *
 * To add a job: write `static int job_NAME(struct job *job, void *self)` in a file of its
 * subsystem, add a row to the subsystem's const table, and the row to docs/ARCHITECTURE.md.
 *
 * Life cycle: engine_new(), engine_install() for every subsystem, jobs, engine_shutdown(),
 * engine_free(). All functions may be called from any thread.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include "pkg/error.h"
#include "pkg/strlist.h"

struct engine;
struct job;

typedef int job_fn(struct job *job, void *self); /* 0, or -1 after job_fail() */

enum handler_flags {
	JOB_ENDLESS = 1, /* serves until told to stop: shutdown cancels it and does not wait */
	JOB_QUIET = 2,   /* begin and end are logged at debug level only */
};

struct handler {
	const char *name, *usage; /* "start", "CONTAINER": printed by `commands` */
	int min_args, max_args;   /* checked before run(); max -1: no limit */
	job_fn *run;
	unsigned flags; /* enum handler_flags */
};

struct engine *engine_new(void);
void engine_free(struct engine *e); /* no job may be running */

/*
 * Install rows up to one with a NULL name; self is the object that their handlers work on. All or
 * nothing: a name that is taken, twice in rows or by an earlier install, is ERR_CONFLICT.
 */
int engine_install(struct engine *e, const struct handler *rows, void *self, struct error *err);

/* A handler for every name that nobody else has. */
void engine_set_catchall(struct engine *e, job_fn *run, void *self);

bool engine_has(const struct engine *e, const char *name);
void engine_list(struct engine *e, struct strlist *names); /* sorted */
const char *engine_id(const struct engine *e);             /* 8 hex digits */
void engine_set_logging(struct engine *e, bool on);        /* +job/-job lines; on at first */
size_t engine_running(struct engine *e);                   /* jobs that run, endless ones aside */

/* Called on shutdown, each on a thread of its own, all at the same time. */
void engine_on_shutdown(struct engine *e, void (*fn)(void *arg), void *arg);

/*
 * In this order: refuse new jobs and cancel endless ones; wait up to 5 s for the others; cancel
 * what still runs; run all callbacks at the same time; return when all are done, or after 15 s in
 * all. A second call returns at once.
 */
void engine_shutdown(struct engine *e);
bool engine_is_shutdown(struct engine *e);

#endif
