/*
 * Ending a container: what `stop`, `kill`, `restart` and `rm` share. None of this holds the
 * operation token while it waits for the exit: the clean-up that follows needs it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/internal.h"
#include "daemon/record.h"
#include "engine/engine.h"
#include "engine/job.h"
#include "execdriver/driver.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"

enum {
	KILL_WAIT_MS = 10000,  /* for the exit after SIGKILL */
	DIRECT_WAIT_MS = 2000, /* and after a kill(2) of our own; or after a failed signal */
};

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* One wait of at most ms (-1: no limit). A client that hangs up does not stop the stopping. */
static int wait_once(struct daemon *d, struct container_watch *w, struct job **job, int ms)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	int rc;

	if (*job) {
		rc = job_wait(*job, w->fd, ms);
		if (rc >= 0 || engine_is_shutdown(d->engine))
			return rc;
		*job = NULL;
	}
	do
		rc = poll(&p, 1, ms);
	while (rc < 0 && errno == EINTR);
	return rc > 0;
}

static bool is_running(struct container *c)
{
	struct container_state s = container_state(c);

	return s.running;
}

/* 1 when it ended, 0 when the time (ms; -1: none) was up, -1 at shutdown. */
static int wait_exit(struct daemon *d, struct container *c, struct container_watch *w,
		     struct job *job, long long ms)
{
	long long until = now_ms() + ms;
	struct container_watch seen;

	for (;;) {
		long long left = ms < 0 ? -1 : until - now_ms();
		int rc;

		container_watch_read(c, w, &seen);
		if (seen.exited || seen.removed || !is_running(c))
			return 1;
		if (ms >= 0 && left <= 0)
			return 0;
		rc = wait_once(d, w, &job, left > 60000 ? 60000 : (int)left);
		if (rc < 0)
			return -1;
	}
}

int container_signal(struct daemon *d, struct container *c, int signo, struct error *err)
{
	struct container_state s;
	char number[16];

	if (execdriver_signal(d->execdriver, c->id, NULL, signo, err) < 0)
		return -1;
	snprintf(number, sizeof(number), "%d", signo);
	container_event_with(d, c, "kill", "signal", number);
	s = container_state(c);
	if (!s.paused)
		return 0;
	if (execdriver_unpause(d->execdriver, c->id, err) < 0) /* the signal could not act */
		return -1;
	pthread_mutex_lock(&c->lock);
	c->state.paused = false;
	pthread_mutex_unlock(&c->lock);
	container_event(d, c, "unpause", NULL);
	return 0;
}

static int cancelled(struct container *c, struct error *err)
{
	return error_set(err, ERR_CANCELLED, "shutdown while container %s was stopping", c->id);
}

/* Not through the driver: in case that is what hangs. */
static int kill_directly(struct daemon *d, struct container *c, struct container_watch *w,
			 struct job *job, struct error *err)
{
	struct container_state s = container_state(c);
	int rc;

	if (s.pid > 0 && kill(s.pid, SIGKILL) < 0 && errno != ESRCH)
		return error_sys(err, "cannot kill process %d of container %s", (int)s.pid, c->id);
	rc = wait_exit(d, c, w, job, DIRECT_WAIT_MS);
	if (rc < 0)
		return cancelled(c, err);
	if (rc == 0)
		return error_set(err, ERR_INTERNAL,
				 "tried to kill container %s, but did not receive an exit event",
				 c->id);
	return 0;
}

static int kill_watched(struct daemon *d, struct container *c, struct container_watch *w,
			struct job *job, struct error *err)
{
	int sent = container_signal(d, c, SIGKILL, err);
	int rc = wait_exit(d, c, w, job, sent < 0 ? DIRECT_WAIT_MS : KILL_WAIT_MS);

	if (rc < 0)
		return cancelled(c, err);
	return rc > 0 ? 0 : kill_directly(d, c, w, job, err);
}

/* With the lock held: between two runs of a policy there is nothing to kill, only to call off. */
static bool call_off_restart_locked(struct container *c)
{
	if (!c->state.restarting)
		return false;
	c->state.running = c->state.restarting = false;
	c->restart_serial++;
	container_changed_locked(c, true);
	return true;
}

static bool has_policy(struct container *c)
{
	autojson json_t *h = container_host_config(c);
	const char *name = json_get_str(json_get_obj(h, "RestartPolicy"), "Name", "");

	return *name && strcmp(name, "no") != 0;
}

/*
 * Note that a user wants it to end, which is kept on disk where a policy would care. Waits for a
 * start that is under way. 1 when it is to be signalled, 0 when it does not run any more.
 */
static int mark(struct daemon *d, struct container *c, struct job *job, struct error *err)
{
	bool signal, off;

	if (container_begin(c, OP_CHANGE, job, err) < 0)
		return -1;
	pthread_mutex_lock(&c->lock);
	c->state.manual_stop = true;
	off = call_off_restart_locked(c);
	signal = c->state.running;
	pthread_mutex_unlock(&c->lock);
	if ((off || signal) && has_policy(c)) {
		struct error e;

		if (record_save(d, c, &e) < 0)
			log_warn("%s, ignoring", e.text);
	}
	container_end(c);
	return signal;
}

int container_kill(struct daemon *d, struct container *c, struct job *job, struct error *err)
{
	struct container_watch w;
	int rc = mark(d, c, job, err);

	if (rc <= 0)
		return rc;
	if (container_watch(c, &w, err) < 0)
		return -1;
	rc = kill_watched(d, c, &w, job, err);
	container_unwatch(c, &w);
	return rc;
}

int container_halt(struct daemon *d, struct container *c, struct job *job, int signo,
		   long long timeout_s, struct error *err)
{
	long long ms = timeout_s < 0 ? -1 : timeout_s > 1000000000 ? -1 : timeout_s * 1000;
	struct container_watch w;
	struct error ignored;
	int rc = mark(d, c, job, err);

	if (rc <= 0)
		return rc;
	if (container_watch(c, &w, err) < 0)
		return -1;
	if (container_signal(d, c, signo, &ignored) < 0)
		ms = DIRECT_WAIT_MS; /* perhaps it is just ending */
	rc = wait_exit(d, c, &w, job, ms);
	if (rc < 0)
		rc = cancelled(c, err);
	else
		rc = rc > 0 ? 0 : kill_watched(d, c, &w, job, err);
	container_unwatch(c, &w);
	return rc;
}
