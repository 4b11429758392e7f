/*
 * The jobs network_connect and network_disconnect: a container gets on a network or off it. Of one
 * that does not run this is a matter of its configuration alone; of one that runs, its monitor makes
 * or removes the interface, and its default route, its published ports and its resolver follow.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/disk.h"
#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "daemon/netfiles.h"
#include "daemon/network.h"
#include "daemon/record.h"
#include "engine/engine.h"
#include "engine/job.h"
#include "execdriver/driver.h"
#include "pkg/json.h"
#include "pkg/log.h"
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

static bool is_configured(const struct subject *s)
{
	autojson json_t *networking = container_networking(s->c);

	return json_object_get(json_get_obj(networking, "EndpointsConfig"), s->name) != NULL;
}

/* ---- of a container that runs ---- */

/* The lowest number that no interface of that prefix has. */
static void name_interface(const json_t *interfaces, json_t *interface)
{
	const char *prefix = json_get_str(interface, "IfPrefix", "eth");
	char name[32];
	bool taken = true;

	for (int n = 0; taken; n++) {
		const json_t *v;
		size_t i;

		snprintf(name, sizeof(name), "%.12s%d", prefix, n);
		taken = false;
		json_array_foreach(interfaces, i, v)
			taken = taken || strcmp(json_get_str(v, "Ifname", ""), name) == 0;
	}
	json_object_set_new(interface, "Ifname", json_string(name));
}

/* The networks of the default routes, to see whether they have changed. */
struct gateways {
	char *v4, *v6;
};

static struct gateways gateways_of(const json_t *network)
{
	return (struct gateways){
		xstrdup(json_get_str(network_gateway(network, "Gateway"), "Network", "")),
		xstrdup(json_get_str(network_gateway(network, "Gateway6"), "Network", "")),
	};
}

static void gateways_done(struct gateways *g)
{
	free(g->v4);
	free(g->v6);
}

static void move_ports(struct daemon *d, struct container *c, struct job *job, json_t *network)
{
	struct error err;

	json_object_set_new(network, "Ports", json_array());
	if (nested_job(d, job, "release_port", c->id, NULL, NULL, &err) < 0 ||
	    network_publish(d, c, job, network, &err) < 0)
		log_warn("ports of %s: %s", c->id, err.text);
}

/* The new state of affairs is recorded before anybody is told. */
static int settle(struct daemon *d, struct container *c, json_t *network, struct error *err)
{
	container_set_json(c, &c->network, json_incref(network));
	if (netfiles_rewrite(d, c, network, err) < 0)
		return -1;
	return record_save(d, c, err);
}

static void refresh_gateways(struct container *c, json_t *network)
{
	autojson json_t *networking = container_networking(c);

	network_choose_gateways(network, networking);
}

/* The gateway that becomes a default route, NULL: nothing changes. */
static const json_t *new_route(const json_t *network, const char *key, const char *before)
{
	const json_t *i = network_gateway(network, key);

	return i && strcmp(json_get_str(i, "Network", ""), before) != 0 ? i : NULL;
}

static void set_routes(const json_t *network, const struct gateways *before,
		       struct exec_network_change *change)
{
	const json_t *v4 = new_route(network, "Gateway", before->v4);
	const json_t *v6 = new_route(network, "Gateway6", before->v6);

	change->ifname = json_get_str(v4, "Ifname", NULL);
	change->gateway = json_get_str(v4, "Gateway", NULL);
	change->ifname6 = json_get_str(v6, "Ifname", NULL);
	change->gateway6 = json_get_str(v6, "Gateway6", NULL);
}

/* Ports lead where the default route is, so they follow it. */
static void follow(struct daemon *d, struct container *c, struct job *job, json_t *network,
		   const struct gateways *before)
{
	struct gateways now = gateways_of(network);

	if (strcmp(now.v4, before->v4) != 0 || strcmp(now.v6, before->v6) != 0)
		move_ports(d, c, job, network);
	gateways_done(&now);
}

static int update_resolver(struct daemon *d, struct container *c, json_t *network,
			   struct error *err)
{
	autofree char *path = NULL;

	/* Once there, it stays: resolv.conf names it. */
	if (!network_has_names(network) && !json_object_get(network, "Resolver"))
		return 0;
	path = resolver_write(d, c, network, err);
	if (!path)
		return -1;
	json_object_set_new(network, "Resolver", json_string(path));
	return 0;
}

/* Have the monitor make the interface that was just added to network. */
static int plug(struct daemon *d, struct container *c, const json_t *network, const json_t *added,
		const struct gateways *before, struct error *err)
{
	struct exec_network_change change = { .resolver = json_get_str(network, "Resolver", NULL) };
	struct exec_interface interface;
	int rc;

	set_routes(network, before, &change);
	network_exec_interface(added, network, &interface);
	change.add = &interface;
	rc = execdriver_network(d->execdriver, c->id, &change, err);
	exec_interface_done(&interface);
	return rc;
}

/* The interface is allocated: have it made, and all that follows from it. */
static int plug_in(struct daemon *d, struct job *job, const struct subject *s, json_t *network,
		   const json_t *interface, const struct gateways *before, struct error *err)
{
	if (update_resolver(d, s->c, network, err) < 0 ||
	    plug(d, s->c, network, interface, before, err) < 0)
		return -1;
	follow(d, s->c, job, network, before);
	return settle(d, s->c, network, err);
}

static int connect_running(struct daemon *d, struct job *job, const struct subject *s,
			   const json_t *endpoint, struct error *err)
{
	autojson json_t *old = container_network(s->c), *network = NULL;
	struct gateways before = gateways_of(old);
	json_t *interface;
	int rc;

	network = old ? json_deep_copy(old) : json_pack("{s:[], s:[]}", "Interfaces", "Ports");
	rc = network_allocate_one(d, s->c, job, s->name, endpoint, &interface, err);
	if (rc == 0) {
		name_interface(json_get_arr(network, "Interfaces"), interface);
		json_array_append_new(json_get_arr(network, "Interfaces"), interface);
		refresh_gateways(s->c, network);
		rc = plug_in(d, job, s, network, interface, &before, err);
		if (rc < 0)
			network_release_one(d, s->c, s->name);
		if (rc < 0 && old && json_object_get(old, "Resolver"))
			free(resolver_write(d, s->c, old, NULL));
	}
	gateways_done(&before);
	return rc;
}

static int connect_container(struct daemon *d, struct job *job, const struct subject *s,
			     struct error *err)
{
	json_t *endpoint = json_object();
	const json_t *given = env_get_json(job_env(job), "EndpointConfig");
	bool runs = container_state(s->c).running;

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
	if (set_endpoint(d, s, json_incref(endpoint), err) < 0) {
		json_decref(endpoint);
		return -1;
	}
	if (runs && connect_running(d, job, s, endpoint, err) < 0) {
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

static void take_interface(json_t *network, const char *name, json_t **taken)
{
	json_t *all = json_get_arr(network, "Interfaces"), *v;
	size_t i;

	*taken = NULL;
	json_array_foreach(all, i, v)
		if (strcmp(json_get_str(v, "Network", ""), name) == 0) {
			*taken = json_incref(v);
			json_array_remove(all, i);
			return;
		}
}

/* Have the monitor remove the interface; network is what is left. */
static int unplug(struct daemon *d, struct container *c, const json_t *gone, const json_t *network,
		  const struct gateways *before, struct error *err)
{
	struct exec_network_change change = { 0 };
	struct exec_interface interface;
	int rc;

	set_routes(network, before, &change);
	network_exec_interface(gone, network, &interface);
	change.remove = &interface;
	rc = execdriver_network(d->execdriver, c->id, &change, err);
	exec_interface_done(&interface);
	return rc;
}

static int disconnect_running(struct daemon *d, struct job *job, const struct subject *s,
			      struct error *err)
{
	autojson json_t *old = container_network(s->c);
	autojson json_t *network = json_deep_copy(old), *gone = NULL;
	struct gateways before;
	int rc;

	take_interface(network, s->name, &gone);
	if (!gone)
		return 0;
	before = gateways_of(old);
	refresh_gateways(s->c, network);
	rc = unplug(d, s->c, gone, network, &before, err);
	if (rc == 0) {
		network_release_one(d, s->c, s->name);
		follow(d, s->c, job, network, &before);
		rc = update_resolver(d, s->c, network, err) < 0 ? -1
								: settle(d, s->c, network, err);
	}
	gateways_done(&before);
	return rc;
}

static int disconnect_container(struct daemon *d, struct job *job, const struct subject *s,
				struct error *err)
{
	if (!is_configured(s))
		return error_set(err, ERR_FORBIDDEN, "container %s is not connected to network %s",
				 s->c->id, s->name);
	if (container_state(s->c).running && disconnect_running(d, job, s, err) < 0)
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
