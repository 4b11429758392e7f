/*
 * Removal of what crashes left: veths on our bridges that carry our sort of name and belong to
 * nobody. Normally a veth goes with its container's namespace; one is left when a monitor died
 * between making it and starting its container, for as long as something holds that namespace.
 * Those of the default bridge that stay are brought in line with --icc, which may have changed.
 */
#include "networkdriver/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/mem.h"

/* Our bridges, by the index of their interface. */
struct bridges {
	struct network **v;
	size_t n;
};

struct stray {
	char name[NL_NAME_SIZE];
	struct network *net;
};

struct search {
	struct bridges bridges;
	struct stray *v;
	size_t n, cap;
};

static int by_ifindex(const void *a, const void *b)
{
	const struct network *x = *(struct network *const *)a, *y = *(struct network *const *)b;

	return (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);
}

static struct network *bridge_of(const struct bridges *b, int ifindex)
{
	struct network key = { .ifindex = ifindex }, *p = &key, **found;

	found = b->n ? bsearch(&p, b->v, b->n, sizeof(p), by_ifindex) : NULL;
	return found ? *found : NULL;
}

static bool is_our_name(const char *name)
{
	const size_t prefix = sizeof(VETH_PREFIX) - 1;

	return strncmp(name, VETH_PREFIX, prefix) == 0 &&
	       strspn(name + prefix, "0123456789abcdef") == VETH_DIGITS &&
	       name[prefix + VETH_DIGITS] == '\0';
}

static int collect(const struct nl_link *link, void *arg)
{
	struct search *s = arg;
	struct network *net = link->master ? bridge_of(&s->bridges, link->master) : NULL;

	if (!net || strcmp(link->kind, "veth") != 0 || !is_our_name(link->name))
		return 0;
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 64;
		s->v = xrealloc(s->v, s->cap * sizeof(*s->v));
	}
	memcpy(s->v[s->n].name, link->name, sizeof(link->name));
	s->v[s->n++].net = net;
	return 0;
}

static int remove_link(int sock, const char *name, struct error *err)
{
	int index = nl_link_index(sock, name);

	/* It may go by itself meanwhile, with its namespace. */
	if ((index < 0 || nl_link_del(sock, index) < 0) && errno != ENODEV)
		return error_sys(err, "Cannot remove interface \"%s\"", name);
	return 0;
}

/* A port that may be older than this daemon: between containers as --icc says today. */
static int keep_link(int sock, const char *name, bool isolated, struct error *err)
{
	if (nl_port_set_isolated(sock, name, isolated) < 0 && errno != ENODEV)
		return error_sys(err, "Cannot set up bridge port \"%s\"", name);
	return 0;
}

/* A name is allocated before its veth is made: asked now, none that was listed is missed. */
static int settle(int sock, const struct stray *s, const struct map *known, struct error *err)
{
	if (!map_get(known, s->name) && !network_has_ifname(s->net, s->name))
		return remove_link(sock, s->name, err);
	return s->net->builtin ? keep_link(sock, s->name, !s->net->icc, err) : 0;
}

static void find_bridges(struct network **all, struct bridges *out)
{
	size_t n = 0;

	while (all[n])
		n++;
	out->v = xcalloc(n + 1, sizeof(struct network *));
	for (size_t i = 0; i < n; i++)
		if (all[i]->driver == DRIVER_BRIDGE && all[i]->ifindex)
			out->v[out->n++] = all[i];
	qsort(out->v, out->n, sizeof(struct network *), by_ifindex);
}

int networks_sweep(struct network **all, const struct strlist *known, struct error *err)
{
	autoclose int sock = netlink_open();
	struct map names = MAP_INIT;
	struct search s = { 0 };
	int rc = 0;

	if (sock < 0)
		return error_sys(err, "Cannot open a netlink socket");
	find_bridges(all, &s.bridges);
	for (size_t i = 0; i < known->n; i++)
		map_set(&names, known->v[i], known->v[i]);
	if (nl_link_list(sock, collect, &s) < 0)
		rc = error_sys(err, "Cannot list the interfaces");
	for (size_t i = 0; i < s.n; i++)
		rc |= settle(sock, &s.v[i], &names, err);
	map_done(&names);
	free(s.bridges.v);
	free(s.v);
	return rc;
}
