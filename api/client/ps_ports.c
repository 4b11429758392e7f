/*
 * The PORTS column of `docker ps`: neighbouring ports that are mapped to themselves or not published
 * at all are shown as one range, the others one by one behind them. The order is that of Docker's own
 * client: a range is shown where it breaks off, those that do not follow in the order of their starts.
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

/* A range that grows; one for each address and protocol. */
struct group {
	const struct port *first;
	int last;
};

static bool belongs(const struct group *g, const struct port *p)
{
	return strcmp(g->first->ip, p->ip) == 0 && strcmp(g->first->type, p->type) == 0;
}

static void add_address(struct buf *out, const char *ip)
{
	bool v6 = strchr(ip, ':') != NULL;

	buf_addf(out, v6 ? "[%s]:" : "%s:", ip);
}

static void add_range(struct buf *out, const struct group *g)
{
	const struct port *p = g->first;
	char range[32];

	if (g->last > p->container)
		snprintf(range, sizeof(range), "%d-%d", p->container, g->last);
	else
		snprintf(range, sizeof(range), "%d", p->container);
	buf_adds(out, out->len ? ", " : "");
	if (*p->ip) {
		add_address(out, p->ip);
		buf_addf(out, "%s->", range);
	}
	buf_addf(out, "%s/%s", range, p->type);
}

/* Into its group, or a new one; a range that it does not continue is shown. */
static size_t add_plain(struct buf *out, struct group *groups, size_t n, const struct port *p)
{
	size_t i = 0;

	while (i < n && !belongs(&groups[i], p))
		i++;
	if (i < n && p->container == groups[i].last + 1) {
		groups[i].last = p->container;
		return n;
	}
	if (i < n)
		add_range(out, &groups[i]);
	groups[i] = (struct group){ p, p->container };
	return i < n ? n : n + 1;
}

char *ps_ports(const json_t *list)
{
	size_t n = json_array_size(list), ngroups = 0;
	autofree struct port *ports = sorted(list, n);
	autofree struct group *groups = xcalloc(n + 1, sizeof(*groups));
	struct buf out = BUF_INIT(1 << 20);

	for (size_t i = 0; i < n; i++)
		if (is_plain(&ports[i]))
			ngroups = add_plain(&out, groups, ngroups, &ports[i]);
	for (size_t i = 0; i < ngroups; i++)
		add_range(&out, &groups[i]);
	for (size_t i = 0; i < n; i++) {
		if (is_plain(&ports[i]))
			continue;
		buf_adds(&out, out.len ? ", " : "");
		add_address(&out, ports[i].ip);
		buf_addf(&out, "%d->%d/%s", ports[i].host, ports[i].container, ports[i].type);
	}
	return buf_take(&out);
}
