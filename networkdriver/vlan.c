/*
 * Networks of the drivers macvlan and ipvlan: containers with addresses on the segment of an interface
 * of the host, the parent. Here only the parent is looked after: one named eth0.10 that is not there
 * is made, as an 802.1Q interface of eth0; without a parent there is a dummy, and nothing to reach but
 * each other. The interfaces themselves are made by the monitors.
 */
#include "networkdriver/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/parse.h"

#define MAX_VLAN_ID 4094

static void name_dummy(struct network *net)
{
	snprintf(net->bridge, sizeof(net->bridge), "dm-%.12s", net->id);
}

static int make_dummy(int sock, struct network *net, struct error *err)
{
	name_dummy(net);
	if (nl_link_create_dummy(sock, net->bridge) < 0 && errno != EEXIST) {
		error_sys(err,
			  "Cannot create the parent interface \"%s\" (option parent names one)",
			  net->bridge);
		return -1;
	}
	net->made = true;
	return 0;
}

/* "eth0.10" of "eth0". */
static int make_8021q(int sock, struct network *net, struct error *err)
{
	const char *dot = strrchr(net->bridge, '.');
	autofree char *base = dot ? xstrndup(net->bridge, (size_t)(dot - net->bridge)) : NULL;
	uint32_t id;
	int parent;

	if (!dot || parse_u32(dot + 1, &id) < 0 || id < 1 || id > MAX_VLAN_ID)
		return error_set(
			err, ERR_BAD_REQUEST,
			"parent interface \"%s\" is not there, and its name is not one of a "
			"VLAN, such as eth0.10",
			net->bridge);
	parent = nl_link_index(sock, base);
	if (parent < 0)
		return error_sys(err, "parent interface \"%s\"", base);
	if (nl_link_create_vlan(sock, net->bridge, parent, id) < 0)
		return error_sys(err, "Cannot create interface \"%s\"", net->bridge);
	net->made = true;
	return 0;
}

static int find_parent(int sock, struct network *net, struct error *err)
{
	if (!*net->bridge && make_dummy(sock, net, err) < 0)
		return -1;
	if (nl_link_index(sock, net->bridge) < 0) {
		if (errno != ENODEV)
			return error_sys(err, "Cannot look up interface \"%s\"", net->bridge);
		if (strncmp(net->bridge, "dm-", 3) == 0 ? make_dummy(sock, net, err)
							: make_8021q(sock, net, err) < 0)
			return -1;
	}
	net->ifindex = nl_link_index(sock, net->bridge);
	if (net->ifindex < 0)
		return error_sys(err, "Cannot look up interface \"%s\"", net->bridge);
	if (net->made && nl_link_up(sock, net->ifindex) < 0)
		return error_sys(err, "Cannot bring interface \"%s\" up", net->bridge);
	return 0;
}

/* One is made and removed: the only way to know before a container is to have it. */
static int probe(int sock, const struct network *net, struct error *err)
{
	char name[NL_NAME_SIZE], hex[9];
	const struct nl_vlan v = { .kind = network_driver_name(net->driver),
				   .mode = net->vlan_mode,
				   .parent = net->ifindex,
				   .name = name };
	int index;

	id_random_hex(hex, 4);
	snprintf(name, sizeof(name), "dkprobe%s", hex);
	if (nl_vlan_create(sock, &v) < 0) {
		if (errno == EOPNOTSUPP)
			return error_set(err, ERR_NOT_IMPLEMENTED,
					 "kernel does not support the %s driver",
					 network_driver_name(net->driver));
		return error_sys(err, "Cannot put %s interfaces on \"%s\"",
				 network_driver_name(net->driver), net->bridge);
	}
	index = nl_link_index(sock, name);
	if (index > 0 && nl_link_del(sock, index) < 0)
		log_warn("cannot remove interface \"%s\": %s", name, error_words(errno));
	return 0;
}

int vlan_setup(struct network *net, struct error *err)
{
	autoclose int sock = netlink_open();

	if (sock < 0)
		return error_sys(err, "Cannot open a netlink socket");
	if (!*net->vlan_mode)
		snprintf(net->vlan_mode, sizeof(net->vlan_mode), "%s",
			 net->driver == DRIVER_MACVLAN ? "bridge" : "l2");
	if (find_parent(sock, net, err) == 0 && probe(sock, net, err) == 0)
		return 0;
	vlan_done(net);
	return -1;
}

void vlan_done(const struct network *net)
{
	bool is_vlan = net->driver == DRIVER_MACVLAN || net->driver == DRIVER_IPVLAN;
	autoclose int sock = is_vlan && net->made ? netlink_open() : -1;
	int index = sock < 0 ? -1 : nl_link_index(sock, net->bridge);

	if (index > 0 && nl_link_del(sock, index) < 0 && errno != ENODEV)
		log_warn("cannot remove interface \"%s\": %s, ignoring", net->bridge,
			 error_words(errno));
}

/* Only the dummy is known to be ours: an 802.1Q interface may have been there before. */
void vlan_unmake(struct network *net)
{
	if ((net->driver != DRIVER_MACVLAN && net->driver != DRIVER_IPVLAN) || *net->bridge)
		return;
	name_dummy(net);
	net->made = true;
	vlan_done(net);
}
