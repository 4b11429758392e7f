/* Decoding, merging, commands and binds. The checks of values have a table in test_validate.c. */
#include "runconfig/runconfig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "pkg/json.h"
#include "pkg/mem.h"

static json_t *parse(const char *text)
{
	json_t *j = json_parse(text, strlen(text), NULL);

	assert_non_null(j);
	return j;
}

static void decode_ok(const char *body, struct runconfig *rc)
{
	autojson json_t *j = parse(body);
	struct error err = { 0 };

	if (runconfig_decode(j, rc, &err) < 0)
		fail_msg("%s: %s", body, err.text);
}

static void assert_json(const json_t *got, const char *want)
{
	autofree char *text = got ? json_text(got) : xstrdup("(absent)");

	assert_string_equal(text, want);
}

static void test_decode_errors(void **state)
{
	static const struct {
		const char *body, *text;
	} rows[] = {
		{ "null", "Config cannot be empty in order to create a container" },
		{ "{}", "Config cannot be empty in order to create a container" },
		{ "{\"HostConfig\":{}}", "Config cannot be empty in order to create a container" },
		{ "[]", "json: cannot unmarshal array into Go value of type "
			"runconfig.ContainerConfigWrapper" },
		{ "{\"Image\":5}", "json: cannot unmarshal number into Go struct field "
				   "ContainerConfigWrapper.Image of type string" },
		{ "{\"Env\":\"A=1\"}", "json: cannot unmarshal string into Go struct field "
				       "ContainerConfigWrapper.Env of type []string" },
		{ "{\"Env\":[\"A=1\",2]}", "json: cannot unmarshal number into Go struct field "
					   "ContainerConfigWrapper.Env of type string" },
		{ "{\"Cmd\":5}", "json: cannot unmarshal number into Go struct field "
				 "ContainerConfigWrapper.Cmd of type string" },
		{ "{\"Tty\":\"yes\"}", "json: cannot unmarshal string into Go struct field "
				       "ContainerConfigWrapper.Tty of type bool" },
		{ "{\"Volumes\":[\"/x\"]}",
		  "json: cannot unmarshal array into Go struct field "
		  "ContainerConfigWrapper.Volumes of type map[string]struct {}" },
		{ "{\"Image\":\"x\",\"HostConfig\":{\"Memory\":\"64m\"}}",
		  "json: cannot unmarshal string into Go struct field HostConfig.HostConfig.Memory "
		  "of type int64" },
		{ "{\"Image\":\"x\",\"HostConfig\":{\"Memory\":1.5}}",
		  "json: cannot unmarshal number 1.5 into Go struct field "
		  "HostConfig.HostConfig.Memory of type int64" },
		{ "{\"Image\":\"x\",\"HostConfig\":{\"BlkioWeight\":70000}}",
		  "json: cannot unmarshal number 70000 into Go struct field "
		  "HostConfig.HostConfig.BlkioWeight of type uint16" },
		{ "{\"Image\":\"x\",\"HostConfig\":{\"RestartPolicy\":{\"Name\":1}}}",
		  "json: cannot unmarshal number into Go struct field "
		  "RestartPolicy.HostConfig.RestartPolicy.Name of type "
		  "container.RestartPolicyMode" },
		{ "{\"Image\":\"x\",\"HostConfig\":5}",
		  "json: cannot unmarshal number into Go struct field HostConfig.HostConfig of "
		  "type container.HostConfig" },
		{ "{\"Cmd\":[\"a\\u0000b\"]}", "invalid value for Cmd: it holds a NUL byte" },
		{ "{\"Image\":\"x\",\"NetworkingConfig\":{\"EndpointsConfig\":{\"bridge\":"
		  "{\"IPAMConfig\":{\"IPv4Address\":\"abc\"}}}}}",
		  "invalid IPv4 address: abc" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(rows); i++) {
		autojson json_t *body = parse(rows[i].body);
		struct runconfig rc = { 0 };
		struct error err = { 0 };

		assert_int_equal(runconfig_decode(body, &rc, &err), -1);
		assert_string_equal(err.text, rows[i].text);
		assert_int_equal(err.kind, ERR_BAD_REQUEST);
		assert_null(rc.config);
	}
}

static void test_decode_any_case_and_unknown(void **state)
{
	struct runconfig rc = { 0 };

	(void)state;
	decode_ok("{\"image\":\"a\",\"CMD\":\"true\",\"IMAGE\":\"b\",\"Nonsense\":1,"
		  "\"hostconfig\":{\"memory\":7,\"AlsoNot\":2}}",
		  &rc);
	assert_string_equal(json_get_str(rc.config, "Image", ""), "b");
	assert_json(json_object_get(rc.config, "Cmd"), "[\"true\"]");
	assert_null(json_object_get(rc.config, "Nonsense"));
	assert_int_equal(json_get_int(rc.host_config, "Memory", 0), 7);
	runconfig_done(&rc);
}

static void test_decode_completes(void **state)
{
	struct runconfig rc = { 0 };

	(void)state;
	decode_ok("{\"Image\":\"a\",\"Healthcheck\":null}", &rc);
	assert_json(json_object_get(rc.config, "Hostname"), "\"\"");
	assert_json(json_object_get(rc.config, "Env"), "null");
	assert_null(json_object_get(rc.config, "StopSignal"));
	assert_null(json_object_get(rc.config, "Healthcheck"));
	assert_json(json_object_get(rc.host_config, "ConsoleSize"), "[0,0]");
	assert_json(json_object_get(rc.host_config, "RestartPolicy"),
		    "{\"Name\":\"\",\"MaximumRetryCount\":0}");
	assert_json(json_object_get(rc.host_config, "PidsLimit"), "null");
	assert_null(json_object_get(rc.host_config, "Init"));
	assert_json(rc.networking_config, "{\"EndpointsConfig\":null}");
	runconfig_done(&rc);
}

static void test_decode_old_members(void **state)
{
	struct runconfig rc = { 0 };

	(void)state;
	decode_ok("{\"Image\":\"a\",\"Memory\":9,\"CpuShares\":5,\"Cpuset\":\"0\","
		  "\"HostConfig\":{\"CpuShares\":6}}",
		  &rc);
	assert_int_equal(json_get_int(rc.host_config, "Memory", 0), 9);
	assert_int_equal(json_get_int(rc.host_config, "CpuShares", 0), 6);
	assert_string_equal(json_get_str(rc.host_config, "CpusetCpus", ""), "0");
	runconfig_done(&rc);
}

static void test_merge(void **state)
{
	static const struct {
		const char *config, *image, *member, *want;
	} rows[] = {
		{ "{}", "{\"User\":\"u\"}", "User", "\"u\"" },
		{ "{\"User\":\"me\"}", "{\"User\":\"u\"}", "User", "\"me\"" },
		{ "{}", "{\"Env\":[\"A=1\"]}", "Env", "[\"A=1\"]" },
		{ "{\"Env\":[\"B=2\",\"A=9\"]}", "{\"Env\":[\"A=1\",\"AB=3\"]}", "Env",
		  "[\"B=2\",\"A=9\",\"AB=3\"]" },
		{ "{\"Env\":[\"A\"]}", "{\"Env\":[\"A=1\"]}", "Env", "[\"A\"]" },
		{ "{\"Labels\":{\"a\":\"1\"}}", "{\"Labels\":{\"a\":\"2\",\"b\":\"3\"}}", "Labels",
		  "{\"a\":\"1\",\"b\":\"3\"}" },
		{ "{}", "{}", "Labels", "{}" },
		{ "{\"ExposedPorts\":{\"1/tcp\":{}}}", "{\"ExposedPorts\":{\"2/tcp\":{}}}",
		  "ExposedPorts", "{\"1/tcp\":{},\"2/tcp\":{}}" },
		{ "{\"Entrypoint\":[\"x\"]}", "{\"Cmd\":[\"c\"]}", "Cmd", "null" },
		{ "{}", "{\"Cmd\":[\"c\"],\"Entrypoint\":[\"e\"]}", "Cmd", "[\"c\"]" },
		{ "{}", "{\"Cmd\":[\"c\"],\"Entrypoint\":[\"e\"]}", "Entrypoint", "[\"e\"]" },
		{ "{\"Entrypoint\":[]}", "{\"Cmd\":[\"c\"],\"Entrypoint\":[\"e\"]}", "Entrypoint",
		  "[]" },
		{ "{\"Entrypoint\":[]}", "{\"Cmd\":[\"c\"],\"Entrypoint\":[\"e\"]}", "Cmd",
		  "[\"c\"]" },
		{ "{\"Entrypoint\":[\"\"]}", "{\"Cmd\":[\"c\"],\"Entrypoint\":[\"e\"]}",
		  "Entrypoint", "null" },
		{ "{\"Entrypoint\":[\"\"]}", "{\"Cmd\":[\"c\"]}", "Cmd", "null" },
		{ "{\"Healthcheck\":{\"Retries\":2}}",
		  "{\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"],\"Retries\":1}}", "Healthcheck",
		  "{\"Retries\":2,\"Test\":[\"CMD\",\"x\"]}" },
		{ "{}", "{\"Hostname\":\"h\"}", "Hostname", "\"\"" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(rows); i++) {
		autojson json_t *given = parse(rows[i].config), *image = parse(rows[i].image);
		autojson json_t *config = runconfig_config(given, NULL);

		runconfig_merge(config, image);
		assert_json(json_object_get(config, rows[i].member), rows[i].want);
	}
}

static void test_command(void **state)
{
	autojson json_t *both = parse("{\"Entrypoint\":[\"e\",\"1\"],\"Cmd\":[\"c\"]}");
	autojson json_t *blank = parse("{\"Entrypoint\":[\"\"],\"Cmd\":[\"c\"]}");
	autojson json_t *none = parse("{\"Entrypoint\":null,\"Cmd\":[]}");
	autostrlist struct strlist argv = STRLIST_INIT, argv2 = STRLIST_INIT;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(runconfig_command(both, &argv, &err), 0);
	assert_int_equal(argv.n, 3);
	assert_string_equal(argv.v[2], "c");
	assert_int_equal(runconfig_command(blank, &argv2, &err), 0);
	assert_int_equal(argv2.n, 1);
	assert_int_equal(runconfig_command(none, &argv, &err), -1);
	assert_string_equal(err.text, "no command specified");
}

static void test_bind_parse(void **state)
{
	static const struct {
		const char *spec, *source, *target, *mode, *propagation;
		bool readonly, is_path, nocopy;
	} rows[] = {
		{ "/a:/b", "/a", "/b", "", NULL, false, true, false },
		{ "/a/../c//d/:/b/", "/c/d", "/b", "", NULL, false, true, false },
		{ "/a:/b:ro", "/a", "/b", "ro", NULL, true, true, false },
		{ "/a:/b:rw,Z,rslave", "/a", "/b", "rw,Z,rslave", "rslave", false, true, false },
		{ "vol:/b:nocopy", "vol", "/b", "nocopy", NULL, false, false, true },
		{ "/b", NULL, "/b", "", NULL, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < array_size(rows); i++) {
		struct runconfig_bind b = { 0 };
		struct error err = { 0 };

		if (runconfig_bind_parse(rows[i].spec, &b, &err) < 0)
			fail_msg("%s: %s", rows[i].spec, err.text);
		assert_string_equal(b.source ? b.source : "-",
				    rows[i].source ? rows[i].source : "-");
		assert_string_equal(b.target, rows[i].target);
		assert_string_equal(b.mode, rows[i].mode);
		assert_string_equal(b.propagation ? b.propagation : "-",
				    rows[i].propagation ? rows[i].propagation : "-");
		assert_int_equal(b.readonly, rows[i].readonly);
		assert_int_equal(b.is_path, rows[i].is_path);
		assert_int_equal(b.nocopy, rows[i].nocopy);
		runconfig_bind_done(&b);
	}
}

static void test_bind_errors(void **state)
{
	static const struct {
		const char *spec, *text;
	} rows[] = {
		{ "", "invalid volume specification: ''" },
		{ "/tmp:foo", "invalid volume specification: '/tmp:foo': invalid mount config for "
			      "type \"bind\": invalid mount path: 'foo' mount path must be "
			      "absolute" },
		{ "/tmp:/", "invalid volume specification: '/tmp:/': invalid mount config for type "
			    "\"bind\": invalid specification: destination can't be '/'" },
		{ "/tmp:/x/..", "invalid volume specification: '/tmp:/x/..': invalid mount config "
				"for type \"bind\": invalid specification: destination can't be "
				"'/'" },
		{ "/tmp:/x:zz", "invalid mode: zz" },
		{ "/tmp:/x:ro,rw", "invalid mode: ro,rw" },
		{ "/x:ro", "invalid volume specification: '/x:ro'" },
		{ "/a:/b:ro:z", "invalid volume specification: '/a:/b:ro:z'" },
		{ ":/x", "invalid volume specification: ':/x'" },
		{ "a!:/x",
		  "create a!: \"a!\" includes invalid characters for a local volume name, only "
		  "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host "
		  "directory, use absolute path" },
		{ "vol:/x:rslave", "invalid volume specification: 'vol:/x:rslave': invalid mount "
				   "config for type \"volume\": field BindOptions must not be "
				   "specified" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(rows); i++) {
		struct runconfig_bind b = { 0 };
		struct error err = { 0 };

		assert_int_equal(runconfig_bind_parse(rows[i].spec, &b, &err), -1);
		assert_string_equal(err.text, rows[i].text);
		assert_null(b.target);
	}
}

static void test_volumes_from(void **state)
{
	struct error err = { 0 };
	char *name = NULL;
	bool readonly;

	(void)state;
	assert_int_equal(runconfig_volumes_from_parse("web:ro", &name, &readonly, &err), 0);
	assert_string_equal(name, "web");
	assert_true(readonly);
	free(name);
	assert_int_equal(runconfig_volumes_from_parse("web:zz", &name, &readonly, &err), -1);
	assert_string_equal(err.text, "invalid mode: zz");
	assert_int_equal(runconfig_volumes_from_parse("web:nocopy", &name, &readonly, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode_errors),
		cmocka_unit_test(test_decode_any_case_and_unknown),
		cmocka_unit_test(test_decode_completes),
		cmocka_unit_test(test_decode_old_members),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_bind_parse),
		cmocka_unit_test(test_bind_errors),
		cmocka_unit_test(test_volumes_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
