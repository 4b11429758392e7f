/* Names of images, as users write them and as they are shown. */
#include <string.h>

#include "pkg/mem.h"
#include "pkg/reference.h"
#include "tests/unit/unit.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void good(void **state)
{
	static const char *const cases[][2] = {
		{ "busybox", "busybox:latest" },
		{ "docker.io/library/busybox", "busybox:latest" },
		{ "index.docker.io/busybox:1", "busybox:1" },
		{ "library/busybox", "busybox:latest" },
		{ "user/name:tag", "user/name:tag" },
		{ "localhost/x", "localhost/x:latest" },
		{ "localhost:5000/x:tag", "localhost:5000/x:tag" },
		{ "example.com/a/b/c", "example.com/a/b/c:latest" },
		{ "Host/x", "Host/x:latest" },
		{ "[::1]:5000/x", "[::1]:5000/x:latest" },
		{ "u/a__b.c-d--e_f:A.b_c-d", "u/a__b.c-d--e_f:A.b_c-d" },
		{ "busybox@sha256:" HEX, "busybox@sha256:" HEX },
		{ "busybox:1@sha256:" HEX, "busybox:1@sha256:" HEX },
		{ "docker.io/library/a/b", "library/a/b:latest" },
		{ "localhost:5000", "localhost:5000" },
		{ "docker.io/other.io/x", "docker.io/other.io/x:latest" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		autoreference struct reference r = REFERENCE_INIT;
		autofree char *text = NULL;

		assert_int_equal(reference_parse(cases[i][0], &r, NULL), 0);
		reference_default_tag(&r);
		text = reference_text(&r);
		assert_string_equal(text, cases[i][1]);
	}
}

static void bad(void **state)
{
	static const char *const cases[][2] = {
		{ "", "invalid reference format" },
		{ "UPPER", "invalid reference format: repository name must be lowercase" },
		{ "UPPER/Case", "invalid reference format: repository name must be lowercase" },
		{ "a//b", "invalid reference format" },
		{ "/a", "invalid reference format" },
		{ "a/", "invalid reference format" },
		{ "-a", "invalid reference format" },
		{ "a..b", "invalid reference format" },
		{ "a___b", "invalid reference format" },
		{ "a_", "invalid reference format" },
		{ "a:b c", "invalid reference format" },
		{ "a:", "invalid reference format" },
		{ "a@sha256:123", "invalid checksum digest length" },
		{ "a@b", "invalid reference format" },
		{ "-x.com/a", "invalid reference format" },
		{ "x.com:port/a", "invalid reference format" },
		{ "..", "invalid reference format" },
		{ "a b", "invalid reference format" },
		{ HEX,
		  "invalid repository name (" HEX "), cannot specify 64-byte hexadecimal strings" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		struct reference r = REFERENCE_INIT;
		struct error err = { 0 };

		assert_int_equal(reference_parse(cases[i][0], &r, &err), -1);
		assert_string_equal(err.text, cases[i][1]);
		assert_int_equal(err.kind, ERR_BAD_REQUEST);
	}
}

static void limits(void **state)
{
	struct reference r = REFERENCE_INIT;
	struct error err;
	char name[300], tag[200];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(reference_parse(name, &r, &err), -1);
	assert_string_equal(err.text, "repository name must not be more than 255 characters");
	memset(tag, 't', sizeof(tag));
	tag[129] = '\0';
	assert_false(reference_tag_is_valid(tag));
	tag[128] = '\0';
	assert_true(reference_tag_is_valid(tag));
	assert_false(reference_tag_is_valid(".x"));
	assert_true(reference_tag_is_valid("_x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(bad),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
