/*
 * Transfers: see transfer.h. Each runs on a thread of its own, of which there are three at most:
 * it reads the blob, takes its digest, decompresses, takes the diff id, and feeds a confined child
 * that unpacks. Nothing is kept of the blob itself.
 */
#include "graph/transfer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "graph/internal.h"
#include "graph/origin.h"
#include "pkg/json.h"
#include "pkg/list.h"
#include "pkg/mem.h"
#include "pkg/workers.h"
#include "registry/blob.h"
#include "registry/session.h"

#define RUNNING_MAX 3 /* as Docker's --max-concurrent-downloads */

struct transfers {
	struct graph *graph;
	pthread_mutex_t lock; /* guards all below, and the members of transfers that change */
	pthread_cond_t changed;
	struct map active; /* "URL DIFF-ID [PARENT]" -> struct transfer */
	struct list waiting;
	unsigned running;
};

struct transfer {
	struct transfers *all; /* constant, as are the next ones */
	char *key;
	char digest[DIGEST_SIZE], diff_id[DIGEST_SIZE];
	char *origin;
	int64_t size;
	struct session *session;
	struct layer *parent; /* a reference, or NULL */
	struct list link;     /* of those that wait */
	unsigned watchers;
	bool thread; /* somebody works on it */
	enum transfer_state state;
	struct layer *layer; /* of drivers that need the parent first: a reference */
	struct error err;
	atomic_bool cancelled;
	atomic_llong bytes;
};

struct transfers *transfers_new(struct graph *g)
{
	struct transfers *t = xcalloc(1, sizeof(*t));
	pthread_condattr_t attributes;

	t->graph = g;
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&t->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	list_init(&t->waiting);
	return t;
}

void transfers_free(struct transfers *t)
{
	if (!t)
		return;
	/* Those that nobody watches any more end soon, but they do so on their own. */
	pthread_mutex_lock(&t->lock);
	while (t->running)
		pthread_cond_wait(&t->changed, &t->lock);
	pthread_mutex_unlock(&t->lock);
	map_done(&t->active);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static void transfer_free(struct transfer *t)
{
	session_unref(t->session);
	layer_release(t->all->graph, t->layer);
	layer_release(t->all->graph, t->parent);
	free(t->origin);
	free(t->key);
	free(t);
}

/* ---- the work ---- */

/* The blob as a source of bytes, with the digest of what passed. */
struct feed {
	struct transfer *t;
	struct blob *blob;
	struct digest digest;
};

static ssize_t feed_read(void *from, void *p, size_t n)
{
	struct feed *f = from;
	ssize_t got = blob_read(f->blob, p, n);

	if (got > 0) {
		digest_add(&f->digest, p, (size_t)got);
		atomic_fetch_add(&f->t->bytes, got);
	}
	return got;
}

/* What follows the compressed stream counts as well. */
static int feed_check(void *from, struct error *err)
{
	struct feed *f = from;
	autofree char *rest = xmalloc(65536);
	char have[DIGEST_SIZE];
	ssize_t n;

	while ((n = feed_read(f, rest, 65536)) > 0)
		;
	if (n < 0)
		return error_set(err, ERR_INTERNAL, "cannot read the stream");
	digest_end(&f->digest, have);
	if (strcmp(have, f->t->digest) == 0)
		return 0;
	return error_set(err, ERR_BAD_REQUEST, "filesystem layer verification failed for digest %s",
			 f->t->digest);
}

static bool is_cancelled(void *transfer)
{
	return atomic_load(&((struct transfer *)transfer)->cancelled);
}

static int fetch(struct transfer *t, struct wire *h, struct error *err)
{
	struct graph *g = t->all->graph;
	struct feed f = { .t = t, .blob = blob_open(t->session, h, t->digest, t->size) };
	struct layer_source src = {
		.read = feed_read, .from = &f, .diff_id = t->diff_id, .check = feed_check
	};
	int rc;

	digest_init(&f.digest);
	if (ready_is_supported(g)) {
		rc = ready_add(g, &src, t->origin, err);
	} else {
		t->layer = layer_add(g, t->parent, &src, err);
		rc = t->layer ? 0 : -1;
	}
	if (rc < 0 && blob_error(f.blob) && err)
		*err = *blob_error(f.blob); /* the cause of it all */
	blob_close(f.blob);
	return rc;
}

static void start_next(struct transfers *all);

static void run(void *arg)
{
	struct transfer *t = arg;
	struct transfers *all = t->all;
	struct error err = { 0 };
	struct wire *h = session_wire(t->session, (struct wire_cancel){ is_cancelled, t }, &err);
	int rc = h ? fetch(t, h, &err) : -1;
	bool last;

	wire_free(h);
	pthread_mutex_lock(&all->lock);
	t->state = rc < 0 ? TRANSFER_FAILED : TRANSFER_DONE;
	t->err = err;
	t->thread = false;
	if (map_get(&all->active, t->key) == t)
		map_del(&all->active, t->key);
	last = !t->watchers; /* else it is theirs from here on */
	pthread_cond_broadcast(&all->changed);
	pthread_mutex_unlock(&all->lock);
	if (last)
		transfer_free(t);
	pthread_mutex_lock(&all->lock);
	all->running--; /* the last that we do: see transfers_free() */
	start_next(all);
	pthread_cond_broadcast(&all->changed);
	pthread_mutex_unlock(&all->lock);
}

/* With the lock held: as many as may run. */
static void start_next(struct transfers *all)
{
	while (all->running < RUNNING_MAX && !list_is_empty(&all->waiting)) {
		struct transfer *t = list_entry(all->waiting.next, struct transfer, link);

		list_del(&t->link);
		t->state = TRANSFER_RUNNING;
		t->thread = true;
		all->running++;
		if (workers_run(run, t) == 0)
			continue;
		all->running--;
		t->thread = false;
		t->state = TRANSFER_FAILED;
		error_set(&t->err, ERR_UNAVAILABLE, "no thread to pull a layer");
		map_del(&all->active, t->key);
		pthread_cond_broadcast(&all->changed);
	}
}

/* ---- for those who watch ---- */

static char *origin_of(const struct transfer_blob *b)
{
	autojson json_t *list = json_array();

	json_array_append_new(list, origin_new(b->digest, b->size, b->type, b->repository));
	return json_text(list);
}

static struct transfer *transfer_new(struct transfers *all, struct session *s, struct layer *parent,
				     const struct transfer_blob *b, const char *key)
{
	struct transfer *t = xcalloc(1, sizeof(*t));

	t->all = all;
	t->key = xstrdup(key);
	snprintf(t->digest, sizeof(t->digest), "%s", b->digest);
	snprintf(t->diff_id, sizeof(t->diff_id), "%s", b->diff_id);
	t->origin = origin_of(b);
	t->size = b->size;
	t->session = session_ref(s);
	t->parent = layer_ref(all->graph, parent);
	list_init(&t->link);
	return t;
}

struct transfer *transfer_start(struct transfers *all, struct session *s, struct layer *parent,
				const struct transfer_blob *b, bool *joined)
{
	bool alone = ready_is_supported(all->graph);
	autofree char *key = xasprintf("%s %s %s", session_base(s), b->diff_id,
				       alone || !parent ? "" : parent->chain);
	struct transfer *new = transfer_new(all, s, alone ? NULL : parent, b, key), *t;

	pthread_mutex_lock(&all->lock);
	t = map_get(&all->active, key);
	*joined = t && !atomic_load(&t->cancelled);
	if (*joined) {
		t->watchers++;
	} else {
		t = new;
		new = NULL;
		t->watchers = 1;
		map_set(&all->active, key, t);
		list_add(&all->waiting, &t->link);
		start_next(all);
	}
	pthread_mutex_unlock(&all->lock);
	if (new)
		transfer_free(new);
	return t;
}

struct transfer_view transfer_look(struct transfer *t)
{
	struct transfer_view v;

	pthread_mutex_lock(&t->all->lock);
	v = (struct transfer_view){ t->state, atomic_load(&t->bytes), t->err };
	pthread_mutex_unlock(&t->all->lock);
	return v;
}

struct layer *transfer_take(struct transfer *t, struct layer *parent, struct error *err)
{
	struct graph *g = t->all->graph;

	return t->layer ? layer_ref(g, t->layer) : ready_adopt(g, parent, t->diff_id, err);
}

void transfer_leave(struct transfer *t)
{
	struct transfers *all = t->all;
	bool last;

	pthread_mutex_lock(&all->lock);
	last = --t->watchers == 0;
	if (last && t->thread)
		atomic_store(&t->cancelled, true); /* its thread frees it */
	if (last && t->state == TRANSFER_WAITING) {
		list_del(&t->link);
		map_del(&all->active, t->key);
	}
	last = last && !t->thread;
	pthread_mutex_unlock(&all->lock);
	if (last)
		transfer_free(t);
}

void transfers_wait(struct transfers *all, int ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&all->lock);
	pthread_cond_timedwait(&all->changed, &all->lock, &until);
	pthread_mutex_unlock(&all->lock);
}
