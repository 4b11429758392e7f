/* The job container_changes: what the write layer adds to its image. */
#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "engine/job.h"
#include "graph/graph.h"
#include "pkg/json.h"

int job_container_changes(struct job *job, void *self)
{
	struct daemon *d = self;
	struct container *c = job_container(job, d);
	autojson json_t *changes = NULL, *none = NULL;
	struct error err;

	if (!c)
		return -1;
	changes = graph_rw_changes(d->graph, c->id, &err);
	container_unref(c);
	if (!changes)
		return job_fail_error(job, &err);
	none = json_null();
	return job_write_json(job, json_array_size(changes) ? changes : none);
}
