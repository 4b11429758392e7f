/* The daemon object's members, and what its jobs share. Not for other folders. */
#ifndef DAEMON_INTERNAL_H
#define DAEMON_INTERNAL_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/store.h"
#include "pkg/error.h"

struct engine;
struct event_base;
struct exec_exit;
struct execdriver;
struct execs;
struct graph;
struct graphdriver;
struct job;
struct volumes;

struct daemon {
	struct engine *engine; /* all set by daemon_new(), and then constant */
	struct event_base *base;
	struct daemon_config config;
	char *root, *containers_dir, *tmp_dir;
	char *records_dir, *boot_id; /* see record.h */
	char *id;                    /* of the data root, for /info */
	char *host_gateway;          /* what containers reach the host at; NULL: -b none */
	struct graphdriver *graphdriver;
	struct graph *graph;
	struct execdriver *execdriver;
	struct volumes *volumes;
	struct store *store;
	struct execs *execs;
	atomic_bool restoring;      /* no restart by policy until the boot is over */
	atomic_bool pruning_images; /* by the one prune that there may be */
	atomic_bool has_links; /* some container had links of the default bridge at some time */
	pthread_mutex_t lock;  /* guards all below; no other is taken under it */
	pthread_cond_t unused; /* users reached 0 */
	size_t users;          /* what may outlast the engine's count of jobs: see daemon_hold() */
	struct list plans;     /* of restarts whose time has not come, see restart.c */
	bool sync_planned;
};

/*
 * For workers and endless jobs, from their beginning to their end: daemon_close() frees nothing
 * under them.
 */
void daemon_hold(struct daemon *d);
void daemon_release(struct daemon *d);

/* lookup.c: the container that the first argument names; on failure the job has failed. */
struct container *job_container(struct job *job, struct daemon *d);
/* A query parameter that must be a whole number when given, else ERR_BAD_REQUEST in Go's words. */
int job_number(struct job *job, const char *key, long long fallback, long long *out);
unsigned job_api_version(struct job *job);

/*
 * nested.c: run a job by name. parent NULL: on nobody's behalf. env members are set from env (taken,
 * may be NULL). The JSON that it writes goes to *reply (may be NULL).
 */
int nested_job(struct daemon *d, struct job *parent, const char *name, const char *arg, json_t *env,
	       json_t **reply, struct error *err);
/* Publish an event of a container; attributes (taken, may be NULL) are added to the usual ones. */
void container_event(struct daemon *d, struct container *c, const char *action, json_t *attributes);
/* The same with one attribute. */
void container_event_with(struct daemon *d, struct container *c, const char *action,
			  const char *key, const char *value);

/* run.c: what `start`, `restart`, the restart policy and the boot share. */
enum run_flags { RUN_BY_POLICY = 1 };
int container_run(struct daemon *d, struct container *c, struct job *job, unsigned flags,
		  struct error *err);

/* halt.c: what `stop`, `kill`, `restart` and `rm` share. job may be NULL. */
int container_signal(struct daemon *d, struct container *c, int signo, struct error *err);
int container_halt(struct daemon *d, struct container *c, struct job *job, int signo,
		   long long timeout_s, struct error *err);
int container_kill(struct daemon *d, struct container *c, struct job *job, struct error *err);

/* pause.c */
int container_set_paused(struct daemon *d, struct container *c, struct job *job, bool paused,
			 struct error *err);

/* exit.c: what the exec driver tells; all on the event loop's thread. */
void on_exited(void *arg, const char *id, const struct exec_exit *exit);
void on_exec_exited(void *arg, const char *id, const char *exec_id, int status);
void on_detached(void *arg, const char *id, const char *exec_id);
void on_oom(void *arg, const char *id);
/* With the container's lock held: the run ended; true when a clean-up must be run. */
void container_exited_locked(struct daemon *d, struct container *c, int status, bool oom,
			     struct timespec finished, const char *error);
/* Run, or plan on a worker, what must follow an exit that container_exited_locked() recorded. */
void container_cleanup(struct daemon *d, struct container *c);
void container_cleanup_later(struct daemon *d, struct container *c);

/* restart.c: plan the next run of a container whose state is "restarting". */
void restart_plan(struct daemon *d, struct container *c);
void restart_forget_plans(struct daemon *d); /* at the end, when no timer fires any more */

/* remove.c */
enum remove_flags { REMOVE_VOLUMES = 1, REMOVE_FORCE = 2 };
int container_remove(struct daemon *d, struct container *c, struct job *job, unsigned flags,
		     struct error *err);
/* The same without asking: the container has ended and the token is the caller's. */
int container_remove_now(struct daemon *d, struct container *c, unsigned flags, struct error *err);

/* image_delete.c: the container that uses the image: a running one if there is one, else any; a reference. */
struct container *image_user(struct daemon *d, const char *image_id, bool *running);

/* restore.c */
int daemon_restore(struct daemon *d, struct error *err);

#endif
