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

/* Matches. op is NFT_CMP_EQ or NFT_CMP_NEQ. */
void nft_ifname(struct nl_msg *m, int meta_key, int op, const char *name); /* NFT_META_IIFNAME.. */
void nft_ip_saddr(struct nl_msg *m, int op, uint32_t addr, int prefix);    /* host order */
void nft_ct_state(struct nl_msg *m, uint32_t bits); /* any of NFT_CT_BIT_... */

#define NFT_CT_BIT_ESTABLISHED 2u
#define NFT_CT_BIT_RELATED 4u

/* Statements, the last of a rule. */
void nft_verdict(struct nl_msg *m, int verdict); /* NF_ACCEPT, NF_DROP */
void nft_masquerade(struct nl_msg *m);

/* Of one address and port to another: matches, and the statement of a nat chain. Host order. */
void nft_ip_daddr(struct nl_msg *m, uint32_t addr);
void nft_l4proto(struct nl_msg *m, uint8_t proto); /* IPPROTO_UDP, ... */
void nft_dport(struct nl_msg *m, uint16_t port);   /* behind nft_l4proto() */
void nft_dnat_to(struct nl_msg *m, uint32_t addr, uint16_t port);

#endif
