/*
 * The rules of the nftables backend, which are always the same ones, and the sets and maps that they
 * look up: between firewall_nft.c, which fills those, and firewall_nft_rules.c.
 */
#ifndef NETWORKDRIVER_FIREWALL_NFT_H
#define NETWORKDRIVER_FIREWALL_NFT_H

#include "pkg/nft.h"
#include "pkg/nft_set.h"

#define FW_NFT_FAMILY NFPROTO_INET /* one table for both families */

/* The first ones, up to FW_SET_PORTS4, are of networks; then come ports, and links. */
enum fw_set {
	FW_SET_BRIDGES,
	FW_SET_INTERNAL,
	FW_SET_SAME,
	FW_SET_WITHIN,
	FW_SET_BRIDGED,
	FW_SET_MASQ4,
	FW_SET_MASQ6,
	FW_SET_UNPROTECTED4,
	FW_SET_UNPROTECTED6,
	FW_SET_PORTS4,
	FW_SET_ANY4,
	FW_SET_PORTS6,
	FW_SET_ANY6,
	FW_SET_OPEN4,
	FW_SET_OPEN6,
	FW_SET_LINKS4,
	FW_SET_COUNT
};

extern const struct nft_set fw_sets[FW_SET_COUNT];

struct fw_chain {
	const char *name;
	struct nft_hook hook; /* type NULL: one that others jump to */
};
extern const struct fw_chain fw_chains[]; /* ends with a NULL name */

/* All of them, into chains that are empty. closed: as in struct fw_state. */
void fw_put_rules(struct nl_msg *m, const char *table, const bool closed[2]);

#endif
