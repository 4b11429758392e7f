/*
 * The firewall in nftables: one table for both families, "docker-" and what tells this daemon from
 * others, so that neither those nor the host's own rules are touched. It hooks in where iptables-nft
 * does (forward at 0, NAT at -100 and 100); an accept here does not overrule a drop there.
 *
 * The rules are always the same ones. What differs is in sets and maps, which the rules look up: so
 * a packet pays the same for one network as for 500, and a published port is one element of a map.
 *
 * Frames between two ports of a bridge meet these rules only where br_netfilter is on. So --icc=false
 * also makes each port isolated (see allocate_interface): then the bridge itself keeps them apart,
 * for every protocol, answers ARP in their place (proxy_arp_pvlan), and what the rules let pass is
 * routed by the host.
 */
#include "networkdriver/firewall.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "pkg/mem.h"
#include "pkg/nft.h"
#include "pkg/nft_set.h"

#define FAMILY NFPROTO_INET
#define SPACE 16384             /* bytes for tables, chains, sets and rules */
#define ELEMENT_SPACE 160       /* bytes of the largest element, with its share of the head */
#define SOCKET_SPACE (64 << 20) /* bytes: the most that is sent at once, for 200,000 ports or so */

enum set_index {
	BRIDGES,
	INTERNAL,
	SAME,
	WITHIN,
	BRIDGED,
	MASQ4,
	MASQ6,
	UNPROTECTED4,
	UNPROTECTED6,
	PORTS4,
	ANY4,
	PORTS6,
	ANY6,
	OPEN4,
	OPEN6,
	LINKS4,
	NSETS
};

#define IFNAME2 NFT_TYPES2(NFT_IFNAME, NFT_IFNAME)
#define ADDRESS4_PORT NFT_TYPES3(NFT_IPV4_ADDR, NFT_PROTO, NFT_PORT)
#define ADDRESS6_PORT NFT_TYPES3(NFT_IPV6_ADDR, NFT_PROTO, NFT_PORT)

static const struct nft_set sets[NSETS] = {
	[BRIDGES] = { "bridges", NFT_IFNAME, 16, 0, 0 },
	[INTERNAL] = { "internal", NFT_IFNAME, 16, 0, 0 },
	[SAME] = { "same", IFNAME2, 32, 0, 0 },       /* in and out by the same bridge */
	[WITHIN] = { "within", IFNAME2, 32, 0, 0 },   /* the same, where that is allowed: icc */
	[BRIDGED] = { "bridged", IFNAME2, 32, 0, 0 }, /* in by none, out by a bridge */
	[MASQ4] = { "masquerade4", NFT_IFNAME, 16, 0, 0 },
	[MASQ6] = { "masquerade6", NFT_IFNAME, 16, 0, 0 },
	[UNPROTECTED4] = { "unprotected4", NFT_IFNAME, 16, 0, 0 },
	[UNPROTECTED6] = { "unprotected6", NFT_IFNAME, 16, 0, 0 },
	[PORTS4] = { "ports4", ADDRESS4_PORT, 12, NFT_TYPES2(NFT_IPV4_ADDR, NFT_PORT), 8 },
	[ANY4] = { "any4", NFT_TYPES2(NFT_PROTO, NFT_PORT), 8, NFT_TYPES2(NFT_IPV4_ADDR, NFT_PORT),
		   8 },
	[PORTS6] = { "ports6", ADDRESS6_PORT, 24, NFT_TYPES2(NFT_IPV6_ADDR, NFT_PORT), 20 },
	[ANY6] = { "any6", NFT_TYPES2(NFT_PROTO, NFT_PORT), 8, NFT_TYPES2(NFT_IPV6_ADDR, NFT_PORT),
		   20 },
	[OPEN4] = { "open4", ADDRESS4_PORT, 12, 0, 0 },
	[OPEN6] = { "open6", ADDRESS6_PORT, 24, 0, 0 },
	[LINKS4] = { "links4", NFT_TYPES4(NFT_IPV4_ADDR, NFT_IPV4_ADDR, NFT_PROTO, NFT_PORT), 16, 0,
		     0 },
};

static const struct {
	const char *name;
	struct nft_hook hook; /* type NULL: one that others jump to */
} chains[] = {
	{ FW_USER_CHAIN, { NULL, 0, 0 } },
	{ "guard", { "filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW } },
	{ "ports", { NULL, 0, 0 } },
	{ "prerouting", { "nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST } },
	{ "output", { "nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST } },
	{ "forward", { "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER } },
	{ "postrouting", { "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC } },
};

/* ---- expressions that several rules share ---- */

static const uint8_t ip6_loopback[16] = { [15] = 1 };

static void in_set(struct nl_msg *m, int meta_key, enum set_index set)
{
	nft_load_meta(m, NFT_REG_1, meta_key);
	nft_lookup(m, sets[set].name, NFT_REG_1, 0);
}

static void from_and_to(struct nl_msg *m, enum set_index set)
{
	nft_load_meta(m, NFT_REG_1, NFT_META_IIFNAME);
	nft_load_meta(m, NFT_REG_2, NFT_META_OIFNAME);
	nft_lookup(m, sets[set].name, NFT_REG_1, 0);
}

static void load_ip(struct nl_msg *m, int reg, unsigned offset, unsigned n)
{
	nft_load_payload(m, reg, NFT_PAYLOAD_NETWORK_HEADER, offset, n);
}

static void load_proto_port(struct nl_msg *m, int reg)
{
	nft_load_meta(m, reg, NFT_META_L4PROTO);
	nft_load_payload(m, reg + 1, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
}

static void loopback4(struct nl_msg *m, unsigned offset)
{
	const uint8_t net = 127;

	nft_family(m, NFPROTO_IPV4);
	load_ip(m, NFT_REG_1, offset, 1);
	nft_compare(m, NFT_REG_1, NFT_CMP_EQ, &net, 1);
}

/* ---- the rules, each a function ---- */

static void to_loopback_from_bridge(struct nl_msg *m)
{
	in_set(m, NFT_META_IIFNAME, BRIDGES);
	loopback4(m, NFT_IP_DADDR);
	nft_verdict(m, NF_DROP);
}

/* From elsewhere: not ours to translate, and the kernel drops it. */
static void to_loopback(struct nl_msg *m)
{
	loopback4(m, NFT_IP_DADDR);
	nft_verdict(m, NF_ACCEPT);
}

/* The kernel takes no answer to ::1 from any other interface. Refused, clients go on to 127.0.0.1. */
static void to_loopback6(struct nl_msg *m)
{
	nft_family(m, NFPROTO_IPV6);
	load_ip(m, NFT_REG_1, NFT_IP6_DADDR, sizeof(ip6_loopback));
	nft_compare(m, NFT_REG_1, NFT_CMP_EQ, ip6_loopback, sizeof(ip6_loopback));
	nft_verdict(m, NF_ACCEPT);
}

static void to_the_host(struct nl_msg *m)
{
	const uint32_t local = RTN_LOCAL;

	nft_load_fib_type(m, NFT_REG_1, NFTA_FIB_F_DADDR);
	nft_compare(m, NFT_REG_1, NFT_CMP_EQ, &local, sizeof(local));
	nft_jump(m, "ports");
}

static void port_of_address4(struct nl_msg *m)
{
	nft_family(m, NFPROTO_IPV4);
	load_ip(m, NFT_REG32_00, NFT_IP_DADDR, 4);
	load_proto_port(m, NFT_REG32_01);
	nft_lookup(m, sets[PORTS4].name, NFT_REG32_00, NFT_REG32_00);
	nft_dnat(m, NFPROTO_IPV4, NFT_REG32_00, NFT_REG32_01);
}

static void port_of_any4(struct nl_msg *m)
{
	nft_family(m, NFPROTO_IPV4);
	load_proto_port(m, NFT_REG32_00);
	nft_lookup(m, sets[ANY4].name, NFT_REG32_00, NFT_REG32_00);
	nft_dnat(m, NFPROTO_IPV4, NFT_REG32_00, NFT_REG32_01);
}

static void port_of_address6(struct nl_msg *m)
{
	nft_family(m, NFPROTO_IPV6);
	load_ip(m, NFT_REG32_00, NFT_IP6_DADDR, 16);
	load_proto_port(m, NFT_REG32_04);
	nft_lookup(m, sets[PORTS6].name, NFT_REG32_00, NFT_REG32_00);
	nft_dnat(m, NFPROTO_IPV6, NFT_REG32_00, NFT_REG32_04);
}

static void port_of_any6(struct nl_msg *m)
{
	nft_family(m, NFPROTO_IPV6);
	load_proto_port(m, NFT_REG32_00);
	nft_lookup(m, sets[ANY6].name, NFT_REG32_00, NFT_REG32_00);
	nft_dnat(m, NFPROTO_IPV6, NFT_REG32_00, NFT_REG32_04);
}

static void admin_first(struct nl_msg *m)
{
	nft_jump(m, FW_USER_CHAIN);
}

static void answers(struct nl_msg *m)
{
	nft_ct_state(m, NFT_CT_BIT_ESTABLISHED | NFT_CT_BIT_RELATED);
	nft_verdict(m, NF_ACCEPT);
}

static void between_containers(struct nl_msg *m)
{
	from_and_to(m, WITHIN);
	nft_verdict(m, NF_ACCEPT);
}

static void out_of_internal(struct nl_msg *m)
{
	in_set(m, NFT_META_IIFNAME, INTERNAL);
	nft_verdict(m, NF_DROP);
}

static void published(struct nl_msg *m)
{
	in_set(m, NFT_META_OIFNAME, BRIDGES);
	nft_ct_dnat(m);
	nft_verdict(m, NF_ACCEPT);
}

static void linked(struct nl_msg *m)
{
	nft_family(m, NFPROTO_IPV4);
	load_ip(m, NFT_REG32_00, NFT_IP_SADDR, 4);
	load_ip(m, NFT_REG32_01, NFT_IP_DADDR, 4);
	load_proto_port(m, NFT_REG32_02);
	nft_lookup(m, sets[LINKS4].name, NFT_REG32_00, 0);
	nft_verdict(m, NF_ACCEPT);
}

static void opened4(struct nl_msg *m)
{
	nft_family(m, NFPROTO_IPV4);
	load_ip(m, NFT_REG32_00, NFT_IP_DADDR, 4);
	load_proto_port(m, NFT_REG32_01);
	nft_lookup(m, sets[OPEN4].name, NFT_REG32_00, 0);
	nft_verdict(m, NF_ACCEPT);
}

static void opened6(struct nl_msg *m)
{
	nft_family(m, NFPROTO_IPV6);
	load_ip(m, NFT_REG32_00, NFT_IP6_DADDR, 16);
	load_proto_port(m, NFT_REG32_04);
	nft_lookup(m, sets[OPEN6].name, NFT_REG32_00, 0);
	nft_verdict(m, NF_ACCEPT);
}

static void unprotected4(struct nl_msg *m)
{
	nft_family(m, NFPROTO_IPV4);
	in_set(m, NFT_META_OIFNAME, UNPROTECTED4);
	nft_verdict(m, NF_ACCEPT);
}

static void unprotected6(struct nl_msg *m)
{
	nft_family(m, NFPROTO_IPV6);
	in_set(m, NFT_META_OIFNAME, UNPROTECTED6);
	nft_verdict(m, NF_ACCEPT);
}

static void nothing_else_in(struct nl_msg *m)
{
	in_set(m, NFT_META_OIFNAME, BRIDGES);
	nft_verdict(m, NF_DROP);
}

static void all_out(struct nl_msg *m)
{
	in_set(m, NFT_META_IIFNAME, BRIDGES);
	nft_verdict(m, NF_ACCEPT);
}

/* By a published port to a neighbour: the answer must come back by the host, too. */
static void hairpin(struct nl_msg *m)
{
	from_and_to(m, SAME);
	nft_ct_dnat(m);
	nft_masquerade(m);
}

/* The same where br_netfilter has it translated inside the bridge, before any routing: no interface. */
static void hairpin_in_bridge(struct nl_msg *m)
{
	const uint32_t local = RTN_LOCAL;

	from_and_to(m, BRIDGED);
	nft_ct_dnat(m);
	nft_load_fib_type(m, NFT_REG_1, NFTA_FIB_F_SADDR);
	nft_compare(m, NFT_REG_1, NFT_CMP_NEQ, &local, sizeof(local));
	nft_masquerade(m);
}

static void stays_within(struct nl_msg *m)
{
	from_and_to(m, SAME);
	nft_verdict(m, NF_ACCEPT);
}

static void masquerade4(struct nl_msg *m)
{
	nft_family(m, NFPROTO_IPV4);
	in_set(m, NFT_META_IIFNAME, MASQ4);
	nft_masquerade(m);
}

static void masquerade6(struct nl_msg *m)
{
	nft_family(m, NFPROTO_IPV6);
	in_set(m, NFT_META_IIFNAME, MASQ6);
	nft_masquerade(m);
}

static void from_loopback4(struct nl_msg *m)
{
	in_set(m, NFT_META_OIFNAME, BRIDGES);
	loopback4(m, NFT_IP_SADDR);
	nft_masquerade(m);
}

/* In order, for each chain. */
static const struct {
	const char *chain;
	void (*put)(struct nl_msg *m);
} rules[] = {
	{ "guard", to_loopback_from_bridge },
	{ "prerouting", to_loopback },
	{ "prerouting", to_the_host },
	{ "output", to_loopback6 },
	{ "output", to_the_host },
	{ "ports", port_of_address4 },
	{ "ports", port_of_any4 },
	{ "ports", port_of_address6 },
	{ "ports", port_of_any6 },
	{ "forward", admin_first },
	{ "forward", answers },
	{ "forward", between_containers },
	{ "forward", out_of_internal },
	{ "forward", published },
	{ "forward", linked },
	{ "forward", opened4 },
	{ "forward", opened6 },
	{ "forward", unprotected4 },
	{ "forward", unprotected6 },
	{ "forward", nothing_else_in },
	{ "forward", all_out },
	{ "postrouting", hairpin },
	{ "postrouting", hairpin_in_bridge },
	{ "postrouting", stays_within },
	{ "postrouting", masquerade4 },
	{ "postrouting", masquerade6 },
	{ "postrouting", from_loopback4 },
};

/* ---- elements ---- */

/* A message's list of elements of one set, begun anew when it is full. */
struct filler {
	struct nl_msg *m;
	const char *table;
	int command;
	enum set_index set;
	struct nft_elements e;
	size_t n; /* 0: none is begun */
};

static void put(struct filler *f, const void *key, const void *value)
{
	if (!f->n)
		f->e = nft_elements(f->m, f->command, FAMILY, f->table, &sets[f->set]);
	nft_element(f->m, &f->e, key, value);
	if (++f->n == NFT_MAX_ELEMENTS) {
		nft_elements_end(f->m, f->e);
		f->n = 0;
	}
}

static void finish(struct filler *f)
{
	if (f->n)
		nft_elements_end(f->m, f->e);
}

static bool network_is_in(const struct fw_network *n, enum set_index set)
{
	switch (set) {
	case BRIDGES:
	case SAME:
	case BRIDGED:
		return true;
	case INTERNAL:
		return n->internal;
	case WITHIN:
		return n->icc;
	case MASQ4:
		return n->masq4 && !n->internal;
	case MASQ6:
		return n->masq6 && !n->internal;
	case UNPROTECTED4:
		return n->unprotected4;
	case UNPROTECTED6:
		return n->unprotected6;
	default:
		return false;
	}
}

static void fill_networks(struct filler f, const struct fw_network *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char key[2][NL_NAME_SIZE] = { { 0 } };

		if (!network_is_in(&v[i], f.set))
			continue;
		memcpy(key[0], v[i].bridge, strnlen(v[i].bridge, NL_NAME_SIZE - 1));
		memcpy(key[1], key[0], NL_NAME_SIZE);
		if (f.set == BRIDGED)
			memset(key[0], 0, NL_NAME_SIZE);
		put(&f, key, NULL);
	}
	finish(&f);
}

static enum set_index set_of(const struct port *p)
{
	if (p->routed)
		return p->v6 ? OPEN6 : OPEN4;
	if (p->any)
		return p->v6 ? ANY6 : ANY4;
	return p->v6 ? PORTS6 : PORTS4;
}

/* Keys and values are made of address, protocol and port, each in whole registers. */
static size_t add_bytes(uint8_t *out, size_t at, const void *p, size_t n)
{
	memcpy(out + at, p, n);
	return at + (n + 3) / 4 * 4;
}

static void fill_ports(struct filler f, const struct port *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct port *p = &v[i];
		uint8_t key[24] = { 0 }, value[20] = { 0 };
		uint16_t from = htons(p->routed ? p->port : p->host_port), to = htons(p->port);
		size_t at = 0, address = p->v6 ? 16 : 4;

		if (set_of(p) != f.set)
			continue;
		if (p->routed || !p->any)
			at = add_bytes(key, at, p->routed ? p->to.b : p->host.b, address);
		at = add_bytes(key, at, &p->proto, 1);
		add_bytes(key, at, &from, 2);
		add_bytes(value, add_bytes(value, 0, p->to.b, address), &to, 2);
		put(&f, key, value);
	}
	finish(&f);
}

static void fill_links(struct filler f, const struct fw_link *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t from = htonl(v[i].from), to = htonl(v[i].to);
		uint16_t port = htons(v[i].port);
		uint8_t key[16] = { 0 };
		size_t at = add_bytes(key, 0, &from, 4);

		at = add_bytes(key, at, &to, 4);
		at = add_bytes(key, at, &v[i].proto, 1);
		add_bytes(key, at, &port, 2);
		put(&f, key, NULL);
	}
	finish(&f);
}

static struct filler filler_of(struct nl_msg *m, const struct firewall *fw, int command, int set)
{
	return (struct filler){
		.m = m, .table = fw->name, .command = command, .set = (enum set_index)set
	};
}

static void put_ports_and_links(struct nl_msg *m, const struct firewall *fw, int command,
				const struct port *ports, size_t nports,
				const struct fw_link *links, size_t nlinks)
{
	for (int set = PORTS4; set <= OPEN6; set++)
		fill_ports(filler_of(m, fw, command, set), ports, nports);
	fill_links(filler_of(m, fw, command, LINKS4), links, nlinks);
}

/* ---- transactions ---- */

static void put_rules(struct nl_msg *m, const char *table)
{
	for (size_t i = 0; i < array_size(rules); i++) {
		struct nft_rule rule = nft_rule(m, FAMILY, table, rules[i].chain);

		rules[i].put(m);
		nft_rule_end(m, rule);
	}
}

static void put_frame(struct nl_msg *m, const char *table, bool hooks)
{
	nft_table(m, NFT_MSG_NEWTABLE, FAMILY, table);
	for (size_t i = 0; i < array_size(chains); i++)
		nft_chain(m, FAMILY, table, chains[i].name,
			  hooks && chains[i].hook.type ? &chains[i].hook : NULL);
	for (uint32_t i = 0; i < NSETS; i++)
		nft_set(m, FAMILY, table, &sets[i], i + 1);
}

static void put_state(struct nl_msg *m, const struct firewall *fw, const struct fw_state *s)
{
	for (size_t i = 0; i < array_size(chains); i++)
		if (strcmp(chains[i].name, FW_USER_CHAIN) != 0)
			nft_flush_chain(m, FAMILY, fw->name, chains[i].name);
	for (int i = 0; i < NSETS; i++)
		nft_flush_set(m, FAMILY, fw->name, &sets[i]);
	put_rules(m, fw->name);
	for (int set = 0; set < PORTS4; set++)
		fill_networks(filler_of(m, fw, NFT_MSG_NEWSETELEM, set), s->networks, s->nnetworks);
	put_ports_and_links(m, fw, NFT_MSG_NEWSETELEM, s->ports, s->nports, s->links, s->nlinks);
}

static int open_socket(struct firewall *fw)
{
	const int space = SOCKET_SPACE;
	struct sockaddr_nl self = { 0 };
	socklen_t n = sizeof(self);

	if (fw->sock >= 0)
		return 0;
	fw->sock = netlink_open_proto(NETLINK_NETFILTER);
	if (fw->sock < 0)
		return -1;
	/* Where these are refused, the default does for a few thousand ports. */
	(void)setsockopt(fw->sock, SOL_SOCKET, SO_SNDBUFFORCE, &space, sizeof(space));
	(void)setsockopt(fw->sock, SOL_SOCKET, SO_RCVBUFFORCE, &space, sizeof(space));
	if (bind(fw->sock, (struct sockaddr *)&(struct sockaddr_nl){ .nl_family = AF_NETLINK },
		 sizeof(self)) == 0 &&
	    getsockname(fw->sock, (struct sockaddr *)&self, &n) == 0)
		fw->portid = self.nl_pid;
	return 0;
}

static int commit(struct firewall *fw, struct nl_msg *m, struct error *err)
{
	int failed = -1;

	if (open_socket(fw) == 0 && nl_call_at(fw->sock, m, &failed) == 0)
		return 0;
	return error_sys(err, "nftables \"%s\", message %d", fw->name, failed);
}

/* Everything that is needed, in a table that is gone before anybody sees it. */
static int nft_probe(struct firewall *fw, struct error *err)
{
	static const char scratch[] = "docker-probe";
	autofree uint32_t *space = xmalloc(SPACE);
	struct nl_msg m = nl_msg_in(space, SPACE);
	int rc;

	nft_begin(&m);
	put_frame(&m, scratch, false);
	put_rules(&m, scratch);
	nft_table(&m, NFT_MSG_DELTABLE, FAMILY, scratch);
	nft_end(&m);
	pthread_mutex_lock(&fw->lock);
	rc = commit(fw, &m, err);
	pthread_mutex_unlock(&fw->lock);
	return rc < 0 ? error_prefix(err, "this kernel has not all of nftables that is needed") : 0;
}

static size_t space_for(const struct fw_state *s)
{
	return 2 * SPACE + (s->nnetworks * PORTS4 + s->nports + s->nlinks) * (size_t)ELEMENT_SPACE;
}

static int sync_into(struct firewall *fw, const struct fw_state *state, bool anew,
		     struct error *err)
{
	size_t size = space_for(state);
	autofree uint32_t *space = xmalloc(size);
	struct nl_msg m = nl_msg_in(space, size);

	nft_begin(&m);
	if (anew) {
		nft_table(&m, NFT_MSG_NEWTABLE, FAMILY, fw->name);
		nft_table(&m, NFT_MSG_DELTABLE, FAMILY, fw->name);
	}
	put_frame(&m, fw->name, true);
	put_state(&m, fw, state);
	nft_end(&m);
	return commit(fw, &m, err);
}

/* A table of another version of us, whose sets or chains are others, is replaced as a whole. */
static int nft_sync(struct firewall *fw, const struct fw_state *state, struct error *err)
{
	if (sync_into(fw, state, false, err) == 0)
		return 0;
	return sync_into(fw, state, true, err);
}

static int nft_change(struct firewall *fw, const struct fw_change *c, struct error *err)
{
	const struct fw_state sizes = { .nports = c->nports, .nlinks = c->nlinks };
	size_t size = space_for(&sizes);
	autofree uint32_t *space = xmalloc(size);
	struct nl_msg m = nl_msg_in(space, size);

	nft_begin(&m);
	put_ports_and_links(&m, fw, c->add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, c->ports,
			    c->nports, c->links, c->nlinks);
	nft_end(&m);
	return commit(fw, &m, err);
}

static bool nft_concerns(const struct firewall *fw, uint32_t portid, int family, const char *table)
{
	(void)family; /* the name is ours in all */
	return portid != fw->portid && strcmp(table, fw->name) == 0;
}

void firewall_nft_withdraw(struct firewall *fw)
{
	uint32_t space[256];
	struct nl_msg m = nl_msg_in(space, sizeof(space));

	nft_begin(&m);
	nft_table(&m, NFT_MSG_NEWTABLE, FAMILY, fw->name); /* so that there is one to delete */
	nft_table(&m, NFT_MSG_DELTABLE, FAMILY, fw->name);
	nft_end(&m);
	(void)commit(fw, &m, NULL); /* a kernel without nftables has no such table */
}

const struct firewall_ops firewall_nft = {
	.name = "nftables",
	.probe = nft_probe,
	.sync = nft_sync,
	.change = nft_change,
	.concerns = nft_concerns,
};
