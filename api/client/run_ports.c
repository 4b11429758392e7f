/*
 * -p and --expose: "[[IP:]HOSTPORT[-LAST]:]PORT[-LAST][/PROTO]", or "published=...,target=...", into
 * ExposedPorts and PortBindings. The words of refusals are those of Docker's own client.
 */
#include "api/client/run_opts.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/client/addresses.h"
#include "pkg/json.h"
#include "pkg/mem.h"

struct range {
	uint32_t first, last;
};

/* What follows a second dash is not looked at, as in Docker's own client. 0, or -1 with the cause. */
static int parse_range(const char *text, struct range *out, struct error *err)
{
	autostrlist struct strlist ends = STRLIST_INIT;
	struct range r = { 0 };

	if (!*text)
		return error_set(err, ERR_BAD_REQUEST, "empty string specified for ports");
	strlist_split(&ends, text, '-');
	for (size_t i = 0; i < 2 && i < ends.n; i++) {
		const char *why = parse_port(ends.v[i], i ? &r.last : &r.first);

		if (why)
			return error_set(err, ERR_BAD_REQUEST,
					 "strconv.ParseUint: parsing \"%s\": %s", ends.v[i], why);
	}
	if (ends.n == 1)
		r.last = r.first;
	if (r.last < r.first)
		return error_set(err, ERR_BAD_REQUEST, "invalid range specified for port: %s",
				 text);
	*out = r;
	return 0;
}

/*
 * Cuts "/PROTO" off text, where it is; what follows another slash goes with it. Returns the protocol:
 * "tcp" for none, "" when no port stands before it. Caller frees.
 */
static char *cut_proto(char *text)
{
	char *slash = strchr(text, '/');

	if (!*text || text == slash) {
		*text = '\0';
		return xstrdup("");
	}
	if (!slash)
		return xstrdup("tcp");
	*slash++ = '\0';
	slash[strcspn(slash, "/")] = '\0';
	return xstrdup(*slash ? slash : "tcp");
}

static void expose(json_t *exposed, uint32_t port, const char *proto)
{
	autofree char *key = xasprintf("%u/%s", port, proto);

	if (!json_object_get(exposed, key))
		json_object_set_new_nocheck(exposed, key, json_object());
}

static int expose_spec(json_t *exposed, const char *spec, struct error *err)
{
	autofree char *text = xstrdup(spec), *proto = NULL;
	struct range r;

	if (strchr(spec, ':'))
		return error_set(err, ERR_BAD_REQUEST, "invalid port format for --expose: %s",
				 spec);
	proto = cut_proto(text);
	if (parse_range(text, &r, err) < 0)
		return error_prefix(err, "invalid range format for --expose: %s, error", spec);
	for (uint32_t port = r.first; port <= r.last; port++)
		expose(exposed, port, proto);
	return 0;
}

static void bind_port(json_t *bindings, uint32_t port, const char *proto, const char *ip,
		      const char *host_port)
{
	autofree char *key = xasprintf("%u/%s", port, proto);
	json_t *list;

	list = json_object_get(bindings, key);
	if (!list) {
		list = json_array();
		json_object_set_new_nocheck(bindings, key, list);
	}
	json_array_append_new(list, json_pack("{s:s, s:s}", "HostIp", ip, "HostPort", host_port));
}

/* "ip:host:container" into its parts, in place; absent ones are "". The ip may have colons itself. */
static void split_spec(char *text, char **ip, char **host, char **container)
{
	static char none[] = "";
	char *colon = strrchr(text, ':');

	*ip = *host = none;
	*container = colon ? colon + 1 : text;
	if (!colon)
		return;
	*colon = '\0';
	colon = strrchr(text, ':');
	*host = colon ? colon + 1 : text;
	if (!colon)
		return;
	*colon = '\0';
	*ip = text;
}

/* Takes the brackets off an IPv6 address, in place. */
static int check_ip(char **ip, struct error *err)
{
	char *text = *ip, *end = strchr(text, ']');
	struct ip parsed;

	if (*text == '[') {
		if (!end || end[1])
			return error_set(
				err, ERR_BAD_REQUEST,
				"invalid IP address %s: address %s:: missing ']' in address", text,
				text);
		*end = '\0';
		*ip = ++text;
	}
	if (*text && !ip_parse(text, &parsed))
		return error_set(err, ERR_BAD_REQUEST, "invalid IP address: %s", text);
	return 0;
}

static void publish_ranges(json_t *exposed, json_t *bindings, const char *proto, const char *ip,
			   const struct range *ports, const struct range *hosts)
{
	uint32_t n = ports->last - ports->first, room = hosts ? hosts->last - hosts->first : 0;

	for (uint32_t i = 0; i <= n; i++) {
		char host_port[16] = "";

		if (hosts && n == 0 && room) /* any one of the host's range */
			snprintf(host_port, sizeof(host_port), "%u-%u", hosts->first, hosts->last);
		else if (hosts)
			snprintf(host_port, sizeof(host_port), "%u", hosts->first + i);
		expose(exposed, ports->first + i, proto);
		bind_port(bindings, ports->first + i, proto, ip, host_port);
	}
}

/* The protocol in small letters; NULL when it is not one that there is. */
static const char *known_proto(const char *proto)
{
	static const char *const protos[] = { "tcp", "udp", "sctp" };

	for (size_t i = 0; i < array_size(protos); i++)
		if (strcasecmp(proto, protos[i]) == 0)
			return protos[i];
	return NULL;
}

static int publish_spec(json_t *exposed, json_t *bindings, const char *spec, struct error *err)
{
	autofree char *text = xstrdup(spec), *proto = NULL;
	struct range ports, hosts = { 0 };
	char *ip, *host, *container;

	split_spec(text, &ip, &host, &container);
	proto = cut_proto(container);
	if (check_ip(&ip, err) < 0)
		return -1;
	if (!*container)
		return error_set(err, ERR_BAD_REQUEST, "no port specified: %s<empty>", spec);
	if (parse_range(container, &ports, err) < 0)
		return error_set(err, ERR_BAD_REQUEST, "invalid containerPort: %s", container);
	if (*host && parse_range(host, &hosts, err) < 0)
		return error_set(err, ERR_BAD_REQUEST, "invalid hostPort: %s", host);
	if (*host && hosts.last - hosts.first != ports.last - ports.first &&
	    ports.last != ports.first)
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid ranges specified for container and host Ports: %s and %s",
				 container, host);
	if (!known_proto(proto))
		return error_set(err, ERR_BAD_REQUEST, "invalid proto: %s", proto);
	publish_ranges(exposed, bindings, known_proto(proto), ip, &ports, *host ? &hosts : NULL);
	return 0;
}

/* "published=8080,target=80,protocol=udp" in the short notation; NULL with err. Caller frees. */
static char *short_notation(const char *spec, struct error *err)
{
	autostrlist struct strlist fields = STRLIST_INIT;
	const char *published = "", *target = "", *protocol = "tcp";

	if (!strchr(spec, '='))
		return xstrdup(spec);
	strlist_split(&fields, spec, ',');
	for (size_t i = 0; i < fields.n; i++) {
		const char *field = fields.v[i], *value = strchr(field, '=');

		if (!value || value == field) {
			error_set(err, ERR_BAD_REQUEST,
				  "invalid publish opts format (should be name=value but got '%s')",
				  field);
			return NULL;
		}
		value++;
		if (strncmp(field, "published=", 10) == 0)
			published = value;
		else if (strncmp(field, "target=", 7) == 0)
			target = value;
		else if (strncmp(field, "protocol=", 9) == 0)
			protocol = value;
	}
	return xasprintf("%s:%s/%s", published, target, protocol);
}

static int publish_all(const struct strlist *specs, json_t *exposed, json_t *bindings,
		       struct error *err)
{
	autostrlist struct strlist plain = STRLIST_INIT;

	for (size_t i = 0; i < specs->n; i++) {
		char *spec = short_notation(specs->v[i], err);

		if (!spec)
			return -1;
		strlist_take(&plain, spec);
	}
	for (size_t i = 0; i < plain.n; i++)
		if (publish_spec(exposed, bindings, plain.v[i], err) < 0)
			return -1;
	return 0;
}

int run_ports(const struct run_opts *o, json_t *config, json_t *host_config, struct error *err)
{
	autojson json_t *exposed = json_object(), *bindings = json_object();

	if (publish_all(&o->publish, exposed, bindings, err) < 0)
		return -1;
	for (size_t i = 0; i < o->expose.n; i++)
		if (expose_spec(exposed, o->expose.v[i], err) < 0)
			return -1;
	if (json_object_size(exposed))
		json_object_set_nocheck(config, "ExposedPorts", exposed);
	if (json_object_size(bindings))
		json_object_set_nocheck(host_config, "PortBindings", bindings);
	return 0;
}
