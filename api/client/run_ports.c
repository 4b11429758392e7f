/* -p and --expose: "[[IP:]HOSTPORT[-LAST]:]PORT[-LAST][/PROTO]" into ExposedPorts and PortBindings. */
#include "api/client/run_opts.h"

#include <stdio.h>
#include <string.h>

#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/parse.h"

struct range {
	uint32_t first, last;
};

static int parse_range(const char *text, struct range *out, const char *what, struct error *err)
{
	size_t n = strcspn(text, "-");
	autofree char *first = xstrndup(text, n);
	struct range r;

	if (parse_u32(first, &r.first) < 0 || r.first > 65535)
		return error_set(err, ERR_BAD_REQUEST, "invalid %s: %s", what, text);
	r.last = r.first;
	if (text[n] && (parse_u32(text + n + 1, &r.last) < 0 || r.last > 65535 || r.last < r.first))
		return error_set(err, ERR_BAD_REQUEST, "invalid %s: %s", what, text);
	*out = r;
	return 0;
}

/* Cuts "/PROTO" off text. NULL with err when it is not one that there is. */
static const char *cut_proto(char *text, struct error *err)
{
	static const char *const protos[] = { "tcp", "udp", "sctp" };
	char *slash = strchr(text, '/');

	if (!slash)
		return "tcp";
	*slash = '\0';
	for (size_t i = 0; i < array_size(protos); i++)
		if (strcasecmp(slash + 1, protos[i]) == 0)
			return protos[i];
	error_set(err, ERR_BAD_REQUEST, "invalid proto: %s", slash + 1);
	return NULL;
}

static void expose(json_t *exposed, uint32_t port, const char *proto)
{
	char key[24];

	snprintf(key, sizeof(key), "%u/%s", port, proto);
	if (!json_object_get(exposed, key))
		json_object_set_new_nocheck(exposed, key, json_object());
}

static int expose_spec(json_t *exposed, const char *spec, struct error *err)
{
	autofree char *text = xstrdup(spec);
	const char *proto = cut_proto(text, err);
	struct range r;

	if (!proto)
		return -1;
	if (parse_range(text, &r, "range format for --expose", err) < 0)
		return -1;
	for (uint32_t port = r.first; port <= r.last; port++)
		expose(exposed, port, proto);
	return 0;
}

static void bind_port(json_t *bindings, uint32_t port, const char *proto, const char *ip,
		      const char *host_port)
{
	char key[24];
	json_t *list;

	snprintf(key, sizeof(key), "%u/%s", port, proto);
	list = json_object_get(bindings, key);
	if (!list) {
		list = json_array();
		json_object_set_new_nocheck(bindings, key, list);
	}
	json_array_append_new(list, json_pack("{s:s, s:s}", "HostIp", ip, "HostPort", host_port));
}

/* "ip:host:container" into its parts, in place; absent ones are "". An IPv6 address is in brackets. */
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
	if (text[0] == '[' && colon > text && colon[-1] == ']') {
		colon[-1] = '\0';
		*ip = text + 1;
	}
}

static int publish_ranges(json_t *exposed, json_t *bindings, const char *proto, const char *ip,
			  const struct range *ports, const struct range *hosts, const char *spec,
			  struct error *err)
{
	uint32_t n = ports->last - ports->first, room = hosts ? hosts->last - hosts->first : 0;

	if (hosts && room != n && n != 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid ranges specified for container and host Ports: %s", spec);
	for (uint32_t i = 0; i <= n; i++) {
		char host_port[16] = "";

		if (hosts && n == 0 && room) /* any one of the host's range */
			snprintf(host_port, sizeof(host_port), "%u-%u", hosts->first, hosts->last);
		else if (hosts)
			snprintf(host_port, sizeof(host_port), "%u", hosts->first + i);
		expose(exposed, ports->first + i, proto);
		bind_port(bindings, ports->first + i, proto, ip, host_port);
	}
	return 0;
}

static int publish_spec(json_t *exposed, json_t *bindings, const char *spec, struct error *err)
{
	autofree char *text = xstrdup(spec);
	const char *proto = cut_proto(text, err);
	struct range ports, hosts;
	char *ip, *host, *container;

	if (!proto)
		return -1;
	split_spec(text, &ip, &host, &container);
	if (!*container)
		return error_set(err, ERR_BAD_REQUEST, "no port specified: %s<empty>", spec);
	if (parse_range(container, &ports, "containerPort", err) < 0 ||
	    (*host && parse_range(host, &hosts, "hostPort", err) < 0))
		return -1;
	return publish_ranges(exposed, bindings, proto, ip, &ports, *host ? &hosts : NULL, spec,
			      err);
}

int run_ports(const struct run_opts *o, json_t *config, json_t *host_config, struct error *err)
{
	autojson json_t *exposed = json_object(), *bindings = json_object();

	for (size_t i = 0; i < o->publish.n; i++)
		if (publish_spec(exposed, bindings, o->publish.v[i], err) < 0)
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
