/*
 * nftables messages: see nft.h. A rule is a list of expressions that pass values in registers:
 * load (meta, payload, ct), narrow (bitwise), compare (cmp); a comparison that fails ends the rule.
 */
#include "pkg/nft.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>

static void begin(struct nl_msg *m, int type, int flags, int family, int resource)
{
	struct nfgenmsg head = { .nfgen_family = (uint8_t)family,
				 .version = NFNETLINK_V0,
				 .res_id = htons((uint16_t)resource) };

	nl_begin(m, type, flags, &head, sizeof(head));
}

static void begin_nft(struct nl_msg *m, int command, int flags, int family)
{
	begin(m, NFNL_SUBSYS_NFTABLES << 8 | command, NLM_F_ACK | flags, family, 0);
}

static size_t nest(struct nl_msg *m, int type)
{
	return nl_nest(m, NLA_F_NESTED | type);
}

void nft_begin(struct nl_msg *m)
{
	begin(m, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
}

void nft_end(struct nl_msg *m)
{
	begin(m, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
}

void nft_table(struct nl_msg *m, int command, int family, const char *table)
{
	begin_nft(m, command, command == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0, family);
	nl_put_str(m, NFTA_TABLE_NAME, table);
}

void nft_chain(struct nl_msg *m, int family, const char *table, const char *chain,
	       const struct nft_hook *hook)
{
	begin_nft(m, NFT_MSG_NEWCHAIN, NLM_F_CREATE, family);
	nl_put_str(m, NFTA_CHAIN_TABLE, table);
	nl_put_str(m, NFTA_CHAIN_NAME, chain);
	if (!hook)
		return;
	size_t at = nest(m, NFTA_CHAIN_HOOK);
	nl_put_be32(m, NFTA_HOOK_HOOKNUM, (uint32_t)hook->hook);
	nl_put_be32(m, NFTA_HOOK_PRIORITY, (uint32_t)hook->priority);
	nl_nest_end(m, at);
	nl_put_be32(m, NFTA_CHAIN_POLICY, NF_ACCEPT);
	nl_put_str(m, NFTA_CHAIN_TYPE, hook->type);
}

struct nft_rule nft_rule(struct nl_msg *m, int family, const char *table, const char *chain)
{
	begin_nft(m, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, family);
	nl_put_str(m, NFTA_RULE_TABLE, table);
	nl_put_str(m, NFTA_RULE_CHAIN, chain);
	return (struct nft_rule){ nest(m, NFTA_RULE_EXPRESSIONS) };
}

void nft_rule_end(struct nl_msg *m, struct nft_rule rule)
{
	nl_nest_end(m, rule.expressions);
}

void nft_flush_chain(struct nl_msg *m, int family, const char *table, const char *chain)
{
	begin_nft(m, NFT_MSG_DELRULE, 0, family);
	nl_put_str(m, NFTA_RULE_TABLE, table);
	nl_put_str(m, NFTA_RULE_CHAIN, chain);
}

/* An expression in the making: the nests that are open. */
struct expression {
	size_t element, data;
};

static struct expression expression(struct nl_msg *m, const char *name)
{
	struct expression e;

	e.element = nest(m, NFTA_LIST_ELEM);
	nl_put_str(m, NFTA_EXPR_NAME, name);
	e.data = nest(m, NFTA_EXPR_DATA);
	return e;
}

static void expression_end(struct nl_msg *m, struct expression e)
{
	nl_nest_end(m, e.data);
	nl_nest_end(m, e.element);
}

static void put_value(struct nl_msg *m, int type, const void *p, size_t n)
{
	size_t at = nest(m, type);

	nl_put(m, NFTA_DATA_VALUE, p, n);
	nl_nest_end(m, at);
}

void nft_compare(struct nl_msg *m, int reg, int op, const void *p, size_t n)
{
	struct expression e = expression(m, "cmp");

	nl_put_be32(m, NFTA_CMP_SREG, (uint32_t)reg);
	nl_put_be32(m, NFTA_CMP_OP, (uint32_t)op);
	put_value(m, NFTA_CMP_DATA, p, n);
	expression_end(m, e);
}

static void mask_register(struct nl_msg *m, uint32_t mask)
{
	uint32_t zero = 0;
	struct expression e = expression(m, "bitwise");

	nl_put_be32(m, NFTA_BITWISE_SREG, NFT_REG_1);
	nl_put_be32(m, NFTA_BITWISE_DREG, NFT_REG_1);
	nl_put_be32(m, NFTA_BITWISE_LEN, sizeof(mask));
	put_value(m, NFTA_BITWISE_MASK, &mask, sizeof(mask));
	put_value(m, NFTA_BITWISE_XOR, &zero, sizeof(zero));
	expression_end(m, e);
}

void nft_load_meta(struct nl_msg *m, int reg, int key)
{
	struct expression e = expression(m, "meta");

	nl_put_be32(m, NFTA_META_DREG, (uint32_t)reg);
	nl_put_be32(m, NFTA_META_KEY, (uint32_t)key);
	expression_end(m, e);
}

void nft_load_payload(struct nl_msg *m, int reg, int base, unsigned offset, unsigned n)
{
	struct expression e = expression(m, "payload");

	nl_put_be32(m, NFTA_PAYLOAD_DREG, (uint32_t)reg);
	nl_put_be32(m, NFTA_PAYLOAD_BASE, (uint32_t)base);
	nl_put_be32(m, NFTA_PAYLOAD_OFFSET, offset);
	nl_put_be32(m, NFTA_PAYLOAD_LEN, n);
	expression_end(m, e);
}

void nft_load_fib_type(struct nl_msg *m, int reg, uint32_t flag)
{
	struct expression e = expression(m, "fib");

	nl_put_be32(m, NFTA_FIB_DREG, (uint32_t)reg);
	nl_put_be32(m, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nl_put_be32(m, NFTA_FIB_FLAGS, flag);
	expression_end(m, e);
}

void nft_lookup(struct nl_msg *m, const char *set, int reg, int value)
{
	struct expression e = expression(m, "lookup");

	nl_put_str(m, NFTA_LOOKUP_SET, set);
	nl_put_be32(m, NFTA_LOOKUP_SREG, (uint32_t)reg);
	if (value)
		nl_put_be32(m, NFTA_LOOKUP_DREG, (uint32_t)value);
	expression_end(m, e);
}

void nft_ifname(struct nl_msg *m, int meta_key, int op, const char *name)
{
	char padded[NL_NAME_SIZE] = "";

	nft_load_meta(m, NFT_REG_1, meta_key);
	memcpy(padded, name, strnlen(name, sizeof(padded) - 1));
	nft_compare(m, NFT_REG_1, op, padded, sizeof(padded));
}

void nft_family(struct nl_msg *m, int family)
{
	uint8_t v = (uint8_t)family;

	nft_load_meta(m, NFT_REG_1, NFT_META_NFPROTO);
	nft_compare(m, NFT_REG_1, NFT_CMP_EQ, &v, sizeof(v));
}

void nft_ip_saddr(struct nl_msg *m, int op, uint32_t addr, int prefix)
{
	uint32_t mask = htonl(prefix <= 0 ? 0 : UINT32_MAX << (32 - prefix));
	uint32_t network = htonl(addr) & mask;

	nft_load_payload(m, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, NFT_IP_SADDR, sizeof(addr));
	mask_register(m, mask);
	nft_compare(m, NFT_REG_1, op, &network, sizeof(network));
}

static void any_of_ct(struct nl_msg *m, int key, uint32_t bits)
{
	uint32_t zero = 0;
	struct expression e = expression(m, "ct");

	nl_put_be32(m, NFTA_CT_DREG, NFT_REG_1);
	nl_put_be32(m, NFTA_CT_KEY, (uint32_t)key);
	expression_end(m, e);
	mask_register(m, bits);
	nft_compare(m, NFT_REG_1, NFT_CMP_NEQ, &zero, sizeof(zero));
}

void nft_ct_state(struct nl_msg *m, uint32_t bits)
{
	any_of_ct(m, NFT_CT_STATE, bits);
}

void nft_ct_dnat(struct nl_msg *m)
{
	any_of_ct(m, NFT_CT_STATUS, IPS_DST_NAT);
}

static void put_verdict(struct nl_msg *m, int verdict, const char *chain)
{
	struct expression e = expression(m, "immediate");

	nl_put_be32(m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	size_t data = nest(m, NFTA_IMMEDIATE_DATA);
	size_t inner = nest(m, NFTA_DATA_VERDICT);
	nl_put_be32(m, NFTA_VERDICT_CODE, (uint32_t)verdict);
	if (chain)
		nl_put_str(m, NFTA_VERDICT_CHAIN, chain);
	nl_nest_end(m, inner);
	nl_nest_end(m, data);
	expression_end(m, e);
}

void nft_verdict(struct nl_msg *m, int verdict)
{
	put_verdict(m, verdict, NULL);
}

void nft_jump(struct nl_msg *m, const char *chain)
{
	put_verdict(m, NFT_JUMP, chain);
}

void nft_masquerade(struct nl_msg *m)
{
	expression_end(m, expression(m, "masq"));
}

void nft_dnat(struct nl_msg *m, int family, int addr_reg, int port_reg)
{
	struct expression e = expression(m, "nat");

	nl_put_be32(m, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	nl_put_be32(m, NFTA_NAT_FAMILY, (uint32_t)family);
	nl_put_be32(m, NFTA_NAT_REG_ADDR_MIN, (uint32_t)addr_reg);
	nl_put_be32(m, NFTA_NAT_REG_PROTO_MIN, (uint32_t)port_reg);
	expression_end(m, e);
}

static void load_constant(struct nl_msg *m, uint32_t reg, const void *p, size_t n)
{
	struct expression e = expression(m, "immediate");

	nl_put_be32(m, NFTA_IMMEDIATE_DREG, reg);
	put_value(m, NFTA_IMMEDIATE_DATA, p, n);
	expression_end(m, e);
}

void nft_ip_daddr(struct nl_msg *m, uint32_t addr)
{
	uint32_t value = htonl(addr);

	nft_load_payload(m, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, NFT_IP_DADDR, sizeof(value));
	nft_compare(m, NFT_REG_1, NFT_CMP_EQ, &value, sizeof(value));
}

void nft_l4proto(struct nl_msg *m, uint8_t proto)
{
	nft_load_meta(m, NFT_REG_1, NFT_META_L4PROTO);
	nft_compare(m, NFT_REG_1, NFT_CMP_EQ, &proto, sizeof(proto));
}

void nft_dport(struct nl_msg *m, uint16_t port)
{
	uint16_t value = htons(port);

	nft_load_payload(m, NFT_REG_1, NFT_PAYLOAD_TRANSPORT_HEADER, 2, sizeof(value));
	nft_compare(m, NFT_REG_1, NFT_CMP_EQ, &value, sizeof(value));
}

void nft_dnat_to(struct nl_msg *m, uint32_t addr, uint16_t port)
{
	uint32_t to = htonl(addr);
	uint16_t to_port = htons(port);

	load_constant(m, NFT_REG_1, &to, sizeof(to));
	load_constant(m, NFT_REG_2, &to_port, sizeof(to_port));
	nft_dnat(m, NFPROTO_IPV4, NFT_REG_1, NFT_REG_2);
}
