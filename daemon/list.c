/* The job containers: what `ps` shows. */
#include <stdio.h>
#include <string.h>

#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "daemon/listfilter.h"
#include "daemon/mounts.h"
#include "daemon/network.h"
#include "engine/job.h"
#include "graph/graph.h"
#include "pkg/filters.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/parse.h"
#include "pkg/timefmt.h"
#include "runconfig/runconfig.h"

/* What a request asks for. */
struct query {
	struct listfilter *filter;
	bool all, size;
	unsigned version; /* of the API */
	long long limit;
	struct timespec before, since; /* created; zero: no bound */
	json_t *ancestors;             /* image ids; NULL: not asked for */
};

static void query_done(struct query *q)
{
	listfilter_free(q->filter);
	json_decref(q->ancestors);
}

/* When the container that `before` or `since` names was created. */
static int read_bound(struct job *job, struct daemon *d, const struct query *q, const char *key,
		      struct timespec *out, struct error *err)
{
	const json_t *values = json_get_arr(listfilter_json(q->filter), key);
	const char *name = json_string_value(json_array_get(values, 0));
	struct container *c;

	if (!name)
		name = env_get(job_env(job), key, "");
	if (!*name)
		return 0;
	c = store_lookup(d->store, name, err);
	if (!c)
		return -1;
	*out = c->created;
	container_unref(c);
	return 0;
}

/* The ids of the images that `ancestor` names; unknown ones match nothing. */
static void read_ancestors(struct daemon *d, struct query *q)
{
	const json_t *values = json_get_arr(listfilter_json(q->filter), "ancestor"), *v;
	size_t i;

	if (!values)
		return;
	q->ancestors = json_array();
	json_array_foreach(values, i, v) {
		struct image *image = graph_lookup(d->graph, json_string_value(v), NULL);

		if (image)
			json_array_append_new(q->ancestors, json_string(image->id));
		image_free(image);
	}
}

static int read_query(struct job *job, struct daemon *d, struct query *q, struct error *err)
{
	struct env *env = job_env(job);

	q->filter = listfilter_parse(env_get(env, "filters", NULL), err);
	if (!q->filter)
		return -1;
	q->size = env_get_bool(env, "size");
	q->version = job_api_version(job);
	q->all = env_get_bool(env, "all") || listfilter_has_status(q->filter) ||
		 filters_has(listfilter_json(q->filter), "exited") || q->limit > 0;
	if (read_bound(job, d, q, "before", &q->before, err) < 0 ||
	    read_bound(job, d, q, "since", &q->since, err) < 0)
		return -1;
	q->all = q->all || q->before.tv_sec || q->since.tv_sec;
	read_ancestors(d, q);
	return 0;
}

static int compare(struct timespec a, struct timespec b)
{
	if (a.tv_sec != b.tv_sec)
		return a.tv_sec < b.tv_sec ? -1 : 1;
	return a.tv_nsec < b.tv_nsec ? -1 : a.tv_nsec > b.tv_nsec;
}

static bool is_one_of(const json_t *ancestors, const char *image_id)
{
	const json_t *v;
	size_t i;

	json_array_foreach(ancestors, i, v)
		if (strcmp(json_string_value(v), image_id) == 0)
			return true;
	return false;
}

static bool is_wanted(const struct query *q, const struct list_item *item)
{
	if (!q->all && !item->state.running)
		return false;
	if (q->before.tv_sec && compare(item->created, q->before) >= 0)
		return false;
	if (q->since.tv_sec && compare(item->created, q->since) <= 0)
		return false;
	if (q->ancestors && !is_one_of(q->ancestors, item->image_id))
		return false;
	return listfilter_match(q->filter, item);
}

/* Path and args; an arg with a space in it stands in quotes. */
static char *command_text(const json_t *config)
{
	autostrlist struct strlist argv = STRLIST_INIT;
	autobuf struct buf b = BUF_INIT(1024 * 1024);
	struct error err;

	if (runconfig_command(config, &argv, &err) < 0)
		return xstrdup("");
	for (size_t i = 0; i < argv.n; i++) {
		const char *quote = i && strchr(argv.v[i], ' ') ? "'" : "";

		(void)buf_addf(&b, "%s%s%s%s", i ? " " : "", quote, argv.v[i],
			       quote); /* a megabyte of arguments is cut short */
	}
	return buf_take(&b);
}

static void set_sizes(json_t *j, struct daemon *d, const char *id)
{
	int64_t rw, rootfs;
	struct error err;

	if (graph_rw_size(d->graph, id, &rw, &rootfs, &err) < 0) {
		log_warn("size of %s: %s, ignoring", id, err.text);
		return;
	}
	if (rw)
		json_object_set_new(j, "SizeRw", json_integer(rw));
	if (rootfs)
		json_object_set_new(j, "SizeRootFs", json_integer(rootfs));
}

static json_t *labels_of(const json_t *config)
{
	json_t *labels = json_get_obj(config, "Labels");

	return labels ? json_incref(labels) : json_object();
}

static json_t *item_json(struct daemon *d, struct container *c, const struct list_item *item,
			 bool size, unsigned version)
{
	autofree char *command = command_text(item->config);
	autojson json_t *network = container_network(c);
	char status[TIMEFMT_SIZE + 40];
	json_t *j = json_pack(
		"{s:s, s:[s], s:s, s:s, s:s, s:I, s:o, s:o, s:s, s:s, s:{s:s}, s:{s:o}, s:o}", "Id",
		item->id, "Names", item->name, "Image", json_get_str(item->config, "Image", ""),
		"ImageID", item->image_id, "Command", command, "Created",
		(json_int_t)item->created.tv_sec, "Ports",
		item->state.running ? ports_listed(item->config, network) : json_array(), "Labels",
		labels_of(item->config), "State", state_status(&item->state), "Status",
		state_human(&item->state, time_now(), status, sizeof(status)), "HostConfig",
		"NetworkMode", json_get_str(item->host_config, "NetworkMode", ""),
		"NetworkSettings", "Networks", network_list_json(c, version), "Mounts",
		mounts_shown(item->mounts));

	if (size)
		set_sizes(j, d, item->id);
	return j;
}

/* Append c to the reply if it is wanted; 1 when it was. */
static int add(struct daemon *d, const struct query *q, struct container *c, json_t *reply)
{
	autojson json_t *config = container_config(c), *h = container_host_config(c);
	autojson json_t *mounts = container_mounts(c), *networking = container_networking(c);
	autofree char *name = container_name(c);
	struct list_item item = { .id = c->id,
				  .name = name,
				  .image_id = c->image_id,
				  .config = config,
				  .host_config = h,
				  .mounts = mounts,
				  .networking = networking,
				  .state = container_state(c),
				  .created = c->created };

	if (!is_wanted(q, &item))
		return 0;
	json_array_append_new(reply, item_json(d, c, &item, q->size, q->version));
	return 1;
}

static json_t *list(struct daemon *d, const struct query *q)
{
	struct container **all = store_list(d->store);
	json_t *reply = json_array();
	long long n = 0;

	for (struct container **p = all; *p && (q->limit <= 0 || n < q->limit); p++)
		n += add(d, q, *p, reply);
	store_list_free(all);
	return reply;
}

int job_containers(struct job *job, void *self)
{
	autojson json_t *reply = NULL;
	struct query q = { 0 };
	struct error err;

	if (job_number(job, "limit", 0, &q.limit) < 0)
		return -1;
	if (read_query(job, self, &q, &err) < 0) {
		query_done(&q);
		return job_fail_error(job, &err);
	}
	reply = list(self, &q);
	query_done(&q);
	return job_write_json(job, reply);
}
