/*
 * Rules of others that stand in our way. In nftables an accept of ours does not overrule a drop of
 * somebody else's: a chain that drops what is forwarded by default, as other engines and some
 * firewalls leave behind, cuts containers off. Nothing of others is touched; the log says so.
 */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>

#include "networkdriver/firewall.h"
#include "pkg/log.h"
#include "pkg/mem.h"

#define NAME_SIZE 64

static uint32_t be32(const struct nlattr *a)
{
	return ntohl(nl_attr_u32(a));
}

static int look_at_chain(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *tb[NFTA_CHAIN_POLICY + 1], *hook[NFTA_HOOK_HOOKNUM + 1];
	const size_t head = NLMSG_LENGTH(sizeof(struct nfgenmsg));
	const char *own = arg;
	char table[NAME_SIZE], chain[NAME_SIZE];

	if (h->nlmsg_len < head)
		return 0;
	nl_attrs((const char *)h + head, h->nlmsg_len - head, tb, NFTA_CHAIN_POLICY);
	if (!tb[NFTA_CHAIN_HOOK] || !tb[NFTA_CHAIN_POLICY] ||
	    be32(tb[NFTA_CHAIN_POLICY]) != NF_DROP)
		return 0;
	nl_attrs(nl_attr_data(tb[NFTA_CHAIN_HOOK]), nl_attr_len(tb[NFTA_CHAIN_HOOK]), hook,
		 NFTA_HOOK_HOOKNUM);
	nl_attr_str(tb[NFTA_CHAIN_TABLE], table, sizeof(table));
	nl_attr_str(tb[NFTA_CHAIN_NAME], chain, sizeof(chain));
	if (be32(hook[NFTA_HOOK_HOOKNUM]) == NF_INET_FORWARD && strcmp(table, own) != 0)
		log_warn("chain %s of table %s drops what it has no rule for: containers reach "
			 "nothing "
			 "beyond this host, unless it gets one (or --firewall-backend=iptables, "
			 "which "
			 "adds rules there)",
			 chain, table);
	return 0;
}

void firewall_warn_of_others(const struct firewall *fw)
{
	uint32_t space[32];
	struct nl_msg m = nl_msg_in(space, sizeof(space));
	const struct nfgenmsg head = { .nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0 };
	autoclose int sock = netlink_open_proto(NETLINK_NETFILTER);

	nl_begin(&m, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, NLM_F_DUMP, &head, sizeof(head));
	if (sock < 0 || nl_dump(sock, &m, look_at_chain, (void *)fw->name) < 0)
		log_debug("cannot look at the rules of others");
}
