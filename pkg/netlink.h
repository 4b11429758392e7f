/*
 * A small netlink library: a message builder with a ceiling, request and answer, and the rtnetlink
 * requests that containers need. libc and kernel headers only, no allocation, no state but the
 * caller's socket. In the manner of libc: -1 and errno, where errno is the kernel's own answer.
 *
 * A socket may be used by one thread at a time. Interfaces, addresses and routes are those of the
 * network namespace in which the socket was opened. Addresses are in network order: 4 bytes for
 * AF_INET, 16 for AF_INET6. MAC addresses are 6 bytes.
 */
#ifndef PKG_NETLINK_H
#define PKG_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NL_NAME_SIZE 16 /* an interface name with its NUL: IFNAMSIZ */
#define NL_MAC_SIZE 6

struct nlattr;
struct nlmsghdr;

int netlink_open(void);               /* NETLINK_ROUTE, close-on-exec; close(2) it */
int netlink_open_proto(int protocol); /* another family, such as NETLINK_NETFILTER */

/* The whole veth in one request. What is zero or NULL is left to the kernel. */
struct nl_veth {
	const char *host_name;
	int bridge_index; /* the host end becomes its port */
	unsigned mtu;     /* of both ends */
	bool host_up;
	bool host_isolated;            /* bridge port that reaches no other isolated port */
	bool host_hairpin;             /* bridge port that frames may leave by as they came */
	const unsigned char *host_mac; /* NULL: a random one that begins with fe, so that
					* the bridge does not take it as its own */
	const char *peer_name;
	const unsigned char *peer_mac;
	pid_t peer_netns_pid; /* the namespace of the peer: of this process, */
	int peer_netns_fd;    /* or this one; without either the peer stays with us */
};

/*
 * Nothing is left behind on failure. EEXIST: one of the names is taken. The peer is down: the
 * kernel cannot open it before the pair is whole, so whoever is in its namespace brings it up.
 */
int nl_veth_create(int sock, const struct nl_veth *veth);

/* A bridge's port: may it reach the other isolated ones? ENODEV: no such interface. */
int nl_port_set_isolated(int sock, const char *name, bool isolated);
/* May frames go back where they came from? */
int nl_port_set_hairpin(int sock, const char *name, bool hairpin);

struct nl_link {
	int index, master, mtu; /* master 0: none */
	unsigned flags;         /* IFF_UP, ... */
	char name[NL_NAME_SIZE];
	char kind[NL_NAME_SIZE]; /* "bridge", "veth", ...; "" for hardware and loopback */
	unsigned char mac[NL_MAC_SIZE];
};

int nl_link_get(int sock, const char *name, struct nl_link *out); /* ENODEV: no such interface */
int nl_link_index(int sock, const char *name);                    /* > 0, or -1 */
int nl_link_create_bridge(int sock, const char *name);            /* down, without an address */
int nl_link_del(int sock, int ifindex);                           /* waits for RCU: slow */
int nl_link_up(int sock, int ifindex);
int nl_link_set_name(int sock, int ifindex, const char *name);
int nl_link_set_mtu(int sock, int ifindex, unsigned mtu);
int nl_link_set_mac(int sock, int ifindex, const unsigned char *mac);

struct nl_addr {
	int ifindex, family, prefix;
	unsigned char addr[16]; /* the local address */
};

/* broadcast may be NULL. EEXIST: the interface has it already. */
int nl_addr_add(int sock, int ifindex, int family, const void *addr, int prefix,
		const void *broadcast);
int nl_addr_del(int sock, int ifindex, int family, const void *addr, int prefix);

struct nl_route {
	int family, table, prefix, oif; /* oif 0: none, as for multipath and unreachable routes */
	unsigned char dst[16];          /* all zero with prefix 0: the default route */
};

/* gateway NULL: what lies beyond is on the link. An old default route is replaced. */
int nl_route_set_default(int sock, int ifindex, int family, const void *gateway);

/* An interface on another one, for a process's namespace: macvlan, ipvlan. Down; mode as names say. */
struct nl_vlan {
	const char *kind,
		*mode; /* "macvlan": "bridge", "private", ...; "ipvlan": "l2", "l3", "l3s" */
	int parent;
	const char *name;         /* in that namespace */
	const unsigned char *mac; /* macvlan; NULL: a random one */
	unsigned mtu;             /* 0: the parent's */
	pid_t netns_pid;          /* 0: ours */
};
/* EOPNOTSUPP: the kernel has no such kind. EINVAL also for an unknown mode. */
int nl_vlan_create(int sock, const struct nl_vlan *v);
int nl_link_create_dummy(int sock, const char *name);                         /* down */
int nl_link_create_vlan(int sock, const char *name, int parent, unsigned id); /* 802.1Q, down */

/*
 * Lists. each() gets one entry at a time; another value than 0 ends the list and is returned.
 * 0 at the end. A list taken while others change it may miss or repeat an entry. family 0: all.
 */
int nl_link_list(int sock, int (*each)(const struct nl_link *link, void *arg), void *arg);
int nl_addr_list(int sock, int family, int (*each)(const struct nl_addr *addr, void *arg),
		 void *arg);
int nl_route_list(int sock, int family, int (*each)(const struct nl_route *route, void *arg),
		  void *arg);

/*
 * The builder under it, for requests that are not above. Several messages may share the space, as
 * a netfilter batch needs. What does not fit sets `full`, and sending fails with EMSGSIZE.
 *
 *	uint32_t space[256];
 *	struct nl_msg m = nl_msg_in(space, sizeof(space));
 *	nl_begin(&m, RTM_NEWLINK, NLM_F_ACK, &ifinfo, sizeof(ifinfo));
 *	nl_put_str(&m, IFLA_IFNAME, "eth0");
 *	size_t info = nl_nest(&m, IFLA_LINKINFO);
 *	...
 *	nl_nest_end(&m, info);
 *	if (nl_call(sock, &m) < 0) ...
 */
struct nl_msg {
	unsigned char *p; /* the caller's space, aligned to 4 bytes */
	size_t len, cap;
	size_t start; /* where the message in the making begins */
	bool full;
};

struct nl_msg nl_msg_in(void *space, size_t size);
/* Begin a message (NLM_F_REQUEST is implied); head is the family's own header, such as ifinfomsg. */
void nl_begin(struct nl_msg *m, int type, int flags, const void *head, size_t n);
void nl_put(struct nl_msg *m, int type, const void *p, size_t n);
void nl_put_str(struct nl_msg *m, int type, const char *s); /* with its NUL */
void nl_put_u8(struct nl_msg *m, int type, uint8_t v);
void nl_put_u16(struct nl_msg *m, int type, uint16_t v);
void nl_put_u32(struct nl_msg *m, int type, uint32_t v);
void nl_put_be32(struct nl_msg *m, int type, uint32_t v);   /* host order in, network order out */
void nl_put_raw(struct nl_msg *m, const void *p, size_t n); /* bytes inside an open nest */
size_t nl_nest(struct nl_msg *m, int type);
void nl_nest_end(struct nl_msg *m, size_t nest);

/*
 * Send all messages and read the answer to each that asked for one (NLM_F_ACK). 0 when all went
 * well, else -1 with the errno of the first that failed; *failed (may be NULL) is its number.
 */
int nl_call_at(int sock, struct nl_msg *m, int *failed);
int nl_call(int sock, struct nl_msg *m);

/* Send one request and hand each message of the answer to each(), as the lists above do. */
int nl_dump(int sock, struct nl_msg *m, int (*each)(const struct nlmsghdr *h, void *arg),
	    void *arg);

/* Sort attributes, which begin n bytes into p, by type into tb[0..max]; absent ones are NULL. */
void nl_attrs(const void *p, size_t n, const struct nlattr **tb, int max);
size_t nl_attr_len(const struct nlattr *a);
const void *nl_attr_data(const struct nlattr *a);
uint32_t nl_attr_u32(const struct nlattr *a);                     /* 0 when a is NULL or shorter */
void nl_attr_str(const struct nlattr *a, char *out, size_t size); /* cut to fit; "" when NULL */

#endif
