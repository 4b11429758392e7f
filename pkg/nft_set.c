/* Sets and maps of nftables: see nft_set.h. */
#include "pkg/nft_set.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>

static void begin(struct nl_msg *m, int command, int flags, int family)
{
	struct nfgenmsg head = { .nfgen_family = (uint8_t)family, .version = NFNETLINK_V0 };

	nl_begin(m, NFNL_SUBSYS_NFTABLES << 8 | command, NLM_F_ACK | flags, &head, sizeof(head));
}

/* For the nft tool, which lists names as numbers the wrong way round otherwise. */
static void put_byte_order(struct nl_msg *m)
{
	const uint32_t host_endian = 1;
	unsigned char tlv[6] = { 0 /* of the key */, sizeof(host_endian) };

	memcpy(tlv + 2, &host_endian, sizeof(host_endian));
	nl_put(m, NFTA_SET_USERDATA, tlv, sizeof(tlv));
}

void nft_set(struct nl_msg *m, int family, const char *table, const struct nft_set *set,
	     uint32_t id)
{
	begin(m, NFT_MSG_NEWSET, NLM_F_CREATE, family);
	nl_put_str(m, NFTA_SET_TABLE, table);
	nl_put_str(m, NFTA_SET_NAME, set->name);
	nl_put_be32(m, NFTA_SET_FLAGS, set->value_size ? NFT_SET_MAP : 0);
	nl_put_be32(m, NFTA_SET_KEY_TYPE, set->key_type);
	nl_put_be32(m, NFTA_SET_KEY_LEN, set->key_size);
	if (set->value_size) {
		nl_put_be32(m, NFTA_SET_DATA_TYPE, set->value_type);
		nl_put_be32(m, NFTA_SET_DATA_LEN, set->value_size);
	}
	nl_put_be32(m, NFTA_SET_ID, id);
	if (set->key_type == NFT_IFNAME)
		put_byte_order(m);
}

static void begin_elements(struct nl_msg *m, int command, int family, const char *table,
			   const struct nft_set *set)
{
	begin(m, command, command == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0, family);
	nl_put_str(m, NFTA_SET_ELEM_LIST_TABLE, table);
	nl_put_str(m, NFTA_SET_ELEM_LIST_SET, set->name);
}

void nft_flush_set(struct nl_msg *m, int family, const char *table, const struct nft_set *set)
{
	begin_elements(m, NFT_MSG_DELSETELEM, family, table, set);
}

struct nft_elements nft_elements(struct nl_msg *m, int command, int family, const char *table,
				 const struct nft_set *set)
{
	begin_elements(m, command, family, table, set);
	return (struct nft_elements){
		.list = nl_nest(m, NLA_F_NESTED | NFTA_SET_ELEM_LIST_ELEMENTS),
		.key = set->key_size,
		.value = set->value_size,
	};
}

static void put_data(struct nl_msg *m, int type, const void *p, size_t n)
{
	size_t at = nl_nest(m, NLA_F_NESTED | type);

	nl_put(m, NFTA_DATA_VALUE, p, n);
	nl_nest_end(m, at);
}

void nft_element(struct nl_msg *m, const struct nft_elements *e, const void *key, const void *value)
{
	size_t at = nl_nest(m, NLA_F_NESTED | NFTA_LIST_ELEM);

	put_data(m, NFTA_SET_ELEM_KEY, key, e->key);
	if (e->value)
		put_data(m, NFTA_SET_ELEM_DATA, value, e->value);
	nl_nest_end(m, at);
}

void nft_elements_end(struct nl_msg *m, struct nft_elements e)
{
	nl_nest_end(m, e.list);
}
