/* A container's networks as the API shows them. */
#include <stdio.h>
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

/* Until 1.44 the short id was one of them, which old clients look for. */
static json_t *aliases(const struct container *c, const json_t *endpoint, const json_t *i,
		       unsigned version)
{
	json_t *given = json_get_arr(endpoint, "Aliases"), *all;
	char short_id[13];

	if (version > 144 || !*text_of(i, "Names"))
		return json_array_size(given) ? json_incref(given) : json_null();
	snprintf(short_id, sizeof(short_id), "%.12s", c->id);
	all = given ? json_copy(given) : json_array();
	json_array_append_new(all, json_string(short_id));
	return all;
}

static json_t *endpoint_json(const struct container *c, const json_t *endpoint, const json_t *i,
			     unsigned version)
{
	json_t *e = json_pack(
		"{s:o, s:o, s:o, s:s, s:o, s:I, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:I, s:o}",
		"IPAMConfig", object_of(endpoint, "IPAMConfig"), "Links",
		list_of(endpoint, "Links"), "Aliases", aliases(c, endpoint, i, version),
		"MacAddress", i ? text_of(i, "MacAddress") : text_of(endpoint, "MacAddress"),
		"DriverOpts", object_of(endpoint, "DriverOpts"), "GwPriority",
		(json_int_t)json_get_int(endpoint, "GwPriority", 0), "NetworkID",
		i ? text_of(i, "NetworkID") : text_of(endpoint, "NetworkID"), "EndpointID",
		text_of(i, "EndpointID"), "Gateway", gateway_of(i, "Gateway"), "IPAddress",
		text_of(i, "IP"), "IPPrefixLen", (json_int_t)json_get_int(i, "IPPrefixLen", 0),
		"IPv6Gateway", gateway_of(i, "Gateway6"), "GlobalIPv6Address", text_of(i, "IP6"),
		"GlobalIPv6PrefixLen", (json_int_t)json_get_int(i, "IP6PrefixLen", 0), "DNSNames",
		dns_names(i));

	return e;
}

json_t *network_list_json(struct container *c, unsigned version)
{
	autojson json_t *network = container_network(c);
	autojson json_t *networking = container_networking(c);
	json_t *all = json_object(), *v;
	const char *name;

	json_object_foreach(json_get_obj(networking, "EndpointsConfig"), name, v)
		json_object_set_new(all, name,
				    endpoint_json(c, v, network_interface(network, name), version));
	return all;
}

/* The namespace, for those who enter it; of one that shares another's, that one's container tells. */
static char *sandbox_key(struct container *c, bool is_shared)
{
	struct container_state s = container_state(c);

	return s.running && !is_shared ? xasprintf("/proc/%d/ns/net", (int)s.pid) : xstrdup("");
}

json_t *network_settings_json(struct container *c, unsigned version)
{
	autojson json_t *config = container_config(c);
	autojson json_t *network = container_network(c);
	autojson json_t *h = container_host_config(c);
	struct container_state s = container_state(c);
	bool is_shared = strncmp(json_get_str(h, "NetworkMode", ""), "container:", 10) == 0;
	autofree char *key = sandbox_key(c, is_shared);
	/* The old members on top tell of the default bridge alone. */
	const json_t *i = network_interface(network, "bridge");

	return json_pack(
		"{s:s, s:s, s:s, s:o, s:b, s:s, s:i, s:n, s:n, s:s, s:s, s:s, s:I, s:s, s:I, s:s, "
		"s:s, s:o}",
		"Bridge", "", "SandboxID", s.running && !is_shared ? c->id : "", "SandboxKey", key,
		"Ports", s.running ? ports_shown(config, network) : json_object(), "HairpinMode", 0,
		"LinkLocalIPv6Address", "", "LinkLocalIPv6PrefixLen", 0, "SecondaryIPAddresses",
		"SecondaryIPv6Addresses", "EndpointID", text_of(i, "EndpointID"), "Gateway",
		text_of(i, "Gateway"), "GlobalIPv6Address", text_of(i, "IP6"),
		"GlobalIPv6PrefixLen", (json_int_t)json_get_int(i, "IP6PrefixLen", 0), "IPAddress",
		text_of(i, "IP"), "IPPrefixLen", (json_int_t)json_get_int(i, "IPPrefixLen", 0),
		"IPv6Gateway", text_of(i, "Gateway6"), "MacAddress", text_of(i, "MacAddress"),
		"Networks", network_list_json(c, version));
}
