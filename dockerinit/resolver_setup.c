/*
 * Where the resolver listens. Programs of the container may want port 53 for themselves, so it takes
 * ports that the kernel chooses, and rules of the container's own network lead queries for
 * 127.0.0.11:53 there; the answers find back by connection tracking. Without nftables it takes port
 * 53 of that address.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dockerinit/netns.h"
#include "dockerinit/resolver.h"
#include "pkg/mem.h"
#include "pkg/nft.h"

#define TABLE "docker-dns"
#define CHAIN "output"
#define NAT_DST (-100) /* the priority of destination NAT */
#define RECEIVE_SIZE (1024 * 1024)
#define BACKLOG 64

/* Bound inside the namespace that we are in. lo may be down yet: hence FREEBIND. */
static int bound_socket(int type, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(RESOLVER_ADDRESS) };
	const int one = 1, size = RECEIVE_SIZE;
	autoclose int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one)) < 0)
		return -1;
	/* Bursts wait there; a kernel that allows less loses more of them. */
	if (type == SOCK_DGRAM)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	else if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, BACKLOG) < 0))
		return -1;
	return take_fd(&fd);
}

static void close_sockets(struct resolver_sockets *s)
{
	int sys = errno;

	mem_close_fd(&s->udp);
	mem_close_fd(&s->tcp);
	errno = sys;
}

static int bind_sockets(struct resolver_sockets *s, uint16_t port)
{
	s->tcp = -1;
	s->udp = bound_socket(SOCK_DGRAM, port);
	if (s->udp >= 0)
		s->tcp = bound_socket(SOCK_STREAM, port);
	if (s->tcp >= 0)
		return 0;
	close_sockets(s);
	return -1;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in at = { 0 };
	socklen_t n = sizeof(at);

	return getsockname(fd, (struct sockaddr *)&at, &n) < 0 ? 0 : ntohs(at.sin_port);
}

static void lead(struct nl_msg *m, uint8_t proto, uint16_t port)
{
	struct nft_rule r = nft_rule(m, NFPROTO_IPV4, TABLE, CHAIN);

	nft_ip_daddr(m, RESOLVER_ADDRESS);
	nft_l4proto(m, proto);
	nft_dport(m, DNS_PORT);
	nft_dnat_to(m, RESOLVER_ADDRESS, port);
	nft_rule_end(m, r);
}

/* The socket is closed right after it: that takes microseconds, and a kept one would cost memory. */
static int add_rules(int netlink, const struct resolver_sockets *s)
{
	const struct nft_hook hook = { "nat", NF_INET_LOCAL_OUT, NAT_DST };
	uint32_t space[1024];
	struct nl_msg m = nl_msg_in(space, sizeof(space));

	nft_begin(&m);
	nft_table(&m, NFT_MSG_NEWTABLE, NFPROTO_IPV4, TABLE);
	nft_chain(&m, NFPROTO_IPV4, TABLE, CHAIN, &hook);
	lead(&m, IPPROTO_UDP, port_of(s->udp));
	lead(&m, IPPROTO_TCP, port_of(s->tcp));
	nft_end(&m);
	return nl_call(netlink, &m);
}

/* A kernel without nftables, or without its NAT, rather than a request that went wrong. */
static bool is_missing(int sys)
{
	return sys == EOPNOTSUPP || sys == ENOENT || sys == EINVAL || sys == EAFNOSUPPORT ||
	       sys == EPROTONOSUPPORT;
}

/* Inside the namespace. */
static int set_up(struct resolver_sockets *s, struct error *err)
{
	autoclose int netlink = -1;

	if (bind_sockets(s, 0) < 0)
		return error_sys(err, "binding to 127.0.0.11");
	netlink = netlink_open_proto(NETLINK_NETFILTER);
	if (netlink >= 0 && add_rules(netlink, s) == 0)
		return 0;
	close_sockets(s);
	if (!is_missing(errno))
		return error_sys(err, "adding rules for 127.0.0.11:53");
	if (bind_sockets(s, DNS_PORT) < 0)
		return error_sys(err, "binding to 127.0.0.11:53, without nftables");
	return 0;
}

int resolver_setup(int ns, struct resolver_sockets *out, struct error *err)
{
	struct resolver_sockets s;
	int rc;

	if (netns_enter(ns) < 0)
		return error_sys(err, "entering the container's network namespace");
	rc = set_up(&s, err);
	netns_leave();
	if (rc == 0)
		*out = s;
	return rc;
}
