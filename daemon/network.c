/*
 * The interfaces and ports of a container that starts, by jobs of the network driver: all of them or
 * none. After a restart of the daemon they are handed back to the driver as they were.
 */
#include "daemon/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/internal.h"
#include "engine/engine.h"
#include "execdriver/driver.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"

static bool has_bridge(const struct daemon *d)
{
	const char *iface = d->config.bridge_iface;

	return !(iface && strcmp(iface, "none") == 0) &&
	       engine_has(d->engine, "allocate_interface");
}

const char *network_kind(const struct daemon *d, const json_t *config, const json_t *host_config)
{
	const char *mode = json_get_str(host_config, "NetworkMode", "");

	if (json_get_bool(config, "NetworkDisabled", false))
		return "none";
	if (!*mode || strcmp(mode, "default") == 0 || strcmp(mode, "bridge") == 0)
		return has_bridge(d) ? "bridge" : "none";
	return strncmp(mode, "container:", 10) == 0 ? "container" : mode;
}

bool network_is_private(const char *kind)
{
	return strcmp(kind, "none") != 0 && strcmp(kind, "host") != 0 &&
	       strcmp(kind, "container") != 0;
}

struct container *network_peer(struct daemon *d, const char *mode, struct error *err)
{
	return store_lookup(d->store, mode + strlen("container:"), err);
}

/* ---- interfaces ---- */

static void set_text(json_t *env, const char *key, const char *value)
{
	if (value && *value)
		json_object_set_new(env, key, json_string(value));
}

/* What others can call it by, besides its name. */
static json_t *aliases_of(struct container *c, const json_t *endpoint)
{
	autojson json_t *config = container_config(c);
	json_t *all = json_array();
	char short_id[13];

	if (json_get_arr(endpoint, "Aliases"))
		json_array_extend(all, json_get_arr(endpoint, "Aliases"));
	snprintf(short_id, sizeof(short_id), "%.12s", c->id);
	json_array_append_new(all, json_string(short_id));
	json_array_append_new(all, json_string(json_get_str(config, "Hostname", "")));
	return all;
}

int network_check_endpoint(const char *name, const json_t *endpoint, struct error *err)
{
	const json_t *ipam = json_get_obj(endpoint, "IPAMConfig");

	if (strcmp(name, "bridge") == 0 &&
	    (*json_get_str(ipam, "IPv4Address", "") || *json_get_str(ipam, "IPv6Address", "")))
		return error_set(
			err, ERR_BAD_REQUEST,
			"invalid endpoint settings:\nuser specified IP address is supported "
			"on user defined networks only");
	if (strcmp(name, "bridge") == 0 && json_array_size(json_get_arr(endpoint, "Aliases")))
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid endpoint settings:\nnetwork-scoped aliases are only "
				 "supported for user-defined networks");
	return 0;
}

/*
 * What is wanted may still be held by a container that has ended, and whose clean-up is under way:
 * wait for those.
 */
static void await_cleanups(struct daemon *d, const struct container *but, struct job *job)
{
	struct container **all = store_list(d->store);

	for (struct container **p = all; *p; p++) {
		bool due;

		pthread_mutex_lock(&(*p)->lock);
		due = (*p)->cleanup_due || (*p)->op == OP_CLEANUP;
		pthread_mutex_unlock(&(*p)->lock);
		if (due && *p != but && container_begin(*p, OP_CHANGE, job, NULL) == 0)
			container_end(*p);
	}
	store_list_free(all);
}

/*
 * Run an allocating job; once more when what it wants may have become free, be it only between the
 * refusal and the look at who has it. env is taken.
 */
static int allocate(struct daemon *d, struct container *c, struct job *job, const char *name,
		    json_t *env, json_t **reply, struct error *err)
{
	struct error own, *why = err ? err : &own;
	int rc = nested_job(d, job, name, c->id, json_incref(env), reply, why);

	if (rc < 0 && (why->kind == ERR_CONFLICT || why->kind == ERR_FORBIDDEN)) {
		await_cleanups(d, c, job);
		rc = nested_job(d, job, name, c->id, json_incref(env), reply, why);
	}
	json_decref(env);
	return rc;
}

int network_allocate_one(struct daemon *d, struct container *c, struct job *job, const char *name,
			 const json_t *endpoint, json_t **interface, struct error *err)
{
	const json_t *ipam = json_get_obj(endpoint, "IPAMConfig");
	autofree char *own = container_name(c);
	json_t *env;

	if (network_check_endpoint(name, endpoint, err) < 0)
		return -1;
	env = json_pack("{s:s, s:s, s:o}", "Network", name, "Name", own + (*own == '/'), "Aliases",
			aliases_of(c, endpoint));
	set_text(env, "RequestedIP", json_get_str(ipam, "IPv4Address", ""));
	set_text(env, "RequestedIP6", json_get_str(ipam, "IPv6Address", ""));
	set_text(env, "RequestedMac", json_get_str(endpoint, "MacAddress", ""));
	if (allocate(d, c, job, "allocate_interface", env, interface, err) < 0)
		return -1;
	json_object_set_new(*interface, "Aliases", aliases_of(c, endpoint));
	return 0;
}

void network_release_one(struct daemon *d, struct container *c, const char *name)
{
	struct error err;

	if (nested_job(d, NULL, "release_interface", c->id, json_pack("{s:s}", "Network", name),
		       NULL, &err) < 0)
		log_warn("cannot release the address of %s on network %s: %s, left for the next "
			 "start",
			 c->id, name, err.text);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Its networks in order: the one of its mode, then the others by name. */
static void names_in_order(const json_t *endpoints, const char *mode, struct strlist *out)
{
	const char *key;
	json_t *v;

	if (!json_object_size(endpoints) || json_object_get(endpoints, mode))
		strlist_add(out, mode);
	json_object_foreach((json_t *)endpoints, key, v)
		if (strcmp(key, mode) != 0)
			strlist_add(out, key);
	if (out->n > 2)
		qsort(out->v + 1, out->n - 1, sizeof(*out->v), by_text);
}

static void name_interface(json_t *interface, size_t i)
{
	char ifname[40];

	snprintf(ifname, sizeof(ifname), "%.12s%zu", json_get_str(interface, "IfPrefix", "eth"), i);
	json_object_set_new(interface, "Ifname", json_string(ifname));
}

static int allocate_all(struct daemon *d, struct container *c, struct job *job, const char *mode,
			const json_t *networking, json_t *interfaces, struct error *err)
{
	const json_t *endpoints = json_get_obj(networking, "EndpointsConfig");
	autostrlist struct strlist names = STRLIST_INIT;

	names_in_order(endpoints, mode, &names);
	for (size_t i = 0; i < names.n; i++) {
		json_t *interface;

		if (network_allocate_one(d, c, job, names.v[i],
					 json_object_get(endpoints, names.v[i]), &interface,
					 err) < 0)
			return -1;
		name_interface(interface, i);
		json_array_append_new(interfaces, interface);
	}
	return 0;
}

/* Of those that lead out the one of the highest priority, then the first by name: as Docker. */
static int choose_gateway(const json_t *interfaces, const json_t *endpoints, const char *key)
{
	const char *best_name = NULL;
	long long best_priority = 0;
	const json_t *v;
	int best = -1;
	size_t i;

	json_array_foreach(interfaces, i, v) {
		const char *name = json_get_str(v, "Network", "");
		long long priority =
			json_get_int(json_object_get(endpoints, name), "GwPriority", 0);

		if (!*json_get_str(v, key, "") ||
		    (best >= 0 && (priority < best_priority ||
				   (priority == best_priority && strcmp(name, best_name) > 0))))
			continue;
		best = (int)i;
		best_name = name;
		best_priority = priority;
	}
	return best;
}

void network_choose_gateways(json_t *network, const json_t *networking)
{
	const json_t *interfaces = json_get_arr(network, "Interfaces");
	const json_t *endpoints = json_get_obj(networking, "EndpointsConfig");

	json_object_set_new(network, "Gateway",
			    json_integer(choose_gateway(interfaces, endpoints, "Gateway")));
	json_object_set_new(network, "Gateway6",
			    json_integer(choose_gateway(interfaces, endpoints, "Gateway6")));
}

json_t *network_gateway(const json_t *network, const char *key)
{
	long long i = json_get_int(network, key, -1);

	return i < 0 ? NULL : json_array_get(json_get_arr(network, "Interfaces"), (size_t)i);
}

bool network_leads_out(const json_t *network)
{
	return network_gateway(network, "Gateway") || network_gateway(network, "Gateway6");
}

json_t *network_main_interface(const json_t *network)
{
	json_t *v4 = network_gateway(network, "Gateway"),
	       *v6 = network_gateway(network, "Gateway6");

	return v4 ? v4 : v6 ? v6 : json_array_get(json_get_arr(network, "Interfaces"), 0);
}

json_t *network_interface(const json_t *network, const char *name)
{
	json_t *v;
	size_t i;

	json_array_foreach(json_get_arr(network, "Interfaces"), i, v)
		if (strcmp(json_get_str(v, "Network", ""), name) == 0)
			return v;
	return NULL;
}

bool network_has_names(const json_t *network)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_get_arr(network, "Interfaces"), i, v)
		if (json_object_get(v, "NamesFile"))
			return true;
	return false;
}

/* ---- ports ---- */

/* They lead to the container by the interface that has its default route; without one, nowhere. */
int network_publish(struct daemon *d, struct container *c, struct job *job, json_t *network,
		    struct error *err)
{
	autojson json_t *config = container_config(c), *h = container_host_config(c);
	autojson json_t *reply = NULL;
	const json_t *interface = network_main_interface(network);
	json_t *wanted = ports_wanted(config, h);

	if (!wanted || !network_leads_out(network) ||
	    strcmp(json_get_str(interface, "Driver", ""), "bridge") != 0) {
		json_decref(wanted);
		return 0;
	}
	if (allocate(d, c, job, "allocate_port",
		     json_pack("{s:s, s:o}", "Network", json_get_str(interface, "Network", ""),
			       "Ports", wanted),
		     &reply, err) < 0) {
		autofree char *name = container_name(c);

		return error_prefix(
			err,
			"failed to set up container networking: driver failed programming "
			"external connectivity on endpoint %s (%s)",
			name + (*name == '/'), json_get_str(interface, "EndpointID", ""));
	}
	json_object_set_new(network, "Ports", ports_keep(json_get_arr(reply, "Ports")));
	return 0;
}

/* ---- all of it ---- */

static void release(struct daemon *d, const char *id)
{
	struct error err;

	if (nested_job(d, NULL, "release_interface", id, NULL, NULL, &err) < 0)
		log_warn("cannot release the addresses of %s: %s, left for the next start", id,
			 err.text);
}

static int fill(struct daemon *d, struct container *c, struct job *job, const char *kind,
		json_t *network, struct error *err)
{
	json_t *interfaces = json_get_arr(network, "Interfaces");
	autojson json_t *networking = container_networking(c);

	if (allocate_all(d, c, job, kind, networking, interfaces, err) < 0)
		return -1;
	network_choose_gateways(network, networking);
	if (network_publish(d, c, job, network, err) < 0)
		return -1;
	if (network_has_names(network)) {
		autofree char *path = resolver_write(d, c, network, err);

		if (!path)
			return -1;
		json_object_set_new(network, "Resolver", json_string(path));
	}
	return 0;
}

int network_allocate(struct daemon *d, struct container *c, struct job *job, json_t **network,
		     struct error *err)
{
	autojson json_t *config = container_config(c);
	autojson json_t *host_config = container_host_config(c);
	const char *kind = network_kind(d, config, host_config);
	autojson json_t *made = NULL;

	*network = NULL;
	if (!network_is_private(kind))
		return 0;
	made = json_pack("{s:[], s:[]}", "Interfaces", "Ports");
	if (fill(d, c, job, kind, made, err) < 0) {
		release(d, c->id);
		return -1;
	}
	*network = take_json(&made);
	return 0;
}

void network_release(struct daemon *d, struct container *c)
{
	autojson json_t *network = container_network(c);

	if (!network)
		return;
	release(d, c->id);
	resolver_remove(d, c);
	container_set_json(c, &c->network, NULL);
}

static void adopt_interface(struct daemon *d, struct container *c, const json_t *interface)
{
	struct error err;

	if (nested_job(d, NULL, "adopt_interface", c->id, json_copy((json_t *)interface), NULL,
		       &err) < 0)
		log_warn("cannot adopt the address of %s on network %s: %s, ignoring", c->id,
			 json_get_str(interface, "Network", ""), err.text);
}

void network_adopt(struct daemon *d, struct container *c)
{
	autojson json_t *network = container_network(c);
	autojson json_t *ports = ports_kept(network);
	const json_t *v;
	struct error err;
	size_t i;

	if (!network || !engine_has(d->engine, "adopt_interface"))
		return;
	json_array_foreach(json_get_arr(network, "Interfaces"), i, v)
		adopt_interface(d, c, v);
	if (json_array_size(ports) &&
	    nested_job(d, NULL, "adopt_port", c->id, json_pack("{s:O}", "Ports", ports), NULL,
		       &err) < 0)
		log_warn("cannot adopt the ports of %s: %s, ignoring", c->id, err.text);
}

void network_known_ifnames(struct container *c, json_t *ifnames)
{
	autojson json_t *network = container_network(c);
	const json_t *v;
	size_t i;

	json_array_foreach(json_get_arr(network, "Interfaces"), i, v)
		json_array_append_new(ifnames, json_string(json_get_str(v, "HostIfname", "")));
}

/* ---- for the exec driver ---- */

static char *text(const json_t *o, const char *key)
{
	const char *s = json_get_str(o, key, "");

	return *s ? xstrdup(s) : NULL;
}

void network_exec_interface(const json_t *i, const json_t *network, struct exec_interface *out)
{
	const char *driver = json_get_str(i, "Driver", "bridge");
	bool is_veth = strcmp(driver, "bridge") == 0;

	*out = (struct exec_interface){
		.bridge = xstrdup(json_get_str(i, "Bridge", "")),
		.host_ifname = xstrdup(json_get_str(i, "HostIfname", "")),
		.ifname = xstrdup(json_get_str(i, "Ifname", "eth0")),
		.mac = text(i, "MacAddress"),
		.ip = text(i, "IP"),
		.ip_prefix = (int)json_get_int(i, "IPPrefixLen", 0),
		.gateway = network_gateway(network, "Gateway") == i ? text(i, "Gateway") : NULL,
		.ip6 = text(i, "IP6"),
		.ip6_prefix = (int)json_get_int(i, "IP6PrefixLen", 0),
		.gateway6 = network_gateway(network, "Gateway6") == i ? text(i, "Gateway6") : NULL,
		.mtu = (int)json_get_int(i, "Mtu", 0),
		.isolated = json_get_bool(i, "Isolated", false),
		.hairpin = json_get_bool(i, "Hairpin", false),
		.kind = is_veth ? NULL : xstrdup(driver),
		.mode = is_veth ? NULL : text(i, "Mode"),
	};
}

void network_exec(const json_t *network, struct exec_network *out)
{
	const json_t *v;
	size_t i;

	out->mode = EXEC_NET_BRIDGE;
	json_array_foreach(json_get_arr(network, "Interfaces"), i, v)
		network_exec_interface(v, network, exec_network_add(out));
	out->resolver = text(network, "Resolver");
}
