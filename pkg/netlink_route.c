/*
 * The rtnetlink requests that containers need: veth pairs, links, addresses, routes.
 *
 * A veth is made in one message: the kernel puts the peer into its namespace, the host end on its
 * bridge, and brings that up. Doing the same in steps costs a multiple, because moving a live
 * interface between namespaces waits for RCU.
 */
#include "pkg/netlink.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#define SPACE 512 /* bytes; the largest request, a veth, takes about 200 */

static void begin_link(struct nl_msg *m, int type, int flags, int ifindex, unsigned up)
{
	struct ifinfomsg head = { .ifi_index = ifindex, .ifi_flags = up, .ifi_change = up };

	nl_begin(m, type, NLM_F_ACK | flags, &head, sizeof(head));
}

static void put_veth_peer(struct nl_msg *m, const struct nl_veth *v)
{
	struct ifinfomsg head = { 0 };

	size_t peer = nl_nest(m, VETH_INFO_PEER);
	nl_put_raw(m, &head, sizeof(head));
	if (v->peer_name)
		nl_put_str(m, IFLA_IFNAME, v->peer_name);
	if (v->mtu)
		nl_put_u32(m, IFLA_MTU, v->mtu);
	if (v->peer_mac)
		nl_put(m, IFLA_ADDRESS, v->peer_mac, NL_MAC_SIZE);
	if (v->peer_netns_pid > 0)
		nl_put_u32(m, IFLA_NET_NS_PID, (uint32_t)v->peer_netns_pid);
	else if (v->peer_netns_fd > 0)
		nl_put_u32(m, IFLA_NET_NS_FD, (uint32_t)v->peer_netns_fd);
	nl_nest_end(m, peer);
}

static void put_veth(struct nl_msg *m, const struct nl_veth *v, const unsigned char *mac)
{
	begin_link(m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, v->host_up ? IFF_UP : 0);
	nl_put_str(m, IFLA_IFNAME, v->host_name);
	nl_put(m, IFLA_ADDRESS, mac, NL_MAC_SIZE);
	if (v->mtu)
		nl_put_u32(m, IFLA_MTU, v->mtu);
	if (v->bridge_index)
		nl_put_u32(m, IFLA_MASTER, (uint32_t)v->bridge_index);
	size_t info = nl_nest(m, IFLA_LINKINFO);
	nl_put_str(m, IFLA_INFO_KIND, "veth");
	size_t data = nl_nest(m, IFLA_INFO_DATA);
	put_veth_peer(m, v);
	nl_nest_end(m, data);
	nl_nest_end(m, info);
}

/* The kernel applies a port's settings only once the port exists: a message of its own. */
static int set_port(int sock, const char *name, int attribute, bool value)
{
	uint32_t space[SPACE / 4];
	struct nl_msg m = nl_msg_in(space, sizeof(space));

	begin_link(&m, RTM_NEWLINK, 0, 0, 0);
	nl_put_str(&m, IFLA_IFNAME, name);
	size_t info = nl_nest(&m, IFLA_LINKINFO);
	nl_put_str(&m, IFLA_INFO_SLAVE_KIND, "bridge");
	size_t data = nl_nest(&m, IFLA_INFO_SLAVE_DATA);
	nl_put_u8(&m, attribute, value);
	nl_nest_end(&m, data);
	nl_nest_end(&m, info);
	return nl_call(sock, &m);
}

int nl_port_set_isolated(int sock, const char *name, bool isolated)
{
	return set_port(sock, name, IFLA_BRPORT_ISOLATED, isolated);
}

int nl_port_set_hairpin(int sock, const char *name, bool hairpin)
{
	return set_port(sock, name, IFLA_BRPORT_MODE, hairpin);
}

static int del_by_name(int sock, const char *name)
{
	uint32_t space[SPACE / 4];
	struct nl_msg m = nl_msg_in(space, sizeof(space));

	begin_link(&m, RTM_DELLINK, 0, 0, 0);
	nl_put_str(&m, IFLA_IFNAME, name);
	return nl_call(sock, &m);
}

int nl_veth_create(int sock, const struct nl_veth *veth)
{
	uint32_t space[SPACE / 4];
	struct nl_msg m = nl_msg_in(space, sizeof(space));
	unsigned char mac[NL_MAC_SIZE] = { 0xfe };

	if (veth->host_mac)
		memcpy(mac, veth->host_mac, sizeof(mac));
	else if (getrandom(mac + 1, sizeof(mac) - 1, 0) < 0)
		return -1;
	put_veth(&m, veth, mac);
	if (nl_call(sock, &m) < 0)
		return -1;
	if ((veth->host_isolated && nl_port_set_isolated(sock, veth->host_name, true) < 0) ||
	    (veth->host_hairpin && nl_port_set_hairpin(sock, veth->host_name, true) < 0)) {
		int saved = errno;
		(void)del_by_name(sock, veth->host_name); /* the first failure is the news */
		errno = saved;
		return -1;
	}
	return 0;
}

int nl_link_create_bridge(int sock, const char *name)
{
	uint32_t space[SPACE / 4];
	struct nl_msg m = nl_msg_in(space, sizeof(space));

	begin_link(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, 0);
	nl_put_str(&m, IFLA_IFNAME, name);
	size_t info = nl_nest(&m, IFLA_LINKINFO);
	nl_put_str(&m, IFLA_INFO_KIND, "bridge");
	nl_nest_end(&m, info);
	return nl_call(sock, &m);
}

int nl_link_del(int sock, int ifindex)
{
	uint32_t space[SPACE / 4];
	struct nl_msg m = nl_msg_in(space, sizeof(space));

	begin_link(&m, RTM_DELLINK, 0, ifindex, 0);
	return nl_call(sock, &m);
}

int nl_link_up(int sock, int ifindex)
{
	uint32_t space[SPACE / 4];
	struct nl_msg m = nl_msg_in(space, sizeof(space));

	begin_link(&m, RTM_NEWLINK, 0, ifindex, IFF_UP);
	return nl_call(sock, &m);
}

/* Change one attribute of a link. */
static int set_link(int sock, int ifindex, int type, const void *p, size_t n)
{
	uint32_t space[SPACE / 4];
	struct nl_msg m = nl_msg_in(space, sizeof(space));

	begin_link(&m, RTM_NEWLINK, 0, ifindex, 0);
	nl_put(&m, type, p, n);
	return nl_call(sock, &m);
}

int nl_link_set_name(int sock, int ifindex, const char *name)
{
	return set_link(sock, ifindex, IFLA_IFNAME, name, strlen(name) + 1);
}

int nl_link_set_mtu(int sock, int ifindex, unsigned mtu)
{
	uint32_t v = mtu;

	return set_link(sock, ifindex, IFLA_MTU, &v, sizeof(v));
}

int nl_link_set_mac(int sock, int ifindex, const unsigned char *mac)
{
	return set_link(sock, ifindex, IFLA_ADDRESS, mac, NL_MAC_SIZE);
}

/* The head of an answer, and its attributes in tb[0..max]. NULL when the message is too short. */
static const void *parse(const struct nlmsghdr *h, size_t head, const struct nlattr **tb, int max)
{
	if (h->nlmsg_len < NLMSG_LENGTH(head))
		return NULL;
	const unsigned char *at = NLMSG_DATA(h);
	size_t skip = NLMSG_ALIGN(head), n = h->nlmsg_len - NLMSG_HDRLEN;
	nl_attrs(at + skip, n > skip ? n - skip : 0, tb, max);
	return at;
}

struct link_each {
	int (*each)(const struct nl_link *link, void *arg);
	void *arg;
};

static int link_message(const struct nlmsghdr *h, void *arg)
{
	const struct link_each *to = arg;
	const struct nlattr *tb[IFLA_LINKINFO + 1], *info[IFLA_INFO_KIND + 1];
	const struct ifinfomsg *head = parse(h, sizeof(*head), tb, IFLA_LINKINFO);

	if (!head || h->nlmsg_type != RTM_NEWLINK)
		return 0;
	struct nl_link link = {
		.index = head->ifi_index,
		.flags = head->ifi_flags,
		.master = (int)nl_attr_u32(tb[IFLA_MASTER]),
		.mtu = (int)nl_attr_u32(tb[IFLA_MTU]),
	};
	nl_attr_str(tb[IFLA_IFNAME], link.name, sizeof(link.name));
	nl_attrs(nl_attr_data(tb[IFLA_LINKINFO]), nl_attr_len(tb[IFLA_LINKINFO]), info,
		 IFLA_INFO_KIND);
	nl_attr_str(info[IFLA_INFO_KIND], link.kind, sizeof(link.kind));
	if (nl_attr_len(tb[IFLA_ADDRESS]) == NL_MAC_SIZE)
		memcpy(link.mac, nl_attr_data(tb[IFLA_ADDRESS]), NL_MAC_SIZE);
	return to->each(&link, to->arg);
}

int nl_link_list(int sock, int (*each)(const struct nl_link *link, void *arg), void *arg)
{
	uint32_t space[SPACE / 4];
	struct nl_msg m = nl_msg_in(space, sizeof(space));
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC };
	struct link_each to = { each, arg };

	nl_begin(&m, RTM_GETLINK, NLM_F_DUMP, &head, sizeof(head));
	nl_put_u32(&m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return nl_dump(sock, &m, link_message, &to);
}

static int copy_link(const struct nl_link *link, void *arg)
{
	*(struct nl_link *)arg = *link;
	return 0;
}

int nl_link_get(int sock, const char *name, struct nl_link *out)
{
	uint32_t space[SPACE / 4];
	struct nl_msg m = nl_msg_in(space, sizeof(space));
	struct nl_link found = { 0 };
	struct link_each to = { copy_link, &found };

	begin_link(&m, RTM_GETLINK, 0, 0, 0);
	nl_put_str(&m, IFLA_IFNAME, name);
	nl_put_u32(&m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (nl_dump(sock, &m, link_message, &to) < 0)
		return -1;
	if (!found.index) {
		errno = EPROTO;
		return -1;
	}
	*out = found;
	return 0;
}

int nl_link_index(int sock, const char *name)
{
	struct nl_link link;

	return nl_link_get(sock, name, &link) < 0 ? -1 : link.index;
}

static size_t addr_size(int family)
{
	return family == AF_INET6 ? 16 : 4;
}

static void begin_addr(struct nl_msg *m, int type, int flags, int ifindex, int family,
		       const void *addr, int prefix)
{
	struct ifaddrmsg head = { .ifa_family = (uint8_t)family,
				  .ifa_prefixlen = (uint8_t)prefix,
				  .ifa_index = (uint32_t)ifindex };

	nl_begin(m, type, NLM_F_ACK | flags, &head, sizeof(head));
	nl_put(m, IFA_LOCAL, addr, addr_size(family));
	nl_put(m, IFA_ADDRESS, addr, addr_size(family));
}

int nl_addr_add(int sock, int ifindex, int family, const void *addr, int prefix,
		const void *broadcast)
{
	uint32_t space[SPACE / 4];
	struct nl_msg m = nl_msg_in(space, sizeof(space));

	begin_addr(&m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, family, addr, prefix);
	if (broadcast)
		nl_put(&m, IFA_BROADCAST, broadcast, addr_size(family));
	if (family ==
	    AF_INET6) /* whoever hands addresses out knows that nobody else has this one */
		nl_put_u32(&m, IFA_FLAGS, IFA_F_NODAD);
	return nl_call(sock, &m);
}

int nl_addr_del(int sock, int ifindex, int family, const void *addr, int prefix)
{
	uint32_t space[SPACE / 4];
	struct nl_msg m = nl_msg_in(space, sizeof(space));

	begin_addr(&m, RTM_DELADDR, 0, ifindex, family, addr, prefix);
	return nl_call(sock, &m);
}

struct addr_each {
	int (*each)(const struct nl_addr *addr, void *arg);
	void *arg;
};

static int addr_message(const struct nlmsghdr *h, void *arg)
{
	const struct addr_each *to = arg;
	const struct nlattr *tb[IFA_LOCAL + 1];
	const struct ifaddrmsg *head = parse(h, sizeof(*head), tb, IFA_LOCAL);

	if (!head || h->nlmsg_type != RTM_NEWADDR)
		return 0;
	struct nl_addr addr = { .ifindex = (int)head->ifa_index,
				.family = head->ifa_family,
				.prefix = head->ifa_prefixlen };
	/* On a point-to-point link IFA_ADDRESS is the other side. IPv6 has no IFA_LOCAL otherwise. */
	const struct nlattr *local = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (nl_attr_len(local) != addr_size(addr.family))
		return 0;
	memcpy(addr.addr, nl_attr_data(local), nl_attr_len(local));
	return to->each(&addr, to->arg);
}

int nl_addr_list(int sock, int family, int (*each)(const struct nl_addr *addr, void *arg),
		 void *arg)
{
	uint32_t space[SPACE / 4];
	struct nl_msg m = nl_msg_in(space, sizeof(space));
	struct ifaddrmsg head = { .ifa_family = (uint8_t)family };
	struct addr_each to = { each, arg };

	nl_begin(&m, RTM_GETADDR, NLM_F_DUMP, &head, sizeof(head));
	return nl_dump(sock, &m, addr_message, &to);
}

int nl_route_set_default(int sock, int ifindex, int family, const void *gateway)
{
	uint32_t space[SPACE / 4];
	struct nl_msg m = nl_msg_in(space, sizeof(space));
	struct rtmsg head = { .rtm_family = (uint8_t)family,
			      .rtm_table = RT_TABLE_MAIN,
			      .rtm_protocol = RTPROT_BOOT,
			      .rtm_scope = RT_SCOPE_UNIVERSE,
			      .rtm_type = RTN_UNICAST };

	if (!gateway)
		head.rtm_scope = RT_SCOPE_LINK;
	nl_begin(&m, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof(head));
	if (gateway)
		nl_put(&m, RTA_GATEWAY, gateway, addr_size(family));
	nl_put_u32(&m, RTA_OIF, (uint32_t)ifindex);
	return nl_call(sock, &m);
}

struct route_each {
	int (*each)(const struct nl_route *route, void *arg);
	void *arg;
};

static int route_message(const struct nlmsghdr *h, void *arg)
{
	const struct route_each *to = arg;
	const struct nlattr *tb[RTA_TABLE + 1];
	const struct rtmsg *head = parse(h, sizeof(*head), tb, RTA_TABLE);

	if (!head || h->nlmsg_type != RTM_NEWROUTE || (head->rtm_flags & RTM_F_CLONED))
		return 0;
	struct nl_route route = { .family = head->rtm_family,
				  .table = head->rtm_table,
				  .prefix = head->rtm_dst_len,
				  .oif = (int)nl_attr_u32(tb[RTA_OIF]) };
	if (tb[RTA_TABLE])
		route.table = (int)nl_attr_u32(tb[RTA_TABLE]);
	if (tb[RTA_DST] && nl_attr_len(tb[RTA_DST]) == addr_size(route.family))
		memcpy(route.dst, nl_attr_data(tb[RTA_DST]), nl_attr_len(tb[RTA_DST]));
	return to->each(&route, to->arg);
}

int nl_route_list(int sock, int family, int (*each)(const struct nl_route *route, void *arg),
		  void *arg)
{
	uint32_t space[SPACE / 4];
	struct nl_msg m = nl_msg_in(space, sizeof(space));
	struct rtmsg head = { .rtm_family = (uint8_t)family };
	struct route_each to = { each, arg };

	nl_begin(&m, RTM_GETROUTE, NLM_F_DUMP, &head, sizeof(head));
	return nl_dump(sock, &m, route_message, &to);
}
