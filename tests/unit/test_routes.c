/* The route table: each row is reached by its own example, names keep their slashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "api/server/routes.h"
#include "api/version.h"
#include "pkg/mem.h"

static void forget(struct request *r)
{
	while (r->nparams)
		free(r->params[--r->nparams]);
}

/* A path that fits the pattern: {x} becomes a word, {x...} a name with slashes. */
static char *example(const char *pattern)
{
	struct buf b = BUF_INIT(1000);

	while (*pattern) {
		const char *end = strchr(pattern, '}');

		if (*pattern != '{') {
			buf_addc(&b, *pattern++);
			continue;
		}
		buf_adds(&b, end[-1] == '.' ? "host:5000/some/name:tag" : "word");
		pattern = end + 1;
	}
	return buf_take(&b);
}

static void test_every_row(void **state)
{
	(void)state;
	for (const struct route *row = routes; row->method; row++) {
		struct request r = { .version = row->until ? row->until - 1 : API_VERSION_INT };
		autofree char *path = example(row->pattern);

		if (!route_find(&r, row->method, path) || r.route != row)
			fail_msg("%s %s does not reach its row", row->method, row->pattern);
		assert_int_equal(r.nparams > 0, strchr(row->pattern, '{') != NULL);
		assert_true(row->job || row->run);
		forget(&r);
	}
}

static void expect_route(const char *method, const char *path, const char *pattern,
			 const char *param)
{
	struct request r = { .version = API_VERSION_INT };
	bool found = route_find(&r, method, path);

	if (!pattern) {
		assert_false(found);
		return;
	}
	assert_true(found);
	assert_string_equal(r.route->pattern, pattern);
	if (param)
		assert_string_equal(r.params[0], param);
	forget(&r);
}

static void test_names(void **state)
{
	(void)state;
	expect_route("GET", "/images/json", "/images/json", NULL);
	expect_route("GET", "/images/a/json", "/images/{name...}/json", "a");
	expect_route("GET", "/images/json/json", "/images/{name...}/json", "json");
	expect_route("GET", "/images/h:1/a/b:c/json", "/images/{name...}/json", "h:1/a/b:c");
	expect_route("GET", "/images/a/json/history", "/images/{name...}/history", "a/json");
	expect_route("DELETE", "/images/a/b", "/images/{name...}", "a/b");
	expect_route("GET", "/containers/a/json", "/containers/{id}/json", "a");
	expect_route("GET", "/containers/a/b/json", NULL, NULL);
	expect_route("GET", "/containers/json/", NULL, NULL);
	expect_route("GET", "/containers", NULL, NULL);
	expect_route("GET", "/containers//json", NULL, NULL);
	expect_route("GET", "/networks/", "/networks/", NULL);
	expect_route("GET", "/networks/a", "/networks/{id...}", "a");
	expect_route("POST", "/networks/a/connect", "/networks/{id...}/connect", "a");
	expect_route("GET", "/containers/ps", NULL, NULL);
	expect_route("POST", "/containers/a/copy", NULL, NULL);
	expect_route("HEAD", "/version", NULL, NULL);
	expect_route("get", "/version", NULL, NULL);
	expect_route("GET", "/", NULL, NULL);
	expect_route("GET", "", NULL, NULL);
}

static void expect_split(const char *path, const char *rest, const char *want)
{
	autofree char *version = NULL;

	assert_string_equal(route_split_version(path, &version), rest);
	if (want)
		assert_string_equal(version, want);
	else
		assert_null(version);
}

static void expect_version(const char *text, int want)
{
	struct error err = { 0 };
	int number = 0;

	if (route_check_version(text, &number, &err) == 0)
		assert_int_equal(number, want);
	else
		assert_int_equal(want, -1);
}

static void test_versions(void **state)
{
	(void)state;
	expect_split("/v1.44/info", "/info", "1.44");
	expect_split("/v1/info", "/info", "1");
	expect_split("/v1.2.3/info", "/info", "1.2.3");
	expect_split("/info", "/info", NULL);
	expect_split("/vfoo/info", "/vfoo/info", NULL);
	expect_split("/version", "/version", NULL);
	expect_split("/v1.44", "/v1.44", NULL);
	expect_split("/v/x", "/v/x", NULL);
	expect_version("1.44", 144);
	expect_version("1.12", 112);
	expect_version("1.30.0", 130);
	expect_version("01.030", 130);
	expect_version("1.45", -1);
	expect_version("1.44.1", -1);
	expect_version("1.11", -1);
	expect_version("1", -1);
	expect_version("2", -1);
	expect_version("...", -1);
	expect_version("1.99999999999999999999999", -1);
	expect_version("99999999999999999999999.1", -1);
}

static void test_statuses(void **state)
{
	(void)state;
	assert_int_equal(reply_status(ERR_NOT_MODIFIED), 304);
	assert_int_equal(reply_status(ERR_BAD_REQUEST), 400);
	assert_int_equal(reply_status(ERR_UNAUTHORIZED), 401);
	assert_int_equal(reply_status(ERR_FORBIDDEN), 403);
	assert_int_equal(reply_status(ERR_NOT_FOUND), 404);
	assert_int_equal(reply_status(ERR_NOT_ACCEPTABLE), 406);
	assert_int_equal(reply_status(ERR_CONFLICT), 409);
	assert_int_equal(reply_status(ERR_CANCELLED), 499);
	assert_int_equal(reply_status(ERR_INTERNAL), 500);
	assert_int_equal(reply_status(ERR_NOT_IMPLEMENTED), 501);
	assert_int_equal(reply_status(ERR_UNAVAILABLE), 503);
	assert_int_equal(reply_status(ERR_NONE), 500);
	assert_int_equal(reply_status((enum error_kind)999), 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_statuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
