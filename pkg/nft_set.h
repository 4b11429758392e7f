/*
 * Sets and maps of nftables, on top of nft.h: what rules look up, so that their cost does not grow
 * with what is in them. Keys and values are bytes as the registers hold them: every part of a key
 * padded to 4 bytes, addresses and ports in network order.
 *
 *	nft_set(&m, &set);                                 make it, unless it is there already
 *	struct nft_elements e = nft_elements(&m, NFT_MSG_NEWSETELEM, &set);
 *	nft_element(&m, key, value);                       ... at most NFT_MAX_ELEMENTS of them
 *	nft_elements_end(&m, e);
 */
#ifndef PKG_NFT_SET_H
#define PKG_NFT_SET_H

#include <stddef.h>
#include <stdint.h>

#include "pkg/netlink.h"

/* Types as the nft tool names them when it lists a set; the kernel only keeps them. */
enum nft_type {
	NFT_IPV4_ADDR = 7,
	NFT_IPV6_ADDR = 8,
	NFT_PROTO = 12,
	NFT_PORT = 13,
	NFT_IFNAME = 41
};
#define NFT_TYPES2(a, b) ((a) << 6 | (b))
#define NFT_TYPES3(a, b, c) ((a) << 12 | (b) << 6 | (c))
#define NFT_TYPES4(a, b, c, d) ((a) << 18 | (b) << 12 | (c) << 6 | (d))

#define NFT_MAX_ELEMENTS 400 /* in one message, whose list must stay under 64 KiB */

struct nft_set {
	const char *name;
	uint32_t key_type; /* NFT_TYPESn(...) */
	uint8_t key_size;  /* bytes, at most 64 */
	uint32_t value_type;
	uint8_t value_size; /* 0: a set, not a map */
};

struct nft_elements {
	size_t list;        /* the open nest */
	uint8_t key, value; /* sizes */
};

/* id: any number that no other set of the batch has. */
void nft_set(struct nl_msg *m, int family, const char *table, const struct nft_set *set,
	     uint32_t id);
/* Delete all elements. */
void nft_flush_set(struct nl_msg *m, int family, const char *table, const struct nft_set *set);

/*
 * command: NFT_MSG_NEWSETELEM (one that is there with the same value is fine, EBUSY or EEXIST with
 * another), or NFT_MSG_DELSETELEM (ENOENT: it is not there).
 */
struct nft_elements nft_elements(struct nl_msg *m, int command, int family, const char *table,
				 const struct nft_set *set);
void nft_element(struct nl_msg *m, const struct nft_elements *e, const void *key,
		 const void *value);
void nft_elements_end(struct nl_msg *m, struct nft_elements e);

#endif
