/*
 * Netlink: how messages are built and read, and what the kernel makes of them. The latter happens
 * in a network namespace of our own where we may have one, and is skipped where not.
 */
#include "pkg/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pkg/mem.h"
#include "pkg/nft.h"

static bool own_namespace;

static void builds_messages(void **state)
{
	uint32_t space[64];
	struct nl_msg m = nl_msg_in(space, sizeof(space));
	const struct nlmsghdr *h = (const struct nlmsghdr *)space;
	struct ifinfomsg head = { .ifi_index = 7 };
	const struct nlattr *tb[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];

	(void)state;
	nl_begin(&m, RTM_NEWLINK, NLM_F_ACK, &head, sizeof(head));
	nl_put_str(&m, IFLA_IFNAME, "eth0"); /* 5 bytes: padded to 8 */
	nl_put_u32(&m, IFLA_MTU, 1500);
	size_t nest = nl_nest(&m, IFLA_LINKINFO);
	nl_put_str(&m, IFLA_INFO_KIND, "veth");
	nl_put_u8(&m, IFLA_INFO_DATA, 9);
	nl_nest_end(&m, nest);
	assert_false(m.full);
	assert_int_equal(h->nlmsg_len, m.len);
	assert_int_equal(h->nlmsg_len, 16 + 16 + 12 + 8 + 4 + 12 + 8);
	assert_int_equal(h->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
	nl_attrs((char *)space + 32, m.len - 32, tb, IFLA_MAX);
	assert_int_equal(nl_attr_u32(tb[IFLA_MTU]), 1500);
	assert_int_equal(nl_attr_len(tb[IFLA_IFNAME]), 5);
	assert_int_equal(nl_attr_len(tb[IFLA_LINKINFO]), 20);
	nl_attrs(nl_attr_data(tb[IFLA_LINKINFO]), 20, info, IFLA_INFO_MAX);
	assert_string_equal(nl_attr_data(info[IFLA_INFO_KIND]), "veth");
	assert_int_equal(nl_attr_len(info[IFLA_INFO_DATA]), 1);
	assert_null(info[IFLA_INFO_SLAVE_KIND]);
}

static void build_some(struct nl_msg *m)
{
	struct ifinfomsg head = { 0 };

	for (int i = 0; i < 2; i++) {
		nl_begin(m, RTM_NEWLINK, 0, &head, sizeof(head));
		size_t nest = nl_nest(m, IFLA_LINKINFO);
		nl_put_str(m, IFLA_INFO_KIND, "bridge");
		nl_put_raw(m, "abc", 3);
		nl_nest_end(m, nest);
	}
}

static void never_passes_the_ceiling(void **state)
{
	uint32_t space[64];
	struct nl_msg whole = nl_msg_in(space, sizeof(space));

	(void)state;
	build_some(&whole);
	assert_false(whole.full);
	for (size_t size = 0; size <= whole.len; size++) {
		autofree unsigned char *room = xmalloc(size + 1); /* a sanitizer watches its end */
		struct nl_msg m = nl_msg_in(room, size);
		build_some(&m);
		assert_int_equal(m.full, size < whole.len);
		assert_true(m.len <= size);
		if (!m.full)
			continue;
		assert_int_equal(nl_call(-1, &m), -1);
		assert_int_equal(errno, EMSGSIZE);
	}
	autofree unsigned char *big = xmalloc(200000);
	struct nl_msg m = nl_msg_in(big, 200000);
	memset(big, 0, 70000);
	nl_put(&m, 1, big, 70000); /* longer than an attribute can be */
	assert_true(m.full);
}

static void reads_broken_attributes(void **state)
{
	const struct nlattr *tb[4];
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t n = (seed >> 8) % 40;
		autofree unsigned char *bytes = xmalloc(n + 1);
		for (size_t i = 0; i < n; i++) {
			seed = seed * 1664525u + 1013904223u;
			bytes[i] = (unsigned char)(seed >> 24 & (i % 2 ? 0 : 15));
		}
		seed = seed * 1664525u + 1013904223u;
		nl_attrs(bytes, n, tb, 3);
		for (int i = 0; i <= 3; i++) {
			char text[8];
			nl_attr_str(tb[i], text, sizeof(text));
			(void)nl_attr_u32(tb[i]);
			assert_true(nl_attr_len(tb[i]) <= n);
		}
	}
}

/* The names of a rule's expressions, joined by blanks. */
static void expression_names(const struct nlmsghdr *h, char *out, size_t size)
{
	const struct nlattr *tb[NFTA_RULE_MAX + 1], *expr[NFTA_EXPR_MAX + 1];
	const unsigned char *attrs = (const unsigned char *)h + 20;

	nl_attrs(attrs, h->nlmsg_len - 20, tb, NFTA_RULE_MAX);
	const unsigned char *at = nl_attr_data(tb[NFTA_RULE_EXPRESSIONS]);
	size_t left = nl_attr_len(tb[NFTA_RULE_EXPRESSIONS]);
	*out = '\0';
	while (left >= NLA_HDRLEN) {
		const struct nlattr *element = (const struct nlattr *)at;
		nl_attrs(nl_attr_data(element), nl_attr_len(element), expr, NFTA_EXPR_MAX);
		size_t n = strlen(out);
		nl_attr_str(expr[NFTA_EXPR_NAME], out + n, size - n - 1);
		n = strlen(out);
		out[n] = ' ';
		out[n + 1] = '\0';
		size_t step = NLA_ALIGN(element->nla_len);
		at += step;
		left = step < left ? left - step : 0;
	}
}

static void builds_rules(void **state)
{
	uint32_t space[512];
	struct nl_msg m = nl_msg_in(space, sizeof(space));
	char names[128];

	(void)state;
	nft_begin(&m);
	assert_int_equal(m.len, 20);
	struct nft_rule rule = nft_rule(&m, NFPROTO_IPV4, "t", "c");
	nft_ip_saddr(&m, NFT_CMP_EQ, 0xac110001, 16);
	nft_ifname(&m, NFT_META_OIFNAME, NFT_CMP_NEQ, "docker0");
	nft_ct_state(&m, NFT_CT_BIT_ESTABLISHED);
	nft_masquerade(&m);
	nft_rule_end(&m, rule);
	const struct nlmsghdr *h = (const struct nlmsghdr *)((char *)space + 20);
	assert_int_equal(h->nlmsg_type, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE);
	assert_int_equal(h->nlmsg_len, m.len - 20);
	expression_names(h, names, sizeof(names));
	assert_string_equal(names, "payload bitwise cmp meta cmp ct bitwise cmp masq ");
	h = (const struct nlmsghdr *)((char *)space + m.len);
	rule = nft_rule(&m, NFPROTO_IPV4, "t", "c");
	nft_ip_daddr(&m, 0x7f00000b);
	nft_l4proto(&m, IPPROTO_UDP);
	nft_dport(&m, 53);
	nft_dnat_to(&m, 0x7f00000b, 1053);
	nft_rule_end(&m, rule);
	expression_names(h, names, sizeof(names));
	assert_string_equal(names, "payload cmp meta cmp payload cmp immediate immediate nat ");
	nft_end(&m);
	assert_false(m.full);
}

static void looks_links_up(void **state)
{
	autoclose int sock = netlink_open();
	struct nl_link lo;

	(void)state;
	assert_true(sock >= 0);
	assert_true(fcntl(sock, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(nl_link_get(sock, "lo", &lo), 0);
	assert_string_equal(lo.name, "lo");
	assert_int_equal(lo.index, (int)if_nametoindex("lo"));
	assert_true(lo.flags & IFF_LOOPBACK);
	assert_int_equal(nl_link_index(sock, "nosuch0"), -1);
	assert_int_equal(errno, ENODEV);
	assert_int_equal(nl_link_index(sock, "lo"), lo.index);
}

static int stop_at_once(const struct nl_link *link, void *arg)
{
	(void)link;
	++*(int *)arg;
	return 42;
}

static void a_list_may_be_stopped(void **state)
{
	autoclose int sock = netlink_open();
	int calls = 0;

	(void)state;
	assert_int_equal(nl_link_list(sock, stop_at_once, &calls), 42);
	assert_int_equal(calls, 1);
	assert_true(nl_link_index(sock, "lo") > 0); /* the rest of it is not in the way */
}

static int count_addr(const struct nl_addr *addr, void *arg)
{
	int *ifindex_and_count = arg;

	if (addr->ifindex == ifindex_and_count[0] && addr->prefix == 24 && addr->addr[3] == 9)
		ifindex_and_count[1]++;
	return 0;
}

static int find_default(const struct nl_route *route, void *arg)
{
	return route->prefix == 0 && route->oif == *(int *)arg;
}

static void makes_a_veth(void **state)
{
	static const unsigned char mac[] = { 2, 0x42, 10, 0, 0, 9 };
	static const unsigned char addr[] = { 10, 0, 0, 9 }, gateway[] = { 10, 0, 0, 1 };
	static const unsigned char broadcast[] = { 10, 0, 0, 255 };
	autoclose int sock = netlink_open();
	struct nl_link host, peer;

	(void)state;
	if (!own_namespace)
		skip();
	assert_int_equal(nl_link_create_bridge(sock, "br0"), 0);
	assert_int_equal(nl_link_create_bridge(sock, "br0"), -1);
	assert_int_equal(errno, EEXIST);
	int bridge = nl_link_index(sock, "br0");
	assert_int_equal(nl_link_up(sock, bridge), 0);
	const struct nl_veth veth = { .host_name = "veth0",
				      .bridge_index = bridge,
				      .mtu = 1400,
				      .host_up = true,
				      .host_isolated = true,
				      .peer_name = "peer0",
				      .peer_mac = mac };
	assert_int_equal(nl_veth_create(sock, &veth), 0);
	assert_int_equal(nl_veth_create(sock, &veth), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(nl_link_get(sock, "veth0", &host), 0);
	assert_int_equal(nl_link_get(sock, "peer0", &peer), 0);
	assert_int_equal(host.master, bridge);
	assert_true(host.flags & IFF_UP && !(peer.flags & IFF_UP));
	assert_int_equal(host.mac[0], 0xfe);
	assert_memory_equal(peer.mac, mac, sizeof(mac));
	assert_true(host.mtu == 1400 && peer.mtu == 1400);
	assert_string_equal(host.kind, "veth");
	assert_int_equal(nl_link_set_name(sock, peer.index, "eth9"), 0);
	assert_int_equal(nl_link_set_mtu(sock, peer.index, 1300), 0);
	assert_int_equal(nl_link_up(sock, peer.index), 0);
	assert_int_equal(nl_addr_add(sock, peer.index, AF_INET, addr, 24, broadcast), 0);
	assert_int_equal(nl_addr_add(sock, peer.index, AF_INET, addr, 24, NULL), -1);
	assert_int_equal(errno, EEXIST);
	int found[2] = { peer.index, 0 };
	assert_int_equal(nl_addr_list(sock, AF_INET, count_addr, found), 0);
	assert_int_equal(found[1], 1);
	assert_int_equal(nl_route_list(sock, AF_INET, find_default, &peer.index), 0);
	assert_int_equal(nl_route_set_default(sock, peer.index, AF_INET, gateway), 0);
	assert_int_equal(nl_route_list(sock, AF_INET, find_default, &peer.index), 1);
	assert_int_equal(nl_addr_del(sock, peer.index, AF_INET, addr, 24), 0);
	assert_int_equal(nl_link_del(sock, host.index), 0);
	assert_int_equal(nl_link_index(sock, "eth9"), -1);
	assert_int_equal(nl_link_del(sock, bridge), 0);
}

/* A process in a network namespace of its own, which lives until it is killed. */
static pid_t stranger(void)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNET) == 0 && write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void puts_the_peer_elsewhere(void **state)
{
	autoclose int sock = netlink_open();

	(void)state;
	if (!own_namespace)
		skip();
	pid_t pid = stranger();
	const struct nl_veth veth = {
		.host_name = "veth2", .peer_name = "lo2", .host_up = true, .peer_netns_pid = pid
	};
	assert_int_equal(nl_veth_create(sock, &veth), 0);
	assert_true(nl_link_index(sock, "veth2") > 0);
	assert_int_equal(nl_link_index(sock, "lo2"), -1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	for (int i = 0; i < 100 && nl_link_index(sock, "veth2") > 0; i++)
		usleep(50000); /* namespaces end in the background */
	assert_int_equal(nl_link_index(sock, "veth2"), -1);
}

static void a_failed_veth_leaves_nothing(void **state)
{
	autoclose int sock = netlink_open();
	autoclose int not_a_namespace = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct nl_veth veth = { .host_name = "veth1", .peer_name = "peer1" };

	(void)state;
	if (!own_namespace)
		skip();
	veth.bridge_index = nl_link_index(sock, "lo"); /* not a bridge */
	assert_int_equal(nl_veth_create(sock, &veth), -1);
	veth.bridge_index = 0;
	veth.host_isolated = true; /* nor a port */
	assert_int_equal(nl_veth_create(sock, &veth), -1);
	veth.host_isolated = false;
	veth.peer_netns_fd = not_a_namespace;
	assert_int_equal(nl_veth_create(sock, &veth), -1);
	veth.peer_netns_fd = 0;
	veth.peer_name = "veth1";
	assert_int_equal(nl_veth_create(sock, &veth), -1);
	assert_int_equal(nl_link_index(sock, "veth1"), -1);
	assert_int_equal(nl_link_index(sock, "peer1"), -1);
}

static void the_kernel_takes_our_rules(void **state)
{
	uint32_t space[512];
	struct nl_msg m = nl_msg_in(space, sizeof(space));
	autoclose int sock = netlink_open_proto(NETLINK_NETFILTER);
	int failed;

	(void)state;
	if (!own_namespace || sock < 0)
		skip();
	const struct nft_hook hook = { "filter", NF_INET_FORWARD, 0 };
	nft_begin(&m);
	nft_table(&m, NFT_MSG_NEWTABLE, NFPROTO_IPV4, "t");
	nft_chain(&m, NFPROTO_IPV4, "t", "c", &hook);
	struct nft_rule rule = nft_rule(&m, NFPROTO_IPV4, "t", "c");
	nft_ct_state(&m, NFT_CT_BIT_RELATED);
	nft_verdict(&m, NF_DROP);
	nft_rule_end(&m, rule);
	nft_end(&m);
	if (nl_call_at(sock, &m, &failed) < 0 && failed == 0)
		skip(); /* no nftables */
	m = nl_msg_in(space, sizeof(space));
	nft_begin(&m);
	nft_table(&m, NFT_MSG_DELTABLE, NFPROTO_IPV4, "t");
	nft_chain(&m, NFPROTO_IPV4, "nosuch", "c", &hook);
	nft_end(&m);
	assert_int_equal(nl_call_at(sock, &m, &failed), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(failed, 2);
	m = nl_msg_in(space, sizeof(space));
	nft_begin(&m);
	nft_table(&m, NFT_MSG_DELTABLE, NFPROTO_IPV4, "t"); /* the whole was refused: it is there */
	nft_end(&m);
	assert_int_equal(nl_call_at(sock, &m, &failed), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builds_messages),
		cmocka_unit_test(never_passes_the_ceiling),
		cmocka_unit_test(reads_broken_attributes),
		cmocka_unit_test(builds_rules),
		cmocka_unit_test(looks_links_up),
		cmocka_unit_test(a_list_may_be_stopped),
		cmocka_unit_test(makes_a_veth),
		cmocka_unit_test(puts_the_peer_elsewhere),
		cmocka_unit_test(a_failed_veth_leaves_nothing),
		cmocka_unit_test(the_kernel_takes_our_rules),
	};

	own_namespace = unshare(CLONE_NEWNET) == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
