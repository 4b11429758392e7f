/* A container's networks as the API shows them. */
#include <string.h>

#include "daemon/internal.h"
#include "daemon/network.h"
#include "pkg/json.h"
#include "pkg/mem.h"

static const char *text_of(const json_t *o, const char *key)
{
	return json_get_str(o, key, "");
}

static const char *gateway_of(const json_t *o, const char *key)
{
	const char *gateway = text_of(o, key);

	return strcmp(gateway, "-") == 0 ? "" : gateway;
}

/* An array of an endpoint's, or null. */
static json_t *list_of(const json_t *endpoint, const char *key)
{
	json_t *list = json_get_arr(endpoint, key);

	return json_array_size(list) ? json_incref(list) : json_null();
}

static json_t *object_of(const json_t *endpoint, const char *key)
{
	json_t *o = json_get_obj(endpoint, key);

	return o ? json_incref(o) : json_null();
}

/* Name, aliases and the like, each once; null on the default bridge, which has none. */
static json_t *dns_names(const json_t *i)
{
	autostrlist struct strlist names = STRLIST_INIT;

	if (!*text_of(i, "Names"))
		return json_null();
	strlist_split(&names, text_of(i, "Names"), ' ');
	return json_from_strlist(&names);
}

static json_t *endpoint_json(const json_t *endpoint, const json_t *i)
{
	json_t *e = json_pack(
		"{s:o, s:o, s:o, s:s, s:o, s:I, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:I, s:o}",
		"IPAMConfig", object_of(endpoint, "IPAMConfig"), "Links",
		list_of(endpoint, "Links"), "Aliases", list_of(endpoint, "Aliases"), "MacAddress",
		i ? text_of(i, "MacAddress") : text_of(endpoint, "MacAddress"), "DriverOpts",
		object_of(endpoint, "DriverOpts"), "GwPriority",
		(json_int_t)json_get_int(endpoint, "GwPriority", 0), "NetworkID",
		i ? text_of(i, "NetworkID") : text_of(endpoint, "NetworkID"), "EndpointID",
		text_of(i, "EndpointID"), "Gateway", gateway_of(i, "Gateway"), "IPAddress",
		text_of(i, "IP"), "IPPrefixLen", (json_int_t)json_get_int(i, "IPPrefixLen", 0),
		"IPv6Gateway", gateway_of(i, "Gateway6"), "GlobalIPv6Address", text_of(i, "IP6"),
		"GlobalIPv6PrefixLen", (json_int_t)json_get_int(i, "IP6PrefixLen", 0), "DNSNames",
		dns_names(i));

	return e;
}

/* "host" and "none" are networks, too; whose network is another container's has none. */
static void add_mode(json_t *all, const json_t *host_config)
{
	const char *mode = json_get_str(host_config, "NetworkMode", "");

	if (strncmp(mode, "container:", 10) == 0)
		return;
	if (!*mode || strcmp(mode, "default") == 0)
		mode = "bridge";
	json_object_set_new(all, mode, endpoint_json(NULL, NULL));
}

json_t *network_list_json(struct container *c)
{
	autojson json_t *host_config = container_host_config(c);
	autojson json_t *network = container_network(c);
	autojson json_t *networking = container_networking(c);
	json_t *endpoints = json_get_obj(networking, "EndpointsConfig"), *v, *all = json_object();
	const char *name;

	json_object_foreach(endpoints, name, v)
		json_object_set_new(all, name, endpoint_json(v, network_interface(network, name)));
	if (!endpoints || (!json_object_size(endpoints) &&
			   !network_is_private(json_get_str(host_config, "NetworkMode", ""))))
		add_mode(all, host_config);
	return all;
}

json_t *network_settings_json(struct container *c)
{
	autojson json_t *config = container_config(c);
	autojson json_t *network = container_network(c);
	struct container_state s = container_state(c);
	/* The old members on top tell of the default bridge alone. */
	const json_t *i = network_interface(network, "bridge");

	return json_pack(
		"{s:s, s:s, s:s, s:o, s:b, s:s, s:i, s:n, s:n, s:s, s:s, s:s, s:I, s:s, s:I, s:s, "
		"s:s, s:o}",
		"Bridge", "", "SandboxID", s.running ? c->id : "", "SandboxKey", "", "Ports",
		s.running ? ports_shown(config, network) : json_object(), "HairpinMode", 0,
		"LinkLocalIPv6Address", "", "LinkLocalIPv6PrefixLen", 0, "SecondaryIPAddresses",
		"SecondaryIPv6Addresses", "EndpointID", text_of(i, "EndpointID"), "Gateway",
		text_of(i, "Gateway"), "GlobalIPv6Address", text_of(i, "IP6"),
		"GlobalIPv6PrefixLen", (json_int_t)json_get_int(i, "IP6PrefixLen", 0), "IPAddress",
		text_of(i, "IP"), "IPPrefixLen", (json_int_t)json_get_int(i, "IPPrefixLen", 0),
		"IPv6Gateway", text_of(i, "Gateway6"), "MacAddress", text_of(i, "MacAddress"),
		"Networks", network_list_json(c));
}
