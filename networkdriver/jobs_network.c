/* The jobs on networks as such: made, listed, inspected, removed. */
#include <string.h>

#include "engine/env.h"
#include "engine/job.h"
#include "networkdriver/internal.h"
#include "pkg/filters.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/timefmt.h"

int job_network_create(struct job *job, void *self)
{
	autojson json_t *reply = NULL;
	struct network *net;
	struct error err;

	if (networks_create(self, env_json(job_env(job)), &net, &err) < 0)
		return job_fail_error(job, &err);
	network_event(job, net, "create", NULL);
	reply = json_pack("{s:s, s:s}", "Id", net->id, "Warning", "");
	network_unref(net);
	return job_write_json(job, reply);
}

/* The network is gone for everybody but us: its name is told once more. */
int job_network_rm(struct job *job, void *self)
{
	struct error err;
	struct network *net = networks_find(self, job_arg(job, 0), &err);
	int rc;

	if (!net)
		return job_fail_error(job, &err);
	rc = networks_remove(self, net, &err);
	if (rc == 0)
		network_event(job, net, "destroy", NULL);
	network_unref(net);
	return rc < 0 ? job_fail_error(job, &err) : 0;
}

/* NoContainers: for those who want to know about the network alone, however many are on it. */
int job_network_inspect(struct job *job, void *self)
{
	const char *scope = env_get(job_env(job), "scope", "");
	struct error err;
	struct network *net = networks_find(self, job_arg(job, 0), &err);
	autojson json_t *reply = NULL;

	if (net && *scope && strcmp(scope, net->scope) != 0) {
		network_unref(net);
		return job_fail(job, ERR_NOT_FOUND, "network %s not found", job_arg(job, 0));
	}
	if (!net)
		return job_fail_error(job, &err);
	reply = network_json(net, !env_get_bool(job_env(job), "NoContainers"));
	network_unref(net);
	return job_write_json(job, reply);
}

/* ---- the list ---- */

static bool is_in_use(struct network *net)
{
	bool used;

	pthread_mutex_lock(&net->lock);
	used = map_count(&net->endpoints) > 0;
	pthread_mutex_unlock(&net->lock);
	return used;
}

static bool matches_name(const json_t *f, const struct network *net)
{
	const json_t *v;
	size_t i;

	if (!filters_has(f, "name"))
		return true;
	json_array_foreach(json_get_arr(f, "name"), i, v)
		if (strstr(net->name, json_string_value(v)))
			return true;
	return false;
}

static bool matches_dangling(const json_t *f, struct network *net)
{
	bool dangling = !net->builtin && !is_in_use(net);

	if (!filters_has(f, "dangling"))
		return true;
	return filters_contains(f, "dangling", dangling ? "true" : "false") ||
	       filters_contains(f, "dangling", dangling ? "1" : "0");
}

static bool matches(const json_t *f, struct network *net)
{
	return filters_match(f, "driver", network_driver_name(net->driver)) &&
	       filters_match_prefix(f, "id", net->id) && matches_name(f, net) &&
	       filters_match(f, "scope", net->scope) &&
	       filters_match(f, "type", net->builtin ? "builtin" : "custom") &&
	       filters_match_labels(f, "label", net->labels) && matches_dangling(f, net);
}

static int check_filters(const json_t *f, struct error *err)
{
	static const char *const known[] = { "dangling", "driver", "id",   "label",
					     "name",     "scope",  "type", NULL };
	const json_t *v;
	size_t i;

	if (filters_check_keys(f, known, err) < 0)
		return -1;
	json_array_foreach(json_get_arr(f, "type"), i, v)
		if (strcmp(json_string_value(v), "custom") != 0 &&
		    strcmp(json_string_value(v), "builtin") != 0)
			return error_set(err, ERR_BAD_REQUEST, "invalid filter: 'type'='%s'",
					 json_string_value(v));
	return 0;
}

int job_networks(struct job *job, void *self)
{
	struct networkdriver *d = self;
	struct error err;
	autojson json_t *f = filters_parse(env_get(job_env(job), "filters", NULL), &err);
	bool with_endpoints = env_get_int(job_env(job), "apiversion", 144) < 128;
	autojson json_t *list = json_array();
	struct network **all;

	if (!f || check_filters(f, &err) < 0)
		return job_fail_error(job, &err);
	all = networks_list(d);
	for (struct network **p = all; *p; p++)
		if (matches(f, *p))
			json_array_append_new(list, network_json(*p, with_endpoints));
	networks_list_free(all);
	return job_write_json(job, list);
}

/* ---- prune ---- */

static int read_until(const json_t *f, struct timespec *until, struct error *err)
{
	const char *text = json_string_value(json_array_get(json_get_arr(f, "until"), 0));

	*until = time_now();
	return text ? filters_until(text, *until, until, err) : 0;
}

static bool is_to_go(const json_t *f, struct network *net, struct timespec until)
{
	return !net->builtin && !is_in_use(net) && net->created.tv_sec <= until.tv_sec &&
	       filters_match_labels(f, "label", net->labels) &&
	       !(filters_has(f, "label!") && filters_match_labels(f, "label!", net->labels));
}

int job_networks_prune(struct job *job, void *self)
{
	static const char *const known[] = { "label", "label!", "until", NULL };
	struct error err;
	autojson json_t *f = filters_parse(env_get(job_env(job), "filters", NULL), &err);
	autojson json_t *deleted = json_array(), *reply = NULL;
	struct timespec until;
	struct network **all;

	if (!f || filters_check_keys(f, known, &err) < 0 || read_until(f, &until, &err) < 0)
		return job_fail_error(job, &err);
	all = networks_list(self);
	for (struct network **p = all; *p; p++) {
		if (!is_to_go(f, *p, until))
			continue;
		if (networks_remove(self, *p, &err) < 0) {
			log_warn("%s", err.text); /* somebody has come meanwhile */
			continue;
		}
		network_event(job, *p, "destroy", NULL);
		json_array_append_new(deleted, json_string((*p)->name));
	}
	networks_list_free(all);
	reply = json_pack("{s:O}", "NetworksDeleted", deleted);
	if (!json_array_size(deleted))
		json_object_set_new(reply, "NetworksDeleted", json_null());
	return job_write_json(job, reply);
}
