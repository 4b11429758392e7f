/*
 * The jobs network_connect and network_disconnect: a container gets on a network or off it. Of one
 * that does not run this is a matter of its configuration alone; of one that runs, see network_live.c.
 */
#include <string.h>

#include "daemon/disk.h"
#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "daemon/network.h"
#include "engine/engine.h"
#include "engine/job.h"
#include "pkg/json.h"
#include "pkg/mem.h"

/* One that the request is about: the network as inspect tells it, and the container. */
struct subject {
	json_t *network; /* NULL: it is gone, and Force is set */
	const char *name;
	struct container *c;
};

static void subject_done(struct subject *s)
{
	json_decref(s->network);
	container_unref(s->c);
}

static int find(struct job *job, struct daemon *d, struct subject *s, struct error *err)
{
	const char *id = env_get(job_env(job), "Container", "");

	*s = (struct subject){ 0 };
	if (nested_job(d, job, "network_inspect", job_arg(job, 0),
		       json_pack("{s:b}", "NoContainers", true), &s->network, err) < 0)
		return -1;
	s->name = json_get_str(s->network, "Name", "");
	s->c = store_lookup(d->store, id, err);
	return s->c ? 0 : -1;
}

static int check_mode(struct daemon *d, const struct subject *s, struct error *err)
{
	autojson json_t *config = container_config(s->c), *h = container_host_config(s->c);
	const char *kind = network_kind(d, config, h);
	const char *driver = json_get_str(s->network, "Driver", "");

	if (strcmp(driver, "host") == 0)
		return error_set(
			err, ERR_BAD_REQUEST,
			"container cannot be disconnected from host network or connected to "
			"host network");
	if (strcmp(kind, "host") == 0 || strcmp(kind, "container") == 0)
		return error_set(
			err, ERR_BAD_REQUEST,
			"container sharing network namespace with another container or host "
			"cannot be connected to any other network");
	if (strcmp(kind, "none") == 0 || strcmp(driver, "null") == 0)
		return error_set(
			err, ERR_BAD_REQUEST,
			"container cannot be connected to multiple networks with one of the "
			"networks in private (none) mode");
	return 0;
}

/* ---- the configuration ---- */

/* With endpoint NULL the network is taken out. Saved, or as it was. */
static int set_endpoint(struct daemon *d, const struct subject *s, json_t *endpoint,
			struct error *err)
{
	autojson json_t *old = container_networking(s->c);
	json_t *new = old ? json_deep_copy(old) : json_pack("{s:{}}", "EndpointsConfig");
	json_t *all = json_get_obj(new, "EndpointsConfig");

	if (!all) {
		all = json_object();
		json_object_set_new(new, "EndpointsConfig", all);
	}
	if (endpoint)
		json_object_set_new(all, s->name, endpoint);
	else
		json_object_del(all, s->name);
	container_set_json(s->c, &s->c->networking_config, new);
	if (disk_save(s->c, err) == 0) {
		disk_sync_later(d, s->c);
		return 0;
	}
	container_set_json(s->c, &s->c->networking_config, json_incref(old));
	return -1;
}

/* Between two runs of its restart policy it has none: what changes is there at the next one. */
static bool has_network(struct container *c)
{
	struct container_state state = container_state(c);

	return state.running && !state.restarting;
}

static bool is_configured(const struct subject *s)
{
	autojson json_t *networking = container_networking(s->c);

	return json_object_get(json_get_obj(networking, "EndpointsConfig"), s->name) != NULL;
}

/* Has it an interface there, whatever its configuration says? */
static bool is_plugged(const struct subject *s)
{
	autojson json_t *network = container_network(s->c);

	return network_interface(network, s->name) != NULL;
}

static int connect_container(struct daemon *d, struct job *job, const struct subject *s,
			     struct error *err)
{
	json_t *endpoint = json_object();
	const json_t *given = env_get_json(job_env(job), "EndpointConfig");
	bool runs = has_network(s->c);

	if (json_is_object(given))
		json_object_update(endpoint, (json_t *)given);
	json_object_set_new(endpoint, "NetworkID", json_string(json_get_str(s->network, "Id", "")));
	if (is_configured(s) && (runs || strcmp(s->name, "bridge") != 0)) {
		autofree char *name = container_name(s->c);

		json_decref(endpoint);
		return error_set(err, ERR_FORBIDDEN,
				 "endpoint with name %s already exists in network %s",
				 name + (*name == '/'), s->name);
	}
	if (network_check_endpoint(s->name, endpoint, err) < 0 ||
	    set_endpoint(d, s, json_incref(endpoint), err) < 0) {
		json_decref(endpoint);
		return -1;
	}
	if (runs && network_join(d, job, s->c, s->name, endpoint, err) < 0) {
		if (!is_plugged(s))
			(void)set_endpoint(d, s, NULL, NULL); /* the first failure is the news */
		json_decref(endpoint);
		return -1;
	}
	json_decref(endpoint);
	return 0;
}

int job_network_connect(struct job *job, void *self)
{
	struct daemon *d = self;
	struct subject s;
	struct error err;
	int rc = find(job, d, &s, &err);

	if (rc == 0)
		rc = check_mode(d, &s, &err);
	if (rc == 0)
		rc = container_begin(s.c, OP_CHANGE, job, &err);
	if (rc == 0) {
		rc = connect_container(d, job, &s, &err);
		container_end(s.c);
	}
	subject_done(&s);
	return rc < 0 ? job_fail_error(job, &err) : 0;
}

/* ---- off ---- */

static int disconnect_container(struct daemon *d, struct job *job, const struct subject *s,
				struct error *err)
{
	if (!is_configured(s))
		return error_set(err, ERR_FORBIDDEN, "container %s is not connected to network %s",
				 s->c->id, s->name);
	if (has_network(s->c) && network_leave(d, job, s->c, s->name, err) < 0)
		return -1;
	return set_endpoint(d, s, NULL, err);
}

/* A container that is gone may have left its endpoint behind, after a crash. */
static int release_stale(struct job *job, struct daemon *d, const struct subject *s,
			 struct error *err)
{
	const char *id = env_get(job_env(job), "Container", "");

	if (!s->network || !env_get_bool(job_env(job), "Force"))
		return -1;
	return nested_job(d, job, "release_interface", id, json_pack("{s:s}", "Network", s->name),
			  NULL, err);
}

int job_network_disconnect(struct job *job, void *self)
{
	struct daemon *d = self;
	struct subject s;
	struct error err;
	int rc = find(job, d, &s, &err);

	if (rc < 0 && !s.c) {
		rc = release_stale(job, d, &s, &err);
		subject_done(&s);
		return rc < 0 ? job_fail_error(job, &err) : 0;
	}
	if (rc == 0)
		rc = check_mode(d, &s, &err);
	if (rc == 0)
		rc = container_begin(s.c, OP_CHANGE, job, &err);
	if (rc == 0) {
		rc = disconnect_container(d, job, &s, &err);
		container_end(s.c);
	}
	subject_done(&s);
	return rc < 0 ? job_fail_error(job, &err) : 0;
}
