/* Changes of `import -c` and `commit -c`, and the words and durations in them. */
#include "runconfig/runconfig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "pkg/duration.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "runconfig/words.h"

static const struct {
	const char *config, *change;
	const char *want; /* the Config after it, or the error */
	bool fails;
} rows[] = {
	{ "{}", "CMD [\"a\",\"b\"]", "{\"Cmd\":[\"a\",\"b\"]}", false },
	{ "{}", "cmd echo  hi ", "{\"Cmd\":[\"/bin/sh\",\"-c\",\"echo  hi\"]}", false },
	{ "{\"Cmd\":[\"x\"]}", "ENTRYPOINT [\"e\"]", "{\"Cmd\":null,\"Entrypoint\":[\"e\"]}",
	  false },
	{ "{}", "CMD [\"c\"]\nENTRYPOINT [\"e\"]", "{\"Cmd\":[\"c\"],\"Entrypoint\":[\"e\"]}",
	  false },
	{ "{\"Env\":[\"A=1\"]}", "ENV A=2 B=\"x y\" C=$A-${A}",
	  "{\"Env\":[\"A=2\",\"B=x y\",\"C=1-1\"]}", false },
	{ "{}", "ENV A the rest", "{\"Env\":[\"A=the rest\"]}", false },
	{ "{}", "ENV A", "ENV must have two arguments", true },
	{ "{}", "ENV =x", "ENV names can not be blank", true },
	{ "{}", "LABEL a=1 b.c='x $y'", "{\"Labels\":{\"a\":\"1\",\"b.c\":\"x $y\"}}", false },
	{ "{}", "EXPOSE 80 90-91/udp",
	  "{\"ExposedPorts\":{\"80/tcp\":{},\"90/udp\":{},\"91/udp\":{}}}", false },
	{ "{}", "EXPOSE abc", "invalid port specification: \"abc\"", true },
	{ "{}", "EXPOSE 80/foo", "invalid proto: foo", true },
	{ "{}", "EXPOSE", "EXPOSE requires at least one argument", true },
	{ "{}", "VOLUME [\"/a b\"]", "{\"Volumes\":{\"/a b\":{}}}", false },
	{ "{}", "VOLUME /a /b", "{\"Volumes\":{\"/a\":{},\"/b\":{}}}", false },
	{ "{}", "USER u:g", "{\"User\":\"u:g\"}", false },
	{ "{}", "USER a b", "USER requires exactly one argument", true },
	{ "{\"WorkingDir\":\"/a\"}", "WORKDIR b/../c", "{\"WorkingDir\":\"/a/c\"}", false },
	{ "{}", "STOPSIGNAL TERM", "{\"StopSignal\":\"TERM\"}", false },
	{ "{}", "STOPSIGNAL x", "Invalid signal: x", true },
	{ "{}", "ONBUILD RUN x", "{\"OnBuild\":[\"RUN x\"]}", false },
	{ "{}", "ONBUILD ONBUILD x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed", true },
	{ "{}", "HEALTHCHECK --interval=5s --retries=3 CMD true",
	  "{\"Healthcheck\":{\"Interval\":5000000000,\"Retries\":3,\"Test\":[\"CMD-SHELL\","
	  "\"true\"]}}",
	  false },
	{ "{}", "HEALTHCHECK CMD [\"a\"]", "{\"Healthcheck\":{\"Test\":[\"CMD\",\"a\"]}}", false },
	{ "{}", "HEALTHCHECK NONE", "{\"Healthcheck\":{\"Test\":[\"NONE\"]}}", false },
	{ "{}", "HEALTHCHECK --interval=5 CMD x", "time: invalid duration \"5\"", true },
	{ "{}", "MAINTAINER me", "{}", false },
	{ "{}", "FOO bar", "foo is not a valid change command", true },
	{ "{\"User\":\"u\"}", "USER x\nFOO", "foo is not a valid change command", true },
	{ "{}", "# a comment", "{}", false },
	{ "{}", "ENV A=\"x", "unexpected end of statement while looking for matching double-quote",
	  true },
};

static void test_changes(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_size(rows); i++) {
		autojson json_t *config = json_loads(rows[i].config, 0, NULL);
		autostrlist struct strlist changes = STRLIST_INIT;
		autofree char *text = NULL;
		struct error err = { 0 };
		int rc;

		strlist_add(&changes, rows[i].change);
		rc = runconfig_apply_changes(config, &changes, &err);
		text = json_text(config);
		assert_string_equal(rc < 0 ? err.text : text, rows[i].want);
		assert_int_equal(rc, rows[i].fails ? -1 : 0);
		if (rc < 0)
			assert_string_equal(text, rows[i].config);
	}
}

static void test_expand(void **state)
{
	static const char *const cases[][2] = {
		{ "a\\ b", "a b" },       { "\"a\\\"b\"", "a\"b" },
		{ "'$A'", "$A" },         { "${B:-x}", "x" },
		{ "${A:-x}", "1" },       { "${A:+y}", "y" },
		{ "${B:+y}", "" },        { "$", "$" },
		{ "\\$A", "$A" },         { "\"a\\nb\"", "a\\nb" },
		{ "x$A-$NOPE.", "x1-." },
	};
	autostrlist struct strlist env = STRLIST_INIT;

	(void)state;
	strlist_add(&env, "A=1");
	for (size_t i = 0; i < array_size(cases); i++) {
		autofree char *got = words_expand(cases[i][0], &env, NULL);

		assert_string_equal(got, cases[i][1]);
	}
	assert_null(words_expand("${A", &env, NULL));
	assert_null(words_expand("${A:?x}", &env, NULL));
}

static void test_duration(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
		{ "0", 0 },
		{ "1h30m", 5400000000000 },
		{ "1.5s", 1500000000 },
		{ "-2ms", -2000000 },
		{ "7us", 7000 },
		{ ".5s", 500000000 },
	};
	static const char *const bad[] = { "", "5", "s", "1x", "1.2.3s", ".", "9999999999999h" };
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < array_size(good); i++) {
		assert_int_equal(duration_parse(good[i].text, &ns), 0);
		assert_true(ns == good[i].ns);
	}
	for (size_t i = 0; i < array_size(bad); i++)
		assert_int_equal(duration_parse(bad[i], &ns), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_expand),
		cmocka_unit_test(test_duration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
