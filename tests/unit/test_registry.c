/* Registries: challenges, credentials, where a registry is reached, and the packing of layers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after those that it needs */
#include <cmocka.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/compress.h"
#include "pkg/decompress.h"
#include "pkg/mem.h"
#include "pkg/parallel.h"
#include "registry/internal.h"

static void test_challenges(void **state)
{
	static const struct {
		const char *header;
		int scheme;
		const char *realm, *service, *scope;
	} cases[] = {
		{ "Basic realm=\"x\"", CHALLENGE_BASIC, "x", NULL, NULL },
		{ "basic", CHALLENGE_BASIC, NULL, NULL, NULL },
		{ "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\","
		  "scope=\"repository:library/busybox:pull\"",
		  CHALLENGE_BEARER, "https://auth.docker.io/token", "registry.docker.io",
		  "repository:library/busybox:pull" },
		{ "Bearer realm=https://a/t, service=s", CHALLENGE_BEARER, "https://a/t", "s",
		  NULL },
		{ "Basic realm=\"a, b\", Bearer realm=\"https://a/t\"", CHALLENGE_BEARER,
		  "https://a/t", NULL, NULL },
		{ "Bearer realm=\"https://a/t\", Basic realm=\"x\"", CHALLENGE_BEARER,
		  "https://a/t", NULL, NULL },
		{ "Bearer realm=\"a\\\"b\"", CHALLENGE_BEARER, "a\"b", NULL, NULL },
		{ "Bearer service=\"s\"", CHALLENGE_NONE, NULL, NULL, NULL },
		{ "Negotiate", CHALLENGE_NONE, NULL, NULL, NULL },
		{ "", CHALLENGE_NONE, NULL, NULL, NULL },
		{ "Bearer realm=\"unfinished", CHALLENGE_BEARER, "unfinished", NULL, NULL },
		{ "=,=\"\",,Bearer", CHALLENGE_NONE, NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		struct challenge c;

		challenge_parse(cases[i].header, &c);
		assert_int_equal(c.scheme, cases[i].scheme);
		assert_string_equal(c.realm ? c.realm : "-", cases[i].realm ? cases[i].realm : "-");
		assert_string_equal(c.service ? c.service : "-",
				    cases[i].service ? cases[i].service : "-");
		assert_string_equal(c.scope ? c.scope : "-", cases[i].scope ? cases[i].scope : "-");
		challenge_done(&c);
	}
}

static void test_credentials(void **state)
{
	struct credentials c;
	struct error err;
	autostrlist struct strlist headers = STRLIST_INIT;

	(void)state;
	assert_int_equal(credentials_parse(NULL, &c, &err), 0);
	assert_false(credentials_are_there(&c));
	/* {"username":"me","password":"secret"} */
	assert_int_equal(credentials_parse("eyJ1c2VybmFtZSI6Im1lIiwicGFzc3dvcmQiOiJzZWNyZXQifQ==",
					   &c, &err),
			 0);
	assert_string_equal(c.user, "me");
	assert_string_equal(c.password, "secret");
	credentials_basic(&c, &headers);
	assert_string_equal(headers.v[0], "Authorization: Basic bWU6c2VjcmV0");
	credentials_done(&c);
	/* Of old clients. */
	assert_int_equal(credentials_parse("{\"auth\":\"bWU6c2VjcmV0\"}", &c, &err), 0);
	assert_string_equal(c.user, "me");
	assert_string_equal(c.password, "secret");
	credentials_done(&c);
	assert_int_equal(credentials_parse("{\"identitytoken\":\"t\"}", &c, &err), 0);
	assert_string_equal(c.identity_token, "t");
	credentials_done(&c);
	assert_int_equal(credentials_parse("!!", &c, &err), -1);
	assert_int_equal(err.kind, ERR_BAD_REQUEST);
	assert_int_equal(credentials_parse("bm8ganNvbg==", &c, &err), -1);
	assert_int_equal(credentials_parse("{\"auth\":\"bWU=\"}", &c, &err), -1);
}

static struct registry *registry_with(char *const *mirrors, char *const *insecure)
{
	const struct registry_config config = { .mirrors = mirrors, .insecure = insecure };
	struct error err;
	struct registry *r = registry_new(&config, &err);

	assert_non_null(r);
	return r;
}

/* "https://a http://b", of all endpoints. */
static char *bases(const struct registry *r, const char *domain, bool push)
{
	struct endpoints e;
	struct error err;
	char *all = xstrdup("");

	assert_int_equal(endpoints_find(r, domain, push, &e, &err), 0);
	for (size_t i = 0; i < e.n; i++) {
		char *longer = xasprintf("%s%s%s%s", all, i ? " " : "", e.v[i].base,
					 e.v[i].tls.insecure ? "!" : "");

		free(all);
		all = longer;
	}
	endpoints_done(&e);
	return all;
}

static void assert_bases(const struct registry *r, const char *domain, bool push, const char *want)
{
	autofree char *have = bases(r, domain, push);

	assert_string_equal(have, want);
}

static void test_endpoints(void **state)
{
	char hub[] = "https://mirror.example/", other[] = "quay.io=http://127.0.0.1:5001";
	char host[] = "10.1.2.3:5000", net[] = "10.9.0.0/16";
	char *mirrors[] = { hub, other, NULL }, *insecure[] = { host, net, NULL };
	struct registry *r = registry_with(mirrors, insecure);

	(void)state;
	assert_bases(r, "docker.io", false, "https://mirror.example https://registry-1.docker.io");
	assert_bases(r, "docker.io", true, "https://registry-1.docker.io");
	assert_bases(r, "quay.io", false, "http://127.0.0.1:5001 https://quay.io");
	assert_bases(r, "10.1.2.3:5000", false, "https://10.1.2.3:5000! http://10.1.2.3:5000");
	assert_bases(r, "10.1.2.3:5001", false, "https://10.1.2.3:5001");
	assert_bases(r, "10.9.8.7", false, "https://10.9.8.7! http://10.9.8.7");
	assert_bases(r, "10.10.8.7", false, "https://10.10.8.7");
	assert_bases(r, "127.0.0.1:5000", true, "https://127.0.0.1:5000! http://127.0.0.1:5000");
	assert_bases(r, "[::1]:5000", false, "https://[::1]:5000! http://[::1]:5000");
	registry_free(r);
}

static void test_bad_mirrors(void **state)
{
	static const char *const bad[] = { "mirror",         "ftp://x",     "https://",
					   "https://x/path", "https://x?y", "https://user@x" };

	(void)state;
	for (size_t i = 0; i < array_size(bad); i++) {
		autofree char *text = xstrdup(bad[i]);
		char *mirrors[] = { text, NULL };
		const struct registry_config config = { .mirrors = mirrors };
		struct error err = { 0 };

		assert_null(registry_new(&config, &err));
		assert_int_equal(err.kind, ERR_BAD_REQUEST);
	}
}

/* ---- gzip ---- */

struct memory {
	char *p;
	size_t n, at;
};

static int store(void *to, const void *p, size_t n)
{
	struct memory *m = to;

	m->p = xrealloc(m->p, m->n + n);
	memcpy(m->p + m->n, p, n);
	m->n += n;
	return 0;
}

/* In pieces of odd sizes, as a network gives them. */
static ssize_t take(void *from, void *p, size_t n)
{
	struct memory *m = from;
	size_t left = m->n - m->at, some = 1 + (m->at * 7919) % 4093;

	if (some > left)
		some = left;
	if (some > n)
		some = n;
	memcpy(p, m->p + m->at, some);
	m->at += some;
	return (ssize_t)some;
}

static struct memory packed(const char *p, size_t n, size_t piece)
{
	struct memory m = { 0 };
	struct compress *c = compress_new(store, &m);

	for (size_t at = 0; at < n; at += piece)
		assert_int_equal(compress_add(c, p + at, n - at < piece ? n - at : piece), 0);
	assert_int_equal(compress_end(c), 0);
	compress_free(c);
	return m;
}

static void assert_unpacks(struct memory *m, const char *want, size_t n, int rc)
{
	struct decompress *d = decompress_new(take, m);
	struct error err;
	char part[5000];
	size_t at = 0;
	ssize_t got;

	m->at = 0;
	while ((got = decompress_read(d, part, sizeof(part), &err)) > 0) {
		assert_true(at + (size_t)got <= n);
		assert_memory_equal(part, want + at, (size_t)got);
		at += (size_t)got;
	}
	assert_int_equal(got, rc);
	if (rc == 0)
		assert_int_equal(at, n);
	decompress_free(d);
}

static void test_gzip(void **state)
{
	size_t n = 700000;
	autofree char *text = xmalloc(2 * n);
	struct memory a, b;

	(void)state;
	for (size_t i = 0; i < n; i++)
		text[i] = (char)(i % 1000 < 500 ? rand() : (int)i / 1000);
	a = packed(text, n, 65536);
	b = packed(text, n, 65536);
	assert_int_equal(a.n, b.n); /* the same each time */
	assert_memory_equal(a.p, b.p, a.n);
	assert_true(a.n < n);
	assert_unpacks(&a, text, n, 0);
	/* Two members, one behind the other. */
	memcpy(text + n, text, n);
	store(&a, b.p, b.n);
	assert_unpacks(&a, text, 2 * n, 0);
	/* Cut off, and changed. */
	b.n -= 5;
	assert_unpacks(&b, text, n, -1);
	b.n += 5;
	b.p[b.n - 6] ^= 1; /* in its checksum */
	assert_unpacks(&b, text, n, -1);
	free(a.p);
	free(b.p);
	a = packed("", 0, 1);
	assert_unpacks(&a, "", 0, 0);
	free(a.p);
}

/* ---- many at once ---- */

static int count(void *arg, size_t i, struct error *err)
{
	atomic_int *seen = arg;

	atomic_fetch_add(&seen[i], 1);
	return i == 90 ? error_set(err, ERR_CONFLICT, "ninety") : 0;
}

static void test_parallel(void **state)
{
	static atomic_int seen[1000];
	struct error err = { 0 };
	int begun = 0;

	(void)state;
	assert_int_equal(parallel_run(3, 0, count, seen, &err), 0);
	assert_int_equal(parallel_run(3, 90, count, seen, &err), 0);
	for (size_t i = 0; i < 90; i++)
		assert_int_equal(atomic_load(&seen[i]), 1);
	assert_int_equal(parallel_run(3, 1000, count, seen, &err), -1);
	assert_string_equal(err.text, "ninety");
	for (size_t i = 90; i < 1000; i++)
		begun += atomic_load(&seen[i]);
	assert_true(begun >= 1 && begun < 910);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_challenges), cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_endpoints),  cmocka_unit_test(test_bad_mirrors),
		cmocka_unit_test(test_gzip),       cmocka_unit_test(test_parallel),
	};

	return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
