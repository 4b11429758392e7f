/*
 * Removal of what crashes left: veths on our bridge that carry our sort of name and belong to
 * nobody. Normally a veth goes with its container's namespace; one is left when a monitor died
 * between making it and starting its container, for as long as something holds that namespace.
 * Those that stay are brought in line with --icc, which may have changed since they were made.
 */
#include "networkdriver/internal.h"

#include <errno.h>
#include <string.h>

#include "pkg/mem.h"

struct orphans {
	int bridge;
	struct strlist names;
};

static bool is_our_name(const char *name)
{
	const size_t prefix = sizeof(VETH_PREFIX) - 1;

	return strncmp(name, VETH_PREFIX, prefix) == 0 &&
	       strspn(name + prefix, "0123456789abcdef") == VETH_DIGITS &&
	       name[prefix + VETH_DIGITS] == '\0';
}

static int collect(const struct nl_link *link, void *arg)
{
	struct orphans *o = arg;

	if (link->master == o->bridge && strcmp(link->kind, "veth") == 0 && is_our_name(link->name))
		strlist_add(&o->names, link->name);
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

int network_sweep(struct network *net, const struct strlist *known, struct error *err)
{
	autoclose int sock = netlink_open();
	struct orphans found = { .bridge = net->ifindex };
	int rc = 0;

	if (sock < 0)
		return error_sys(err, "Cannot open a netlink socket");
	if (nl_link_list(sock, collect, &found) < 0)
		rc = error_sys(err, "Cannot list the interfaces");
	/* A name is allocated before its veth is made: asked now, none that was listed is missed. */
	for (size_t i = 0; i < found.names.n; i++) {
		const char *name = found.names.v[i];
		if (strlist_has(known, name) || network_has_ifname(net, name))
			rc |= keep_link(sock, name, !net->icc, err);
		else
			rc |= remove_link(sock, name, err);
	}
	strlist_done(&found.names);
	return rc;
}
