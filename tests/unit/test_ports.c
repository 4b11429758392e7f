/* Published ports and the specs of networks, without rules and bridges. */
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "networkdriver/internal.h"
#include "pkg/json.h"
#include "pkg/mem.h"

static struct port_request tcp(uint16_t first, uint16_t last)
{
	return (struct port_request){ .proto = IPPROTO_TCP,
				      .port = 80,
				      .first = first,
				      .last = last,
				      .v4 = true,
				      .any4 = true };
}

static int allocate(struct ports *p, const char *id, struct port_request r, uint16_t *host_port,
		    struct error *err)
{
	struct port_list out = { 0 };
	int rc = ports_allocate(p, id, &r, 1, &out, err);

	if (rc == 0 && host_port)
		*host_port = out.v[0].host_port;
	port_list_done(&out);
	return rc;
}

static void release(struct ports *p, const char *id)
{
	struct port_list out = { 0 };

	ports_disown(p, id, NULL, &out);
	ports_free(p, &out);
	port_list_done(&out);
}

static void gives_a_port_once(void **state)
{
	struct port_request specific = tcp(47001, 47001), other = tcp(47001, 47001);
	struct ports p;
	struct error err;

	(void)state;
	ports_init(&p);
	specific.any4 = other.any4 = false;
	specific.host4.b[0] = other.host4.b[0] = 127;
	specific.host4.b[3] = 1;
	other.host4.b[3] = 2;
	assert_int_equal(allocate(&p, "a", specific, NULL, NULL), 0);
	assert_int_equal(allocate(&p, "b", other, NULL, NULL), 0);
	assert_int_equal(allocate(&p, "c", tcp(47001, 47001), NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_string_equal(err.text, "Bind for 0.0.0.0:47001 failed: port is already allocated");
	release(&p, "a");
	release(&p, "b");
	assert_int_equal(allocate(&p, "c", tcp(47001, 47001), NULL, NULL), 0);
	assert_int_equal(allocate(&p, "d", specific, NULL, NULL), -1);
	release(&p, "c");
	assert_int_equal(p.ntaken, 0);
	ports_done(&p);
}

static void gives_the_first_of_a_range(void **state)
{
	struct ports p;
	uint16_t port;

	(void)state;
	ports_init(&p);
	for (uint16_t i = 0; i < 3; i++) {
		assert_int_equal(allocate(&p, "a", tcp(47010, 47012), &port, NULL), 0);
		assert_int_equal(port, 47010 + i);
	}
	assert_int_equal(allocate(&p, "a", tcp(47010, 47012), &port, NULL), -1);
	ports_done(&p);
}

/* All or none: what was given before the one that failed is free again. */
static void gives_all_or_none(void **state)
{
	struct port_request r[] = { tcp(47020, 47020), tcp(47021, 47021), tcp(47020, 47020) };
	struct port_list out = { 0 };
	struct ports p;

	(void)state;
	ports_init(&p);
	assert_int_equal(ports_allocate(&p, "a", r, 3, &out, NULL), -1);
	assert_int_equal(out.n, 0);
	assert_int_equal(p.ntaken, 0);
	assert_int_equal(ports_allocate(&p, "a", r, 2, &out, NULL), 0);
	assert_int_equal(out.n, 2);
	port_list_done(&out);
	ports_done(&p);
}

static int listen_somewhere(uint16_t *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&in, n) == 0 && listen(fd, 1) == 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	*port = ntohs(in.sin_port);
	return fd;
}

static void sees_what_the_host_listens_on(void **state)
{
	struct ports p;
	struct error err;
	uint16_t port, given;
	int fd = listen_somewhere(&port);

	(void)state;
	ports_init(&p);
	assert_int_equal(allocate(&p, "a", tcp(port, port), NULL, &err), -1);
	assert_non_null(strstr(err.text, "address already in use"));
	assert_int_equal(allocate(&p, "a", tcp(port, (uint16_t)(port + 1)), &given, NULL), 0);
	assert_int_equal(given, port + 1);
	close(fd);
	assert_int_equal(allocate(&p, "b", tcp(port, port), NULL, NULL), 0);
	ports_done(&p);
}

static void adopts_what_runs(void **state)
{
	struct port kept = { .proto = IPPROTO_TCP, .any = true, .host_port = 47030, .port = 80 };
	struct port_list l = { .v = &kept, .n = 1 };
	struct ports p;

	(void)state;
	ports_init(&p);
	ports_adopt(&p, "a", &l);
	ports_adopt(&p, "a", &l);
	assert_int_equal(allocate(&p, "b", tcp(47030, 47030), NULL, NULL), -1);
	release(&p, "a");
	assert_int_equal(allocate(&p, "b", tcp(47030, 47030), NULL, NULL), 0);
	ports_done(&p);
}

/* ---- specs ---- */

static int read_spec(const char *json, struct network **out, struct error *err)
{
	autojson json_t *spec = json_parse(json, strlen(json), NULL);
	struct network *net = network_new("n", DRIVER_BRIDGE);
	int rc;

	assert_non_null(spec);
	rc = network_read(net, spec, err);
	if (rc == 0 && out)
		*out = net;
	else
		network_unref(net);
	return rc;
}

static void reads_a_spec(void **state)
{
	char text[SUBNET_TEXT];
	struct network *net;

	(void)state;
	assert_int_equal(read_spec("{\"IPAM\":{\"Config\":[{\"Subnet\":\"10.1.0.0/"
				   "16\",\"IPRange\":\"10.1.2.0/24\"},"
				   "{\"Subnet\":\"fd00:5::/"
				   "64\",\"Gateway\":\"fd00:5::9\"}]},\"EnableIPv6\":true,"
				   "\"Internal\":true,\"Options\":{\"com.docker.network.bridge."
				   "enable_icc\":\"false\","
				   "\"com.docker.network.driver.mtu\":\"1400\"}}",
				   &net, NULL),
			 0);
	assert_string_equal(subnet_text(text, net->subnet), "10.1.2.0/16");
	assert_true(net->internal && net->ipv6 && !net->icc && net->mtu == 1400);
	assert_int_equal(net->subnet6.addr.b[15], 9);
	network_unref(net);
	assert_int_equal(read_spec("{\"IPAM\":{\"Config\":[{\"Subnet\":\"10.1.0.0/16\"}]}}", &net,
				   NULL),
			 0);
	assert_string_equal(subnet_text(text, net->subnet), "10.1.0.1/16");
	network_unref(net);
}

static void refuses_specs(void **state)
{
#define CONFIG(c) "{\"IPAM\":{\"Config\":[" c "]}}"
	static const struct {
		const char *json;
		enum error_kind kind;
	} bad[] = {
		{ "{\"Driver\":\"nosuch\"}", ERR_NOT_FOUND },
		{ "{\"Driver\":\"overlay\"}", ERR_UNAVAILABLE },
		{ "{\"Scope\":\"swarm\"}", ERR_UNAVAILABLE },
		{ "{\"EnableIPv4\":false}", ERR_BAD_REQUEST },
		{ "{\"IPAM\":{\"Driver\":\"nosuch\"}}", ERR_NOT_FOUND },
		{ CONFIG("{\"Subnet\":\"10.1.0.0\"}"), ERR_BAD_REQUEST },
		{ CONFIG("{\"Subnet\":\"10.1.0.1/16\"}"), ERR_BAD_REQUEST },
		{ CONFIG("{\"Subnet\":\"0.0.0.0/0\"}"), ERR_BAD_REQUEST },
		{ CONFIG("{\"Gateway\":\"10.1.0.1\"}"), ERR_BAD_REQUEST },
		{ CONFIG("{\"Subnet\":\"10.1.0.0/16\",\"Gateway\":\"10.2.0.1\"}"),
		  ERR_BAD_REQUEST },
		{ CONFIG("{\"Subnet\":\"10.1.0.0/16\",\"IPRange\":\"10.2.0.0/24\"}"),
		  ERR_BAD_REQUEST },
		{ CONFIG("{\"Subnet\":\"10.1.0.0/16\"},{\"Subnet\":\"10.2.0.0/16\"}"),
		  ERR_FORBIDDEN },
		{ CONFIG("{\"Subnet\":\"fd00::1/64\"}"), ERR_BAD_REQUEST },
		{ "{\"Options\":{\"com.docker.network.driver.mtu\":\"1\"}}", ERR_BAD_REQUEST },
		{ "{\"Options\":{\"com.docker.network.bridge.enable_icc\":\"maybe\"}}",
		  ERR_BAD_REQUEST },
		{ "{\"Options\":{\"com.docker.network.bridge.name\":\"a/b\"}}", ERR_BAD_REQUEST },
		{ "{\"Options\":{\"com.docker.network.bridge.name\":\"a%d\"}}", ERR_BAD_REQUEST },
		{ "{\"Options\":{\"com.docker.network.bridge.gateway_mode_ipv4\":\"x\"}}",
		  ERR_BAD_REQUEST },
		{ "{\"Driver\":\"macvlan\",\"Options\":{\"macvlan_mode\":\"l2\"}}",
		  ERR_BAD_REQUEST },
	};

	(void)state;
	for (size_t i = 0; i < array_size(bad); i++) {
		struct error err = { 0 };

		if (read_spec(bad[i].json, NULL, &err) == 0)
			fail_msg("taken: %s", bad[i].json);
		if (err.kind != bad[i].kind)
			fail_msg("%s: kind %d, %s", bad[i].json, err.kind, err.text);
	}
}

/* What is kept on disk is what was asked for. */
static void writes_what_it_reads(void **state)
{
	static const char spec[] =
		"{\"Internal\":false,\"EnableIPv6\":true,\"IPAM\":{\"Config\":[{\"Subnet\":"
		"\"10.1.0.0/16\",\"IPRange\":\"10.1.2.0/"
		"24\",\"AuxiliaryAddresses\":{\"r\":\"10.1.0.9\"}}"
		",{\"Subnet\":\"fd00:5::/64\"}]},\"Labels\":{\"a\":\"b\"},"
		"\"Options\":{\"com.docker.network.bridge.name\":\"x0\"}}";
	struct network *first, *second;
	autofree char *text = NULL, *again = NULL;
	autojson json_t *a = NULL, *b = NULL;

	(void)state;
	assert_int_equal(read_spec(spec, &first, NULL), 0);
	a = network_json(first, false);
	text = json_text(a);
	assert_int_equal(read_spec(text, &second, NULL), 0);
	memcpy(second->id, first->id, sizeof(first->id));
	b = network_json(second, false);
	again = json_text(b);
	assert_string_equal(text, again);
	network_unref(first);
	network_unref(second);
}

/* What is being withdrawn is nobody's, and nobody gets it before its rules are gone. */
static void withdraws_some_then_frees_them(void **state)
{
	struct port_list first = { 0 }, second = { 0 }, gone = { 0 }, left = { 0 };
	struct port_request a = tcp(47011, 47011), b = tcp(47012, 47012);
	struct ports p;

	(void)state;
	ports_init(&p);
	assert_int_equal(ports_allocate(&p, "a", &a, 1, &first, NULL), 0);
	assert_int_equal(ports_allocate(&p, "a", &b, 1, &second, NULL), 0);
	ports_disown(&p, "a", &second, &gone);
	assert_int_equal(gone.n, second.n);
	assert_int_equal(gone.v[0].host_port, 47012);
	ports_list(&p, &left);
	assert_int_equal(left.n, first.n);
	assert_int_equal(left.v[0].host_port, 47011);
	assert_int_equal(allocate(&p, "b", b, NULL, NULL), -1);
	ports_free(&p, &gone);
	assert_int_equal(allocate(&p, "b", b, NULL, NULL), 0);
	port_list_done(&first);
	port_list_done(&second);
	port_list_done(&gone);
	port_list_done(&left);
	ports_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_a_port_once),
		cmocka_unit_test(gives_the_first_of_a_range),
		cmocka_unit_test(gives_all_or_none),
		cmocka_unit_test(sees_what_the_host_listens_on),
		cmocka_unit_test(adopts_what_runs),
		cmocka_unit_test(withdraws_some_then_frees_them),
		cmocka_unit_test(reads_a_spec),
		cmocka_unit_test(refuses_specs),
		cmocka_unit_test(writes_what_it_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
