/* The next run of a restart policy: a timer on the event loop, then a start on a worker. */
#include <event2/event.h>

#include "daemon/internal.h"
#include "engine/engine.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/workers.h"

struct plan {
	struct list link; /* in d->plans until its time comes */
	struct daemon *d;
	struct container *c; /* a reference */
	unsigned serial;     /* of the exit that it answers */
};

static void plan_free(struct plan *p)
{
	pthread_mutex_lock(&p->d->lock);
	list_del(&p->link);
	pthread_mutex_unlock(&p->d->lock);
	container_unref(p->c);
	free(p);
}

static bool is_current(const struct plan *p)
{
	bool current;

	pthread_mutex_lock(&p->c->lock);
	current = p->c->state.restarting && p->c->restart_serial == p->serial;
	pthread_mutex_unlock(&p->c->lock);
	return current && !engine_is_shutdown(p->d->engine);
}

static void run_plan(void *arg)
{
	struct plan *p = arg;
	struct daemon *d = p->d;
	struct error err;

	if (is_current(p) && container_run(p->d, p->c, NULL, RUN_BY_POLICY, &err) < 0)
		log_error("cannot restart container %s: %s", p->c->id, err.text);
	plan_free(p);
	daemon_release(d);
}

static void arm(struct plan *p);

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct plan *p = arg;

	(void)fd, (void)what; /* a timer has neither */
	if (!is_current(p)) {
		plan_free(p);
		return;
	}
	daemon_hold(p->d);
	if (workers_run(run_plan, p) == 0)
		return;
	daemon_release(p->d);
	arm(p); /* no thread: once more after the same time */
}

static void arm(struct plan *p)
{
	struct timeval delay;
	int ms;

	pthread_mutex_lock(&p->c->lock);
	ms = p->c->restart_delay_ms;
	pthread_mutex_unlock(&p->c->lock);
	delay = (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	if (event_base_once(p->d->base, -1, EV_TIMEOUT, on_timer, p, &delay) < 0) {
		log_error("cannot plan the restart of container %s", p->c->id);
		plan_free(p);
	}
}

void restart_plan(struct daemon *d, struct container *c)
{
	struct plan *p = xcalloc(1, sizeof(*p));

	p->d = d;
	p->c = container_ref(c);
	pthread_mutex_lock(&c->lock);
	p->serial = c->restart_serial;
	pthread_mutex_unlock(&c->lock);
	pthread_mutex_lock(&d->lock);
	list_add(&d->plans, &p->link);
	pthread_mutex_unlock(&d->lock);
	arm(p);
}

void restart_forget_plans(struct daemon *d)
{
	while (!list_is_empty(&d->plans))
		plan_free(list_entry(d->plans.next, struct plan, link));
}
