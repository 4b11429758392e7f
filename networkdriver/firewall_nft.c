/*
 * The firewall of a network in nftables: a table of our own, "docker-" and the bridge's name, so
 * that neither other daemons nor the host's own rules are touched. It hooks in where iptables-nft
 * does (forward at 0, source NAT at 100); an accept here does not overrule a drop there.
 *
 *	chain postrouting: what leaves for elsewhere gets the host's address (--ip-masq)
 *	chain forward: between containers as --icc says; answers in; everything out
 *
 * Frames between two ports of a bridge meet these rules only where br_netfilter is on. So --icc=false
 * also makes each port isolated (see allocate_interface): then the bridge itself keeps them apart,
 * for every protocol, and these rules stop what is routed back in by way of the gateway.
 *
 * The table is replaced in one transaction at every start, and stays when the daemon ends.
 */
#include "networkdriver/internal.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netlink.h>
#include <stdio.h>

#include "pkg/nft.h"

#define FAMILY NFPROTO_IPV4
#define SPACE 4096 /* bytes; the whole takes about 1,800 */
#define MAX_STEPS 16

/* A transaction, and the name of each of its messages for when the kernel refuses one. */
struct batch {
	struct nl_msg m;
	char table[8 + NL_NAME_SIZE];
	const char *step[MAX_STEPS];
	int n;
};

/* Every message of the batch is announced, so that numbers and names agree. */
static struct nl_msg *step(struct batch *b, const char *name)
{
	b->step[b->n++] = name;
	return &b->m;
}

static void put_table(struct batch *b)
{
	/* Deleting what is not there fails the whole, so it is made first, if need be. */
	nft_table(step(b, "table"), NFT_MSG_NEWTABLE, FAMILY, b->table);
	nft_table(step(b, "old table"), NFT_MSG_DELTABLE, FAMILY, b->table);
	nft_table(step(b, "table"), NFT_MSG_NEWTABLE, FAMILY, b->table);
}

static void put_masquerade(struct batch *b, const struct network *net)
{
	static const struct nft_hook hook = { "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC };

	nft_chain(step(b, "chain postrouting"), FAMILY, b->table, "postrouting", &hook);
	struct nl_msg *m = step(b, "rule masquerade");
	struct nft_rule rule = nft_rule(m, FAMILY, b->table, "postrouting");
	nft_ip_saddr(m, NFT_CMP_EQ, net->subnet.addr, net->subnet.prefix);
	nft_ifname(m, NFT_META_OIFNAME, NFT_CMP_NEQ, net->bridge);
	nft_masquerade(m);
	nft_rule_end(m, rule);
}

static void put_icc(struct batch *b, const struct network *net)
{
	struct nl_msg *m = step(b, "rule between containers");
	struct nft_rule rule = nft_rule(m, FAMILY, b->table, "forward");

	nft_ifname(m, NFT_META_IIFNAME, NFT_CMP_EQ, net->bridge);
	nft_ifname(m, NFT_META_OIFNAME, NFT_CMP_EQ, net->bridge);
	nft_verdict(m, net->icc ? NF_ACCEPT : NF_DROP);
	nft_rule_end(m, rule);
}

static void put_answers_in(struct batch *b, const struct network *net)
{
	struct nl_msg *m = step(b, "rule for established connections");
	struct nft_rule rule = nft_rule(m, FAMILY, b->table, "forward");

	nft_ifname(m, NFT_META_OIFNAME, NFT_CMP_EQ, net->bridge);
	nft_ct_state(m, NFT_CT_BIT_ESTABLISHED | NFT_CT_BIT_RELATED);
	nft_verdict(m, NF_ACCEPT);
	nft_rule_end(m, rule);
}

static void put_all_out(struct batch *b, const struct network *net)
{
	struct nl_msg *m = step(b, "rule to the outside");
	struct nft_rule rule = nft_rule(m, FAMILY, b->table, "forward");

	nft_ifname(m, NFT_META_IIFNAME, NFT_CMP_EQ, net->bridge);
	nft_verdict(m, NF_ACCEPT);
	nft_rule_end(m, rule);
}

static void put_forward(struct batch *b, const struct network *net)
{
	static const struct nft_hook hook = { "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER };

	nft_chain(step(b, "chain forward"), FAMILY, b->table, "forward", &hook);
	put_icc(b, net);
	put_answers_in(b, net);
	put_all_out(b, net);
}

static void build(struct batch *b, const struct network *net)
{
	snprintf(b->table, sizeof(b->table), "docker-%s", net->bridge);
	step(b, "transaction");
	nft_begin(&b->m);
	put_table(b);
	if (net->masq)
		put_masquerade(b, net);
	put_forward(b, net);
	step(b, "transaction");
	nft_end(&b->m);
}

/* A kernel without nftables refuses the batch as such, with one of these. */
static bool is_unsupported(int failed)
{
	return failed == 0 && (errno == EOPNOTSUPP || errno == EINVAL);
}

void firewall_init(struct firewall *fw)
{
	pthread_mutex_init(&fw->lock, NULL);
	fw->sock = -1;
}

/* Send it all; *failed is the number of the message that was refused, -1 for lack of a socket. */
static int commit(struct firewall *fw, struct nl_msg *m, int *failed)
{
	int rc = -1;

	*failed = -1;
	pthread_mutex_lock(&fw->lock);
	if (fw->sock < 0)
		fw->sock = netlink_open_proto(NETLINK_NETFILTER);
	if (fw->sock >= 0)
		rc = nl_call_at(fw->sock, m, failed);
	pthread_mutex_unlock(&fw->lock);
	return rc;
}

int firewall_setup(struct firewall *fw, const struct network *net, struct error *err)
{
	uint32_t space[SPACE / 4];
	struct batch b = { .m = nl_msg_in(space, sizeof(space)) };
	int failed;

	build(&b, net);
	if (commit(fw, &b.m, &failed) == 0)
		return 0;
	if (failed < 0 || is_unsupported(failed))
		return error_sys(err, "Cannot set up the firewall: no nftables in this kernel "
				      "(--iptables=false goes without)");
	return error_sys(err, "Cannot set up the firewall: nftables \"%s\", %s", b.table,
			 failed < b.n ? b.step[failed] : "transaction");
}
