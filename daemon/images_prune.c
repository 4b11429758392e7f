/*
 * The job images_prune: removes images that nobody uses. What a container uses stays with all of its
 * names. One prune at a time: two would only take each other's images away.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "engine/engine.h"
#include "engine/job.h"
#include "graph/graph.h"
#include "pkg/filters.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/map.h"
#include "pkg/mem.h"
#include "pkg/timefmt.h"

struct query {
	json_t *filters;
	bool dangling; /* only those without a tag, from which nothing is made */
	bool has_until;
	struct timespec until; /* created before this */
};

/* One run: what is in the way of what, and what came of it. */
struct pruning {
	struct daemon *d;
	struct query q;
	struct map parents; /* ids of images that others are made from */
	json_t *deleted;    /* {"Untagged": ...} and {"Deleted": ...} */
};

static int read_bool(const char *value, bool *out)
{
	static const char *const yes[] = { "1", "t", "true" }, *const no[] = { "0", "f", "false" };

	for (size_t i = 0; i < array_size(yes); i++) {
		if (strcasecmp(value, yes[i]) != 0 && strcasecmp(value, no[i]) != 0)
			continue;
		*out = strcasecmp(value, yes[i]) == 0;
		return 0;
	}
	return -1;
}

/* Given twice, both must say the same. */
static int read_dangling(struct query *q, struct error *err)
{
	const json_t *values = json_get_arr(q->filters, "dangling"), *v;
	bool said = true;
	size_t i;

	q->dangling = true;
	json_array_foreach(values, i, v) {
		const char *text = json_string_value(v);

		if (read_bool(text, &q->dangling) < 0 || (i && q->dangling != said))
			return error_set(err, ERR_BAD_REQUEST, "invalid filter 'dangling=[%s]'",
					 text);
		said = q->dangling;
	}
	return 0;
}

static int read_query(struct job *job, struct query *q, struct error *err)
{
	static const char *const known[] = { "dangling", "until", "label", "label!", NULL };

	q->filters = filters_parse(env_get(job_env(job), "filters", NULL), err);
	if (!q->filters || filters_check_keys(q->filters, known, err) < 0 ||
	    read_dangling(q, err) < 0)
		return -1;
	return filters_until_one(q->filters, time_now(), &q->has_until, &q->until, err);
}

/* All images, as the job `images` lists them. */
static json_t *list_images(struct daemon *d, struct job *job, struct error *err)
{
	json_t *list;

	if (nested_job(d, job, "images", NULL, json_pack("{ss}", "all", "1"), &list, err) < 0)
		return NULL;
	return list;
}

static void note_parents(struct pruning *p, const json_t *images)
{
	const json_t *image;
	size_t i;

	json_array_foreach(images, i, image) {
		const char *parent = json_get_str(image, "ParentId", "");

		if (*parent)
			map_set(&p->parents, parent, p);
	}
}

static bool is_wanted(const struct pruning *p, const json_t *image)
{
	const json_t *labels = json_get_obj(image, "Labels");
	size_t tags = json_array_size(json_get_arr(image, "RepoTags"));
	size_t digests = json_array_size(json_get_arr(image, "RepoDigests"));
	bool is_parent = map_get(&p->parents, json_get_str(image, "Id", ""));
	const struct query *q = &p->q;

	if (is_parent && (q->dangling || (!tags && !digests)))
		return false;
	if (q->dangling && tags)
		return false;
	if (q->has_until && json_get_int(image, "Created", 0) >= q->until.tv_sec)
		return false;
	if (filters_has(q->filters, "label!") && filters_match_labels(q->filters, "label!", labels))
		return false;
	return filters_match_labels(q->filters, "label", labels);
}

/* Does a container, whatever its state, use the image? */
static bool is_used(struct daemon *d, const char *id)
{
	bool running;
	struct container *user = image_user(d, id, &running);

	container_unref(user);
	return user;
}

/* What cannot be deleted stays: something was made from it, or somebody was faster. */
static void remove_name(struct pruning *p, const char *name)
{
	struct error err;

	if (graph_delete(p->d->graph, name, false, false, p->deleted, &err) < 0 &&
	    err.kind != ERR_CONFLICT && err.kind != ERR_NOT_FOUND)
		log_warn("failed to prune image %s: %s, ignoring", name, err.text);
}

static void prune_one(struct pruning *p, const json_t *image)
{
	autostrlist struct strlist names = STRLIST_INIT;

	if (is_used(p->d, json_get_str(image, "Id", "")))
		return;
	json_get_strlist(image, "RepoTags", &names);
	json_get_strlist(image, "RepoDigests", &names);
	if (!names.n)
		strlist_add(&names, json_get_str(image, "Id", ""));
	for (size_t i = 0; i < names.n; i++)
		remove_name(p, names.v[i]);
}

/* The bytes of the layers that went. sizes: of all layers that there were before. */
static json_int_t reclaimed(const json_t *deleted, const json_t *sizes)
{
	json_int_t sum = 0;
	const json_t *entry;
	size_t i;

	json_array_foreach(deleted, i, entry)
		sum += json_get_int(sizes, json_get_str(entry, "Deleted", ""), 0);
	return sum;
}

static void tell(struct daemon *d, json_int_t bytes)
{
	struct job *j = job_new(d->engine, "log", "prune", "", "", NULL);
	autofree char *text = xasprintf("%lld", (long long)bytes);
	struct error err;

	env_set(job_env(j), "Type", "image");
	env_set_json(job_env(j), "Attributes", json_pack("{ss}", "reclaimed", text));
	if (job_run(j, &err) < 0)
		log_debug("event prune: %s, ignoring", err.text);
	job_free(j);
}

static int prune(struct pruning *p, struct job *job, json_t **reply, struct error *err)
{
	autojson json_t *images = list_images(p->d, job, err), *sizes = NULL;
	json_int_t bytes;
	const json_t *image;
	size_t i;

	if (!images)
		return -1;
	sizes = graph_layer_sizes(p->d->graph);
	note_parents(p, images);
	json_array_foreach(images, i, image)
		if (!job_is_cancelled(job) && is_wanted(p, image))
			prune_one(p, image);
	bytes = reclaimed(p->deleted, sizes) + graph_prune_ready(p->d->graph);
	tell(p->d, bytes);
	*reply = json_pack("{sO sI}", "ImagesDeleted",
			   json_array_size(p->deleted) ? p->deleted : json_null(), "SpaceReclaimed",
			   bytes);
	return 0;
}

int job_images_prune(struct job *job, void *self)
{
	struct pruning p = { .d = self, .deleted = json_array() };
	autojson json_t *reply = NULL;
	struct error err = { 0 };
	int rc;

	if (atomic_exchange(&p.d->pruning_images, true)) {
		json_decref(p.deleted);
		return job_fail(job, ERR_CONFLICT, "a prune operation is already running");
	}
	rc = read_query(job, &p.q, &err);
	if (rc == 0)
		rc = prune(&p, job, &reply, &err);
	atomic_store(&p.d->pruning_images, false);
	map_done(&p.parents);
	json_decref(p.q.filters);
	json_decref(p.deleted);
	return rc < 0 ? job_fail_error(job, &err) : job_write_json(job, reply);
}
