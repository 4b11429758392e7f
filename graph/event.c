/* Telling what happened to an image, through the job `log`. */
#include "engine/job.h"
#include "graph/internal.h"
#include "pkg/json.h"

json_t *graph_event_attributes(struct graph *g, const char *id, const char *name)
{
	autojson json_t *config = image_config(g, id, NULL);
	json_t *labels = json_get_obj(json_get_obj(config, "config"), "Labels");
	json_t *all = labels ? json_copy(labels) : json_object();

	json_object_set_new(all, "name", json_string(name));
	return all;
}

void graph_event_send(struct graph *g, const char *action, const char *id, json_t *attributes)
{
	struct job *j;

	if (!g->engine || !engine_has(g->engine, "log")) {
		json_decref(attributes);
		return;
	}
	j = job_new(g->engine, "log", action, id, json_get_str(attributes, "name", ""), NULL);
	env_set(job_env(j), "Type", "image");
	env_set_json(job_env(j), "Attributes", attributes);
	(void)job_run(j, NULL); /* what happened has happened, told or not */
	job_free(j);
}

void graph_event(struct graph *g, const char *action, const char *id, const char *name)
{
	graph_event_send(g, action, id, graph_event_attributes(g, id, name));
}

void graph_event_named(struct graph *g, const char *action, const char *reference,
		       const char *repository)
{
	char id[DIGEST_SIZE];
	bool known = lookup_id(g, reference, id, NULL) == 0;

	graph_event_send(g, action, reference,
			 known ? graph_event_attributes(g, id, repository)
			       : json_pack("{ss}", "name", repository));
}
