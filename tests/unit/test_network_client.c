/* What the client makes of the flags of `network`, and how it shows ports and networks. */
#include "api/client/network_specs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "api/client/addresses.h"
#include "api/client/flag_lists.h"
#include "api/client/format.h"
#include "api/client/ps_ports.h"
#include "pkg/csv.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/natural.h"

/* The member at a path such as "IPAM.Config" as compact JSON, "-" without one; or "ERR" and why. */
static char *member(json_t *body, const char *path, const struct error *err)
{
	autostrlist struct strlist names = STRLIST_INIT;
	const json_t *at = body;
	char *text;

	if (!body)
		return xasprintf("ERR %s", err->text);
	strlist_split(&names, path, '.');
	for (size_t i = 0; i < names.n; i++)
		at = json_object_get(at, names.v[i]);
	text = at ? json_text(at) : xstrdup("-");
	json_decref(body);
	return text;
}

static char *create_member(const char *line, const char *path)
{
	autostrlist struct strlist words = STRLIST_INIT, rest = STRLIST_INIT;
	struct network_create_opts o = network_create_defaults;
	struct error err = { 0 };
	json_t *body = NULL;

	strlist_split(&words, line, ' ');
	if (mflag_parse(network_create_flags, &o, words.v, MFLAG_INTERSPERSED, &rest, NULL, &err) ==
	    0)
		body = network_create_body(&o, rest.v[0], &err);
	mflag_done(network_create_flags, &o);
	return member(body, path, &err);
}

static char *connect_member(const char *line, const char *path)
{
	autostrlist struct strlist words = STRLIST_INIT, rest = STRLIST_INIT;
	struct network_connect_opts o = { 0 };
	struct error err = { 0 };
	json_t *body = NULL;

	strlist_split(&words, line, ' ');
	if (mflag_parse(network_connect_flags, &o, words.v, MFLAG_INTERSPERSED, &rest, NULL,
			&err) == 0)
		body = network_connect_body(&o, rest.v[1], &err);
	mflag_done(network_connect_flags, &o);
	return member(body, path, &err);
}

struct row {
	const char *line, *path, *want;
};

static const struct row creates[] = {
	{ "n", "Name", "\"n\"" },
	{ "n", "Driver", "\"bridge\"" },
	{ "n", "IPAM", "{\"Driver\":\"default\",\"Options\":{},\"Config\":[]}" },
	{ "n", "ConfigFrom", "null" },
	{ "n", "Labels", "{}" },
	{ "n", "Scope", "\"\"" },
	/* What was not said is not sent: the daemon has defaults of its own. */
	{ "n", "EnableIPv4", "-" },
	{ "n", "EnableIPv6", "-" },
	{ "--ipv4=false n", "EnableIPv4", "false" },
	{ "--ipv6 n", "EnableIPv6", "true" },
	{ "--internal n", "Internal", "true" },
	{ "--config-from c n", "ConfigFrom", "{\"Network\":\"c\"}" },
	{ "-o a=b -o c n", "Options", "{\"a\":\"b\",\"c\":\"\"}" },
	{ "--label a=b=c n", "Labels", "{\"a\":\"b=c\"}" },
	{ "--ipam-driver d --ipam-opt x=y n", "IPAM",
	  "{\"Driver\":\"d\",\"Options\":{\"x\":\"y\"},\"Config\":[]}" },
	{ "n --subnet 10.1.0.0/16,10.2.0.0/16", "IPAM.Config",
	  "[{\"Subnet\":\"10.1.0.0/16\"},{\"Subnet\":\"10.2.0.0/16\"}]" },
	{ "--gateway fd00::1 --subnet 10.1.0.0/16 --subnet fd00::/64 --ip-range 10.1.5.0/24 "
	  "--gateway 10.1.0.1 --aux-address a=10.1.0.5 --aux-address b=fd00::5 n",
	  "IPAM.Config",
	  "[{\"Subnet\":\"10.1.0.0/16\",\"IPRange\":\"10.1.5.0/24\",\"Gateway\":\"10.1.0.1\","
	  "\"AuxiliaryAddresses\":{\"a\":\"10.1.0.5\"}},{\"Subnet\":\"fd00::/64\","
	  "\"Gateway\":\"fd00::1\",\"AuxiliaryAddresses\":{\"b\":\"fd00::5\"}}]" },
	/* One alone is the daemon's to judge. */
	{ "--subnet x n", "IPAM.Config", "[{\"Subnet\":\"x\"}]" },
	{ "--subnet x --subnet 10.0.0.0/8 n", "", "ERR invalid subnet: invalid CIDR address: x" },
	{ "--subnet 10.1.0.0/16 --subnet 10.1.5.0/24 n", "",
	  "ERR multiple overlapping subnet configuration is not supported" },
	{ "--subnet 10.1.5.0/24 --subnet 10.1.0.0/16 n", "",
	  "ERR multiple overlapping subnet configuration is not supported" },
	{ "--gateway 10.1.0.1 n", "",
	  "ERR every ip-range or gateway must have a corresponding subnet" },
	{ "--subnet 10.1.0.0/16 --gateway 10.2.0.1 n", "",
	  "ERR no matching subnet for gateway 10.2.0.1" },
	{ "--subnet 10.1.0.0/16 --gateway x n", "", "ERR no matching subnet for gateway x" },
	{ "--subnet 10.1.0.0/16 --ip-range 10.2.0.0/24 n", "",
	  "ERR no matching subnet for range 10.2.0.0/24" },
	{ "--subnet 10.1.0.0/16 --ip-range 10.1.0.1 n", "", "ERR invalid CIDR address: 10.1.0.1" },
	{ "--aux-address a=10.1.0.1 n", "", "ERR no matching subnet for aux-address 10.1.0.1" },
	{ "--subnet 10.1.0.0/16,10.2.0.0/16 --gateway 10.1.0.1,10.1.0.2 n", "",
	  "ERR cannot configure multiple gateways (10.1.0.2, 10.1.0.1) for the same subnet "
	  "(10.1.0.0/16)" },
	{ "--subnet 10.1.0.0/16,10.2.0.0/16 --ip-range 10.1.0.0/24,10.1.1.0/24 n", "",
	  "ERR cannot configure multiple ranges (10.1.1.0/24, 10.1.0.0/24) on the same subnet "
	  "(10.1.0.0/16)" },
	{ "--label =x n", "",
	  "ERR invalid argument \"=x\" for \"--label\" flag: invalid label '=x': empty name" },
	{ "--ipv6=so n", "",
	  "ERR invalid argument \"so\" for \"--ipv6\" flag: strconv.ParseBool: parsing \"so\": "
	  "invalid syntax" },
};

static const struct row connects[] = {
	{ "n c", "Container", "\"c\"" },
	{ "n c", "EndpointConfig.IPAMConfig", "{}" },
	{ "n c", "EndpointConfig.Links", "null" },
	{ "n c", "EndpointConfig.Aliases", "[]" },
	{ "n c", "EndpointConfig.MacAddress", "\"\"" },
	{ "--alias a,b --alias c n c", "EndpointConfig.Aliases", "[\"a\",\"b\",\"c\"]" },
	{ "--ip 10.0.0.2 --ip6 fd00::2 --link-local-ip 169.254.0.1 n c",
	  "EndpointConfig.IPAMConfig",
	  "{\"IPv4Address\":\"10.0.0.2\",\"IPv6Address\":\"fd00::2\","
	  "\"LinkLocalIPs\":[\"169.254.0.1\"]}" },
	{ "--link x:y --link z n c", "EndpointConfig.Links", "[\"x:y\",\"z\"]" },
	{ "--driver-opt a=b,c= n c", "EndpointConfig.DriverOpts", "{\"a\":\"b\",\"c\":\"\"}" },
	{ "--gw-priority -3 n c", "EndpointConfig.GwPriority", "-3" },
	{ "--driver-opt x n c", "", "ERR invalid key/value pair format in driver options" },
	{ "--driver-opt =x n c", "", "ERR invalid key/value pair format in driver options" },
	{ "--link a:b:c n c", "",
	  "ERR invalid argument \"a:b:c\" for \"--link\" flag: bad format for links: a:b:c" },
};

static void test_bodies(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_size(creates); i++) {
		autofree char *got = create_member(creates[i].line, creates[i].path);

		assert_string_equal(got, creates[i].want);
	}
	for (size_t i = 0; i < array_size(connects); i++) {
		autofree char *got = connect_member(connects[i].line, connects[i].path);

		assert_string_equal(got, connects[i].want);
	}
}

static void test_natural_order(void **state)
{
	static const char *const sorted[] = { "",    "1",   "01",  "a",  "a1", "a2",
					      "a2b", "a02", "a10", "ab", "b" };

	(void)state;
	for (size_t i = 0; i < array_size(sorted); i++)
		for (size_t j = 0; j < array_size(sorted); j++) {
			int c = natural_compare(sorted[i], sorted[j]);

			assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
		}
	assert_true(natural_compare("80/tcp -> 0.0.0.0:8000", "80/tcp -> [::]:8000") < 0);
	assert_true(natural_compare("9/udp", "80/tcp") < 0);
	assert_true(natural_compare("n123456789012345678901", "n123456789012345678902") < 0);
}

static char *csv(const char *line)
{
	autostrlist struct strlist fields = STRLIST_INIT;
	struct buf out = BUF_INIT(1 << 16);
	struct error err;

	if (csv_split(line, &fields, &err) < 0)
		return xasprintf("ERR %s", err.text);
	for (size_t i = 0; i < fields.n; i++)
		buf_addf(&out, "<%s>", fields.v[i]);
	return buf_take(&out);
}

static void test_csv(void **state)
{
	static const struct {
		const char *line, *want;
	} rows[] = {
		{ "", "<>" },
		{ "a", "<a>" },
		{ "a,,b,", "<a><><b><>" },
		{ "\"a,b\",\"c\"\"d\"", "<a,b><c\"d>" },
		{ "\"\"", "<>" },
		{ "a,\"b", "ERR parse error on line 1, column 5: extraneous or missing \" in "
			   "quoted-field" },
		{ "\"a\"b", "ERR parse error on line 1, column 3: extraneous or missing \" in "
			    "quoted-field" },
		{ "a,b\"c", "ERR parse error on line 1, column 4: bare \" in non-quoted-field" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(rows); i++) {
		autofree char *got = csv(rows[i].line);

		assert_string_equal(got, rows[i].want);
	}
}

static bool holds(const char *net_text, const char *ip_text)
{
	struct cidr net;
	struct ip ip;

	return cidr_parse(net_text, &net, NULL) == 0 && ip_parse(ip_text, &ip) &&
	       cidr_contains(&net, &ip);
}

static void test_addresses(void **state)
{
	static const char *const macs[] = { "02:42:ac:11:00:02", "02-42-AC-11-00-02",
					    "0242.ac11.0002", "02:42:ac:11:00:02:03:04" };
	static const char *const others[] = { "",
					      "x",
					      "02:42:ac:11:00",
					      "02:42:ac:11:00:0",
					      "02:42-ac:11:00:02",
					      "02:42:ac:11:00:0g",
					      "0242ac110002",
					      "02:42:ac:11:00:02:" };
	struct ip ip;

	(void)state;
	for (size_t i = 0; i < array_size(macs); i++)
		assert_true(is_mac(macs[i]));
	for (size_t i = 0; i < array_size(others); i++)
		assert_false(is_mac(others[i]));
	assert_true(holds("10.1.0.0/17", "10.1.127.255"));
	assert_false(holds("10.1.0.0/17", "10.1.128.0"));
	assert_true(holds("0.0.0.0/0", "255.255.255.255"));
	assert_false(holds("0.0.0.0/0", "::1"));
	assert_true(holds("fd00::/64", "fd00::ffff:0:0:1"));
	assert_false(holds("10.0.0.0/33", "10.0.0.0"));
	assert_false(holds("10.0.0.0", "10.0.0.0"));
	assert_true(ip_parse("::ffff:1.2.3.4", &ip) && ip.family == AF_INET);
	assert_false(ip_parse("1.2.3", &ip));
	assert_null(parse_port("65535", NULL));
	assert_string_equal(parse_port("65536", NULL), "value out of range");
	assert_string_equal(parse_port("99999999999", NULL), "value out of range");
	assert_string_equal(parse_port("-1", NULL), "invalid syntax");
}

static void test_lists(void **state)
{
	static const struct {
		int (*parse)(const char *text, void *list, struct error *err);
		const char *text, *want;
	} rows[] = {
		{ flag_add_host, "a:1.2.3.4", "a:1.2.3.4" },
		{ flag_add_host, "a=[::1]", "a:::1" },
		{ flag_add_host, "a:[1.2.3.4]", "a:1.2.3.4" },
		{ flag_add_host, "a:host-gateway", "a:host-gateway" },
		{ flag_add_host, "a", "bad format for add-host: \"a\"" },
		{ flag_add_host, "=1.2.3.4", "bad format for add-host: \"=1.2.3.4\"" },
		{ flag_add_host, "a:b=::1", "bad format for add-host: \"a:b=::1\"" },
		{ flag_add_host, "a:b", "invalid IP address in add-host: \"b\"" },
		{ flag_dns, " 1.1.1.1", "1.1.1.1" },
		{ flag_dns, "0:0::1", "::1" },
		{ flag_dns, "one", "IP address is not correctly formatted: one" },
		{ flag_dns_search, "a-b.example.", "a-b.example" },
		{ flag_dns_search, ".", "." },
		{ flag_dns_search, "a..b", "a..b is not a valid domain" },
		{ flag_dns_search, "a.-b", "a.-b is not a valid domain" },
		{ flag_dns_search, "1.2", "1.2 is not a valid domain" },
		{ flag_filter, " Label = a=b ", "label=a=b" },
		{ flag_filter, "label", "bad format of filter (expected name=value)" },
		{ flag_label, " a=b", " a=b" },
		{ flag_label, "a b=c", "label 'a b' contains whitespaces" },
		{ flag_link, "", "empty string specified for links" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(rows); i++) {
		autostrlist struct strlist list = STRLIST_INIT;
		struct error err;
		int rc = rows[i].parse(rows[i].text, &list, &err);

		assert_string_equal(rc == 0 ? list.v[0] : err.text, rows[i].want);
	}
}

/* "ip:host>container/type ..." as the API's Ports. */
static json_t *ports_of(const char *text)
{
	autostrlist struct strlist words = STRLIST_INIT;
	json_t *list = json_array();

	strlist_split(&words, text, ' ');
	for (size_t i = 0; i < words.n; i++) {
		char ip[32] = "", type[8] = "";
		int host = 0, container = 0;

		if (sscanf(words.v[i], "%31[^,],%d>%d/%7s", ip, &host, &container, type) != 4)
			assert_int_equal(sscanf(words.v[i], "%d/%7s", &container, type), 2);
		if (host)
			json_array_append_new(list, json_pack("{s:s, s:i, s:i, s:s}", "IP", ip,
							      "PublicPort", host, "PrivatePort",
							      container, "Type", type));
		else
			json_array_append_new(list, json_pack("{s:i, s:s}", "PrivatePort",
							      container, "Type", type));
	}
	return list;
}

static void test_ps_ports(void **state)
{
	static const struct {
		const char *ports, *want;
	} rows[] = {
		{ "80/tcp", "80/tcp" },
		{ "82/tcp 80/tcp 81/tcp 81/udp", "80-82/tcp, 81/udp" },
		{ "0.0.0.0,80>80/tcp 0.0.0.0,81>81/tcp ::,80>80/tcp ::,81>81/tcp",
		  "0.0.0.0:80-81->80-81/tcp, [::]:80-81->80-81/tcp" },
		{ "0.0.0.0,8080>80/tcp 0.0.0.0,8081>81/tcp",
		  "0.0.0.0:8080->80/tcp, 0.0.0.0:8081->81/tcp" },
		/* A range that breaks off comes first, what is mapped elsewhere last. */
		{ "0.0.0.0,53>53/udp 100/tcp 101/tcp 200/tcp 0.0.0.0,8000>80/tcp",
		  "100-101/tcp, 0.0.0.0:53->53/udp, 200/tcp, 0.0.0.0:8000->80/tcp" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(rows); i++) {
		autojson json_t *ports = ports_of(rows[i].ports);
		autofree char *got = ps_ports(ports);

		assert_string_equal(got, rows[i].want);
	}
}

static void test_times(void **state)
{
	static const struct {
		const char *zone, *text, *want;
	} rows[] = {
		{ "UTC", "2026-01-02T03:04:05.67Z", "2026-01-02 03:04:05.67 +0000 UTC" },
		{ "UTC", "2026-01-02T03:04:05+01:00", "2026-01-02 03:04:05 +0100 +0100" },
		{ "CET-1", "2026-01-02T03:04:05.1+01:00", "2026-01-02 03:04:05.1 +0100 CET" },
		{ "CET-1", "2026-01-02T03:04:05-05:30", "2026-01-02 03:04:05 -0530 -0530" },
		{ "UTC", "0001-01-01T00:00:00Z", "0001-01-01 00:00:00 +0000 UTC" },
		{ "UTC", "soon", "soon" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(rows); i++) {
		autofree char *got = NULL;

		setenv("TZ", rows[i].zone, 1);
		tzset();
		got = api_time(rows[i].text);
		assert_string_equal(got, rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bodies), cmocka_unit_test(test_natural_order),
		cmocka_unit_test(test_csv),    cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_lists),  cmocka_unit_test(test_ps_ports),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
