/*
 * Processes that were or are to be run inside containers. Finished and never started ones are kept
 * for five minutes, and of those the newest EXECS_KEPT at most. Thread-safe.
 */
#ifndef DAEMON_EXECS_H
#define DAEMON_EXECS_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "pkg/error.h"
#include "pkg/id.h"

enum { EXECS_KEPT = 512, EXECS_KEPT_S = 300 };

struct container;
struct daemon;
struct execs;

/* A copy of what is known of one; release with exec_info_done(). */
struct exec_info {
	char id[ID_SIZE], container_id[ID_SIZE];
	json_t *config; /* Cmd, Env, User, Tty, Attach..., WorkingDir, Privileged, DetachKeys */
	bool started, running, exited;
	int exit_code;
	pid_t pid;
};
void exec_info_done(struct exec_info *i);

struct execs *execs_new(void);
void execs_free(struct execs *e);

void execs_create(struct execs *e, const char *container_id, json_t *config, char id[ID_SIZE]);
/* ERR_NOT_FOUND "No such exec instance: x". */
int execs_get(struct execs *e, const char *id, struct exec_info *out, struct error *err);
/* The same, and it is now being started: ERR_CONFLICT when it was before. */
int execs_claim(struct execs *e, const char *id, struct exec_info *out, struct error *err);

void execs_started(struct execs *e, const char *id, pid_t pid);
void execs_exited(struct execs *e, const char *id, int exit_code);     /* the first one counts */
void execs_container_ended(struct execs *e, const char *container_id); /* all of it were killed */
void execs_forget_container(struct execs *e, const char *container_id);

json_t *execs_running_ids(struct execs *e, const char *container_id); /* array, or null */
void execs_publish_died(struct daemon *d, struct container *c, const char *exec_id);

#endif
