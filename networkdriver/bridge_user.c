/*
 * The bridge of a network of the user's: found as it was left, or made; with its addresses, its MTU
 * and the switches in /proc/sys that containers' traffic needs. Those of the default bridge are set
 * here, too. A network's bridge goes with the network, not with the daemon.
 */
#include "networkdriver/internal.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "pkg/fs.h"
#include "pkg/log.h"
#include "pkg/mem.h"

#define PROC_NET "/proc/sys/net"

/* what: "ipv4/conf", say. */
static void set_switch(const char *what, const char *ifname, const char *key, const char *value)
{
	char path[128];
	autobuf struct buf now = BUF_INIT(64);

	snprintf(path, sizeof(path), PROC_NET "/%s/%s/%s", what, ifname, key);
	/* As it is to be already, or not there (no IPv6): nothing to write to a read-only /proc. */
	if (fs_read_file(AT_FDCWD, path, &now) < 0)
		return;
	if (strncmp(buf_text(&now), value, strlen(value)) == 0)
		return;
	if (fs_write_str(AT_FDCWD, path, value) < 0)
		log_warn("cannot write %s to %s: %s, ignoring", value, path, error_words(errno));
}

void bridge_configure(const struct network *net)
{
	/* Ports of 127.0.0.1 lead out of the loopback interface: the firewall guards what this opens. */
	set_switch("ipv4/conf", net->bridge, "route_localnet",
		   net->firewall && !net->internal ? "1" : "0");
	/* Who may not talk at the bridge talks by the host, as far as the rules allow it. */
	set_switch("ipv4/conf", net->bridge, "proxy_arp_pvlan", net->icc ? "0" : "1");
	if (!net->icc) {
		/* At once: by default the kernel lets up to 0.8 s pass before it answers for another. */
		set_switch("ipv4/neigh", net->bridge, "proxy_delay", "0");
		set_switch("ipv4/conf", net->bridge, "send_redirects", "0");
	}
	set_switch("ipv6/conf", net->bridge, "accept_ra", "0");
	/* Its addresses are ours alone. The kernel asks for no neighbour while one is being tried. */
	set_switch("ipv6/conf", net->bridge, "accept_dad", "0");
	if (net->subnet6.prefix)
		set_switch("ipv6/conf", net->bridge, "disable_ipv6", "0");
}

static int add_ip(int sock, const struct network *net, struct error *err)
{
	uint32_t ip = htonl(net->subnet.addr), broadcast = htonl(subnet_last(net->subnet));
	char text[SUBNET_TEXT];

	if (!net->subnet.prefix || net->no_gateway)
		return 0;
	if (nl_addr_add(sock, net->ifindex, AF_INET, &ip, net->subnet.prefix, &broadcast) < 0 &&
	    errno != EEXIST)
		return error_sys(err, "Cannot add address %s to bridge \"%s\"",
				 subnet_text(text, net->subnet), net->bridge);
	return 0;
}

int bridge_add_ip6(const struct network *net, struct error *err)
{
	autoclose int sock = netlink_open();
	char text[SUBNET6_TEXT];

	if (!net->subnet6.prefix)
		return 0;
	if (sock < 0)
		return error_sys(err, "Cannot open a netlink socket");
	if (nl_addr_add(sock, net->ifindex, AF_INET6, net->subnet6.addr.b, net->subnet6.prefix,
			NULL) < 0 &&
	    errno != EEXIST)
		return error_sys(err, "Cannot add address %s to bridge \"%s\"",
				 subnet6_text(text, &net->subnet6), net->bridge);
	return 0;
}

static int find_or_make(int sock, struct network *net, struct error *err)
{
	struct nl_link link;

	if (nl_link_get(sock, net->bridge, &link) == 0) {
		if (strcmp(link.kind, "bridge") != 0)
			return error_set(err, ERR_FORBIDDEN, "Interface \"%s\" is not a bridge",
					 net->bridge);
		net->ifindex = link.index;
		return 0;
	}
	if (errno != ENODEV)
		return error_sys(err, "Cannot look up interface \"%s\"", net->bridge);
	if (nl_link_create_bridge(sock, net->bridge) < 0)
		return error_sys(err, "Cannot create bridge \"%s\"", net->bridge);
	net->made = true;
	net->ifindex = nl_link_index(sock, net->bridge);
	if (net->ifindex < 0 || bridge_set_random_mac(sock, net->ifindex) < 0 ||
	    nl_link_set_mtu(sock, net->ifindex, net->mtu) < 0)
		return error_sys(err, "Cannot set up bridge \"%s\"", net->bridge);
	return 0;
}

int bridge_create(struct network *net, struct error *err)
{
	autoclose int sock = netlink_open();

	if (sock < 0)
		return error_sys(err, "Cannot open a netlink socket");
	if (!net->mtu && bridge_uplink_mtu(sock, &net->mtu, err) < 0)
		return -1;
	if (find_or_make(sock, net, err) < 0)
		return -1;
	bridge_configure(net);
	if (add_ip(sock, net, err) < 0 || bridge_add_ip6(net, err) < 0)
		return -1;
	if (nl_link_up(sock, net->ifindex) < 0)
		return error_sys(err, "Cannot bring bridge \"%s\" up", net->bridge);
	return 0;
}

/* One that was there before the network is somebody else's: it stays. */
static bool is_ours(const struct network *net)
{
	char ours[NL_NAME_SIZE];

	snprintf(ours, sizeof(ours), "br-%.12s", net->id);
	return net->made || strcmp(net->bridge, ours) == 0;
}

int bridge_delete(const struct network *net, struct error *err)
{
	autoclose int sock = netlink_open();
	int index;

	if (sock < 0)
		return error_sys(err, "Cannot open a netlink socket");
	index = nl_link_index(sock, net->bridge);
	if (index < 0 || !is_ours(net))
		return 0;
	if (nl_link_del(sock, index) < 0 && errno != ENODEV)
		return error_sys(err, "Cannot remove bridge \"%s\"", net->bridge);
	return 0;
}

static bool reads_as(const char *path, char value)
{
	autobuf struct buf now = BUF_INIT(64);

	return fs_read_file(AT_FDCWD, path, &now) == 0 && buf_text(&now)[0] == value;
}

/*
 * Where they do, a port published by a container leads it back to itself inside the bridge, which must
 * then let frames out where they came in.
 */
bool bridge_is_filtered(void)
{
	return reads_as(PROC_NET "/bridge/bridge-nf-call-iptables", '1') ||
	       reads_as(PROC_NET "/bridge/bridge-nf-call-ip6tables", '1');
}
