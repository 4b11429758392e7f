/* The job `images`: the list of images, newest first, filtered. */
#include <string.h>

#include "engine/job.h"
#include "graph/imagefilters.h"
#include "graph/internal.h"
#include "graph/jobs.h"
#include "pkg/filters.h"
#include "pkg/json.h"
#include "pkg/mem.h"

#define API_NO_NONE 143    /* from here on an image without names has empty lists */
#define API_NO_VIRTUAL 144 /* from here on there is no VirtualSize */

/* What an image is in the list, taken at one moment. */
struct row {
	const char *id;
	char parent[DIGEST_SIZE];
	struct strlist tags, digests;
	struct timespec created;
	int64_t size, shared;
	unsigned children;
};

struct query {
	struct graph *g;
	struct imagefilters filters;
	bool all, want_shared;
	long long api;
	bool has_before, has_since;
	struct timespec before, since;
	struct map uses; /* chain id -> number of images, as a pointer; for SharedSize */
};

static bool is_older(struct timespec a, struct timespec b)
{
	return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

/* The time of an image that before or since names. */
static int time_of(struct query *q, const char *key, bool *has, struct timespec *t,
		   struct error *err)
{
	const char *name = imagefilters_value(&q->filters, key);
	struct graph *g = q->g;
	char id[DIGEST_SIZE];
	struct img *i;

	*has = name;
	if (!name)
		return 0;
	if (lookup_id(g, name, id, err) < 0)
		return -1;
	pthread_mutex_lock(&g->lock);
	i = image_get(g, id);
	if (i)
		*t = i->created;
	pthread_mutex_unlock(&g->lock);
	return 0;
}

/* Under the lock. */
static void count_uses(struct query *q)
{
	void *value;
	size_t pos = 0;

	while (map_next(&q->g->images, &pos, &value))
		for (struct layer *l = ((struct img *)value)->top; l; l = l->parent) {
			uintptr_t n = (uintptr_t)map_get(&q->uses, l->chain);

			map_set(&q->uses, l->chain, (void *)(n + 1));
		}
}

/* Under the lock. */
static int64_t shared_size(const struct query *q, const struct layer *l)
{
	int64_t sum = 0;

	for (; l; l = l->parent)
		if ((uintptr_t)map_get(&q->uses, l->chain) > 1)
			sum += l->size;
	return sum;
}

static bool read_row(struct query *q, struct row *r)
{
	const struct img *i;

	pthread_mutex_lock(&q->g->lock);
	i = image_get(q->g, r->id);
	if (i) {
		memcpy(r->parent, i->parent, sizeof(r->parent));
		r->created = i->created;
		r->children = i->children;
		r->size = layer_total_size(i->top);
		r->shared = q->want_shared ? shared_size(q, i->top) : -1;
		names_of(q->g, r->id, &r->tags, &r->digests);
	}
	pthread_mutex_unlock(&q->g->lock);
	return i;
}

/* Drop the names that no pattern matches. False when there are patterns and none is left. */
static bool keep_matching(const struct query *q, struct row *r)
{
	struct strlist *lists[] = { &r->tags, &r->digests };

	if (!filters_has(q->filters.all, "reference"))
		return true;
	for (size_t k = 0; k < array_size(lists); k++) {
		struct strlist kept = STRLIST_INIT;

		for (size_t i = 0; i < lists[k]->n; i++)
			if (imagefilters_name_matches(&q->filters, lists[k]->v[i]))
				strlist_add(&kept, lists[k]->v[i]);
		strlist_done(lists[k]);
		*lists[k] = kept;
	}
	return r->tags.n || r->digests.n;
}

static bool is_wanted(const struct query *q, struct row *r)
{
	const struct imagefilters *f = &q->filters;

	if ((q->has_before && !is_older(r->created, q->before)) ||
	    (q->has_since && !is_older(q->since, r->created)) ||
	    (f->has_until && !is_older(r->created, f->until)))
		return false;
	if (!r->tags.n && !r->digests.n) {
		/* A step on the way to another image is listed on demand only. */
		if (!q->all && r->children)
			return false;
		if (f->has_dangling && !f->dangling)
			return false;
	} else if (f->has_dangling && f->dangling && r->tags.n) {
		return false;
	}
	return keep_matching(q, r);
}

static json_t *row_json(const struct query *q, const struct row *r, json_t *labels)
{
	json_t *tags = json_from_strlist(&r->tags), *digests = json_from_strlist(&r->digests), *j;

	if (q->api < API_NO_NONE && !r->tags.n && !r->digests.n) {
		json_array_append_new(tags, json_string("<none>:<none>"));
		json_array_append_new(digests, json_string("<none>@<none>"));
	}
	j = json_pack("{ss ss so so sI sI sI sO si}", "Id", r->id, "ParentId", r->parent,
		      "RepoTags", tags, "RepoDigests", digests, "Created",
		      (json_int_t)r->created.tv_sec, "Size", (json_int_t)r->size, "SharedSize",
		      (json_int_t)r->shared, "Labels", labels, "Containers", -1);
	if (q->api < API_NO_VIRTUAL)
		json_object_set_new(j, "VirtualSize", json_integer(r->size));
	return j;
}

static void add_row(struct query *q, const char *id, json_t *list)
{
	struct row r = { .id = id };
	autojson json_t *config = NULL, *labels = NULL;

	if (read_row(q, &r) && is_wanted(q, &r)) {
		config = image_config(q->g, id, NULL);
		labels = json_incref(json_get_obj(json_get_obj(config, "config"), "Labels"));
		if (!labels)
			labels = json_object();
		if (config && filters_match_labels(q->filters.all, "label", labels))
			json_array_append_new(list, row_json(q, &r, labels));
	}
	strlist_done(&r.tags);
	strlist_done(&r.digests);
}

static int prepare(struct query *q, struct job *job, struct error *err)
{
	struct env *env = job_env(job);

	q->all = env_get_bool(env, "all");
	q->want_shared = env_get_bool(env, "shared-size");
	q->api = env_get_int(env, "apiversion", 144);
	if (imagefilters_read(env, &q->filters, err) < 0 ||
	    time_of(q, "before", &q->has_before, &q->before, err) < 0 ||
	    time_of(q, "since", &q->has_since, &q->since, err) < 0)
		return -1;
	if (q->want_shared) {
		pthread_mutex_lock(&q->g->lock);
		count_uses(q);
		pthread_mutex_unlock(&q->g->lock);
	}
	return 0;
}

int job_images(struct job *job, void *self)
{
	struct query q = { .g = self };
	autostrlist struct strlist ids = STRLIST_INIT;
	autojson json_t *list = json_array();
	struct error err = { 0 };
	int rc = prepare(&q, job, &err);

	if (rc == 0) {
		image_ids(q.g, &ids);
		for (size_t i = 0; i < ids.n; i++)
			add_row(&q, ids.v[i], list);
	}
	map_done(&q.uses);
	imagefilters_done(&q.filters);
	return rc < 0 ? job_fail_error(job, &err) : job_write_json(job, list);
}
