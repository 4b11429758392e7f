/* The job containers_prune: removes what does not run. */
#include <string.h>

#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "daemon/listfilter.h"
#include "engine/job.h"
#include "graph/graph.h"
#include "pkg/filters.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/timefmt.h"

struct query {
	json_t *filters;
	bool has_until;
	struct timespec until; /* created before this */
};

static int read_query(struct job *job, struct query *q, struct error *err)
{
	static const char *const known[] = { "until", "label", "label!", NULL };

	q->filters = filters_parse(env_get(job_env(job), "filters", NULL), err);
	if (!q->filters || filters_check_keys(q->filters, known, err) < 0)
		return -1;
	return filters_until_one(q->filters, time_now(), &q->has_until, &q->until, err);
}

static bool is_wanted(const struct query *q, struct container *c)
{
	autojson json_t *config = container_config(c);
	const json_t *labels = json_get_obj(config, "Labels");
	struct container_state s = container_state(c);

	if (s.running || s.starting || s.removing)
		return false;
	if (q->has_until && c->created.tv_sec >= q->until.tv_sec)
		return false;
	if (filters_has(q->filters, "label!") && filters_match_labels(q->filters, "label!", labels))
		return false;
	return filters_match_labels(q->filters, "label", labels);
}

/* Remove one; its id and the space that it took go to the reply. */
static void prune_one(struct job *job, struct daemon *d, struct container *c, json_t *deleted,
		      json_int_t *reclaimed)
{
	int64_t rw, rootfs;
	struct error err;

	if (graph_rw_size(d->graph, c->id, &rw, &rootfs, &err) < 0)
		rw = 0;
	if (container_remove(d, c, job, 0, &err) < 0) {
		log_warn("prune: %s, ignoring", err.text); /* it was started meanwhile, say */
		return;
	}
	json_array_append_new(deleted, json_string(c->id));
	*reclaimed += rw;
}

int job_containers_prune(struct job *job, void *self)
{
	autojson json_t *reply = NULL;
	struct container **all;
	struct daemon *d = self;
	struct query q = { 0 };
	json_int_t reclaimed = 0;
	json_t *deleted;
	struct error err;

	if (read_query(job, &q, &err) < 0) {
		json_decref(q.filters);
		return job_fail_error(job, &err);
	}
	deleted = json_array();
	all = store_list(d->store);
	for (struct container **p = all; *p && !job_is_cancelled(job); p++)
		if (is_wanted(&q, *p))
			prune_one(job, d, *p, deleted, &reclaimed);
	store_list_free(all);
	json_decref(q.filters);
	reply = json_pack("{s:O, s:I}", "ContainersDeleted", deleted, "SpaceReclaimed", reclaimed);
	if (json_array_size(deleted) == 0)
		json_object_set_new(reply, "ContainersDeleted", json_null());
	json_decref(deleted);
	return job_write_json(job, reply);
}
