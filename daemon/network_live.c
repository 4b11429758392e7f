/*
 * The networks of a container that runs: its monitor makes or removes the interface, and its default
 * route, its published ports and its resolver follow.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/internal.h"
#include "daemon/netfiles.h"
#include "daemon/network.h"
#include "daemon/record.h"
#include "execdriver/driver.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"

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
	if (record_save(d, c, err) < 0)
		return -1;
	return netfiles_rewrite(d, c, network, err);
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

/* The network that ports lead to: network_main_interface()'s. */
static const char *main_of(const struct gateways *g)
{
	return *g->v4 ? g->v4 : g->v6;
}

/* Ports lead where the default route is, so they follow it; no other change touches them. */
static void follow(struct daemon *d, struct container *c, struct job *job, json_t *network,
		   const struct gateways *before)
{
	struct gateways now = gateways_of(network);

	if (strcmp(main_of(&now), main_of(before)) != 0)
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

/*
 * Have the monitor remove the interface (NULL: none) and set the default routes of network, which is
 * what is left, where they are others than before.
 */
static int unplug(struct daemon *d, struct container *c, const json_t *gone, const json_t *network,
		  const struct gateways *before, struct error *err)
{
	struct exec_network_change change = { 0 };
	struct exec_interface interface = { 0 };
	int rc;

	set_routes(network, before, &change);
	if (!gone && !change.ifname && !change.ifname6)
		return 0;
	if (gone) {
		network_exec_interface(gone, network, &interface);
		change.remove = &interface;
	}
	rc = execdriver_network(d->execdriver, c->id, &change, err);
	exec_interface_done(&interface);
	return rc;
}

/* A container about to be on one more network, and how far that has come. */
struct joining {
	json_t *old, *network; /* without it, and with it */
	json_t *interface;     /* network's */
	enum { JOINING_ALLOCATED, JOINING_TRIED, JOINING_PLUGGED } stage;
};

/* The interface is allocated: have it made, and all that follows from it. */
static int plug_in(struct daemon *d, struct job *job, struct container *c, struct joining *j,
		   struct error *err)
{
	struct gateways before = gateways_of(j->old);
	int rc = update_resolver(d, c, j->network, err);

	if (rc == 0) {
		j->stage = JOINING_TRIED;
		rc = plug(d, c, j->network, j->interface, &before, err);
	}
	if (rc == 0) {
		j->stage = JOINING_PLUGGED;
		follow(d, c, job, j->network, &before);
		rc = settle(d, c, j->network, err);
	}
	gateways_done(&before);
	return rc;
}

/*
 * A monitor that says no has nothing left of a veth, and one that says nothing may yet make it. By its
 * inside name alone an interface is removed only when it is certainly the one that was made.
 */
static int unplug_joining(struct daemon *d, struct container *c, const struct joining *j,
			  const struct gateways *now)
{
	bool is_veth = strcmp(json_get_str(j->interface, "Driver", "bridge"), "bridge") == 0;
	struct error err;

	if (j->stage == JOINING_ALLOCATED)
		return 0;
	if (unplug(d, c, j->stage == JOINING_PLUGGED || is_veth ? j->interface : NULL, j->old, now,
		   &err) == 0 ||
	    err.kind == ERR_NOT_FOUND) /* its network went with it */
		return 0;
	log_warn("cannot take %s off network %s again: %s", c->id,
		 json_get_str(j->interface, "Network", ""), err.text);
	return -1;
}

/*
 * Back to the old state, in reverse order. A container that keeps the interface keeps the address, and
 * is on that network as far as anybody can see: it can be disconnected, which tries it again.
 */
static void undo_plug_in(struct daemon *d, struct job *job, struct container *c, struct joining *j)
{
	struct gateways now = gateways_of(j->network);
	struct error err;

	if (unplug_joining(d, c, j, &now) < 0) {
		if (settle(d, c, j->network, &err) < 0)
			log_warn("network of %s: %s", c->id, err.text);
		gateways_done(&now);
		return;
	}
	if (j->stage == JOINING_PLUGGED) {
		follow(d, c, job, j->old, &now);
		if (settle(d, c, j->old, &err) < 0)
			log_warn("network of %s: %s", c->id, err.text);
	}
	if (json_object_get(j->network, "Resolver"))
		free(resolver_write(d, c, j->old, NULL)); /* the first failure is the news */
	network_release_one(d, c, json_get_str(j->interface, "Network", ""));
	gateways_done(&now);
}

int network_join(struct daemon *d, struct job *job, struct container *c, const char *name,
		 const json_t *endpoint, struct error *err)
{
	autojson json_t *shared = container_network(c), *old = NULL, *network = NULL;
	struct joining j = { 0 };
	int rc;

	old = shared ? json_deep_copy(shared) : json_pack("{s:[], s:[]}", "Interfaces", "Ports");
	network = json_deep_copy(old);
	if (network_allocate_one(d, c, job, name, endpoint, &j.interface, err) < 0)
		return -1;
	name_interface(json_get_arr(network, "Interfaces"), j.interface);
	json_array_append_new(json_get_arr(network, "Interfaces"), j.interface);
	refresh_gateways(c, network);
	j.old = old;
	j.network = network;
	rc = plug_in(d, job, c, &j, err);
	if (rc == 0)
		return 0;
	undo_plug_in(d, job, c, &j);
	/* It has ended just then, which makes it one that is on the network at its next run. */
	return j.stage == JOINING_TRIED && err->kind == ERR_NOT_FOUND ? 0 : -1;
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

/*
 * The interface is gone, whatever comes. On failure the address is not given to anybody else, as the
 * record may still have it, and what is left to do is done when it is disconnected once more.
 */
static int record_removal(struct daemon *d, struct container *c, json_t *network, struct error *err)
{
	int rc = update_resolver(d, c, network, err);

	container_set_json(c, &c->network, json_incref(network));
	return rc < 0 ? -1 : settle(d, c, network, err);
}

int network_leave(struct daemon *d, struct job *job, struct container *c, const char *name,
		  struct error *err)
{
	autojson json_t *old = container_network(c);
	autojson json_t *network = json_deep_copy(old), *gone = NULL;
	struct gateways before;
	int rc = 0;

	if (!old)
		return 0;
	before = gateways_of(old);
	take_interface(network, name, &gone);
	if (gone) {
		refresh_gateways(c, network);
		rc = unplug(d, c, gone, network, &before, err);
		if (rc < 0 && err->kind == ERR_NOT_FOUND)
			rc = 0; /* it has ended just then, and its interfaces with it */
	}
	if (rc == 0) {
		follow(d, c, job, network, &before);
		rc = record_removal(d, c, network, err);
	}
	if (rc == 0)
		network_release_one(d, c, name);
	gateways_done(&before);
	return rc;
}
