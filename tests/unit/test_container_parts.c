/* The pure parts of the daemon: states, names, keys, texts of files, environments, filters, ps. */
#include "unit.h"

#include <string.h>

#include "daemon/environ.h"
#include "daemon/hosts.h"
#include "daemon/listfilter.h"
#include "daemon/names.h"
#include "daemon/pending.h"
#include "daemon/state.h"
#include "daemon/top.h"
#include "daemon/network.h"
#include "pkg/buf.h"
#include "pkg/filters.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/strlist.h"

static json_t *parse(const char *text)
{
	json_t *j = json_parse(text, strlen(text), NULL);

	assert_non_null(j);
	return j;
}

static void test_state_words(void **state)
{
	struct container_state s = { 0 };
	struct timespec t = { 1000, 0 };
	char text[64];

	(void)state;
	assert_string_equal(state_status(&s), "created");
	assert_string_equal(state_human(&s, t, text, sizeof(text)), "Created");
	state_set_running(&s, 42, t);
	assert_string_equal(state_status(&s), "running");
	t.tv_sec += 5;
	assert_string_equal(state_human(&s, t, text, sizeof(text)), "Up 5 seconds");
	s.paused = true;
	assert_string_equal(state_status(&s), "paused");
	assert_string_equal(state_human(&s, t, text, sizeof(text)), "Up 5 seconds (Paused)");
	state_set_exited(&s, 3, false, t);
	assert_string_equal(state_status(&s), "exited");
	assert_int_equal(s.pid, 0);
	t.tv_sec += 7200;
	assert_string_equal(state_human(&s, t, text, sizeof(text)), "Exited (3) 2 hours ago");
	state_set_restarting(&s, 1, false, t);
	assert_true(s.running);
	assert_string_equal(state_status(&s), "restarting");
	state_set_exited(&s, 1, false, t);
	s.removing = true;
	assert_string_equal(state_status(&s), "removing");
}

static void test_state_survives_the_disk(void **state)
{
	struct container_state s = { .manual_stop = true, .oom_killed = true }, back;
	autojson json_t *j = NULL;

	(void)state;
	s.starting = true;
	s.started = (struct timespec){ 1700000000, 120000000 };
	s.exit_code = 137;
	snprintf(s.error, sizeof(s.error), "no");
	j = state_json(&s, true);
	state_load(&back, j);
	assert_true(back.manual_stop && back.oom_killed && back.starting && !back.running);
	assert_int_equal(back.exit_code, 137);
	assert_int_equal(back.started.tv_nsec, 120000000);
	assert_int_equal(back.finished.tv_sec, 0);
	assert_string_equal(back.error, "no");
	json_decref(j);
	j = state_json(&s, false);
	assert_null(json_object_get(j, "Starting"));
	assert_string_equal(json_get_str(j, "FinishedAt", ""), "0001-01-01T00:00:00Z");
}

static void test_restart_policy(void **state)
{
	autojson json_t *no = parse("{\"RestartPolicy\":{\"Name\":\"no\"}}");
	autojson json_t *always = parse("{\"RestartPolicy\":{\"Name\":\"always\"}}");
	autojson json_t *unless = parse("{\"RestartPolicy\":{\"Name\":\"unless-stopped\"}}");
	autojson json_t *twice =
		parse("{\"RestartPolicy\":{\"Name\":\"on-failure\",\"MaximumRetryCount\":2}}");

	(void)state;
	assert_false(restart_is_wanted(no, false, 1, 0));
	assert_true(restart_is_wanted(always, false, 0, 99));
	assert_false(restart_is_wanted(always, true, 0, 0));
	assert_false(restart_is_wanted(twice, false, 0, 0));
	assert_true(restart_is_wanted(twice, false, 1, 1));
	assert_false(restart_is_wanted(twice, false, 1, 2));
	assert_true(restart_is_wanted_at_boot(always, true, 0, 0));
	assert_false(restart_is_wanted_at_boot(unless, true, 0, 0));
	assert_true(restart_is_wanted_at_boot(unless, false, 0, 0));
}

static void test_restart_delay(void **state)
{
	int ms = 0;

	(void)state;
	ms = restart_delay_ms(ms, 5);
	assert_int_equal(ms, 100);
	ms = restart_delay_ms(ms, 5);
	assert_int_equal(ms, 200);
	for (int i = 0; i < 20; i++)
		ms = restart_delay_ms(ms, 5);
	assert_int_equal(ms, 60000);
	assert_int_equal(restart_delay_ms(ms, 10000), 100);
}

static void test_names(void **state)
{
	autofree char *a = name_canonical("web"), *b = name_canonical("/web");
	char made[NAME_MADE_UP_SIZE];

	(void)state;
	assert_true(name_is_valid("web-1.a_b"));
	assert_true(name_is_valid("/w1"));
	assert_false(name_is_valid("a"));
	assert_false(name_is_valid("-x"));
	assert_false(name_is_valid("a b"));
	assert_false(name_is_valid("/"));
	assert_false(name_is_valid("//ab"));
	assert_false(name_is_valid("caf\xc3\xa9"));
	assert_string_equal(a, "/web");
	assert_string_equal(b, "/web");
	for (int i = 0; i < 100; i++) {
		name_make_up(made, i % 3);
		assert_true(name_is_valid(made));
		assert_non_null(strchr(made, '_'));
	}
}

static void test_detach_keys(void **state)
{
	char keys[PENDING_KEYS_SIZE];

	(void)state;
	assert_int_equal(pending_detach_keys("ctrl-p,ctrl-q", keys), 0);
	assert_string_equal(keys, "\x10\x11");
	assert_int_equal(pending_detach_keys("a,ctrl-[,ctrl-_", keys), 0);
	assert_string_equal(keys, "a\x1b\x1f");
	assert_int_equal(pending_detach_keys("", keys), 0);
	assert_string_equal(keys, "");
	assert_int_equal(pending_detach_keys("foo-bar", keys), -1);
	assert_int_equal(pending_detach_keys("ctrl-A", keys), -1);
	assert_int_equal(pending_detach_keys("ctrl-@", keys), -1);
	assert_int_equal(pending_detach_keys("a,", keys), -1);
	assert_int_equal(pending_detach_keys("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", keys), -1);
}

static void test_hosts(void **state)
{
	autobuf struct buf b = BUF_INIT(4096);
	autojson json_t *extra =
		parse("[\"db:10.0.0.1\", \"gate:host-gateway\", \"six:::1\", \"bad\"]");
	autojson json_t *ips = parse("[\"172.17.0.2\", \"10.1.0.2\"]");
	autojson json_t *links = parse("[\"172.17.0.9\\tdb 0123456789ab store\"]");

	(void)state;
	hosts_text(&b, &(struct hosts_options){ .ips = ips,
						.hostname = "web",
						.domainname = "example.org",
						.extra_hosts = extra,
						.links = links,
						.gateway = "172.17.0.1" });
	assert_non_null(strstr(b.p, "127.0.0.1\tlocalhost\n"));
	assert_non_null(strstr(b.p, "10.0.0.1\tdb\n"));
	assert_non_null(strstr(b.p, "172.17.0.1\tgate\n"));
	assert_non_null(strstr(b.p, "::1\tsix\n"));
	assert_non_null(strstr(b.p, "172.17.0.2\tweb.example.org web\n"));
	assert_non_null(strstr(b.p, "10.1.0.2\tweb.example.org web\n"));
	assert_non_null(strstr(b.p, "172.17.0.9\tdb 0123456789ab store\n"));
	assert_null(strstr(b.p, "bad"));
	buf_reset(&b);
	hosts_text(&b, &(struct hosts_options){ .hostname = "web", .domainname = "" });
	assert_null(strstr(b.p, "web"));
}

/* With a resolver of its own: that one alone, and names are looked up as they are first. */
static void test_resolv_embedded(void **state)
{
	const struct resolv_options none = { 0 };
	static const char host[] = "nameserver 127.0.0.53\nsearch example.org\noptions edns0\n";
	autostrlist struct strlist servers = STRLIST_INIT;
	autobuf struct buf b = BUF_INIT(4096);

	(void)state;
	resolv_text_embedded(&b, host, &none);
	assert_string_equal(b.p,
			    "nameserver 127.0.0.11\nsearch example.org\noptions edns0 ndots:0\n");
	buf_reset(&b);
	resolv_text_embedded(&b, "options ndots:2\n", &none);
	assert_string_equal(b.p, "nameserver 127.0.0.11\noptions ndots:2\n");
	resolv_servers(host, &servers);
	assert_int_equal(servers.n, 1);
	assert_true(resolv_is_loopback(servers.v[0]));
}

static void test_resolv(void **state)
{
	static const char host[] = "# comment\nnameserver 127.0.0.53\nnameserver  10.1.1.1\n"
				   "domain old\nsearch a.example b.example\noptions ndots:2\n";
	autojson json_t *dns = parse("[\"9.9.9.9\"]"), *dot = parse("[\".\"]");
	struct resolv_options none = { 0 }, own = { .dns = dns, .search = dot };
	autobuf struct buf b = BUF_INIT(4096);

	(void)state;
	resolv_text(&b, host, &none);
	assert_string_equal(b.p, "nameserver 10.1.1.1\nsearch a.example b.example\n"
				 "options ndots:2\n");
	buf_reset(&b);
	resolv_text(&b, host, &own);
	assert_string_equal(b.p, "nameserver 9.9.9.9\noptions ndots:2\n");
	buf_reset(&b);
	resolv_text(&b, "nameserver 127.0.0.1\n", &none);
	assert_string_equal(b.p, "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
}

static void test_environ(void **state)
{
	autojson json_t *config =
		parse("{\"Hostname\":\"h\",\"Env\":[\"A=1\",\"PATH=/x\",\"TERM\",\"B=\"]}");
	autojson json_t *more = parse("[\"A=2\",\"B\"]");
	autostrlist struct strlist env = STRLIST_INIT;

	(void)state;
	environ_build(&env, config, true);
	assert_string_equal(env.v[0], "PATH=/x");
	assert_string_equal(strlist_env_get(&env, "HOSTNAME"), "h");
	assert_null(strlist_env_get(&env, "TERM"));
	assert_string_equal(strlist_env_get(&env, "B"), "");
	environ_overlay(&env, more);
	assert_string_equal(strlist_env_get(&env, "A"), "2");
	assert_null(strlist_env_get(&env, "B"));
}

static void test_top(void **state)
{
	static const char ps[] = "UID   PID  PPID CMD\nroot  10   1    sh -c  a b\n"
				 "root  11   1    other\nroot  12   10   sleep 1\n";
	static const pid_t pids[] = { 10, 12 };
	autojson json_t *j = top_filter(ps, pids, 2, NULL);
	struct error err;

	(void)state;
	assert_int_equal(json_array_size(json_object_get(j, "Titles")), 4);
	assert_int_equal(json_array_size(json_object_get(j, "Processes")), 2);
	assert_string_equal(json_string_value(json_array_get(
				    json_array_get(json_object_get(j, "Processes"), 0), 3)),
			    "sh -c  a b");
	assert_null(top_filter("COMMAND\nsh\n", pids, 2, &err));
	assert_string_equal(err.text, "Couldn't find PID field in ps output");
}

static bool matches(const char *filters, const struct list_item *item)
{
	struct listfilter *f = listfilter_parse(filters, NULL);
	bool is;

	assert_non_null(f);
	is = listfilter_match(f, item);
	listfilter_free(f);
	return is;
}

static void refused(const char *filters)
{
	struct error err = { 0 };

	assert_null(listfilter_parse(filters, &err));
	assert_int_equal(err.kind, ERR_BAD_REQUEST);
}

/* As they are kept and had again; those that a daemon kept as objects, too. */
static void test_kept_ports(void **state)
{
	static const char text[] =
		"[{\"Proto\":\"tcp\",\"ContainerPort\":80,\"HostIP\":\"0.0.0.0\",\"HostPort\":8080,"
		"\"To\":\"172.17.0.2\",\"Routed\":false},"
		"{\"Proto\":\"udp\",\"ContainerPort\":53,\"HostIP\":\"::\",\"HostPort\":53,"
		"\"To\":\"fd00::2\",\"Routed\":true}]";
	autojson json_t *ports = parse(text), *network = json_object(), *again = NULL, *old = NULL;

	(void)state;
	json_object_set_new(network, "Ports", ports_keep(ports));
	assert_string_equal(json_string_value(json_array_get(json_get_arr(network, "Ports"), 0)),
			    "tcp 80 0.0.0.0 8080 172.17.0.2");
	again = ports_kept(network);
	assert_true(json_equal(again, ports));
	json_object_set(network, "Ports", ports);
	old = ports_kept(network);
	assert_true(json_equal(old, ports));
}

static void test_slim_ports(void **state)
{
	static const char
		c[] = "{\"ExposedPorts\":{\"80/tcp\":{},\"81/tcp\":{}}}",
		h[] = "{\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"1\"},"
		      "{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"2\"}],\"81/tcp\":null}}";
	autojson json_t *config = parse(c), *host_config = parse(h), *full = NULL, *same = NULL;
	autofree char *text = NULL, *host_text = NULL;
	const json_t *exposed = json_get_obj(config, "ExposedPorts");

	(void)state;
	ports_slim(config, host_config);
	ports_slim(NULL, NULL);
	assert_ptr_equal(json_object_get(exposed, "80/tcp"), json_object_get(exposed, "81/tcp"));
	text = json_text(config);
	assert_true(json_is_string(json_object_get(host_config, "PortBindings")));
	full = ports_full(host_config);
	host_text = json_text(full);
	assert_string_equal(text, c);
	assert_string_equal(host_text, h);
	same = ports_full(full);
	assert_ptr_equal(same, full);
}

static void test_filters(void **state)
{
	autojson json_t *config = parse("{\"Labels\":{\"a\":\"1\",\"b\":\"2\"},"
					"\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{}}}");
	autojson json_t *h = parse("{\"NetworkMode\":\"default\"}");
	autojson json_t *networking =
		parse("{\"EndpointsConfig\":{\"bridge\":{\"NetworkID\":\"01234567\"}}}");
	autojson json_t *mounts = parse("[{\"Name\":\"v1\",\"Destination\":\"/data\"}]");
	struct list_item item = { .id = "abcdef",
				  .name = "/web-1",
				  .image_id = "sha256:0",
				  .config = config,
				  .host_config = h,
				  .networking = networking,
				  .mounts = mounts };

	(void)state;
	item.state.started.tv_sec = 1;
	item.state.exit_code = 3;
	assert_true(matches(NULL, &item));
	assert_true(matches("{\"name\":[\"^/web\"]}", &item));
	assert_true(matches("{\"name\":{\"^web-[0-9]$\":true}}", &item));
	assert_false(matches("{\"name\":[\"^db\"]}", &item));
	assert_true(matches("{\"id\":[\"abc\"]}", &item));
	assert_true(matches("{\"label\":[\"a\",\"b=2\"]}", &item));
	assert_false(matches("{\"label\":[\"a\",\"b=3\"]}", &item));
	assert_true(matches("{\"status\":[\"running\",\"exited\"]}", &item));
	assert_true(matches("{\"exited\":[\"3\"]}", &item));
	assert_false(matches("{\"exited\":[\"0\"]}", &item));
	assert_true(matches("{\"expose\":[\"79-81/tcp\"]}", &item));
	assert_true(matches("{\"expose\":[\"53/udp\"]}", &item));
	assert_false(matches("{\"expose\":[\"53\"]}", &item));
	assert_true(matches("{\"volume\":[\"/data\"]}", &item));
	assert_true(matches("{\"network\":[\"bridge\"]}", &item));
	assert_true(matches("{\"network\":[\"0123\"]}", &item));
	assert_false(matches("{\"network\":[\"other\"]}", &item));
	assert_true(matches("{\"health\":[\"none\"]}", &item));
	assert_false(matches("{\"is-task\":[\"true\"]}", &item));
	refused("{\"foo\":[\"x\"]}");
	refused("{\"status\":[\"foo\"]}");
	refused("{\"exited\":[\"foo\"]}");
	refused("{\"publish\":[\"a:b\"]}");
	refused("{\"name\":[\"(\"]}");
	refused("{\"name\":\"x\"}");
	refused("{");
}

static void test_until(void **state)
{
	struct timespec now = { 100000, 0 }, t;

	(void)state;
	assert_int_equal(filters_until("1h", now, &t, NULL), 0);
	assert_int_equal(t.tv_sec, 96400);
	assert_int_equal(filters_until("99", now, &t, NULL), 0);
	assert_int_equal(t.tv_sec, 99);
	assert_int_equal(filters_until("1970-01-02", now, &t, NULL), 0);
	assert_int_equal(t.tv_sec, 86400);
	assert_int_equal(filters_until("foo", now, &t, NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state_words),
		cmocka_unit_test(test_state_survives_the_disk),
		cmocka_unit_test(test_restart_policy),
		cmocka_unit_test(test_restart_delay),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_detach_keys),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_resolv),
		cmocka_unit_test(test_resolv_embedded),
		cmocka_unit_test(test_environ),
		cmocka_unit_test(test_top),
		cmocka_unit_test(test_kept_ports),
		cmocka_unit_test(test_slim_ports),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_until),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
