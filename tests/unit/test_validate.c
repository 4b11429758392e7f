/* The checks of create, as requests and what the daemon answers: observed from dockerd. */
#include "runconfig/runconfig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "pkg/json.h"
#include "pkg/mem.h"

static const struct runconfig_host full = {
	.ncpu = 2,
	.memory_total = 4LL << 30,
	.memory = true,
	.swap = true,
	.cpu_cfs = true,
	.cpu_shares = true,
	.cpuset = true,
	.pids = true,
	.oom_kill_disable = true,
};

/* Decode and validate as create does. Warnings are joined with newlines. */
static int create(const char *body, const struct runconfig_host *host, struct runconfig *rc,
		  struct strlist *warnings, struct error *err)
{
	autojson json_t *j = json_parse(body, strlen(body), NULL);

	assert_non_null(j);
	if (runconfig_decode(j, rc, err) < 0)
		return -1;
	runconfig_merge(rc->config, NULL);
	return runconfig_validate(rc->config, rc->host_config, host, warnings, err);
}

#define HC(members) "{\"Image\":\"busybox\",\"HostConfig\":{" members "}}"
#define C(members) "{\"Image\":\"busybox\"," members "}"

static const struct {
	const char *body;
	const char *text; /* NULL: accepted */
} rows[] = {
	{ C("\"Env\":[\"=foo\"]"), "invalid environment variable: =foo" },
	{ C("\"Env\":[\"\"]"), "invalid environment variable: " },
	{ C("\"WorkingDir\":\"foo\""),
	  "the working directory 'foo' is invalid, it needs to be an absolute path" },
	{ C("\"StopSignal\":\"SIGFOO\""), "Invalid signal: SIGFOO" },
	{ C("\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"],\"Interval\":1000}"),
	  "Interval in Healthcheck cannot be less than 1ms" },
	{ C("\"Healthcheck\":{\"Retries\":-1}"), "Retries in Healthcheck cannot be negative" },
	{ C("\"Healthcheck\":{\"Test\":[\"FOO\",\"true\"]}"), NULL },
	{ HC("\"Memory\":1048576"), "Minimum memory limit allowed is 6MB" },
	{ HC("\"Memory\":67108864,\"MemorySwap\":33554432"),
	  "Minimum memoryswap limit should be larger than memory limit, see usage" },
	{ HC("\"MemorySwap\":67108864"),
	  "You should always set the Memory limit when using Memoryswap limit, see usage" },
	{ HC("\"Memory\":67108864,\"MemoryReservation\":134217728"),
	  "Minimum memory limit can not be less than memory reservation limit, see usage" },
	{ HC("\"MemorySwappiness\":101"),
	  "Invalid value: 101, valid memory swappiness range is 0-100" },
	{ HC("\"MemorySwappiness\":-1"), NULL },
	{ HC("\"NanoCpus\":1000000000,\"CpuQuota\":50000"),
	  "Conflicting options: Nano CPUs and CPU Quota cannot both be set" },
	{ HC("\"NanoCpus\":1000000000,\"CpuPeriod\":50000"),
	  "Conflicting options: Nano CPUs and CPU Period cannot both be set" },
	{ HC("\"NanoCpus\":100000000000000"),
	  "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available" },
	{ HC("\"CpuPeriod\":1"), "CPU cfs period can not be less than 1ms (i.e. 1000) or larger "
				 "than 1s (i.e. 1000000)" },
	{ HC("\"CpuQuota\":1"), "CPU cfs quota can not be less than 1ms (i.e. 1000)" },
	{ HC("\"CpusetCpus\":\"9999\""),
	  "Invalid value 9999 for cpuset cpus: value of out range, maximum is 8192" },
	{ HC("\"CpusetCpus\":\"abc\""), "Invalid value abc for cpuset cpus: invalid format: abc" },
	{ HC("\"CpusetCpus\":\"0-5\""),
	  "Requested CPUs are not available - requested 0-5, available: 0-1" },
	{ HC("\"CpusetCpus\":\"0,1\""), NULL },
	{ HC("\"OomScoreAdj\":2000"),
	  "Invalid value 2000, range for oom score adj is [-1000, 1000]" },
	{ HC("\"ShmSize\":-1"), "SHM size can not be less than 0" },
	{ HC("\"Binds\":[\"/tmp:foo\"]"),
	  "invalid volume specification: '/tmp:foo': invalid mount config for type \"bind\": "
	  "invalid mount path: 'foo' mount path must be absolute" },
	{ HC("\"Binds\":[\"/tmp:/\"]"),
	  "invalid volume specification: '/tmp:/': invalid mount config for type \"bind\": invalid "
	  "specification: destination can't be '/'" },
	{ HC("\"Binds\":[\"/tmp:/x:zz\"]"), "invalid mode: zz" },
	{ HC("\"Binds\":[\"/a:/b:ro:z\"]"), "invalid volume specification: '/a:/b:ro:z'" },
	{ HC("\"Binds\":[\"a!:/x\"]"),
	  "create a!: \"a!\" includes invalid characters for a local volume name, only "
	  "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, "
	  "use "
	  "absolute path" },
	{ HC("\"Binds\":[\"/tmp:/x\",\"/var:/x/\"]"), "Duplicate mount point: /x" },
	{ HC("\"Binds\":[\"/tmp:/x\"],\"Tmpfs\":{\"/x\":\"\"}"), "Duplicate mount point: /x" },
	{ HC("\"Mounts\":[{\"Type\":\"foo\",\"Target\":\"/x\"}]"),
	  "invalid mount config for type \"foo\": mount type unknown" },
	{ HC("\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/nosuch-dir\",\"Target\":\"/x\"}]"),
	  "invalid mount config for type \"bind\": bind source path does not exist: /nosuch-dir" },
	{ HC("\"Mounts\":[{\"Type\":\"bind\",\"Target\":\"/x\"}]"),
	  "invalid mount config for type \"bind\": field Source must not be empty" },
	{ HC("\"Mounts\":[{\"Type\":\"volume\"}]"),
	  "invalid mount config for type \"volume\": field Target must not be empty" },
	{ HC("\"Mounts\":[{\"Type\":\"tmpfs\",\"Source\":\"/a\",\"Target\":\"/x\"}]"),
	  "invalid mount config for type \"tmpfs\": field Source must not be specified" },
	{ HC("\"Tmpfs\":{\"/x\":\"foo=bar\"}"), NULL },
	{ HC("\"Tmpfs\":{\"x\":\"\"}"), "invalid mount path: 'x' mount path must be absolute" },
	{ C("\"ExposedPorts\":{\"99999/tcp\":{},\"80/foo\":{}}"), NULL },
	{ HC("\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"abc\"}]}"),
	  "invalid port specification: \"abc\"" },
	{ HC("\"PortBindings\":{\"abc/tcp\":[{\"HostPort\":\"80\"}]}"),
	  "invalid port specification: \"abc\"" },
	{ HC("\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"8000-8010\"}]}"), NULL },
	{ HC("\"RestartPolicy\":{\"Name\":\"foo\"}"), "invalid restart policy 'foo'" },
	{ HC("\"RestartPolicy\":{\"Name\":\"always\",\"MaximumRetryCount\":3}"),
	  "maximum retry count cannot be used with restart policy 'always'" },
	{ HC("\"RestartPolicy\":{\"Name\":\"on-failure\",\"MaximumRetryCount\":-1}"),
	  "maximum retry count cannot be negative" },
	{ HC("\"AutoRemove\":true,\"RestartPolicy\":{\"Name\":\"always\"}"),
	  "can't create 'AutoRemove' container with restart policy" },
	{ HC("\"AutoRemove\":true,\"RestartPolicy\":{\"Name\":\"no\"}"), NULL },
	{ HC("\"CapAdd\":[\"FOO\"]"), "invalid CapAdd: unknown capability: \"CAP_FOO\"" },
	{ HC("\"CapDrop\":[\"cap_foo\"]"), "invalid CapDrop: unknown capability: \"CAP_FOO\"" },
	{ HC("\"CapAdd\":[\"net_admin\",\"ALL\"]"), NULL },
	{ HC("\"LogConfig\":{\"Type\":\"nosuch\"}"),
	  "error looking up logging plugin nosuch: plugin \"nosuch\" not found" },
	{ HC("\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"foo\":\"1\"}}"),
	  "unknown log opt 'foo' for json-file log driver" },
	{ HC("\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"max-size\":\"abc\"}}"), NULL },
	{ HC("\"LogConfig\":{\"Config\":{\"mode\":\"x\"}}"),
	  "logger: logging mode not supported: x" },
	{ HC("\"SecurityOpt\":[\"foo=bar\"]"), "invalid --security-opt 2: \"foo=bar\"" },
	{ HC("\"SecurityOpt\":[\"foo\"]"), "invalid --security-opt 1: \"foo\"" },
	{ HC("\"SecurityOpt\":[\"seccomp={\",\"label:disable\",\"no-new-privileges:true\"]"),
	  NULL },
	{ HC("\"IpcMode\":\"foo\""), "invalid IPC mode: foo" },
	{ HC("\"PidMode\":\"container:\""), "invalid PID mode: container:" },
	{ HC("\"UTSMode\":\"foo\""), "invalid UTS mode: foo" },
	{ HC("\"IpcMode\":\"container:x\",\"PidMode\":\"host\",\"UTSMode\":\"host\""), NULL },
	{ C("\"Hostname\":\"x\",\"HostConfig\":{\"UTSMode\":\"host\"}"),
	  "conflicting options: hostname and the UTS mode" },
	{ C("\"Hostname\":\"x\",\"HostConfig\":{\"NetworkMode\":\"container:foo\"}"),
	  "conflicting options: hostname and the network mode" },
	{ HC("\"NetworkMode\":\"container:\""),
	  "Invalid network mode: invalid container format container:<name|id>" },
	{ HC("\"NetworkMode\":\"container:x\",\"PublishAllPorts\":true"),
	  "conflicting options: port publishing and the container type network mode" },
	{ HC("\"NetworkMode\":\"host\",\"Links\":[\"a:b\"]"),
	  "conflicting options: host type networking can't be used with links. This would result "
	  "in "
	  "undefined behavior" },
	{ HC("\"VolumesFrom\":[\"nosuch:zz\"]"), "invalid mode: zz" },
	{ HC("\"ExtraHosts\":[\"foo\"]"), "bad format for add-host: \"foo\"" },
	{ HC("\"ExtraHosts\":[\"foo:x\"]"), "invalid IP address in add-host: \"x\"" },
	{ HC("\"ExtraHosts\":[\"a:1.2.3.4\",\"b:host-gateway\",\"c:::1\"]"), NULL },
	{ HC("\"Ulimits\":[{\"Name\":\"foo\",\"Soft\":1,\"Hard\":2}]"), NULL },
	{ HC("\"Sysctls\":{\"kernel.hostname\":\"x\"}"), NULL },
	{ HC("\"Runtime\":\"nosuch\""), "Unknown runtime specified nosuch" },
	{ HC("\"UsernsMode\":\"foo\""), "invalid userns mode: foo" },
	{ HC("\"StorageOpt\":{\"size\":\"10G\"}"),
	  "--storage-opt is supported only for overlay over xfs with 'pquota' mount option" },
	{ HC("\"CgroupnsMode\":\"foo\""), "invalid cgroup namespace mode: foo" },
	{ HC("\"Isolation\":\"foo\""),
	  "Invalid isolation: \"foo\" - linux only supports 'default'" },
	{ HC("\"Devices\":[{\"PathOnHost\":\"/dev/nosuch\",\"PathInContainer\":\"/dev/x\","
	     "\"CgroupPermissions\":\"rwm\"}]"),
	  NULL },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_size(rows); i++) {
		autostrlist struct strlist warnings = STRLIST_INIT;
		struct runconfig rc = { 0 };
		struct error err = { 0 };
		int status = create(rows[i].body, &full, &rc, &warnings, &err);

		if (status == 0 && rows[i].text)
			fail_msg("accepted: %s", rows[i].body);
		if (status < 0)
			assert_string_equal(err.text, rows[i].text ? rows[i].text : "(accepted)");
		if (status < 0)
			assert_int_equal(err.kind, ERR_BAD_REQUEST);
		runconfig_done(&rc);
	}
}

static void test_warnings(void **state)
{
	static const struct {
		const char *body, *warning, *member, *value;
	} cases[] = {
		{ HC("\"Memory\":67108864"),
		  "Your kernel does not support memory limit capabilities or the cgroup is not "
		  "mounted. Limitation discarded.",
		  "Memory", "0" },
		{ HC("\"BlkioWeight\":5"),
		  "Your kernel does not support Block I/O weight or the cgroup is not mounted. "
		  "Weight discarded.",
		  "BlkioWeight", "0" },
		{ HC("\"PidsLimit\":5"),
		  "Your kernel does not support PIDs limit capabilities or the cgroup is not "
		  "mounted. PIDs limit discarded.",
		  "PidsLimit", "null" },
		{ HC("\"CpuShares\":5"),
		  "Your kernel does not support CPU shares or the cgroup is not mounted. Shares "
		  "discarded.",
		  "CpuShares", "0" },
		{ HC("\"NetworkMode\":\"host\",\"PortBindings\":{\"80/tcp\":[{}]}"),
		  "Published ports are discarded when using host network mode", "CpuShares", "0" },
	};
	static const struct runconfig_host bare = { .ncpu = 2 };

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		autostrlist struct strlist warnings = STRLIST_INIT;
		autofree char *value = NULL;
		struct runconfig rc = { 0 };

		assert_int_equal(create(cases[i].body, &bare, &rc, &warnings, NULL), 0);
		assert_int_equal(warnings.n, 1);
		assert_string_equal(warnings.v[0], cases[i].warning);
		if (strcmp(cases[i].member, "PidsLimit") == 0) {
			assert_true(json_is_null(json_object_get(rc.host_config, "PidsLimit")));
		} else {
			value = json_text(json_object_get(rc.host_config, cases[i].member));
			assert_string_equal(value, cases[i].value);
		}
		runconfig_done(&rc);
	}
}

static void test_warning_oom(void **state)
{
	autostrlist struct strlist warnings = STRLIST_INIT;
	struct runconfig rc = { 0 };

	(void)state;
	assert_int_equal(create(HC("\"OomKillDisable\":true,\"MemorySwappiness\":10"), &full, &rc,
				&warnings, NULL),
			 0);
	assert_int_equal(warnings.n, 1);
	assert_string_equal(warnings.v[0],
			    "OOM killer is disabled for the container, but no memory limit is set, "
			    "this can result in the system running out of resources.");
	runconfig_done(&rc);
}

static void test_defaults(void **state)
{
	autostrlist struct strlist warnings = STRLIST_INIT;
	struct runconfig rc = { 0 };
	json_t *hc;

	(void)state;
	assert_int_equal(create(HC("\"Memory\":67108864"), &full, &rc, &warnings, NULL), 0);
	hc = rc.host_config;
	assert_int_equal(json_get_int(hc, "MemorySwap", 0), 134217728);
	assert_int_equal(json_get_int(hc, "ShmSize", 0), 64 << 20);
	assert_string_equal(json_get_str(hc, "NetworkMode", ""), "default");
	assert_string_equal(json_get_str(json_get_obj(hc, "RestartPolicy"), "Name", ""), "no");
	assert_string_equal(json_get_str(json_get_obj(hc, "LogConfig"), "Type", ""), "json-file");
	assert_true(json_array_size(json_object_get(hc, "MaskedPaths")) > 5);
	runconfig_done(&rc);
	assert_int_equal(create(HC("\"Privileged\":true"), &full, &rc, &warnings, NULL), 0);
	assert_int_equal(json_array_size(json_object_get(rc.host_config, "MaskedPaths")), 0);
	runconfig_done(&rc);
}

static void test_update(void **state)
{
	autojson json_t *body = json_pack("{s:I}", "MemorySwap", (json_int_t)67108864);
	autojson json_t *hc = runconfig_host_config(body, NULL);
	autostrlist struct strlist warnings = STRLIST_INIT;

	(void)state;
	assert_int_equal(runconfig_validate_update(hc, &full, &warnings, NULL), 0);
	assert_int_equal(json_get_int(hc, "ShmSize", -1), 0);
}

static uint64_t caps_of(const char *text)
{
	autojson json_t *j = json_parse(text, strlen(text), NULL);
	autojson json_t *hc = runconfig_host_config(j, NULL);

	return runconfig_capabilities(hc);
}

static void test_capabilities(void **state)
{
	const uint64_t chown = 1, net_admin = UINT64_C(1) << 12, all = (UINT64_C(1) << 41) - 1;

	(void)state;
	assert_int_equal(caps_of("{}"), 0xa80425fb);
	assert_int_equal(caps_of("{\"CapAdd\":[\"NET_ADMIN\"]}"), 0xa80425fb | net_admin);
	assert_int_equal(caps_of("{\"CapDrop\":[\"chown\"]}"), 0xa80425fb & ~chown);
	assert_int_equal(caps_of("{\"CapDrop\":[\"ALL\"],\"CapAdd\":[\"CAP_CHOWN\"]}"), chown);
	assert_int_equal(caps_of("{\"CapDrop\":[\"CHOWN\"],\"CapAdd\":[\"all\"]}"), all & ~chown);
	assert_int_equal(caps_of("{\"Privileged\":true}"), all);
}

static void test_log(void **state)
{
	static const struct {
		const char *options, *text;
		int64_t size;
		int files;
	} cases[] = {
		{ "{}", NULL, 10 << 20, 3 },
		{ "{\"max-size\":\"1k\"}", NULL, 1024, 1 },
		{ "{\"max-size\":\"1k\",\"max-file\":\"4\",\"compress\":\"true\"}", NULL, 1024, 4 },
		{ "{\"max-size\":\"abc\"}",
		  "failed to initialize logging driver: invalid size: 'abc'", 0, 0 },
		{ "{\"max-file\":\"0\"}",
		  "failed to initialize logging driver: max-file cannot be less than 1", 0, 0 },
		{ "{\"max-size\":\"1k\",\"compress\":\"true\"}",
		  "failed to initialize logging driver: compress cannot be true when max-file is "
		  "less than 2 or max-size is not set",
		  0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		json_t *options = json_loads(cases[i].options, 0, NULL);
		autojson json_t *hc = json_pack("{s:{s:o}}", "LogConfig", "Config", options);
		struct runconfig_log l = { 0 };
		struct error err = { 0 };
		int rc = runconfig_log(hc, &l, &err);

		assert_int_equal(rc, cases[i].text ? -1 : 0);
		assert_string_equal(err.text, cases[i].text ? cases[i].text : "");
		assert_int_equal(l.max_size, cases[i].size);
		assert_int_equal(l.max_files, cases[i].files);
	}
}

static void test_sysctls(void **state)
{
	autostrlist struct strlist out = STRLIST_INIT;
	autojson json_t *good = json_pack("{s:{s:s}}", "Sysctls", "net.ipv4.ip_forward", "1");
	autojson json_t *bad = json_pack("{s:{s:s}}", "Sysctls", "kernel.hostname", "x");
	autojson json_t *host = json_pack("{s:s,s:{s:s}}", "NetworkMode", "host", "Sysctls",
					  "net.ipv4.ip_forward", "1");
	struct error err = { 0 };

	(void)state;
	assert_int_equal(runconfig_sysctls(good, &out, &err), 0);
	assert_string_equal(out.v[0], "net.ipv4.ip_forward=1");
	assert_int_equal(runconfig_sysctls(bad, &out, &err), -1);
	assert_string_equal(err.text,
			    "sysctl \"kernel.hostname\" is not in a separate kernel namespace");
	assert_int_equal(runconfig_sysctls(host, &out, &err), -1);
	assert_string_equal(err.text,
			    "sysctl \"net.ipv4.ip_forward\" not allowed in host network namespace");
}

static void test_rlimit(void **state)
{
	(void)state;
	assert_int_equal(runconfig_rlimit("nofile"), RLIMIT_NOFILE);
	assert_int_equal(runconfig_rlimit("foo"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),        cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_warning_oom), cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_update),      cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_log),         cmocka_unit_test(test_sysctls),
		cmocka_unit_test(test_rlimit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
