/* docker port: what of a container is published where. */
#include <stdlib.h>
#include <string.h>

#include "api/client/addresses.h"
#include "api/client/internal.h"
#include "pkg/mem.h"
#include "pkg/natural.h"

/* "80/tcp -> 0.0.0.0:8080" for each binding; before is "" or "80/tcp -> ". */
static void add_bindings(struct strlist *out, const char *before, const json_t *bindings)
{
	const json_t *b;
	size_t i;

	json_array_foreach(bindings, i, b) {
		const char *ip = json_get_str(b, "HostIp", "");
		bool v6 = strchr(ip, ':') != NULL;

		strlist_addf(out, v6 ? "%s[%s]:%s" : "%s%s:%s", before, ip,
			     json_get_str(b, "HostPort", ""));
	}
}

static void add_all(struct strlist *out, json_t *ports)
{
	const char *key;
	json_t *value;

	json_object_foreach(ports, key, value) {
		autofree char *before = xasprintf("%s -> ", key);

		add_bindings(out, before, value);
	}
}

static int by_nature(const void *a, const void *b)
{
	return natural_compare(*(char *const *)a, *(char *const *)b);
}

static void print_sorted(struct call *call, struct strlist *lines)
{
	if (lines->n)
		qsort(lines->v, lines->n, sizeof(*lines->v), by_nature);
	for (size_t i = 0; i < lines->n; i++)
		job_printf(call->job, "%s\n", lines->v[i]);
}

/* The bindings of one port, "80" or "80/udp". */
static int add_one(const char *port, const char *container, const json_t *ports,
		   struct strlist *out, struct error *err)
{
	size_t n = strcspn(port, "/");
	autofree char *number = xstrndup(port, n), *key = NULL;
	const char *why = parse_port(number, NULL);

	if (why)
		return error_set(err, ERR_BAD_REQUEST,
				 "Error: invalid port (%s): strconv.ParseUint: parsing \"%s\": %s",
				 number, number, why);
	key = xasprintf("%s/%s", number, port[n] && port[n + 1] ? port + n + 1 : "tcp");
	add_bindings(out, "", json_object_get(ports, key));
	if (out->n)
		return 0;
	return error_set(err, ERR_NOT_FOUND, "Error: No public port '%s' published for %s", port,
			 container);
}

static int run_port(struct call *call)
{
	autobuf struct buf path = BUF_INIT(1 << 16);
	autostrlist struct strlist lines = STRLIST_INIT;
	const char *name = call->args.v[0], *port = call->args.n > 1 ? call->args.v[1] : "";
	autojson json_t *reply = NULL;
	json_t *ports;
	struct error err;

	api_path(&path, "/containers/", name, "/json");
	if (api_get(call->client, buf_text(&path), &reply, &err) < 0)
		return call_complain(call, &err);
	ports = json_get_obj(json_get_obj(reply, "NetworkSettings"), "Ports");
	if (!*port)
		add_all(&lines, ports);
	else if (add_one(port, name, ports, &lines, &err) < 0)
		return call_complain(call, &err);
	print_sorted(call, &lines);
	return 0;
}

const struct command_impl cmd_port = { .run = run_port };
