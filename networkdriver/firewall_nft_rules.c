/*
 * The rules of the nftables backend: see firewall.h for what they say. Each is a function, in a table in
 * the order in which packets meet them. A packet pays the same for one network as for 500: what differs
 * is in sets and maps.
 *
 * Frames between two ports of a bridge meet these rules only where br_netfilter is on. So --icc=false
 * also makes each port isolated (see allocate_interface): then the bridge itself keeps them apart,
 * for every protocol, answers ARP in their place (proxy_arp_pvlan), and what the rules let pass is
 * routed by the host.
 */
#include "networkdriver/firewall_nft.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rtnetlink.h>

#include "networkdriver/firewall.h"
#include "pkg/mem.h"

#define IFNAME2 NFT_TYPES2(NFT_IFNAME, NFT_IFNAME)
#define ADDRESS4_PORT NFT_TYPES3(NFT_IPV4_ADDR, NFT_PROTO, NFT_PORT)
#define ADDRESS6_PORT NFT_TYPES3(NFT_IPV6_ADDR, NFT_PROTO, NFT_PORT)

const struct nft_set fw_sets[FW_SET_COUNT] = {
	[FW_SET_BRIDGES] = { "bridges", NFT_IFNAME, 16, 0, 0 },
	[FW_SET_INTERNAL] = { "internal", NFT_IFNAME, 16, 0, 0 },
	[FW_SET_SAME] = { "same", IFNAME2, 32, 0, 0 }, /* in and out by the same bridge */
	[FW_SET_WITHIN] = { "within", IFNAME2, 32, 0,
			    0 }, /* the same, where that is allowed: icc */
	[FW_SET_BRIDGED] = { "bridged", IFNAME2, 32, 0, 0 }, /* in by none, out by a bridge */
	[FW_SET_MASQ4] = { "masquerade4", NFT_IFNAME, 16, 0, 0 },
	[FW_SET_MASQ6] = { "masquerade6", NFT_IFNAME, 16, 0, 0 },
	[FW_SET_UNPROTECTED4] = { "unprotected4", NFT_IFNAME, 16, 0, 0 },
	[FW_SET_UNPROTECTED6] = { "unprotected6", NFT_IFNAME, 16, 0, 0 },
	[FW_SET_PORTS4] = { "ports4", ADDRESS4_PORT, 12, NFT_TYPES2(NFT_IPV4_ADDR, NFT_PORT), 8 },
	[FW_SET_ANY4] = { "any4", NFT_TYPES2(NFT_PROTO, NFT_PORT), 8,
			  NFT_TYPES2(NFT_IPV4_ADDR, NFT_PORT), 8 },
	[FW_SET_PORTS6] = { "ports6", ADDRESS6_PORT, 24, NFT_TYPES2(NFT_IPV6_ADDR, NFT_PORT), 20 },
	[FW_SET_ANY6] = { "any6", NFT_TYPES2(NFT_PROTO, NFT_PORT), 8,
			  NFT_TYPES2(NFT_IPV6_ADDR, NFT_PORT), 20 },
	[FW_SET_OPEN4] = { "open4", ADDRESS4_PORT, 12, 0, 0 },
	[FW_SET_OPEN6] = { "open6", ADDRESS6_PORT, 24, 0, 0 },
	[FW_SET_LINKS4] = { "links4", NFT_TYPES4(NFT_IPV4_ADDR, NFT_IPV4_ADDR, NFT_PROTO, NFT_PORT),
			    16, 0, 0 },
};

const struct fw_chain fw_chains[] = {
	{ FW_USER_CHAIN, { NULL, 0, 0 } },
	{ "guard", { "filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW } },
	{ "ports", { NULL, 0, 0 } },
	{ "prerouting", { "nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST } },
	{ "output", { "nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST } },
	{ "forward", { "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER } },
	{ "postrouting", { "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC } },
	{ NULL, { NULL, 0, 0 } },
};

/* ---- expressions that several rules share ---- */

static const uint8_t ip6_loopback[16] = { [15] = 1 };

static void in_set(struct nl_msg *m, int meta_key, enum fw_set set)
{
	nft_load_meta(m, NFT_REG_1, meta_key);
	nft_lookup(m, fw_sets[set].name, NFT_REG_1, 0);
}

static void from_and_to(struct nl_msg *m, enum fw_set set)
{
	nft_load_meta(m, NFT_REG_1, NFT_META_IIFNAME);
	nft_load_meta(m, NFT_REG_2, NFT_META_OIFNAME);
	nft_lookup(m, fw_sets[set].name, NFT_REG_1, 0);
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
	in_set(m, NFT_META_IIFNAME, FW_SET_BRIDGES);
	loopback4(m, NFT_IP_DADDR);
	nft_verdict(m, NF_DROP);
}

/* With route_localnet on its bridge the kernel believes a container that it is the host's 127.0.0.2. */
static void as_loopback_from_bridge(struct nl_msg *m)
{
	in_set(m, NFT_META_IIFNAME, FW_SET_BRIDGES);
	loopback4(m, NFT_IP_SADDR);
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
	nft_lookup(m, fw_sets[FW_SET_PORTS4].name, NFT_REG32_00, NFT_REG32_00);
	nft_dnat(m, NFPROTO_IPV4, NFT_REG32_00, NFT_REG32_01);
}

static void port_of_any4(struct nl_msg *m)
{
	nft_family(m, NFPROTO_IPV4);
	load_proto_port(m, NFT_REG32_00);
	nft_lookup(m, fw_sets[FW_SET_ANY4].name, NFT_REG32_00, NFT_REG32_00);
	nft_dnat(m, NFPROTO_IPV4, NFT_REG32_00, NFT_REG32_01);
}

static void port_of_address6(struct nl_msg *m)
{
	nft_family(m, NFPROTO_IPV6);
	load_ip(m, NFT_REG32_00, NFT_IP6_DADDR, 16);
	load_proto_port(m, NFT_REG32_04);
	nft_lookup(m, fw_sets[FW_SET_PORTS6].name, NFT_REG32_00, NFT_REG32_00);
	nft_dnat(m, NFPROTO_IPV6, NFT_REG32_00, NFT_REG32_04);
}

static void port_of_any6(struct nl_msg *m)
{
	nft_family(m, NFPROTO_IPV6);
	load_proto_port(m, NFT_REG32_00);
	nft_lookup(m, fw_sets[FW_SET_ANY6].name, NFT_REG32_00, NFT_REG32_00);
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
	from_and_to(m, FW_SET_WITHIN);
	nft_verdict(m, NF_ACCEPT);
}

static void out_of_internal(struct nl_msg *m)
{
	in_set(m, NFT_META_IIFNAME, FW_SET_INTERNAL);
	nft_verdict(m, NF_DROP);
}

static void published(struct nl_msg *m)
{
	in_set(m, NFT_META_OIFNAME, FW_SET_BRIDGES);
	nft_ct_dnat(m);
	nft_verdict(m, NF_ACCEPT);
}

static void linked(struct nl_msg *m)
{
	nft_family(m, NFPROTO_IPV4);
	load_ip(m, NFT_REG32_00, NFT_IP_SADDR, 4);
	load_ip(m, NFT_REG32_01, NFT_IP_DADDR, 4);
	load_proto_port(m, NFT_REG32_02);
	nft_lookup(m, fw_sets[FW_SET_LINKS4].name, NFT_REG32_00, 0);
	nft_verdict(m, NF_ACCEPT);
}

static void opened4(struct nl_msg *m)
{
	nft_family(m, NFPROTO_IPV4);
	load_ip(m, NFT_REG32_00, NFT_IP_DADDR, 4);
	load_proto_port(m, NFT_REG32_01);
	nft_lookup(m, fw_sets[FW_SET_OPEN4].name, NFT_REG32_00, 0);
	nft_verdict(m, NF_ACCEPT);
}

static void opened6(struct nl_msg *m)
{
	nft_family(m, NFPROTO_IPV6);
	load_ip(m, NFT_REG32_00, NFT_IP6_DADDR, 16);
	load_proto_port(m, NFT_REG32_04);
	nft_lookup(m, fw_sets[FW_SET_OPEN6].name, NFT_REG32_00, 0);
	nft_verdict(m, NF_ACCEPT);
}

static void unprotected4(struct nl_msg *m)
{
	nft_family(m, NFPROTO_IPV4);
	in_set(m, NFT_META_OIFNAME, FW_SET_UNPROTECTED4);
	nft_verdict(m, NF_ACCEPT);
}

static void unprotected6(struct nl_msg *m)
{
	nft_family(m, NFPROTO_IPV6);
	in_set(m, NFT_META_OIFNAME, FW_SET_UNPROTECTED6);
	nft_verdict(m, NF_ACCEPT);
}

static void nothing_else_in(struct nl_msg *m)
{
	in_set(m, NFT_META_OIFNAME, FW_SET_BRIDGES);
	nft_verdict(m, NF_DROP);
}

/* The last one of its chain: whose this is, it is no container's. */
static void put_closed(struct nl_msg *m, const char *table, int family)
{
	struct nft_rule rule = nft_rule(m, FW_NFT_FAMILY, table, "forward");

	nft_family(m, family);
	nft_verdict(m, NF_DROP);
	nft_rule_end(m, rule);
}

static void all_out(struct nl_msg *m)
{
	in_set(m, NFT_META_IIFNAME, FW_SET_BRIDGES);
	nft_verdict(m, NF_ACCEPT);
}

/* By a published port to a neighbour: the answer must come back by the host, too. */
static void hairpin(struct nl_msg *m)
{
	from_and_to(m, FW_SET_SAME);
	nft_ct_dnat(m);
	nft_masquerade(m);
}

/* The same where br_netfilter has it translated inside the bridge, before any routing: no interface. */
static void hairpin_in_bridge(struct nl_msg *m)
{
	const uint32_t local = RTN_LOCAL;

	from_and_to(m, FW_SET_BRIDGED);
	nft_ct_dnat(m);
	nft_load_fib_type(m, NFT_REG_1, NFTA_FIB_F_SADDR);
	nft_compare(m, NFT_REG_1, NFT_CMP_NEQ, &local, sizeof(local));
	nft_masquerade(m);
}

static void stays_within(struct nl_msg *m)
{
	from_and_to(m, FW_SET_SAME);
	nft_verdict(m, NF_ACCEPT);
}

static void masquerade4(struct nl_msg *m)
{
	nft_family(m, NFPROTO_IPV4);
	in_set(m, NFT_META_IIFNAME, FW_SET_MASQ4);
	nft_masquerade(m);
}

static void masquerade6(struct nl_msg *m)
{
	nft_family(m, NFPROTO_IPV6);
	in_set(m, NFT_META_IIFNAME, FW_SET_MASQ6);
	nft_masquerade(m);
}

static void from_loopback4(struct nl_msg *m)
{
	in_set(m, NFT_META_OIFNAME, FW_SET_BRIDGES);
	loopback4(m, NFT_IP_SADDR);
	nft_masquerade(m);
}

/* In order, for each chain. */
static const struct {
	const char *chain;
	void (*put)(struct nl_msg *m);
} rules[] = {
	{ "guard", to_loopback_from_bridge },
	{ "guard", as_loopback_from_bridge },
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

void fw_put_rules(struct nl_msg *m, const char *table, const bool closed[2])
{
	for (size_t i = 0; i < array_size(rules); i++) {
		struct nft_rule rule = nft_rule(m, FW_NFT_FAMILY, table, rules[i].chain);

		rules[i].put(m);
		nft_rule_end(m, rule);
	}
	if (closed[0])
		put_closed(m, table, NFPROTO_IPV4);
	if (closed[1])
		put_closed(m, table, NFPROTO_IPV6);
}
