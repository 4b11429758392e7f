/*
 * The end of a run. The exec driver tells it on the event loop's thread, where the state changes and
 * `wait` is answered; what takes time follows on a worker, under the operation token: the event, the
 * address, the files, and then the next run of a restart policy or the removal of an AutoRemove one.
 */
#include <stdio.h>
#include <string.h>
#include <event2/event.h>

#include "daemon/execs.h"
#include "daemon/internal.h"
#include "daemon/network.h"
#include "daemon/record.h"
#include "engine/engine.h"
#include "execdriver/driver.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/workers.h"

/* Something that a worker is to do for a container. */
struct task {
	struct daemon *d;
	struct container *c; /* a reference */
	void (*run)(struct daemon *d, struct container *c, const char *word);
	char *word; /* an argument of run, or NULL */
};

static void run_task(void *arg)
{
	struct task *t = arg;
	struct daemon *d = t->d;

	t->run(d, t->c, t->word);
	container_unref(t->c);
	free(t->word);
	free(t);
	daemon_release(d);
}

static void on_retry(evutil_socket_t fd, short what, void *arg);

/* Hand it to a worker; when there is none, try again soon. */
static void submit(struct task *t)
{
	const struct timeval soon = { .tv_usec = 100 * 1000 };

	if (workers_run(run_task, t) == 0)
		return;
	if (event_base_once(t->d->base, -1, EV_TIMEOUT, on_retry, t, &soon) < 0)
		run_task(t); /* late is better than never */
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what; /* a timer has neither */
	submit(arg);
}

static void later(struct daemon *d, struct container *c,
		  void (*run)(struct daemon *d, struct container *c, const char *word),
		  const char *word)
{
	struct task *t = xcalloc(1, sizeof(*t));

	t->d = d;
	t->c = container_ref(c);
	t->run = run;
	t->word = word ? xstrdup(word) : NULL;
	daemon_hold(d);
	submit(t);
}

static long long ms_between(struct timespec from, struct timespec to)
{
	return (to.tv_sec - from.tv_sec) * 1000LL + (to.tv_nsec - from.tv_nsec) / 1000000;
}

void container_exited_locked(struct daemon *d, struct container *c, int status, bool oom,
			     struct timespec finished, const char *error)
{
	long long run_ms = ms_between(c->state.started, finished);

	if (!engine_is_shutdown(d->engine) && !d->restoring && !c->state.removing &&
	    restart_is_wanted(c->host_config, c->state.manual_stop, status, c->restart_count)) {
		c->restart_delay_ms = restart_delay_ms(c->restart_delay_ms, run_ms);
		c->restart_serial++;
		state_set_restarting(&c->state, status, oom, finished);
	} else {
		state_set_exited(&c->state, status, oom, finished);
	}
	snprintf(c->state.error, sizeof(c->state.error), "%s", error);
	c->cleanup_due = true;
	container_changed_locked(c, true);
}

/* The exit of a run whose start has not returned yet is kept for it. */
static void keep_early_locked(struct container *c, const struct exec_exit *exit)
{
	c->early_exit = true;
	c->early_status = exit->status;
	c->early_oom = exit->oom_killed;
	c->early_finished = exit->finished;
	memcpy(c->early_error, exit->error, sizeof(c->early_error));
}

void on_exited(void *arg, const char *id, const struct exec_exit *exit)
{
	struct daemon *d = arg;
	struct container *c = store_get(d->store, id);
	bool due = false;

	if (!c)
		return; /* removed meanwhile; the driver's remains go with the next sweep */
	pthread_mutex_lock(&c->lock);
	if (c->state.starting) {
		keep_early_locked(c, exit);
	} else if (c->state.running && !c->state.restarting) {
		container_exited_locked(d, c, exit->status, exit->oom_killed || c->state.oom_killed,
					exit->finished, exit->error);
		due = true;
	}
	pthread_mutex_unlock(&c->lock);
	if (due)
		container_cleanup_later(d, c);
	container_unref(c);
}

static void publish_die(struct daemon *d, struct container *c, const struct container_state *s)
{
	char code[16], seconds[32];

	snprintf(code, sizeof(code), "%d", s->exit_code);
	snprintf(seconds, sizeof(seconds), "%lld", ms_between(s->started, s->finished) / 1000);
	container_event(d, c, "die",
			json_pack("{s:s, s:s}", "exitCode", code, "execDuration", seconds));
}

/* Is it our turn to remove it? Claims the removal if so. */
static bool claim_removal(struct container *c)
{
	bool ours;

	pthread_mutex_lock(&c->lock);
	ours = json_get_bool(c->host_config, "AutoRemove", false) && !c->state.restarting &&
	       !c->keep && !c->state.removing;
	if (ours)
		c->state.removing = true;
	pthread_mutex_unlock(&c->lock);
	return ours;
}

static void save_ended(struct daemon *d, struct container *c)
{
	struct error err;

	if (record_save(d, c, &err) < 0)
		log_error("%s", err.text); /* the driver's own stays until it could be saved */
	else
		execdriver_cleanup(d->execdriver, c->id);
}

/*
 * The removal answers `wait` for "removed", so it goes before the rest; but not before the addresses
 * and ports, which whoever waited may want to use again.
 */
static void remove_ended(struct daemon *d, struct container *c)
{
	struct error err;

	network_release(d, c);
	if (container_remove_now(d, c, REMOVE_VOLUMES, &err) < 0)
		log_error("cannot remove %s: %s", c->id, err.text);
	execdriver_cleanup(d->execdriver, c->id);
}

void container_cleanup(struct daemon *d, struct container *c)
{
	struct container_state s;
	struct error err;

	if (container_begin(c, OP_CLEANUP, NULL, &err) < 0) {
		log_error("clean-up of %s: %s", c->id, err.text);
		return;
	}
	pthread_mutex_lock(&c->lock);
	c->cleanup_due = false;
	s = c->state;
	pthread_mutex_unlock(&c->lock);
	publish_die(d, c, &s);
	execs_container_ended(d->execs, c->id);
	if (claim_removal(c)) {
		remove_ended(d, c);
	} else {
		network_release(d, c);
		save_ended(d, c);
	}
	container_end(c);
	if (s.restarting)
		restart_plan(d, c);
}

static void cleanup_task(struct daemon *d, struct container *c, const char *word)
{
	(void)word; /* takes none */
	container_cleanup(d, c);
}

void container_cleanup_later(struct daemon *d, struct container *c)
{
	later(d, c, cleanup_task, NULL);
}

static void event_task(struct daemon *d, struct container *c, const char *action)
{
	container_event(d, c, action, NULL);
}

static void exec_died_task(struct daemon *d, struct container *c, const char *exec_id)
{
	execs_publish_died(d, c, exec_id);
}

void on_exec_exited(void *arg, const char *id, const char *exec_id, int status)
{
	struct daemon *d = arg;
	struct container *c = store_get(d->store, id);

	execs_exited(d->execs, exec_id, status);
	if (c)
		later(d, c, exec_died_task, exec_id);
	container_unref(c);
}

void on_detached(void *arg, const char *id, const char *exec_id)
{
	struct daemon *d = arg;
	struct container *c = store_get(d->store, id);

	if (c)
		later(d, c, event_task, exec_id && *exec_id ? "exec_detach" : "detach");
	container_unref(c);
}

void on_oom(void *arg, const char *id)
{
	struct daemon *d = arg;
	struct container *c = store_get(d->store, id);

	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->state.oom_killed = true;
	pthread_mutex_unlock(&c->lock);
	later(d, c, event_task, "oom");
	container_unref(c);
}
