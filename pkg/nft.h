/*
 * nftables rules over netlink: a batch builder on top of nl_msg, without libnftnl or a program.
 *
 * A batch is one transaction: the kernel takes all of it or nothing. It is built in order,
 *
 *	nft_begin(&m);
 *	nft_table(&m, NFT_MSG_NEWTABLE, NFPROTO_IPV4, "t");
 *	nft_chain(&m, NFPROTO_IPV4, "t", "c", &(struct nft_hook){ "filter", NF_INET_FORWARD, 0 });
 *	struct nft_rule r = nft_rule(&m, NFPROTO_IPV4, "t", "c");
 *	nft_ifname(&m, NFT_META_IIFNAME, NFT_CMP_EQ, "docker0");
 *	nft_verdict(&m, NF_ACCEPT);
 *	nft_rule_end(&m, r);
 *	nft_end(&m);
 *
 * and sent with nl_call_at() on a socket of netlink_open_proto(NETLINK_NETFILTER). Matches and
 * statements belong between nft_rule() and nft_rule_end(). Message 0 is the begin of the batch:
 * it fails for the whole (EPERM, or EOPNOTSUPP and EINVAL where the kernel has no nftables).
 */
#ifndef PKG_NFT_H
#define PKG_NFT_H

#include <stddef.h>
#include <stdint.h>

#include "pkg/netlink.h"

struct nft_hook {
	const char *type; /* "filter", "nat" */
	int hook;         /* enum nf_inet_hooks */
	int priority;     /* enum nf_ip_hook_priorities */
};

struct nft_rule {
	size_t expressions; /* the open nest */
};

void nft_begin(struct nl_msg *m);
void nft_end(struct nl_msg *m);

/* command: NFT_MSG_NEWTABLE (one that exists is kept) or NFT_MSG_DELTABLE (with all in it). */
void nft_table(struct nl_msg *m, int command, int family, const char *table);
/* A base chain, or with hook NULL one that is jumped to. Its policy is accept. */
void nft_chain(struct nl_msg *m, int family, const char *table, const char *chain,
	       const struct nft_hook *hook);
struct nft_rule nft_rule(struct nl_msg *m, int family, const char *table, const char *chain);
void nft_rule_end(struct nl_msg *m, struct nft_rule rule);
/* Delete all rules of a chain; one without any is fine. */
void nft_flush_chain(struct nl_msg *m, int family, const char *table, const char *chain);

/*
 * Loads into a register: NFT_REG_1.. (16 bytes each) or NFT_REG32_00.. (4 bytes each, the same
 * memory). A key of several values is loaded side by side, each in whole registers of 4 bytes.
 */
void nft_load_meta(struct nl_msg *m, int reg, int key); /* NFT_META_... */
void nft_load_payload(struct nl_msg *m, int reg, int base, unsigned offset, unsigned n);
/* What the address is to this host, RTN_LOCAL, ...; flag is NFTA_FIB_F_SADDR or NFTA_FIB_F_DADDR. */
void nft_load_fib_type(struct nl_msg *m, int reg, uint32_t flag);
/* A register against n bytes. */
void nft_compare(struct nl_msg *m, int reg, int op, const void *p, size_t n);
/* Is the key that begins in reg in the set? Of a map, the value goes to register value, else 0. */
void nft_lookup(struct nl_msg *m, const char *set, int reg, int value);

/* Matches. op is NFT_CMP_EQ or NFT_CMP_NEQ. */
void nft_ifname(struct nl_msg *m, int meta_key, int op, const char *name); /* NFT_META_IIFNAME.. */
void nft_ip_saddr(struct nl_msg *m, int op, uint32_t addr, int prefix);    /* host order */
void nft_ct_state(struct nl_msg *m, uint32_t bits); /* any of NFT_CT_BIT_... */
void nft_ct_dnat(struct nl_msg *m);                 /* the connection's destination was changed */
void nft_family(struct nl_msg *m, int family);      /* NFPROTO_IPV4 or _IPV6, in a table of both */

#define NFT_IP_SADDR 12 /* offsets in the network headers */
#define NFT_IP_DADDR 16
#define NFT_IP6_SADDR 8
#define NFT_IP6_DADDR 24
#define NFT_CT_BIT_ESTABLISHED 2u
#define NFT_CT_BIT_RELATED 4u

/* Statements, the last of a rule. */
void nft_verdict(struct nl_msg *m, int verdict); /* NF_ACCEPT, NF_DROP */
void nft_masquerade(struct nl_msg *m);
void nft_jump(struct nl_msg *m, const char *chain);
/* A new destination, of NFPROTO_IPV4 or _IPV6: address and port from registers. */
void nft_dnat(struct nl_msg *m, int family, int addr_reg, int port_reg);

/* Of one address and port to another: matches, and the statement of a nat chain. Host order. */
void nft_ip_daddr(struct nl_msg *m, uint32_t addr);
void nft_l4proto(struct nl_msg *m, uint8_t proto); /* IPPROTO_UDP, ... */
void nft_dport(struct nl_msg *m, uint16_t port);   /* behind nft_l4proto() */
void nft_dnat_to(struct nl_msg *m, uint32_t addr, uint16_t port);

#endif
