/* docker port: what of a container is published where. */
#include <stdlib.h>
#include <string.h>

#include "api/client/internal.h"
#include "pkg/mem.h"

static void add_bindings(struct buf *out, const char *before, const json_t *bindings)
{
	const json_t *b;
	size_t i;

	json_array_foreach(bindings, i, b) {
		const char *ip = json_get_str(b, "HostIp", "");
		bool v6 = strchr(ip, ':') != NULL;

		buf_addf(out, v6 ? "%s[%s]:%s\n" : "%s%s:%s\n", before, ip,
			 json_get_str(b, "HostPort", ""));
	}
}

static int by_port(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	long c = strtol(x, NULL, 10) - strtol(y, NULL, 10);

	return c ? (c > 0) - (c < 0) : strcmp(x, y);
}

static void add_all(struct buf *out, const json_t *ports)
{
	autostrlist struct strlist keys = STRLIST_INIT;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)ports, key, value)
		strlist_add(&keys, key);
	if (keys.n)
		qsort(keys.v, keys.n, sizeof(*keys.v), by_port);
	for (size_t i = 0; i < keys.n; i++) {
		autofree char *before = xasprintf("%s -> ", keys.v[i]);

		add_bindings(out, before, json_object_get(ports, keys.v[i]));
	}
}

static int run_port(struct call *call)
{
	autobuf struct buf path = BUF_INIT(1 << 16), out = BUF_INIT(1 << 20);
	autojson json_t *reply = NULL;
	autofree char *key = NULL;
	const json_t *ports;
	struct error err;

	api_path(&path, "/containers/", call->args.v[0], "/json");
	if (api_get(call->client, buf_text(&path), &reply, &err) < 0)
		return call_complain(call, &err);
	ports = json_get_obj(json_get_obj(reply, "NetworkSettings"), "Ports");
	if (call->args.n == 1) {
		add_all(&out, ports);
		return call_out(call, out.p, out.len);
	}
	key = xasprintf("%s%s", call->args.v[1], strchr(call->args.v[1], '/') ? "" : "/tcp");
	add_bindings(&out, "", json_object_get(ports, key));
	if (!out.len)
		return call_fail(call, "Error: No public port '%s' published for %s",
				 call->args.v[1], call->args.v[0]);
	return call_out(call, out.p, out.len);
}

const struct command_impl cmd_port = { .run = run_port };
