/*
 * The jobs `log`, `events` and `subscribers_count`. `log` puts an event into a ring of the newest
 * ones and into the queue of every subscriber, and never waits: a subscriber whose queue is full
 * misses the event. A subscriber is a running `events` job; an eventfd wakes it.
 */
#include "events/events.h"

#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/job.h"
#include "events/internal.h"
#include "pkg/filters.h"
#include "pkg/json.h"
#include "pkg/list.h"
#include "pkg/mem.h"
#include "pkg/timefmt.h"

#define RING_SIZE 256
#define QUEUE_SIZE 1024

/* First in, first out; old events are dropped (ring) or new ones refused (queue). */
struct fifo {
	struct event_message **slots;
	size_t size, head, n;
};

struct subscriber {
	struct list all;
	struct fifo queue;
	int wake; /* eventfd, readable while the queue is not empty */
};

struct events {
	pthread_mutex_t lock; /* guards all below, and the subscribers' queues */
	struct fifo ring;
	struct list subscribers;
	size_t count;
};

static void fifo_init(struct fifo *f, size_t size)
{
	*f = (struct fifo){ .slots = xcalloc(size, sizeof(*f->slots)), .size = size };
}

static struct event_message *fifo_at(const struct fifo *f, size_t i)
{
	return f->slots[(f->head + i) % f->size];
}

/* Takes ev. */
static bool fifo_push(struct fifo *f, struct event_message *ev)
{
	if (f->n == f->size)
		return false;
	f->slots[(f->head + f->n++) % f->size] = ev;
	return true;
}

/* The caller owns what it gets; NULL when there is nothing. */
static struct event_message *fifo_pop(struct fifo *f)
{
	struct event_message *ev = f->n ? f->slots[f->head] : NULL;

	if (ev) {
		f->head = (f->head + 1) % f->size;
		f->n--;
	}
	return ev;
}

static void fifo_done(struct fifo *f)
{
	struct event_message *ev;

	while ((ev = fifo_pop(f)))
		event_message_unref(ev);
	free(f->slots);
}

struct events *events_new(void)
{
	struct events *e = xcalloc(1, sizeof(*e));

	pthread_mutex_init(&e->lock, NULL);
	fifo_init(&e->ring, RING_SIZE);
	list_init(&e->subscribers);
	return e;
}

void events_free(struct events *e)
{
	if (!e)
		return;
	fifo_done(&e->ring);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

static void wake(const struct subscriber *s)
{
	uint64_t one = 1;
	ssize_t n = write(s->wake, &one, sizeof(one));

	(void)n; /* full means readable already */
}

/* Takes ev. */
static void publish(struct events *e, struct event_message *ev)
{
	struct event_message *oldest = NULL;
	struct list *it;

	pthread_mutex_lock(&e->lock);
	if (e->ring.n == e->ring.size)
		oldest = fifo_pop(&e->ring);
	fifo_push(&e->ring, ev);
	list_each(it, &e->subscribers) {
		struct subscriber *s = list_entry(it, struct subscriber, all);

		if (!fifo_push(&s->queue, event_message_ref(ev)))
			event_message_unref(ev);
		wake(s);
	}
	pthread_mutex_unlock(&e->lock);
	event_message_unref(oldest);
}

static int job_log(struct job *job, void *self)
{
	struct env *env = job_env(job);

	publish(self, event_message_new(env_get(env, "Type", "container"), job_arg(job, 0),
					job_arg(job, 1), job_arg(job, 2) ? job_arg(job, 2) : "",
					env_get_json(env, "Attributes")));
	return 0;
}

static int job_subscribers_count(struct job *job, void *self)
{
	struct events *e = self;
	autojson json_t *reply = NULL;
	size_t n;

	pthread_mutex_lock(&e->lock);
	n = e->count;
	pthread_mutex_unlock(&e->lock);
	reply = json_pack("{s:I}", "count", (json_int_t)n);
	return job_write_json(job, reply);
}

/* What a client of `events` asks for. */
struct query {
	bool has_since, has_until;
	struct timespec since, until;
	json_t *filters;
};

static int compare_times(struct timespec a, struct timespec b)
{
	if (a.tv_sec != b.tv_sec)
		return a.tv_sec < b.tv_sec ? -1 : 1;
	return a.tv_nsec < b.tv_nsec ? -1 : a.tv_nsec > b.tv_nsec;
}

static int read_time(const struct env *env, const char *key, bool *has, struct timespec *out,
		     struct error *err)
{
	const char *text = env_get(env, key, "");

	*has = *text != '\0';
	if (!*has || timefmt_parse_unix(text, out) == 0)
		return 0;
	return error_set(err, ERR_BAD_REQUEST, "strconv.ParseInt: parsing \"%s\": invalid syntax",
			 text);
}

static int read_query(const struct env *env, struct query *q, struct error *err)
{
	if (read_time(env, "since", &q->has_since, &q->since, err) < 0 ||
	    read_time(env, "until", &q->has_until, &q->until, err) < 0)
		return -1;
	if (q->has_since && q->has_until && compare_times(q->since, q->until) > 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "'since' time (%s) cannot be after 'until' time (%s)",
				 env_get(env, "since", ""), env_get(env, "until", ""));
	q->filters = filters_parse(env_get(env, "filters", NULL), err);
	return q->filters ? 0 : -1;
}

/*
 * Join the subscribers and get the past that was asked for, in one step: what happens meanwhile is
 * in the past or in the queue, and never in both.
 */
static void subscribe(struct events *e, struct subscriber *s, const struct query *q,
		      struct fifo *past)
{
	fifo_init(&s->queue, QUEUE_SIZE);
	fifo_init(past, RING_SIZE);
	pthread_mutex_lock(&e->lock);
	for (size_t i = 0; (q->has_since || q->has_until) && i < e->ring.n; i++)
		fifo_push(past, event_message_ref(fifo_at(&e->ring, i)));
	list_add(&e->subscribers, &s->all);
	e->count++;
	pthread_mutex_unlock(&e->lock);
}

static void unsubscribe(struct events *e, struct subscriber *s)
{
	pthread_mutex_lock(&e->lock);
	list_del(&s->all);
	e->count--;
	pthread_mutex_unlock(&e->lock);
	fifo_done(&s->queue);
	close(s->wake);
}

/* Write it if it is asked for. Takes ev. -1 when nobody reads any more. */
static int deliver(struct job *job, const struct query *q, struct event_message *ev)
{
	bool wanted = (!q->has_since || compare_times(ev->time, q->since) >= 0) &&
		      (!q->has_until || compare_times(ev->time, q->until) <= 0) &&
		      event_message_matches(ev, q->filters);
	int rc = wanted ? output_write(job_out(job), ev->line, strlen(ev->line)) : 0;

	event_message_unref(ev);
	return rc;
}

static struct event_message *next_event(struct events *e, struct subscriber *s)
{
	struct event_message *ev;
	uint64_t n;

	pthread_mutex_lock(&e->lock);
	ev = fifo_pop(&s->queue);
	if (!ev) { /* under the lock, so that no wake-up between the two is lost */
		ssize_t got = read(s->wake, &n, sizeof(n));

		(void)got; /* empty is what it should be */
	}
	pthread_mutex_unlock(&e->lock);
	return ev;
}

/* Milliseconds until the end; -1 for ever; 0 when it has passed. */
static int time_left(const struct query *q)
{
	struct timespec now = time_now();
	long long ms;

	if (!q->has_until)
		return -1;
	if (compare_times(now, q->until) >= 0)
		return 0;
	if (q->until.tv_sec > now.tv_sec + INT_MAX / 1000 - 1)
		return INT_MAX;
	ms = (q->until.tv_sec - now.tv_sec) * 1000LL + (q->until.tv_nsec - now.tv_nsec) / 1000000;
	return ms > 0 ? (int)ms : 1;
}

static void follow(struct job *job, struct events *e, struct subscriber *s, const struct query *q)
{
	int ms;

	while ((ms = time_left(q)) != 0) {
		struct event_message *ev = next_event(e, s);

		if (ev && deliver(job, q, ev) < 0)
			return;
		if (!ev && job_wait(job, s->wake, ms) < 0)
			return;
	}
}

static int job_events(struct job *job, void *self)
{
	struct query q = { 0 };
	struct subscriber s;
	struct error err;
	struct fifo past;
	struct event_message *ev;
	int rc = 0;

	if (read_query(job_env(job), &q, &err) < 0)
		return job_fail_error(job, &err);
	s.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s.wake < 0) {
		json_decref(q.filters);
		error_sys(&err, "cannot make an eventfd");
		return job_fail_error(job, &err);
	}
	subscribe(self, &s, &q, &past);
	if (output_flush(job_out(job)) < 0)
		rc = -1;
	while (rc == 0 && (ev = fifo_pop(&past)))
		rc = deliver(job, &q, ev);
	if (rc == 0)
		follow(job, self, &s, &q);
	unsubscribe(self, &s);
	fifo_done(&past);
	json_decref(q.filters);
	return 0;
}

const struct handler events_jobs[] = {
	{ "events", "", 0, 0, job_events, JOB_ENDLESS },
	{ "log", "ACTION ID [FROM]", 2, 3, job_log, JOB_QUIET },
	{ "subscribers_count", "", 0, 0, job_subscribers_count, JOB_QUIET },
	{ 0 },
};

int events_install(struct engine *e, struct error *err)
{
	struct events *events = events_new();

	if (engine_install(e, events_jobs, events, err) == 0)
		return 0;
	events_free(events);
	return -1;
}
