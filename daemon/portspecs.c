/* Published ports: from what the user asked for, and to what the API shows. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "daemon/network.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/parse.h"
#include "runconfig/ports.h"

/* "80/tcp": the number; 0 when it is none. */
static unsigned split_port(const char *spec, const char **proto)
{
	struct port_range range;

	*proto = "tcp";
	if (port_range_parse(spec, &range, NULL) < 0)
		return 0;
	*proto = range.proto;
	return range.low;
}

static void add_request(json_t *out, unsigned port, const char *proto, const json_t *binding)
{
	json_array_append_new(out,
			      json_pack("{s:s, s:i, s:s, s:s}", "Proto", proto, "ContainerPort",
					(int)port, "HostIP", json_get_str(binding, "HostIp", ""),
					"HostPort", json_get_str(binding, "HostPort", "")));
}

/* No binding at all means one anywhere. */
static void add_requests(json_t *out, const char *spec, const json_t *bindings)
{
	const char *proto;
	unsigned port = split_port(spec, &proto);
	const json_t *v;
	size_t i;

	if (!port)
		return;
	if (!json_array_size(bindings))
		add_request(out, port, proto, NULL);
	json_array_foreach(bindings, i, v)
		add_request(out, port, proto, v);
}

json_t *ports_wanted(const json_t *config, const json_t *host_config)
{
	autojson json_t *bindings = ports_bindings(host_config);
	json_t *v, *out = json_array();
	const char *spec;

	json_object_foreach(bindings, spec, v)
		add_requests(out, spec, v);
	if (json_get_bool(host_config, "PublishAllPorts", false))
		json_object_foreach(json_get_obj(config, "ExposedPorts"), spec, v)
			if (!json_object_get(bindings, spec))
				add_requests(out, spec, NULL);
	if (json_array_size(out))
		return out;
	json_decref(out);
	return NULL;
}

/* ---- as they are kept ---- */

/* "tcp 80 0.0.0.0 8080 172.17.0.2": a tenth of the memory of the object. */
static json_t *kept_of(const json_t *port)
{
	autofree char *text =
		xasprintf("%s %d %s %d %s%s", json_get_str(port, "Proto", "tcp"),
			  (int)json_get_int(port, "ContainerPort", 0),
			  json_get_str(port, "HostIP", ""), (int)json_get_int(port, "HostPort", 0),
			  json_get_str(port, "To", ""),
			  json_get_bool(port, "Routed", false) ? " routed" : "");

	return json_string(text);
}

json_t *ports_keep(const json_t *ports)
{
	json_t *kept = json_array();
	const json_t *v;
	size_t i;

	json_array_foreach(ports, i, v)
		json_array_append_new(kept, kept_of(v));
	return kept;
}

/* A new object, or a reference to what was kept by a daemon that kept objects. */
static json_t *port_of(json_t *kept)
{
	char proto[8], host[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN], routed[8] = "";
	int port, host_port;

	if (!json_is_string(kept))
		return json_incref(kept);
	if (sscanf(json_string_value(kept), "%7s %d %45s %d %45s %7s", proto, &port, host,
		   &host_port, to, routed) < 5)
		return json_object(); /* none of ours: it is refused by whoever reads it */
	return json_pack("{s:s, s:i, s:s, s:i, s:s, s:b}", "Proto", proto, "ContainerPort", port,
			 "HostIP", host, "HostPort", host_port, "To", to, "Routed", *routed != 0);
}

json_t *ports_kept(const json_t *network)
{
	json_t *ports = json_array(), *v;
	size_t i;

	json_array_foreach(json_get_arr(network, "Ports"), i, v)
		json_array_append_new(ports, port_of(v));
	return ports;
}

/* The values are the same for every key: kept once. */
static void share_values(json_t *object, json_t *value)
{
	const char *key;
	json_t *v;
	void *next;

	json_object_foreach_safe(object, next, key, v) if (json_equal(v, value))
		json_object_set(object, key, value);
	json_decref(value);
}

/* Bindings are kept as their text: a twentieth of the memory of the objects. */
void ports_slim(json_t *config, json_t *host_config)
{
	json_t *bindings = json_get_obj(host_config, "PortBindings");
	autofree char *text = json_object_size(bindings) ? json_text(bindings) : NULL;

	share_values(json_get_obj(config, "ExposedPorts"), json_object());
	if (text)
		json_object_set_new(host_config, "PortBindings", json_string(text));
}

json_t *ports_bindings(const json_t *host_config)
{
	json_t *kept = json_object_get(host_config, "PortBindings");

	if (!json_is_string(kept))
		return json_incref(kept);
	return json_parse(json_string_value(kept), json_string_length(kept), NULL);
}

json_t *ports_full(json_t *host_config)
{
	json_t *copy;

	if (!json_is_string(json_object_get(host_config, "PortBindings")))
		return json_incref(host_config);
	copy = json_copy(host_config);
	json_object_set_new(copy, "PortBindings", ports_bindings(host_config));
	return copy;
}

/* ---- as they are shown ---- */

static void key_of(const json_t *port, char out[24])
{
	snprintf(out, 24, "%d/%s", (int)json_get_int(port, "ContainerPort", 0),
		 json_get_str(port, "Proto", "tcp"));
}

static bool is_published(const json_t *port)
{
	return !json_get_bool(port, "Routed", false);
}

json_t *ports_shown(const json_t *config, const json_t *network)
{
	json_t *ports = json_object(), *v;
	autojson json_t *kept = ports_kept(network);
	const char *spec;
	size_t i;

	json_object_foreach(json_get_obj(config, "ExposedPorts"), spec, v)
		json_object_set_new(ports, spec, json_null());
	json_array_foreach(kept, i, v) {
		char key[24], number[8];

		key_of(v, key);
		if (!json_is_array(json_object_get(ports, key)))
			json_object_set_new(ports, key, json_array());
		snprintf(number, sizeof(number), "%d", (int)json_get_int(v, "HostPort", 0));
		if (is_published(v))
			json_array_append_new(json_object_get(ports, key),
					      json_pack("{s:s, s:s}", "HostIp",
							json_get_str(v, "HostIP", ""), "HostPort",
							number));
	}
	return ports;
}

json_t *ports_listed(const json_t *config, const json_t *network)
{
	autojson json_t *shown = ports_shown(config, network);
	json_t *list = json_array(), *bindings, *v;
	const char *spec, *proto;
	size_t i;

	json_object_foreach(shown, spec, bindings) {
		unsigned port = split_port(spec, &proto);

		if (port && !json_array_size(bindings))
			json_array_append_new(list, json_pack("{s:i, s:s}", "PrivatePort",
							      (int)port, "Type", proto));
		json_array_foreach(bindings, i, v) {
			uint32_t public = 0;

			(void)parse_u32(json_get_str(v, "HostPort", ""), &public); /* ours */
			json_array_append_new(list,
					      json_pack("{s:s, s:i, s:i, s:s}", "IP",
							json_get_str(v, "HostIp", ""),
							"PrivatePort", (int)port, "PublicPort",
							(int)public, "Type", proto));
		}
	}
	return list;
}
