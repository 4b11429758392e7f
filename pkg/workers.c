/*
 * A pool of threads for work that blocks. An idle thread waits for the next task for a while and
 * then ends. The pool itself is process-wide, like the heap: it is a cache of threads.
 */
#include "pkg/workers.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

#include "pkg/list.h"
#include "pkg/mem.h"

#define STACK_SIZE (256 * 1024)
#define MAX_IDLE 8
#define IDLE_SECONDS 10

struct task {
	struct list link;
	void (*fn)(void *arg);
	void *arg;
};

static struct {
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t more;
	struct list tasks;
	unsigned idle; /* threads that wait and are not yet promised a task */
} pool = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, { &pool.tasks, &pool.tasks }, 0 };

/* The next task, or NULL when the thread should end. Called and returns with the lock held. */
static struct task *next_task(void)
{
	struct timespec until;
	struct list *l;

	if (list_is_empty(&pool.tasks)) {
		if (pool.idle >= MAX_IDLE)
			return NULL;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += IDLE_SECONDS;
		pool.idle++;
		while (list_is_empty(&pool.tasks))
			if (pthread_cond_timedwait(&pool.more, &pool.lock, &until) != 0)
				break;
		if (list_is_empty(&pool.tasks)) {
			pool.idle--;
			return NULL;
		}
	} else {
		pool.idle++; /* the waiting thread that was promised this task goes on waiting */
	}
	l = pool.tasks.next;
	list_del(l);
	return list_entry(l, struct task, link);
}

static void *thread_main(void *first)
{
	struct task *t = first;

	while (t) {
		t->fn(t->arg);
		free(t);
		pthread_mutex_lock(&pool.lock);
		t = next_task();
		pthread_mutex_unlock(&pool.lock);
	}
	malloc_trim(0); /* a burst is over: what it took goes back */
	return NULL;
}

static int spawn_thread(struct task *t)
{
	pthread_attr_t attr;
	pthread_t id;
	sigset_t all, old;
	int rc;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&id, &attr, thread_main, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return rc ? -1 : 0;
}

int workers_run(void (*fn)(void *arg), void *arg)
{
	struct task *t = xcalloc(1, sizeof(*t));
	bool handed = false;

	t->fn = fn;
	t->arg = arg;
	pthread_mutex_lock(&pool.lock);
	if (pool.idle > 0) {
		pool.idle--;
		list_add(&pool.tasks, &t->link);
		pthread_cond_signal(&pool.more);
		handed = true;
	}
	pthread_mutex_unlock(&pool.lock);
	if (handed || spawn_thread(t) == 0)
		return 0;
	free(t);
	return -1;
}
