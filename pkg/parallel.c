/* See parallel.h. */
#include "pkg/parallel.h"

#include <pthread.h>
#include <stdbool.h>

#include "pkg/workers.h"

struct parallel {
	int (*fn)(void *arg, size_t i, struct error *err);
	void *arg;
	size_t n;
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t ended;
	size_t next;
	unsigned running; /* other threads */
	bool failed;
	struct error err;
};

static bool take(struct parallel *p, size_t *i)
{
	bool has;

	pthread_mutex_lock(&p->lock);
	has = !p->failed && p->next < p->n;
	if (has)
		*i = p->next++;
	pthread_mutex_unlock(&p->lock);
	return has;
}

static void work(struct parallel *p)
{
	size_t i;

	while (take(p, &i)) {
		struct error err = { 0 };

		if (p->fn(p->arg, i, &err) == 0)
			continue;
		pthread_mutex_lock(&p->lock);
		if (!p->failed)
			p->err = err;
		p->failed = true;
		pthread_mutex_unlock(&p->lock);
	}
}

static void thread(void *arg)
{
	struct parallel *p = arg;

	work(p);
	pthread_mutex_lock(&p->lock);
	p->running--;
	pthread_cond_signal(&p->ended);
	pthread_mutex_unlock(&p->lock);
}

static void start_more(struct parallel *p, unsigned threads)
{
	for (unsigned i = 1; i < threads && i < p->n; i++) {
		pthread_mutex_lock(&p->lock);
		p->running++;
		pthread_mutex_unlock(&p->lock);
		if (workers_run(thread, p) == 0)
			continue;
		pthread_mutex_lock(&p->lock);
		p->running--; /* then fewer do it */
		pthread_mutex_unlock(&p->lock);
		return;
	}
}

int parallel_run(unsigned threads, size_t n, int (*fn)(void *arg, size_t i, struct error *err),
		 void *arg, struct error *err)
{
	struct parallel p = { .fn = fn, .arg = arg, .n = n };

	pthread_mutex_init(&p.lock, NULL);
	pthread_cond_init(&p.ended, NULL);
	start_more(&p, threads);
	work(&p);
	pthread_mutex_lock(&p.lock);
	while (p.running)
		pthread_cond_wait(&p.ended, &p.lock);
	pthread_mutex_unlock(&p.lock);
	pthread_cond_destroy(&p.ended);
	pthread_mutex_destroy(&p.lock);
	if (p.failed && err)
		*err = p.err;
	return p.failed ? -1 : 0;
}
