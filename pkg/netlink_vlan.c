/* Interfaces on top of others: macvlan, ipvlan, 802.1Q, and a dummy to put them on. */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "pkg/netlink.h"

#define SPACE 512 /* bytes; the largest request takes about 150 */

static void begin(struct nl_msg *m)
{
	struct ifinfomsg head = { 0 };

	nl_begin(m, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
}

static int mode_number(const struct nl_vlan *v)
{
	static const struct {
		const char *kind, *mode;
		int number;
	} modes[] = {
		{ "macvlan", "private", MACVLAN_MODE_PRIVATE },
		{ "macvlan", "vepa", MACVLAN_MODE_VEPA },
		{ "macvlan", "bridge", MACVLAN_MODE_BRIDGE },
		{ "macvlan", "passthru", MACVLAN_MODE_PASSTHRU },
		{ "ipvlan", "l2", IPVLAN_MODE_L2 },
		{ "ipvlan", "l3", IPVLAN_MODE_L3 },
		{ "ipvlan", "l3s", IPVLAN_MODE_L3S },
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(v->kind, modes[i].kind) == 0 && strcmp(v->mode, modes[i].mode) == 0)
			return modes[i].number;
	return -1;
}

static void put_mode(struct nl_msg *m, const struct nl_vlan *v, int mode)
{
	size_t data = nl_nest(m, IFLA_INFO_DATA);

	if (strcmp(v->kind, "macvlan") == 0)
		nl_put_u32(m, IFLA_MACVLAN_MODE, (uint32_t)mode);
	else
		nl_put_u16(m, IFLA_IPVLAN_MODE, (uint16_t)mode);
	nl_nest_end(m, data);
}

int nl_vlan_create(int sock, const struct nl_vlan *v)
{
	uint32_t space[SPACE / 4];
	struct nl_msg m = nl_msg_in(space, sizeof(space));
	int mode = mode_number(v);
	size_t info;

	if (mode < 0) {
		errno = EINVAL;
		return -1;
	}
	begin(&m);
	nl_put_str(&m, IFLA_IFNAME, v->name);
	nl_put_u32(&m, IFLA_LINK, (uint32_t)v->parent);
	if (v->netns_pid)
		nl_put_u32(&m, IFLA_NET_NS_PID, (uint32_t)v->netns_pid);
	if (v->mtu)
		nl_put_u32(&m, IFLA_MTU, v->mtu);
	if (v->mac && strcmp(v->kind, "macvlan") == 0)
		nl_put(&m, IFLA_ADDRESS, v->mac, NL_MAC_SIZE);
	info = nl_nest(&m, IFLA_LINKINFO);
	nl_put_str(&m, IFLA_INFO_KIND, v->kind);
	put_mode(&m, v, mode);
	nl_nest_end(&m, info);
	return nl_call(sock, &m);
}

int nl_link_create_dummy(int sock, const char *name)
{
	uint32_t space[SPACE / 4];
	struct nl_msg m = nl_msg_in(space, sizeof(space));
	size_t info;

	begin(&m);
	nl_put_str(&m, IFLA_IFNAME, name);
	info = nl_nest(&m, IFLA_LINKINFO);
	nl_put_str(&m, IFLA_INFO_KIND, "dummy");
	nl_nest_end(&m, info);
	return nl_call(sock, &m);
}

int nl_link_create_vlan(int sock, const char *name, int parent, unsigned id)
{
	uint32_t space[SPACE / 4];
	struct nl_msg m = nl_msg_in(space, sizeof(space));
	size_t info, data;

	begin(&m);
	nl_put_str(&m, IFLA_IFNAME, name);
	nl_put_u32(&m, IFLA_LINK, (uint32_t)parent);
	info = nl_nest(&m, IFLA_LINKINFO);
	nl_put_str(&m, IFLA_INFO_KIND, "vlan");
	data = nl_nest(&m, IFLA_INFO_DATA);
	nl_put_u16(&m, IFLA_VLAN_ID, (uint16_t)id);
	nl_nest_end(&m, data);
	nl_nest_end(&m, info);
	return nl_call(sock, &m);
}
