/* The jobs `image_inspect` and `history`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/job.h"
#include "graph/internal.h"
#include "graph/jobs.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/timefmt.h"
#include "runconfig/runconfig.h"

#define API_NO_VIRTUAL 144   /* from here on there is no VirtualSize */
#define API_NO_CONTAINER 145 /* from here on the container that it was made in is no matter */

/* Facts that are not in the config. */
struct facts {
	char parent[DIGEST_SIZE], layer[LAYER_NAME_SIZE];
	struct timespec tagged;
};

static void read_facts(struct graph *g, const char *id, struct facts *f)
{
	const struct img *i;

	*f = (struct facts){ 0 };
	pthread_mutex_lock(&g->lock);
	i = image_get(g, id);
	if (i) {
		memcpy(f->parent, i->parent, sizeof(f->parent));
		f->tagged = i->tagged;
		if (i->top)
			memcpy(f->layer, i->top->name, sizeof(f->layer));
	}
	pthread_mutex_unlock(&g->lock);
}

static void set_text(json_t *out, const char *key, const json_t *from, const char *name)
{
	json_object_set_new(out, key, json_string(json_get_str(from, name, "")));
}

/* An image without a comment of its own has that of its last step. */
static void set_comment(json_t *out, const json_t *config)
{
	const json_t *history = json_get_arr(config, "history");
	const char *comment = json_get_str(config, "comment", "");
	size_t n = json_array_size(history);

	if (!*comment && n)
		comment = json_get_str(json_array_get(history, n - 1), "comment", "");
	json_object_set_new(out, "Comment", json_string(comment));
}

static void set_rootfs(json_t *out, const json_t *config)
{
	const json_t *rootfs = json_get_obj(config, "rootfs");
	json_t *r = json_pack("{ss}", "Type", json_get_str(rootfs, "type", "layers"));
	json_t *layers = json_get_arr(rootfs, "diff_ids");

	if (json_array_size(layers))
		json_object_set(r, "Layers", layers);
	json_object_set_new(out, "RootFS", r);
}

static void set_driver(struct graph *g, json_t *out, const struct facts *f)
{
	json_t *data = *f->layer ? g->ops->metadata(g->self, f->layer) : json_null();

	json_object_set_new(out, "GraphDriver",
			    json_pack("{so ss}", "Data", data, "Name", g->ops->name));
}

/* Complete, as clients decode it; as it is, when it cannot be completed. */
static json_t *whole_config(const json_t *config, const char *key)
{
	json_t *partial = json_get_obj(config, key), *whole;

	whole = runconfig_config(partial ? partial : NULL, NULL);
	return whole ? whole : partial ? json_incref(partial) : json_null();
}

static void set_build_facts(json_t *out, const json_t *config)
{
	set_text(out, "DockerVersion", config, "docker_version");
	set_text(out, "Container", config, "container");
	json_object_set_new(out, "ContainerConfig", whole_config(config, "container_config"));
}

static json_t *inspect(struct graph *g, const struct image *i, long long api)
{
	json_t *out = json_object(), *c = i->config;
	char tagged[TIMEFMT_SIZE];
	struct facts f;

	read_facts(g, i->id, &f);
	json_object_set_new(out, "Id", json_string(i->id));
	json_object_set_new(out, "RepoTags", json_from_strlist(&i->tags));
	json_object_set_new(out, "RepoDigests", json_from_strlist(&i->digests));
	json_object_set_new(out, "Parent", json_string(f.parent));
	set_comment(out, c);
	json_object_set_new(out, "Created", json_string(json_get_str(c, "created", TIMEFMT_ZERO)));
	if (api < API_NO_CONTAINER)
		set_build_facts(out, c);
	set_text(out, "Author", c, "author");
	json_object_set_new(out, "Config", whole_config(c, "config"));
	set_text(out, "Architecture", c, "architecture");
	if (*json_get_str(c, "variant", ""))
		set_text(out, "Variant", c, "variant");
	set_text(out, "Os", c, "os");
	if (*json_get_str(c, "os.version", ""))
		set_text(out, "OsVersion", c, "os.version");
	json_object_set_new(out, "Size", json_integer(i->size));
	if (api < API_NO_VIRTUAL)
		json_object_set_new(out, "VirtualSize", json_integer(i->size));
	set_driver(g, out, &f);
	set_rootfs(out, c);
	json_object_set_new(out, "Metadata",
			    json_pack("{ss}", "LastTagTime",
				      timefmt_rfc3339nano(tagged, f.tagged)));
	return out;
}

int job_image_inspect(struct job *job, void *self)
{
	struct graph *g = self;
	autojson json_t *out = NULL;
	struct error err = { 0 };
	struct image *i = graph_lookup(g, job_arg(job, 0), &err);

	if (!i)
		return job_fail_error(job, &err);
	out = inspect(g, i, env_get_int(job_env(job), "apiversion", 144));
	image_free(i);
	return job_write_json(job, out);
}

/* The sizes of an image's layers, base first; caller frees. */
static int64_t *layer_sizes(struct graph *g, const char *id, size_t *n)
{
	const struct layer *l = NULL;
	int64_t *sizes;
	const struct img *i;

	*n = 0;
	pthread_mutex_lock(&g->lock);
	i = image_get(g, id);
	for (l = i ? i->top : NULL; l; l = l->parent)
		++*n;
	sizes = xcalloc(*n + 1, sizeof(int64_t));
	l = i ? i->top : NULL;
	for (size_t at = *n; l; l = l->parent)
		sizes[--at] = l->size;
	pthread_mutex_unlock(&g->lock);
	return sizes;
}

static json_t *step_json(const json_t *step, int64_t size)
{
	struct timespec created = { 0 };

	(void)timefmt_parse(json_get_str(step, "created", ""), &created); /* else the epoch */
	return json_pack("{ss sI ss sn sI ss}", "Id", "<missing>", "Created",
			 (json_int_t)created.tv_sec, "CreatedBy",
			 json_get_str(step, "created_by", ""), "Tags", "Size", (json_int_t)size,
			 "Comment", json_get_str(step, "comment", ""));
}

/* The steps that are images of their own, as far as the parents are known. */
static void name_steps(struct graph *g, const char *id, json_t *steps)
{
	char at[DIGEST_SIZE];
	json_t *step;
	size_t i;

	snprintf(at, sizeof(at), "%s", id);
	json_array_foreach(steps, i, step) {
		autostrlist struct strlist tags = STRLIST_INIT, digests = STRLIST_INIT;
		const struct img *known;
		char parent[DIGEST_SIZE] = "";

		pthread_mutex_lock(&g->lock);
		known = image_get(g, at);
		if (known)
			memcpy(parent, known->parent, sizeof(parent));
		names_of(g, at, &tags, &digests);
		pthread_mutex_unlock(&g->lock);
		if (!known)
			return;
		json_object_set_new(step, "Id", json_string(at));
		if (tags.n)
			json_object_set_new(step, "Tags", json_from_strlist(&tags));
		if (!*parent)
			return;
		memcpy(at, parent, sizeof(at));
	}
}

int job_history(struct job *job, void *self)
{
	struct graph *g = self;
	autojson json_t *steps = json_array();
	autofree int64_t *sizes = NULL;
	struct error err = { 0 };
	struct image *image = graph_lookup(g, job_arg(job, 0), &err);
	size_t n, used = 0, i;
	const json_t *step;

	if (!image)
		return job_fail_error(job, &err);
	sizes = layer_sizes(g, image->id, &n);
	json_array_foreach(json_get_arr(image->config, "history"), i, step) {
		bool empty = json_get_bool(step, "empty_layer", false);
		int64_t size = !empty && used < n ? sizes[used++] : 0;

		json_array_insert_new(steps, 0, step_json(step, size));
	}
	name_steps(g, image->id, steps);
	image_free(image);
	return job_write_json(job, steps);
}
