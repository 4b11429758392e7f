/*
 * A container's interfaces, made from outside: the monitor is in the host's namespace, and what it
 * makes appears in the container's. At the start the container's first process gives them their
 * addresses; of one that runs the monitor does it all, in that namespace for a moment.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dockerinit/monitor.h"
#include "dockerinit/netns.h"
#include "dockerinit/resolver.h"
#include "pkg/error.h"
#include "pkg/mem.h"
#include "pkg/netlink.h"

static int parse_mac(const char *text, unsigned char mac[NL_MAC_SIZE])
{
	unsigned v[NL_MAC_SIZE];

	if (sscanf(text, "%x:%x:%x:%x:%x:%x", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5]) != 6)
		return -1;
	for (int i = 0; i < NL_MAC_SIZE; i++)
		mac[i] = (unsigned char)v[i];
	return 0;
}

static int make_veth(int sock, struct plan_record *rec, pid_t pid, struct error *err)
{
	struct nl_veth veth = { .host_up = true, .peer_netns_pid = pid };
	unsigned char mac[NL_MAC_SIZE];

	veth.host_name = plan_field(rec);
	veth.bridge_index = (int)plan_number(rec);
	veth.mtu = (unsigned)plan_number(rec);
	veth.peer_name = plan_field(rec);
	if (parse_mac(plan_field(rec), mac) == 0)
		veth.peer_mac = mac;
	veth.host_isolated = *plan_field(rec) == '1';
	veth.host_hairpin = *plan_field(rec) == '1';
	if (nl_veth_create(sock, &veth) < 0)
		return error_sys(err, "making the interface %s", veth.host_name);
	return 0;
}

static int make_vlan(int sock, struct plan_record *rec, pid_t pid, struct error *err)
{
	struct nl_vlan vlan = { .netns_pid = pid };
	unsigned char mac[NL_MAC_SIZE];

	vlan.kind = plan_field(rec);
	vlan.mode = plan_field(rec);
	vlan.parent = (int)plan_number(rec);
	vlan.mtu = (unsigned)plan_number(rec);
	vlan.name = plan_field(rec);
	if (parse_mac(plan_field(rec), mac) == 0)
		vlan.mac = mac;
	if (nl_vlan_create(sock, &vlan) < 0)
		return error_sys(err, "making the %s interface %s", vlan.kind, vlan.name);
	return 0;
}

int links_create(const struct plan *plan, pid_t pid, struct error *err)
{
	struct plan_reader r = PLAN_READER(plan);
	struct plan_record rec;
	autoclose int sock = -1;

	while (plan_next(&r, &rec)) {
		if (rec.tag != PLAN_VETH && rec.tag != PLAN_VLAN)
			continue;
		if (sock < 0)
			sock = netlink_open();
		if (sock < 0)
			return error_sys(err, "netlink socket");
		if ((rec.tag == PLAN_VETH ? make_veth(sock, &rec, pid, err)
					  : make_vlan(sock, &rec, pid, err)) < 0)
			return -1;
	}
	return 0;
}

/* Of this tag, by the field that has its name in the namespace in which we are. */
static int remove_made(const struct plan *plan, enum plan_tag tag, int field, struct error *err)
{
	struct plan_reader r = PLAN_READER(plan);
	struct plan_record rec;
	autoclose int sock = netlink_open();

	if (sock < 0)
		return error_sys(err, "netlink socket");
	while (plan_next_of(&r, tag, &rec)) {
		int index;

		for (int i = 0; i < field; i++)
			plan_field(&rec);
		index = nl_link_index(sock, plan_field(&rec));
		if (index < 0 || nl_link_del(sock, index) < 0)
			return error_sys(err, "removing an interface");
	}
	return 0;
}

static int remove_vlans(const struct plan *plan, struct error *err)
{
	return remove_made(plan, PLAN_VLAN, 4, err);
}

static int change_inside(const struct plan *plan,
			 int (*change)(const struct plan *, struct error *), int ns,
			 struct error *err)
{
	int rc;

	if (netns_enter(ns) < 0)
		return error_sys(err, "entering the container's network");
	rc = change(plan, err);
	netns_leave();
	return rc;
}

/* What was made goes again: with its one end the other does. The first failure is the news. */
static void undo_links(const struct plan *plan, int ns)
{
	(void)remove_made(plan, PLAN_VETH, 0, NULL);
	if (plan_has(plan, PLAN_VLAN))
		(void)change_inside(plan, remove_vlans, ns, NULL);
}

/*
 * Routes are last: the one that is replaced does not come back by itself. At most one interface is
 * made, so that one which cannot be made leaves nothing to undo, and a name in its way alone.
 */
int links_change(const struct plan *plan, pid_t pid, struct error *err)
{
	autoclose int ns = netns_open(pid);

	if (ns < 0)
		return error_sys(err, "opening the container's network");
	if (net_unlink_veths(plan, err) < 0 || change_inside(plan, net_unlink, ns, err) < 0)
		return -1;
	if (links_create(plan, pid, err) < 0)
		return -1;
	if (change_inside(plan, net_configure, ns, err) == 0 &&
	    resolver_start(plan, pid, err) == 0 &&
	    change_inside(plan, net_default_routes, ns, err) == 0)
		return 0;
	undo_links(plan, ns);
	return -1;
}
