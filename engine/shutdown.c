/* The orderly end of an engine, with its time limits. */
#include "engine/engine.h"

#include <pthread.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "engine/state.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/workers.h"

#define WAIT_JOBS_S 5
#define WAIT_ALL_S 15

void engine_on_shutdown(struct engine *e, void (*fn)(void *arg), void *arg)
{
	pthread_mutex_lock(&e->lock);
	e->callbacks = xrealloc(e->callbacks, (e->ncallbacks + 1) * sizeof(*e->callbacks));
	e->callbacks[e->ncallbacks++] = (struct callback){ fn, arg, e };
	pthread_mutex_unlock(&e->lock);
}

bool engine_is_shutdown(struct engine *e)
{
	bool is;

	pthread_mutex_lock(&e->lock);
	is = e->shutdown;
	pthread_mutex_unlock(&e->lock);
	return is;
}

static void raise_stop(int efd)
{
	uint64_t one = 1;
	ssize_t n = write(efd, &one, sizeof(one));

	(void)n; /* cannot fail: the counter is never near its end */
}

/* Wait until *count is 0 or the time is up. Called with the lock held. */
static void wait_zero(struct engine *e, const size_t *count, const struct timespec *until)
{
	while (*count > 0)
		if (pthread_cond_timedwait(&e->changed, &e->lock, until) != 0)
			return;
}

static void run_callback(void *arg)
{
	struct callback *cb = arg;
	struct engine *e = cb->engine;

	cb->fn(cb->arg);
	pthread_mutex_lock(&e->lock);
	if (--e->callbacks_left == 0)
		pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
}

/* Called with the lock held; lets go of it while threads are made. */
static void start_callbacks(struct engine *e)
{
	size_t n = e->ncallbacks;

	e->callbacks_left = n;
	pthread_mutex_unlock(&e->lock);
	for (size_t i = 0; i < n; i++)
		if (workers_run(run_callback, &e->callbacks[i]) < 0)
			run_callback(&e->callbacks[i]);
	pthread_mutex_lock(&e->lock);
}

void engine_shutdown(struct engine *e)
{
	struct timespec begin, until;

	clock_gettime(CLOCK_REALTIME, &begin);
	pthread_mutex_lock(&e->lock);
	if (e->shutdown) {
		pthread_mutex_unlock(&e->lock);
		return;
	}
	e->shutdown = true;
	raise_stop(e->stop_endless);
	until = begin;
	until.tv_sec += WAIT_JOBS_S;
	wait_zero(e, &e->running, &until);
	if (e->running)
		log_warn("%zu jobs still run after %d s, going on without them", e->running,
			 WAIT_JOBS_S);
	raise_stop(e->stop_all);
	start_callbacks(e);
	until = begin;
	until.tv_sec += WAIT_ALL_S;
	wait_zero(e, &e->callbacks_left, &until);
	pthread_mutex_unlock(&e->lock);
}
