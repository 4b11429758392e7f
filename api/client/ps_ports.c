/*
 * The PORTS column of `docker ps`: neighbouring ports that are mapped to themselves or not published
 * at all are shown as one range.
 */
#include "api/client/ps_ports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/buf.h"
#include "pkg/json.h"
#include "pkg/mem.h"

struct port {
	const char *ip, *type;
	int container, host;
};

static int by_number(const void *a, const void *b)
{
	const struct port *x = a, *y = b;
	int c = x->container - y->container;

	if (!c)
		c = strcmp(x->ip, y->ip);
	if (!c)
		c = x->host - y->host;
	return c ? c : strcmp(x->type, y->type);
}

static struct port *sorted(const json_t *list, size_t n)
{
	struct port *ports = xcalloc(n, sizeof(*ports));
	const json_t *p;
	size_t i;

	json_array_foreach(list, i, p)
		ports[i] = (struct port){ .ip = json_get_str(p, "IP", ""),
					  .type = json_get_str(p, "Type", "tcp"),
					  .container = (int)json_get_int(p, "PrivatePort", 0),
					  .host = (int)json_get_int(p, "PublicPort", 0) };
	qsort(ports, n, sizeof(*ports), by_number);
	return ports;
}

static bool is_plain(const struct port *p)
{
	return !*p->ip || p->host == p->container;
}

/* The last port of the range that begins at ports[first]; its members are marked done. */
static int range_end(const struct port *ports, size_t n, size_t first, bool *done)
{
	int last = ports[first].container;

	for (size_t i = first; i < n; i++) {
		const struct port *p = &ports[i];

		if (done[i] || !is_plain(p) || strcmp(p->ip, ports[first].ip) != 0 ||
		    strcmp(p->type, ports[first].type) != 0)
			continue;
		if (p->container > last + 1)
			break;
		last = p->container;
		done[i] = true;
	}
	return last;
}

static void add_address(struct buf *out, const char *ip)
{
	bool v6 = strchr(ip, ':') != NULL;

	buf_addf(out, v6 ? "[%s]:" : "%s:", ip);
}

static void add_range(struct buf *out, const struct port *p, int last)
{
	char range[32];

	if (last > p->container)
		snprintf(range, sizeof(range), "%d-%d", p->container, last);
	else
		snprintf(range, sizeof(range), "%d", p->container);
	buf_adds(out, out->len ? ", " : "");
	if (*p->ip) {
		add_address(out, p->ip);
		buf_addf(out, "%s->", range);
	}
	buf_addf(out, "%s/%s", range, p->type);
}

char *ps_ports(const json_t *list)
{
	size_t n = json_array_size(list);
	autofree struct port *ports = sorted(list, n);
	autofree bool *done = xcalloc(n + 1, sizeof(*done));
	struct buf out = BUF_INIT(1 << 20);

	for (size_t i = 0; i < n; i++)
		if (!done[i] && is_plain(&ports[i]))
			add_range(&out, &ports[i], range_end(ports, n, i, done));
	for (size_t i = 0; i < n; i++) {
		if (is_plain(&ports[i]))
			continue;
		buf_adds(&out, out.len ? ", " : "");
		add_address(&out, ports[i].ip);
		buf_addf(&out, "%d->%d/%s", ports[i].host, ports[i].container, ports[i].type);
	}
	return buf_take(&out);
}
