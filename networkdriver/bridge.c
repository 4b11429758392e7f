/*
 * The bridge: found or made, with an address, an MTU, and up.
 *
 * A bridge named with -b belongs to the user and is taken as it is. The default bridge is ours: it
 * is made when missing, keeps the address that it has, and takes another only from --bip. It stays
 * when the daemon ends, for containers go on.
 */
#include "networkdriver/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/random.h>

#include "networkdriver/pool.h"
#include "pkg/fs.h"
#include "pkg/mem.h"

#define DEFAULT_MTU 1500
#define RESOLV_CONF "/etc/resolv.conf"
#define RESOLV_CONF_MAX (64 * 1024)

/* The bridge in the making. */
struct bridge {
	int sock;
	const struct options *o;
	const struct taken
		*kept; /* subnets of other networks, whose routes need not be there yet */
	struct nl_link link;
	bool made;          /* by us, just now */
	struct subnet addr; /* the first that it has; prefix 0: none */
};

/* The default route's interface and its MTU. */
struct uplink {
	int index, mtu;
};

static int uplink_route(const struct nl_route *route, void *arg)
{
	struct uplink *up = arg;

	if (route->prefix != 0 || route->table != RT_TABLE_MAIN || !route->oif)
		return 0;
	up->index = route->oif;
	return 1;
}

static int uplink_link(const struct nl_link *link, void *arg)
{
	struct uplink *up = arg;

	if (link->index != up->index)
		return 0;
	up->mtu = link->mtu;
	return 1;
}

int bridge_uplink_mtu(int sock, unsigned *mtu, struct error *err)
{
	struct uplink up = { .mtu = DEFAULT_MTU };

	if (nl_route_list(sock, AF_INET, uplink_route, &up) < 0 ||
	    (up.index && nl_link_list(sock, uplink_link, &up) < 0))
		return error_sys(err, "Cannot find the MTU of the default route");
	*mtu = (unsigned)up.mtu;
	return 0;
}

static int route_taken(const struct nl_route *route, void *arg)
{
	uint32_t addr;

	memcpy(&addr, route->dst, sizeof(addr));
	taken_add(arg, (struct subnet){ ntohl(addr), route->prefix });
	return 0;
}

int bridge_taken(int sock, struct taken *out, struct error *err)
{
	autobuf struct buf conf = BUF_INIT(RESOLV_CONF_MAX);

	if (nl_route_list(sock, AF_INET, route_taken, out) < 0)
		return error_sys(err, "Cannot list the routes");
	/* A host without the file, or with an unreadable one, has no nameserver to miss. */
	(void)fs_read_file(AT_FDCWD, RESOLV_CONF, &conf);
	taken_add_nameservers(out, buf_text(&conf));
	return 0;
}

/* A subnet that the host does not use: no route leads there, no nameserver lives there. */
static int choose_subnet(const struct bridge *b, struct subnet *out, struct error *err)
{
	const struct options *o = b->o;
	struct taken taken = { 0 };
	int rc = bridge_taken(b->sock, &taken, err);

	for (size_t i = 0; i < b->kept->n; i++)
		taken_add(&taken, b->kept->v[i]);
	if (rc == 0)
		rc = pool_choose(o->npools ? o->pools : pool_bridge,
				 o->npools ? o->npools : pool_bridge_count, taken.v, taken.n, out,
				 err);
	taken_done(&taken);
	return rc;
}

/* A MAC of its own, or the bridge would take on that of whichever port has the lowest. */
int bridge_set_random_mac(int sock, int ifindex)
{
	unsigned char mac[NL_MAC_SIZE] = { 0x02, 0x42 };

	if (getrandom(mac + 2, sizeof(mac) - 2, 0) < 0)
		return -1;
	return nl_link_set_mac(sock, ifindex, mac);
}

static int make_bridge(struct bridge *b, struct error *err)
{
	if (b->o->bridge_is_given)
		return error_set(err, ERR_BAD_REQUEST,
				 "bridge device with non default name %s must be created manually",
				 b->o->bridge);
	if (nl_link_create_bridge(b->sock, b->o->bridge) < 0)
		return error_sys(err, "Cannot create bridge \"%s\"", b->o->bridge);
	b->made = true;
	if (nl_link_get(b->sock, b->o->bridge, &b->link) < 0 ||
	    bridge_set_random_mac(b->sock, b->link.index) < 0)
		return error_sys(err, "Cannot set up bridge \"%s\"", b->o->bridge);
	return 0;
}

static int find_or_make(struct bridge *b, struct error *err)
{
	if (nl_link_get(b->sock, b->o->bridge, &b->link) < 0) {
		if (errno != ENODEV)
			return error_sys(err, "Cannot look up interface \"%s\"", b->o->bridge);
		return make_bridge(b, err);
	}
	if (strcmp(b->link.kind, "bridge") != 0)
		return error_set(err, ERR_BAD_REQUEST, "Interface \"%s\" is not a bridge",
				 b->o->bridge);
	return 0;
}

static int first_addr(const struct nl_addr *addr, void *arg)
{
	struct bridge *b = arg;
	uint32_t ip;

	if (addr->ifindex != b->link.index)
		return 0;
	memcpy(&ip, addr->addr, sizeof(ip));
	b->addr = (struct subnet){ ntohl(ip), addr->prefix };
	return 1;
}

static int add_addr(const struct bridge *b, struct subnet s)
{
	uint32_t ip = htonl(s.addr), broadcast = htonl(subnet_last(s));

	return nl_addr_add(b->sock, b->link.index, AF_INET, &ip, s.prefix, &broadcast);
}

static int del_addr(const struct bridge *b, struct subnet s)
{
	uint32_t ip = htonl(s.addr);

	return nl_addr_del(b->sock, b->link.index, AF_INET, &ip, s.prefix);
}

static int is_port(const struct nl_link *link, void *arg)
{
	const struct bridge *b = arg;

	return link->master == b->link.index;
}

/* Give the bridge --bip instead of what it has. Not under containers that use the old address. */
static int change_addr(struct bridge *b, struct error *err)
{
	char old[SUBNET_TEXT], new[SUBNET_TEXT];

	subnet_text(old, b->addr);
	subnet_text(new, b->o->bip);
	int ports = nl_link_list(b->sock, is_port, b);
	if (ports < 0)
		return error_sys(err, "Cannot list the interfaces");
	if (ports > 0)
		return error_set(err, ERR_CONFLICT,
				 "bridge ip (%s) does not match existing bridge configuration %s, "
				 "which containers still use",
				 new, old);
	/* The old one first: its removal takes others of the same subnet with it. */
	if (del_addr(b, b->addr) < 0)
		return error_sys(err, "Cannot remove address %s from bridge \"%s\"", old,
				 b->o->bridge);
	if (add_addr(b, b->o->bip) < 0 && errno != EEXIST) {
		error_sys(err, "Cannot add address %s to bridge \"%s\"", new, b->o->bridge);
		(void)add_addr(b, b->addr); /* the first failure is the news */
		return -1;
	}
	b->addr = b->o->bip;
	return 0;
}

static int give_addr(struct bridge *b, struct error *err)
{
	struct subnet s = b->o->bip;
	char text[SUBNET_TEXT];

	if (b->o->bridge_is_given)
		return error_set(err, ERR_BAD_REQUEST, "Interface %s has no IP addresses",
				 b->o->bridge);
	if (!b->o->has_bip && choose_subnet(b, &s, err) < 0)
		return -1;
	if (add_addr(b, s) < 0)
		return error_sys(err, "Cannot add address %s to bridge \"%s\"",
				 subnet_text(text, s), b->o->bridge);
	b->addr = s;
	return 0;
}

static int settle_addr(struct bridge *b, struct error *err)
{
	if (nl_addr_list(b->sock, AF_INET, first_addr, b) < 0)
		return error_sys(err, "Cannot list the addresses of \"%s\"", b->o->bridge);
	if (b->addr.prefix == 0)
		return give_addr(b, err);
	if (b->o->has_bip && (b->addr.addr != b->o->bip.addr || b->addr.prefix != b->o->bip.prefix))
		return change_addr(b, err);
	return 0;
}

/* The MTU is set on a new bridge even if it fits: it must not follow that of its ports. */
static int bring_up(struct bridge *b, unsigned mtu, struct error *err)
{
	bool fits = b->o->bridge_is_given || b->link.mtu == (int)mtu;

	if ((b->made || !fits) && nl_link_set_mtu(b->sock, b->link.index, mtu) < 0)
		return error_sys(err, "Cannot set the MTU of bridge \"%s\" to %u", b->o->bridge,
				 mtu);
	if (!(b->link.flags & IFF_UP) && nl_link_up(b->sock, b->link.index) < 0)
		return error_sys(err, "Cannot bring bridge \"%s\" up", b->o->bridge);
	return 0;
}

static int setup(struct bridge *b, unsigned mtu, struct error *err)
{
	if (find_or_make(b, err) < 0 || settle_addr(b, err) < 0 || bring_up(b, mtu, err) < 0) {
		if (b->made && b->link.index)
			(void)nl_link_del(b->sock, b->link.index); /* err has the cause */
		return -1;
	}
	return 0;
}

int bridge_setup(struct network *net, const struct options *o, const struct taken *kept,
		 struct error *err)
{
	autoclose int sock = netlink_open();
	struct bridge b = { .sock = sock, .o = o, .kept = kept };
	unsigned mtu = o->mtu;

	if (sock < 0)
		return error_sys(err, "Cannot open a netlink socket");
	if (!mtu && bridge_uplink_mtu(sock, &mtu, err) < 0)
		return -1;
	if (setup(&b, mtu, err) < 0)
		return -1;
	memcpy(net->bridge, b.link.name, sizeof(net->bridge));
	net->ifindex = b.link.index;
	net->made = b.made;
	net->subnet = b.addr;
	net->mtu = mtu;
	return 0;
}

void bridge_undo(const struct network *net)
{
	autoclose int sock = net->made ? netlink_open() : -1;

	if (sock >= 0)
		(void)nl_link_del(sock, net->ifindex); /* what failed before is the news */
}
