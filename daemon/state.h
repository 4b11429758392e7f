/*
 * The state of a container, and what a restart policy makes of an exit. Values and pure functions:
 * who holds the state locks it (see container.h).
 */
#ifndef DAEMON_STATE_H
#define DAEMON_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

struct container_state {
	bool starting;   /* a start is under way; on disk: it may be running */
	bool running;    /* also while paused, and between the runs of a restart policy */
	bool paused;     /* running, but frozen */
	bool restarting; /* running, but the next run waits for its time */
	bool removing, dead;
	bool oom_killed;
	bool manual_stop; /* a user wanted it to end: no restart by policy */
	pid_t pid;
	int exit_code;
	char error[512]; /* why the last start failed, or "" */
	struct timespec started, finished;
};

/* The transitions. The error text and exit code of an earlier failure go when it runs. */
void state_set_running(struct container_state *s, pid_t pid, struct timespec now);
void state_set_exited(struct container_state *s, int code, bool oom, struct timespec when);
void state_set_restarting(struct container_state *s, int code, bool oom, struct timespec when);

/* "created", "running", "paused", "restarting", "removing", "exited" or "dead". */
const char *state_status(const struct container_state *s);
bool state_is_status(const char *word); /* one of the words above */

/* "Up 5 seconds (Paused)", "Exited (0) 2 hours ago", ... as `ps` shows it. */
const char *state_human(const struct container_state *s, struct timespec now, char *out, size_t n);

/* State as `inspect` shows it; with members of our own for the disk when disk is set. */
json_t *state_json(const struct container_state *s, bool disk);
void state_load(struct container_state *s, const json_t *saved);

enum { RESTART_DELAY_MIN_MS = 100, RESTART_DELAY_MAX_MS = 60000, RESTART_GOOD_RUN_MS = 10000 };

/* Does the policy of a HostConfig want another run after an exit? count: restarts so far. */
bool restart_is_wanted(const json_t *host_config, bool manual_stop, int exit_code, int count);
/* The same when the daemon starts and finds the container ended. */
bool restart_is_wanted_at_boot(const json_t *host_config, bool manual_stop, int exit_code,
			       int count);
/* The pause before the next run: doubled from the last one (0: none yet), reset by a good run. */
int restart_delay_ms(int last_ms, long long run_ms);

#endif
