/* Networks without a kernel: subnets, the choice of a pool, settings, endpoints, many threads. */
#include "networkdriver/internal.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/env.h"
#include "networkdriver/pool.h"
#include "pkg/json.h"
#include "pkg/mem.h"

static struct subnet net_of(const char *text)
{
	struct subnet s;

	assert_int_equal(subnet_parse(text, &s), 0);
	return s;
}

static void reads_and_writes_subnets(void **state)
{
	static const char *const bad[] = {
		"",           "1.2.3.4",    "1.2.3.4/", "1.2.3.4/33",   "1.2.3/24",
		"1.2.3.4/-1", "1.2.3.4/8 ", "/8",       "1.2.3.4/24/8", "1234567890123456/8",
		"::1/64"
	};
	char text[SUBNET_TEXT];
	struct subnet s;

	(void)state;
	assert_string_equal(subnet_text(text, net_of("172.17.0.1/16")), "172.17.0.1/16");
	s = net_of("255.255.255.255/32");
	assert_string_equal(subnet_text(text, s), "255.255.255.255/32");
	assert_string_equal(subnet_text(text, subnet_network(net_of("10.1.2.3/9"))), "10.0.0.0/9");
	assert_int_equal(subnet_last(net_of("10.1.2.3/0")), 0xffffffff);
	for (size_t i = 0; i < array_size(bad); i++)
		assert_int_equal(subnet_parse(bad[i], &s), -1);
}

static void compares_subnets(void **state)
{
	(void)state;
	assert_true(subnet_overlaps(net_of("10.0.0.0/8"), net_of("10.9.8.7/32")));
	assert_true(subnet_overlaps(net_of("10.9.8.7/32"), net_of("10.0.0.0/8")));
	assert_false(subnet_overlaps(net_of("10.0.0.0/9"), net_of("10.128.0.0/9")));
	assert_true(subnet_overlaps(net_of("0.0.0.0/0"), net_of("10.128.0.0/9")));
	assert_true(subnet_contains(net_of("10.0.0.0/8"), net_of("10.1.0.0/16")));
	assert_false(subnet_contains(net_of("10.1.0.0/16"), net_of("10.0.0.0/8")));
}

static void reads_and_writes_macs(void **state)
{
	static const char *const bad[] = { "",
					   "02:42:ac:11:00",
					   "02:42:ac:11:00:02:03",
					   "02-42-ac-11-00-02",
					   "2:42:ac:11:00:02",
					   "02:42:ac:11:00:0g",
					   "02:42:ac:11:00:02 " };
	unsigned char mac[6];
	char text[MAC_TEXT];

	(void)state;
	assert_int_equal(mac_parse("02:42:AC:11:00:0f", mac), 0);
	assert_string_equal(mac_text(text, mac), "02:42:ac:11:00:0f");
	for (size_t i = 0; i < array_size(bad); i++)
		assert_int_equal(mac_parse(bad[i], mac), -1);
}

/* What is chosen when these are taken, separated by blanks. */
static const char *chosen(const char *taken_texts)
{
	static char text[SUBNET_TEXT];
	autostrlist struct strlist words = STRLIST_INIT;
	struct taken taken = { 0 };
	struct subnet s;

	strlist_split(&words, taken_texts, ' ');
	for (size_t i = 0; i < words.n; i++)
		if (*words.v[i])
			taken_add(&taken, net_of(words.v[i]));
	int rc = pool_choose(pool_bridge, pool_bridge_count, taken.v, taken.n, &s, NULL);
	taken_done(&taken);
	return rc == 0 ? subnet_text(text, s) : "none";
}

static void chooses_a_free_pool(void **state)
{
	(void)state;
	assert_string_equal(chosen(""), "172.17.0.1/16");
	assert_string_equal(chosen("0.0.0.0/0 10.0.0.0/8 192.168.1.0/24"), "172.17.0.1/16");
	assert_string_equal(chosen("0.0.0.0/1 128.0.0.0/1"), "172.17.0.1/16");
	assert_string_equal(chosen("172.17.0.0/16"), "172.18.0.1/16");
	assert_string_equal(chosen("172.17.3.4/32 172.18.255.0/24"), "172.19.0.1/16");
	assert_string_equal(chosen("172.16.0.0/12"), "192.168.0.1/20");
	assert_string_equal(chosen("172.16.0.0/12 192.168.0.0/24 192.168.17.1/32"),
			    "192.168.32.1/20");
	assert_string_equal(chosen("172.16.0.0/12 192.168.0.0/17 192.168.128.0/18 192.168.192.0/19"
				   " 192.168.224.0/20"),
			    "192.168.240.1/20");
	assert_string_equal(chosen("172.16.0.0/12 192.168.0.0/16"), "none");
	assert_string_equal(chosen("128.0.0.0/2"), "192.168.0.1/20");
}

static void reads_nameservers(void **state)
{
	static const char conf[] = "# nameserver 1.1.1.1\n"
				   "search example.org\n"
				   "nameserver 172.17.0.53\n"
				   " nameserver\t10.0.0.1   \r\n"
				   "nameserver 9.9.9.9#comment\n"
				   "nameserver ::1\nnameserver\nnameserver8.8.8.8\n"
				   "nameserver 8.8.4.4";
	struct taken taken = { 0 };

	(void)state;
	taken_add_nameservers(&taken, conf);
	assert_int_equal(taken.n, 4);
	assert_int_equal(taken.v[0].addr, 0xac110035);
	assert_int_equal(taken.v[1].addr, 0x0a000001);
	assert_int_equal(taken.v[2].addr, 0x09090909);
	assert_int_equal(taken.v[3].addr, 0x08080404);
	assert_int_equal(taken.v[3].prefix, 32);
	taken_done(&taken);
}

static int load(const char *json, struct options *o, struct error *err)
{
	struct env *env = env_new();

	assert_int_equal(env_decode(env, json, strlen(json), NULL), 0);
	int rc = options_load(o, env, err);
	if (rc == 0)
		options_done(o);
	if (rc == 0)
		o->bridge = strcmp(o->bridge, "docker0") == 0 ? "docker0" : "other";
	env_free(env);
	return rc;
}

static void reads_settings(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(load("{}", &o, NULL), 0);
	assert_true(o.iptables && o.icc && o.ip_forward && o.ip_masq);
	assert_false(o.disabled || o.bridge_is_given || o.has_bip || o.has_fixed_cidr);
	assert_string_equal(o.bridge, "docker0");
	assert_int_equal(
		load("{\"EnableIpMasq\":\"false\",\"BridgeIface\":\"br0\",\"Mtu\":\"9000\","
		     "\"DefaultBindingIP\":\"127.0.0.1\",\"FirewallBackend\":\"nftables\"}",
		     &o, NULL),
		0);
	assert_true(!o.ip_masq && o.bridge_is_given && o.mtu == 9000 && o.binding_ip == 0x7f000001);
	assert_int_equal(load("{\"BridgeIface\":\"none\"}", &o, NULL), 0);
	assert_true(o.disabled);
}

static void refuses_settings(void **state)
{
	static const struct {
		const char *json;
		enum error_kind kind;
	} bad[] = {
		{ "{\"BridgeIface\":\"br0\",\"BridgeIP\":\"10.0.0.1/24\"}", ERR_BAD_REQUEST },
		{ "{\"EnableIptables\":false,\"InterContainerCommunication\":false}",
		  ERR_BAD_REQUEST },
		{ "{\"FixedCIDRv6\":\"fd00::/64\"}", ERR_BAD_REQUEST },
		{ "{\"DefaultAddressPools\":[\"base=10.0.0.0/8\"]}", ERR_BAD_REQUEST },
		{ "{\"BridgeIface\":\"sixteen-letters-\"}", ERR_BAD_REQUEST },
		{ "{\"BridgeIface\":\"a/b\"}", ERR_BAD_REQUEST },
		{ "{\"BridgeIP\":\"10.0.0.255/24\"}", ERR_BAD_REQUEST },
		{ "{\"FixedCIDR\":\"10.0.0\"}", ERR_BAD_REQUEST },
		{ "{\"DefaultBindingIP\":\"localhost\"}", ERR_BAD_REQUEST },
		{ "{\"Mtu\":65536}", ERR_BAD_REQUEST },
		{ "{\"Mtu\":-1}", ERR_BAD_REQUEST },
	};

	(void)state;
	for (size_t i = 0; i < array_size(bad); i++) {
		struct error err = { 0 };
		struct options o;
		assert_int_equal(load(bad[i].json, &o, &err), -1);
		assert_int_equal(err.kind, bad[i].kind);
	}
}

static struct network *setup(const char *subnet)
{
	struct network *net = network_new("bridge", DRIVER_BRIDGE);

	net->subnet = net_of(subnet);
	net->builtin = true;
	net->mtu = 1500;
	snprintf(net->bridge, sizeof(net->bridge), "test0");
	assert_int_equal(network_init(net, NULL), 0);
	return net;
}

static const struct network_request any;

static void gives_addresses_macs_and_names(void **state)
{
	struct endpoint one, two;
	struct network *net;
	char mac[MAC_TEXT];

	(void)state;
	net = setup("172.17.0.1/16");
	assert_int_equal(network_address_allocate(net, "one", &any, &one, NULL), 0);
	assert_int_equal(one.ip, 0xac110002);
	assert_string_equal(mac_text(mac, one.mac), "02:42:ac:11:00:02");
	assert_int_equal(strlen(one.ifname), 11);
	assert_memory_equal(one.ifname, "veth", 4);
	assert_true(network_has_ifname(net, one.ifname));
	const struct network_request wish = { .ip = "172.17.9.9", .mac = "02:00:00:00:00:01" };
	assert_int_equal(network_address_allocate(net, "two", &wish, &two, NULL), 0);
	assert_int_equal(two.ip, 0xac110909);
	assert_string_equal(mac_text(mac, two.mac), "02:00:00:00:00:01");
	network_address_release(net, "two");
	network_address_release(net, "two");
	assert_false(network_has_ifname(net, two.ifname));
	assert_int_equal(network_address_allocate(net, "three", &wish, &two, NULL), 0);
	network_unref(net);
}

static void expect_refusal(struct network *net, const char *id, struct network_request request,
			   enum error_kind kind, const char *text)
{
	struct error err = { 0 };
	struct endpoint e;

	assert_int_equal(network_address_allocate(net, id, &request, &e, &err), -1);
	assert_int_equal(err.kind, kind);
	assert_string_equal(err.text, text);
}

static void refuses_with_dockers_words(void **state)
{
	struct endpoint e;
	struct network *net;

	(void)state;
	net = setup("10.0.0.1/30");
	expect_refusal(net, "a", (struct network_request){ .ip = "10.0.0.1" }, ERR_FORBIDDEN,
		       "Address already in use: 10.0.0.1");
	expect_refusal(net, "a", (struct network_request){ .ip = "10.0.0.9" }, ERR_BAD_REQUEST,
		       "Invalid address 10.0.0.9: It does not belong to any of this network's "
		       "subnets");
	expect_refusal(net, "a", (struct network_request){ .ip = "ten" }, ERR_BAD_REQUEST,
		       "invalid IPv4 address: ten");
	expect_refusal(net, "a", (struct network_request){ .mac = "03:00:00:00:00:01" },
		       ERR_BAD_REQUEST, "invalid MAC address: 03:00:00:00:00:01");
	assert_int_equal(network_address_allocate(net, "a", &any, &e, NULL), 0);
	expect_refusal(net, "a", any, ERR_FORBIDDEN,
		       "endpoint with name a already exists in network bridge");
	expect_refusal(net, "b", any, ERR_INTERNAL,
		       "no available IPv4 addresses on this network's address pools: bridge "
		       "(test0)");
	network_address_release(net, "a");
	assert_int_equal(network_address_allocate(net, "b", &any, &e, NULL), 0);
	network_unref(net);
}

static void adopts(void **state)
{
	struct endpoint old = { .ip = 0xac110002, .mac = { 2, 3, 4 }, .ifname = "veth0123456" }, e;
	struct network *net;

	(void)state;
	net = setup("172.17.0.1/16");
	assert_int_equal(network_address_adopt(net, "old", &old, NULL), 0);
	assert_int_equal(network_address_adopt(net, "old", &old, NULL), 0);
	assert_int_equal(network_address_adopt(net, "new", &old, NULL), -1);
	assert_true(network_has_ifname(net, "veth0123456"));
	old.ip++;
	assert_int_equal(network_address_adopt(net, "old", &old, NULL), -1); /* it has another */
	assert_int_equal(network_address_allocate(net, "new", &any, &e, NULL), 0);
	assert_int_equal(e.ip, 0xac110003);
	autojson json_t *all = network_endpoints(net);
	assert_string_equal(json_get_str(json_get_obj(all, "old"), "IP", ""), "172.17.0.2");
	assert_string_equal(json_get_str(json_get_obj(all, "old"), "MacAddress", ""),
			    "02:03:04:00:00:00");
	network_unref(net);
}

static void counts_ports_of_the_bridge(void **state)
{
	struct network *net = setup("172.17.0.1/16");
	struct endpoint e;
	char id[16];

	(void)state;
	for (int i = 0; i < BRIDGE_MAX_PORTS; i++) {
		snprintf(id, sizeof(id), "%d", i);
		assert_int_equal(network_address_allocate(net, id, &any, &e, NULL), 0);
	}
	expect_refusal(net, "more", any, ERR_CONFLICT,
		       "network bridge is full: a bridge of the kernel has at most 1023 ports");
	network_unref(net);
}

static void renames(void **state)
{
	const struct network_request r = { .name = "web", .names = "web www 0123456789ab" };
	struct network *net = setup("172.17.0.1/16");
	struct endpoint e;

	(void)state;
	assert_int_equal(network_address_allocate(net, "a", &r, &e, NULL), 0);
	endpoint_done(&e);
	assert_true(network_rename(net, "a", "shop"));
	assert_false(network_rename(net, "b", "shop"));
	assert_true(network_endpoint(net, "a", &e));
	assert_string_equal(e.name, "shop");
	assert_string_equal(e.names, "shop www 0123456789ab");
	endpoint_done(&e);
	network_unref(net);
}

static struct subnet6 net6_of(const char *text)
{
	struct subnet6 s;

	assert_int_equal(subnet6_parse(text, &s), 0);
	return s;
}

static void hands_out_ipv6_addresses(void **state)
{
	struct subnet6 whole = net6_of("fd00:1::/64"), range = net6_of("fd00:1::8/126");
	struct subnet6 gateway = net6_of("fd00:1::1/64"), other = net6_of("fd00:2::1/64");
	struct ip6alloc a;
	struct ip6 ip;
	char text[IPV6_TEXT];

	(void)state;
	assert_int_equal(ip6alloc_init(&a, &whole, NULL, NULL), 0);
	assert_int_equal(ip6alloc_take_this(&a, &gateway.addr), 0);
	assert_int_equal(ip6alloc_take(&a, &ip), 0);
	assert_string_equal(ipv6_text(text, &ip), "fd00:1::2");
	ip6alloc_release(&a, &ip);
	assert_int_equal(ip6alloc_take(&a, &ip), 0);
	assert_string_equal(ipv6_text(text, &ip), "fd00:1::3");
	assert_int_equal(ip6alloc_take_this(&a, &ip), -1);
	assert_int_equal(ip6alloc_take_this(&a, &other.addr), -1);
	ip6alloc_done(&a);
	assert_int_equal(ip6alloc_init(&a, &whole, &range, NULL), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(ip6alloc_take(&a, &ip), 0);
	assert_string_equal(ipv6_text(text, &ip), "fd00:1::b");
	assert_int_equal(ip6alloc_take(&a, &ip), -1);
	ip6alloc_done(&a);
	assert_int_equal(ip6alloc_init(&a, &range, &whole, NULL), -1);
}

static void compares_ipv6_subnets(void **state)
{
	struct subnet6 a = net6_of("fd00::/8"), b = net6_of("fd12:3456::1/64"),
		       c = net6_of("fe80::/10");
	struct ip6 high = net6_of("fd00::ffff:ffff/64").addr, sum = ip6_plus(&high, 1);
	char text[SUBNET6_TEXT];

	(void)state;
	assert_true(subnet6_overlaps(&a, &b) && subnet6_overlaps(&b, &a));
	assert_false(subnet6_overlaps(&a, &c));
	assert_true(subnet6_contains(&a, &b) && !subnet6_contains(&b, &a));
	b = subnet6_network(&b);
	assert_string_equal(subnet6_text(text, &b), "fd12:3456::/64");
	assert_string_equal(ipv6_text(text, &sum), "fd00::1:0:0");
}

#define THREADS 8
#define ROUNDS 200
#define EACH 16

/* Addresses 1 to 253 that somebody holds, as all threads together see it. */
static unsigned char held[256];

static void *come_and_go(void *arg)
{
	struct network *net = arg;
	struct endpoint e[EACH];
	char id[64];

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < EACH; i++) {
			snprintf(id, sizeof(id), "%lx-%d", (unsigned long)pthread_self(), i);
			if (network_address_allocate(net, id, &any, &e[i], NULL) < 0)
				return "no address";
			if (__atomic_fetch_add(&held[e[i].ip & 255], 1, __ATOMIC_SEQ_CST) != 0)
				return "an address twice";
		}
		json_decref(network_endpoints(net));
		for (int i = 0; i < EACH; i++) {
			snprintf(id, sizeof(id), "%lx-%d", (unsigned long)pthread_self(), i);
			__atomic_fetch_sub(&held[e[i].ip & 255], 1, __ATOMIC_SEQ_CST);
			network_address_release(net, id);
		}
	}
	return NULL;
}

static void many_threads_never_share_an_address(void **state)
{
	pthread_t threads[THREADS];
	struct network *net;
	void *trouble;

	(void)state;
	net = setup("10.0.0.1/24");
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, net), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &trouble);
		assert_null(trouble);
	}
	assert_int_equal(map_count(&net->endpoints), 0);
	network_unref(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes_subnets),
		cmocka_unit_test(compares_subnets),
		cmocka_unit_test(reads_and_writes_macs),
		cmocka_unit_test(chooses_a_free_pool),
		cmocka_unit_test(reads_nameservers),
		cmocka_unit_test(reads_settings),
		cmocka_unit_test(refuses_settings),
		cmocka_unit_test(gives_addresses_macs_and_names),
		cmocka_unit_test(refuses_with_dockers_words),
		cmocka_unit_test(adopts),
		cmocka_unit_test(counts_ports_of_the_bridge),
		cmocka_unit_test(renames),
		cmocka_unit_test(hands_out_ipv6_addresses),
		cmocka_unit_test(compares_ipv6_subnets),
		cmocka_unit_test(many_threads_never_share_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
