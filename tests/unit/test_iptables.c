/* Rules for iptables as text: what is put in force, what changes, what is found again. */
#include "networkdriver/iptables_rules.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "pkg/buf.h"
#include "pkg/mem.h"
#include "tests/unit/unit.h"

#define MAX (1 << 20)

static struct fw_network network_of(const char *bridge, const char *subnet)
{
	struct fw_network n = { .icc = true, .masq4 = true };

	snprintf(n.bridge, sizeof(n.bridge), "%s", bridge);
	assert_int_equal(subnet_parse(subnet, &n.subnet), 0);
	return n;
}

static struct port port_of(uint16_t host_port, bool any)
{
	return (struct port){
		.proto = IPPROTO_TCP,
		.any = any,
		.host_port = host_port,
		.port = 80,
		.host = { { 127, 0, 0, 1 } },
		.to = { { 172, 17, 0, 2 } },
	};
}

static const char all_of_one[] =
	"*filter\n"
	":DOCKER-docker0-IN - [0:0]\n:DOCKER-docker0-OPEN - [0:0]\n:DOCKER-docker0-PASS - [0:0]\n"
	"-N DOCKER-USER\n-N DOCKER-DAEMONS\n"
	"-I FORWARD -j DOCKER-DAEMONS\n-I FORWARD -j DOCKER-USER\n"
	"-I DOCKER-DAEMONS -j DOCKER-docker0-IN\n-A DOCKER-DAEMONS -j DOCKER-docker0-PASS\n"
	"-A DOCKER-docker0-OPEN -s 1.2.3.4 -d 1.2.3.5 -p udp --dport 53 -j RETURN\n"
	"-A DOCKER-docker0-IN -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN\n"
	"-A DOCKER-docker0-IN -i docker0 -o docker0 -j RETURN\n"
	"-A DOCKER-docker0-IN -o docker0 -m conntrack --ctstate DNAT -j RETURN\n"
	"-A DOCKER-docker0-IN -o docker0 -g DOCKER-docker0-OPEN\n"
	"-A DOCKER-docker0-OPEN -j DROP\n"
	"-A DOCKER-docker0-PASS -o docker0 -j ACCEPT\n"
	"-A DOCKER-docker0-PASS -i docker0 -j ACCEPT\n"
	"COMMIT\n"
	"*nat\n"
	":DOCKER-docker0-PORTS - [0:0]\n:DOCKER-docker0-POST - [0:0]\n"
	"-A PREROUTING ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER-docker0-PORTS\n"
	"-A OUTPUT -m addrtype --dst-type LOCAL -j DOCKER-docker0-PORTS\n"
	"-A POSTROUTING -j DOCKER-docker0-POST\n"
	"-A DOCKER-docker0-PORTS -p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80\n"
	"-A DOCKER-docker0-PORTS -d 127.0.0.1 -p tcp --dport 8081 -j DNAT "
	"--to-destination 172.17.0.2:80\n"
	"-A DOCKER-docker0-POST -i docker0 -o docker0 -m conntrack --ctstate DNAT -j MASQUERADE\n"
	"-A DOCKER-docker0-POST -s 172.17.0.0/16 -d 172.17.0.0/16 -o docker0 -m conntrack "
	"--ctstate DNAT -m addrtype ! --src-type LOCAL -j MASQUERADE\n"
	"-A DOCKER-docker0-POST -i docker0 -o docker0 -j RETURN\n"
	"-A DOCKER-docker0-POST -i docker0 -j MASQUERADE\n"
	"-A DOCKER-docker0-POST -s 127.0.0.0/8 -o docker0 -j MASQUERADE\n"
	"COMMIT\n"
	"*raw\n"
	":DOCKER-docker0-GUARD - [0:0]\n:DOCKER-docker0-FROM - [0:0]\n"
	"-I PREROUTING -d 127.0.0.0/8 -j DOCKER-docker0-GUARD\n"
	"-I PREROUTING -s 127.0.0.0/8 -j DOCKER-docker0-FROM\n"
	"-A DOCKER-docker0-GUARD -i docker0 -j DROP\n"
	"-A DOCKER-docker0-FROM -i docker0 -j DROP\n"
	"COMMIT\n";

/* The state that all_of_one is of, in force. */
static void put_one(struct ipt_rules *r, const struct ipt_saved *saved, struct buf *out)
{
	struct fw_network net = network_of("docker0", "172.17.0.1/16");
	struct port ports[] = { port_of(8080, true), port_of(8081, false) };
	struct fw_link links[] = { { 0x01020304, 0x01020305, IPPROTO_UDP, 53 },
				   { 0x01020304, 0x01020305, IPPROTO_UDP, 53 } };
	const struct fw_state state = { &net, ports, links, 1, 2, 2, { false, false } };

	ipt_put_state(r, &state, saved, out);
}

static void puts_all_in_force(void **state)
{
	autobuf struct buf out = BUF_INIT(MAX);
	const struct ipt_saved nothing = { .forward_in_order = true };
	struct ipt_rules r;

	(void)state;
	ipt_rules_init(&r, "docker0", false);
	put_one(&r, &nothing, &out);
	assert_string_equal(buf_text(&out), all_of_one);
	buf_reset(&out);
	put_one(&r, &nothing, &out); /* what was there before counts for nothing */
	assert_string_equal(buf_text(&out), all_of_one);
	ipt_rules_done(&r);
}

static bool has_line(const struct buf *b, const char *line)
{
	autofree char *whole = xasprintf("%s\n", line);

	return strstr(buf_text(b), whole);
}

static void tells_networks_apart(void **state)
{
	autobuf struct buf out = BUF_INIT(MAX);
	const struct ipt_saved nothing = { .forward_in_order = true };
	struct fw_network nets[] = { network_of("a", "10.1.0.1/24"), network_of("b", "10.2.0.1/24"),
				     network_of("c", "10.3.0.1/24") };
	const struct fw_state s = { nets, NULL, NULL, 3, 0, 0, { false, false } };
	struct ipt_rules r;

	(void)state;
	nets[0].icc = false;
	nets[1].internal = true;
	nets[2].unprotected4 = true;
	nets[2].masq4 = false;
	ipt_rules_init(&r, "x", false);
	ipt_put_state(&r, &s, &nothing, &out);
	assert_false(has_line(&out, "-A DOCKER-x-IN -i a -o a -j RETURN"));
	assert_null(strstr(buf_text(&out), ":FORWARD "));
	assert_true(has_line(&out, "-A DOCKER-x-IN -i b -o b -j RETURN"));
	assert_true(has_line(&out, "-A DOCKER-x-IN -i b -j DROP"));
	assert_false(has_line(&out, "-A DOCKER-x-IN -i c -j DROP"));
	assert_true(has_line(&out, "-A DOCKER-x-OPEN -o c -j RETURN\n-A DOCKER-x-OPEN -j DROP"));
	assert_false(has_line(&out, "-A DOCKER-x-OPEN -o a -j RETURN"));
	assert_true(has_line(&out, "-A DOCKER-x-POST -i a -j MASQUERADE"));
	assert_false(has_line(&out, "-A DOCKER-x-POST -i b -j MASQUERADE"));
	assert_false(has_line(&out, "-A DOCKER-x-POST -i c -j MASQUERADE"));
	ipt_rules_done(&r);
}

static void keeps_families_apart(void **state)
{
	autobuf struct buf out = BUF_INIT(MAX);
	const struct ipt_saved nothing = { .forward_in_order = true };
	struct fw_network net = network_of("docker0", "172.17.0.1/16");
	struct port ports[] = { port_of(1, true), port_of(2, true), port_of(3, true) };
	const struct fw_state s = { &net, ports, NULL, 1, 3, 0, { false, true } };
	struct ipt_rules r;

	(void)state;
	assert_false(ipt_state_has(&s, true));
	ports[1].v6 = ports[2].v6 = true;
	ports[2].routed = true;
	assert_int_equal(ipv6_parse("fd00::2", &ports[1].to), 0);
	ports[2].to = ports[1].to;
	assert_true(ipt_state_has(&s, true));
	assert_int_equal(subnet6_parse("fd00::1/64", &net.subnet6), 0);
	ipt_rules_init(&r, "docker0", true);
	ipt_put_state(&r, &s, &nothing, &out);
	assert_true(has_line(&out, "-A DOCKER-docker0-PORTS -p tcp --dport 2 -j DNAT "
				   "--to-destination [fd00::2]:80"));
	assert_true(
		has_line(&out, "-A DOCKER-docker0-OPEN -d fd00::2 -p tcp --dport 80 -j RETURN"));
	assert_true(has_line(&out, "-A DOCKER-docker0-POST -s ::1/128 -o docker0 -j MASQUERADE"));
	assert_non_null(strstr(buf_text(&out), "-s fd00::/64 -d fd00::/64 "));
	assert_null(strstr(buf_text(&out), "172.17."));
	assert_null(strstr(buf_text(&out), "127.0.0."));
	assert_null(strstr(buf_text(&out), "*raw"));
	assert_true(has_line(&out, ":FORWARD DROP [0:0]"));
	ipt_rules_done(&r);
}

static void changes_each_line_once(void **state)
{
	autobuf struct buf out = BUF_INIT(MAX);
	struct port p = port_of(9, true);
	struct fw_link l = { 1, 2, IPPROTO_TCP, 3 };
	struct fw_change c = { .add = true, .ports = &p, .links = &l, .nports = 1, .nlinks = 1 };
	struct ipt_rules r;

	(void)state;
	ipt_rules_init(&r, "x", false);
	ipt_put_change(&r, &c, &out);
	assert_string_equal(buf_text(&out),
			    "*nat\n-A DOCKER-x-PORTS -p tcp --dport 9 -j DNAT "
			    "--to-destination 172.17.0.2:80\nCOMMIT\n"
			    "*filter\n-I DOCKER-x-OPEN -s 0.0.0.1 -d 0.0.0.2 -p tcp --dport 3 "
			    "-j RETURN\nCOMMIT\n");
	buf_reset(&out);
	ipt_put_change(&r, &c, &out);
	assert_int_equal(out.len, 0); /* in force already */
	c.add = false;
	c.nlinks = 0;
	ipt_put_change(&r, &c, &out);
	assert_string_equal(buf_text(&out), "*nat\n-D DOCKER-x-PORTS -p tcp --dport 9 -j DNAT "
					    "--to-destination 172.17.0.2:80\nCOMMIT\n");
	buf_reset(&out);
	ipt_put_change(&r, &c, &out);
	assert_int_equal(out.len, 0);
	ipt_rules_done(&r);
}

/* all_of_one as iptables-save would tell it, without its line number `leave_out` (-1: with all). */
static char *saved_text(int leave_out)
{
	autobuf struct buf b = BUF_INIT(MAX);
	autofree char *text = xstrdup(all_of_one);
	int n = 0;

	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		if (n++ == leave_out)
			continue;
		if (strncmp(line, "-N ", 3) == 0)
			buf_addf(&b, ":%s - [0:0]\n", line + 3);
		else if (strcmp(line, "-I FORWARD -j DOCKER-DAEMONS") == 0)
			continue; /* comes behind the next */
		else if (strncmp(line, "-I ", 3) == 0)
			buf_addf(&b, "-A %s\n", line + 3);
		else
			buf_addf(&b, "%s\n", line);
		if (strcmp(line, "-I FORWARD -j DOCKER-USER") == 0)
			buf_adds(&b, "-A FORWARD -j DOCKER-DAEMONS\n");
	}
	return buf_take(&b);
}

static void notices_every_line(void **state)
{
	autobuf struct buf out = BUF_INIT(MAX);
	const struct ipt_saved nothing = { .forward_in_order = true };
	struct ipt_saved saved;
	struct ipt_rules r;
	int n = 0, missed = 0;

	(void)state;
	ipt_rules_init(&r, "docker0", false);
	put_one(&r, &nothing, &out);
	for (const char *p = all_of_one; *p; p += strcspn(p, "\n") + 1, n++) {
		autofree char *text = saved_text(n);

		ipt_saved_read(&saved, &r, text);
		if (*p == ':' || *p == '-')
			missed += ipt_saved_is_complete(&saved, &r);
		ipt_saved_done(&saved);
	}
	assert_int_equal(missed, 1); /* the line that saved_text() writes by itself */
	autofree char *whole = saved_text(-1);
	ipt_saved_read(&saved, &r, whole);
	assert_true(ipt_saved_is_complete(&saved, &r));
	buf_reset(&out);
	put_one(&r, &saved, &out); /* again, there: no jump and no shared chain is touched */
	for (const char *p = buf_text(&out); *p; p += strcspn(p, "\n") + 1)
		assert_true(strncmp(p, "-A DOCKER-docker0-", 18) == 0 || strchr("*:C", *p));
	ipt_saved_done(&saved);
	ipt_rules_done(&r);
}

static void puts_jumps_right(void **state)
{
	static const char text[] = "*filter\n:DOCKER-USER - [0:0]\n"
				   "-A FORWARD -j DOCKER-DAEMONS\n"
				   "-A FORWARD -i eth7 -j DOCKER-USER\n"
				   "-A FORWARD -j DOCKER-USER\n"
				   "-A DOCKER-DAEMONS -j DOCKER-docker0-IN\n"
				   "-A DOCKER-DAEMONS -j DOCKER-docker0-IN\n"
				   "*mangle\n-A FORWARD -j DOCKER-USER\n";
	autobuf struct buf out = BUF_INIT(MAX);
	struct ipt_saved saved;
	struct ipt_rules r;

	(void)state;
	ipt_rules_init(&r, "docker0", false);
	ipt_saved_read(&saved, &r, text);
	put_one(&r, &saved, &out);
	assert_non_null(strstr(buf_text(&out), "\n-N DOCKER-DAEMONS\n"
					       "-D FORWARD -j DOCKER-DAEMONS\n"
					       "-I FORWARD -j DOCKER-DAEMONS\n"
					       "-D FORWARD -j DOCKER-USER\n"
					       "-I FORWARD -j DOCKER-USER\n"
					       "-D DOCKER-DAEMONS -j DOCKER-docker0-IN\n"
					       "-D DOCKER-DAEMONS -j DOCKER-docker0-IN\n"
					       "-I DOCKER-DAEMONS -j DOCKER-docker0-IN\n"));
	assert_null(strstr(buf_text(&out), "-N DOCKER-USER"));
	assert_null(strstr(buf_text(&out), "eth7"));
	ipt_saved_done(&saved);
	ipt_rules_done(&r);
}

static void knows_names(void **state)
{
	static const char *const bad[] = { "",        "br+",  "-br",
					   "!br",     "b\"r", "b'r",
					   "b\\r",    "b r",  "sixteen-letters-",
					   "\xc3\xa4" };
	char name[IPT_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < array_size(bad); i++)
		assert_false(ipt_can_name(bad[i]));
	assert_true(ipt_can_name("docker0"));
	assert_true(ipt_can_name("b+r.1-2"));
	assert_int_equal(strlen(ipt_chain_name(name, "fifteen-letters", IPT_GUARD)), 28);
	assert_string_equal(name, "DOCKER-fifteen-letters-GUARD");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(puts_all_in_force),    cmocka_unit_test(tells_networks_apart),
		cmocka_unit_test(keeps_families_apart), cmocka_unit_test(changes_each_line_once),
		cmocka_unit_test(notices_every_line),   cmocka_unit_test(puts_jumps_right),
		cmocka_unit_test(knows_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
