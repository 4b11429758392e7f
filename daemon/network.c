/*
 * The network of a container: which sort it has, its address on the bridge (by jobs of the network
 * driver), and how that is shown.
 */
#include "daemon/internal.h"

#include <string.h>

#include "engine/engine.h"
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

struct container *network_peer(struct daemon *d, const char *mode, struct error *err)
{
	return store_lookup(d->store, mode + strlen("container:"), err);
}

/* The endpoint that the user described for the default network, or NULL. */
static const json_t *endpoint_of(const json_t *networking)
{
	const json_t *all = json_get_obj(networking, "EndpointsConfig");
	const json_t *e = json_get_obj(all, "bridge");

	return e ? e : json_get_obj(all, "default");
}

static int request_of(const json_t *config, const json_t *networking, json_t **env,
		      struct error *err)
{
	const json_t *endpoint = endpoint_of(networking);
	const char *mac = json_get_str(endpoint, "MacAddress", "");
	const char *ip = json_get_str(json_get_obj(endpoint, "IPAMConfig"), "IPv4Address", "");

	if (*ip)
		return error_set(err, ERR_BAD_REQUEST,
				 "user specified IP address is supported on user defined networks "
				 "only");
	if (!*mac)
		mac = json_get_str(config, "MacAddress", "");
	*env = *mac ? json_pack("{s:s}", "RequestedMac", mac) : NULL;
	return 0;
}

int network_allocate(struct daemon *d, struct container *c, struct job *job, json_t **network,
		     struct error *err)
{
	autojson json_t *config = container_config(c);
	autojson json_t *host_config = container_host_config(c);
	const char *kind = network_kind(d, config, host_config);
	json_t *env = NULL;

	*network = NULL;
	if (strcmp(kind, "none") == 0 || strcmp(kind, "host") == 0 ||
	    strcmp(kind, "container") == 0)
		return 0;
	if (strcmp(kind, "bridge") != 0)
		return error_set(err, ERR_NOT_FOUND, "network %s not found", kind);
	/* networking_config is set once, before anybody else sees the container */
	if (request_of(config, c->networking_config, &env, err) < 0)
		return -1;
	return nested_job(d, job, "allocate_interface", c->id, env, network, err);
}

void network_release(struct daemon *d, struct container *c)
{
	autojson json_t *network = container_network(c);
	struct error err;

	if (!network)
		return;
	if (nested_job(d, NULL, "release_interface", c->id, NULL, NULL, &err) < 0)
		log_warn("cannot release the address of %s: %s, left for the next start", c->id,
			 err.text);
	container_set_json(c, &c->network, NULL);
}

void network_adopt(struct daemon *d, struct container *c)
{
	autojson json_t *network = container_network(c);
	struct error err;
	json_t *env = NULL;

	if (!network || !has_bridge(d))
		return;
	env = json_pack("{s:s, s:s, s:s}", "IP", json_get_str(network, "IP", ""), "MacAddress",
			json_get_str(network, "MacAddress", ""), "HostIfname",
			json_get_str(network, "HostIfname", ""));
	if (nested_job(d, NULL, "adopt_interface", c->id, env, NULL, &err) < 0)
		log_warn("cannot adopt the address of %s: %s, ignoring", c->id, err.text);
}

static const char *text_of(const json_t *network, const char *key)
{
	return json_get_str(network, key, "");
}

static json_t *endpoint_json(const char *id, const json_t *network)
{
	return json_pack("{s:n, s:n, s:n, s:s, s:n, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:i, s:n}",
			 "IPAMConfig", "Links", "Aliases", "MacAddress",
			 text_of(network, "MacAddress"), "DriverOpts", "NetworkID", "",
			 "EndpointID", network ? id : "", "Gateway", text_of(network, "Gateway"),
			 "IPAddress", text_of(network, "IP"), "IPPrefixLen",
			 (json_int_t)json_get_int(network, "IPPrefixLen", 0), "IPv6Gateway", "",
			 "GlobalIPv6Address", "", "GlobalIPv6PrefixLen", 0, "DNSNames");
}

json_t *network_list_json(struct container *c)
{
	autojson json_t *host_config = container_host_config(c);
	autojson json_t *network = container_network(c);
	const char *mode = json_get_str(host_config, "NetworkMode", "");
	json_t *all = json_object();

	if (strncmp(mode, "container:", 10) == 0)
		return all;
	if (!*mode || strcmp(mode, "default") == 0)
		mode = "bridge";
	json_object_set_new(all, mode, endpoint_json(c->id, network));
	return all;
}

/* While it runs, every exposed port with no binding: publishing has a driver of its own. */
static json_t *ports_json(struct container *c)
{
	autojson json_t *config = container_config(c);
	struct container_state s = container_state(c);
	json_t *ports = json_object(), *v;
	const char *port;

	if (!s.running)
		return ports;
	json_object_foreach(json_get_obj(config, "ExposedPorts"), port, v)
		json_object_set_new(ports, port, json_null());
	return ports;
}

json_t *network_settings_json(struct container *c)
{
	autojson json_t *network = container_network(c);
	struct container_state s = container_state(c);

	return json_pack(
		"{s:s, s:s, s:s, s:o, s:b, s:s, s:i, s:n, s:n, s:s, s:s, s:s, s:i, s:s, s:I, s:s, "
		"s:s, s:o}",
		"Bridge", "", "SandboxID", s.running ? c->id : "", "SandboxKey", "", "Ports",
		ports_json(c), "HairpinMode", 0, "LinkLocalIPv6Address", "",
		"LinkLocalIPv6PrefixLen", 0, "SecondaryIPAddresses", "SecondaryIPv6Addresses",
		"EndpointID", network ? c->id : "", "Gateway", text_of(network, "Gateway"),
		"GlobalIPv6Address", "", "GlobalIPv6PrefixLen", 0, "IPAddress",
		text_of(network, "IP"), "IPPrefixLen",
		(json_int_t)json_get_int(network, "IPPrefixLen", 0), "IPv6Gateway", "",
		"MacAddress", text_of(network, "MacAddress"), "Networks", network_list_json(c));
}
