/* The strictness of the HTTP reader: every rule with what keeps it and what breaks it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pkg/http.h"
#include "pkg/httpuri.h"
#include "pkg/mem.h"

/* 0 when the text is a good and complete head, with the head in *h; else -1. */
static int parse(const char *text, struct http_head *h)
{
	struct error err;
	size_t scanned = 0, n = strlen(text);
	ssize_t len = http_head_length(text, n, &scanned, &err);

	if (len < 0 || (len > 0 && http_head_parse(h, text, (size_t)len, &err) < 0)) {
		assert_int_equal(err.kind, ERR_BAD_REQUEST);
		return -1;
	}
	assert_int_equal(len, n);
	return 0;
}

static void assert_good(const char *text)
{
	struct http_head h;

	if (parse(text, &h) < 0)
		fail_msg("refused: \"%s\"", text);
	http_head_done(&h);
}

static void assert_bad(const char *text)
{
	struct http_head h;

	if (parse(text, &h) == 0)
		fail_msg("accepted: \"%s\"", text);
}

static void test_request_line(void **state)
{
	struct http_head h;

	(void)state;
	assert_int_equal(parse("GET /a%20b?x=1?2 HTTP/1.1\r\nHost: d\r\n\r\n", &h), 0);
	assert_string_equal(h.method, "GET");
	assert_string_equal(h.path, "/a%20b");
	assert_string_equal(h.query, "x=1?2");
	assert_int_equal(h.minor, 1);
	assert_true(h.keep_alive);
	http_head_done(&h);
	assert_int_equal(parse("GET http://docker/x HTTP/1.0\r\n\r\n", &h), 0);
	assert_string_equal(h.path, "/x");
	assert_null(h.query);
	assert_false(h.keep_alive);
	http_head_done(&h);
	assert_good("OPTIONS * HTTP/1.1\r\nHost: d\r\n\r\n");
	assert_bad("GARBAGE\r\n\r\n");
	assert_bad("GET / HTTP/2.0\r\nHost: d\r\n\r\n");
	assert_bad("GET / HTTP/1.2\r\nHost: d\r\n\r\n");
	assert_bad("GET / HTTP/1.11\r\nHost: d\r\n\r\n");
	assert_bad("GET / http/1.1\r\nHost: d\r\n\r\n");
	assert_bad("GET  / HTTP/1.1\r\nHost: d\r\n\r\n");
	assert_bad("GET / HTTP/1.1 \r\nHost: d\r\n\r\n");
	assert_bad(" GET / HTTP/1.1\r\nHost: d\r\n\r\n");
	assert_bad("GET\t/\tHTTP/1.1\r\nHost: d\r\n\r\n");
	assert_bad("GET /a b HTTP/1.1\r\nHost: d\r\n\r\n");
	assert_bad("GET x HTTP/1.1\r\nHost: d\r\n\r\n");
	assert_bad("GET http://docker HTTP/1.1\r\nHost: d\r\n\r\n");
	assert_bad("GE(T / HTTP/1.1\r\nHost: d\r\n\r\n");
	assert_bad("GET /\x01 HTTP/1.1\r\nHost: d\r\n\r\n");
	assert_bad("\r\n\r\n");
}

static void test_line_ends(void **state)
{
	(void)state;
	assert_bad("GET / HTTP/1.1\nHost: d\n\n");
	assert_bad("GET / HTTP/1.1\r\nHost: d\n\r\n");
	assert_bad("GET / HTTP/1.1\r\nHost: d\r\n\n");
	assert_bad("GET / HTTP/1.1\r\nHost: d\rX: y\r\n\r\n");
	assert_bad("GET / HTTP/1.1\rX\r\nHost: d\r\n\r\n");
	assert_bad("GET / HTTP/1.1\r\r\nHost: d\r\n\r\n");
}

static void test_headers(void **state)
{
	struct http_head h;

	(void)state;
	assert_int_equal(parse("GET / HTTP/1.1\r\nHost: d\r\nX-a:\t one\ttwo  \r\nEmpty:\r\n"
			       "Connection: foo , Close\r\n\r\n",
			       &h),
			 0);
	assert_string_equal(http_header(&h, "x-A"), "one\ttwo");
	assert_string_equal(http_header(&h, "empty"), "");
	assert_null(http_header(&h, "X"));
	assert_true(http_header_has(&h, "connection", "close"));
	assert_true(http_header_has(&h, "connection", "FOO"));
	assert_false(http_header_has(&h, "connection", "clos"));
	assert_false(http_header_has(&h, "connection", "closed"));
	assert_false(h.keep_alive);
	http_head_done(&h);
	assert_bad("GET / HTTP/1.1\r\nHost : d\r\n\r\n");
	assert_bad("GET / HTTP/1.1\r\n Host: d\r\n\r\n");
	assert_bad("GET / HTTP/1.1\r\nHost: d\r\n folded\r\n\r\n");
	assert_bad("GET / HTTP/1.1\r\nHost: d\r\n\tfolded: x\r\n\r\n");
	assert_bad("GET / HTTP/1.1\r\nHost: d\r\nNoColon\r\n\r\n");
	assert_bad("GET / HTTP/1.1\r\nHost: d\r\n: x\r\n\r\n");
	assert_bad("GET / HTTP/1.1\r\nHost: d\r\nA(b: x\r\n\r\n");
	assert_bad("GET / HTTP/1.1\r\nHost: d\r\nX: a\x01z\r\n\r\n");
	assert_bad("GET / HTTP/1.1\r\nHost: d\r\nX: a\x7fz\r\n\r\n");
	assert_bad("GET / HTTP/1.1\r\n\r\n");
	assert_bad("GET / HTTP/1.1\r\nHost: d\r\nHost: d\r\n\r\n");
	assert_bad("GET / HTTP/1.1\r\nHost: a b\r\n\r\n");
	assert_bad("GET / HTTP/1.0\r\nHost: d\r\nHost: d\r\n\r\n");
	assert_good("GET / HTTP/1.1\r\nHost:\r\n\r\n");
}

static void test_nul(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: d\r\nX: \0\r\n\r\n";
	struct http_head h;
	struct error err;

	(void)state;
	assert_int_equal(http_head_parse(&h, text, sizeof(text) - 1, &err), -1);
}

static void test_framing(void **state)
{
	struct http_head h;

	(void)state;
	assert_int_equal(parse("POST / HTTP/1.1\r\nHost: d\r\nContent-Length: 12\r\n\r\n", &h), 0);
	assert_int_equal(h.length, 12);
	assert_false(h.chunked);
	http_head_done(&h);
	assert_int_equal(parse("POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: Chunked\r\n"
			       "Expect: 100-continue\r\n\r\n",
			       &h),
			 0);
	assert_true(h.chunked);
	assert_true(h.expects_continue);
	http_head_done(&h);
#define P "POST / HTTP/1.1\r\nHost: d\r\n"
	assert_bad(P "Content-Length: 1\r\nContent-Length: 2\r\n\r\n");
	assert_bad(P "Content-Length: 1\r\nContent-Length: 1\r\n\r\n");
	assert_bad(P "Content-Length: 1, 1\r\n\r\n");
	assert_bad(P "Content-Length: +1\r\n\r\n");
	assert_bad(P "Content-Length: -1\r\n\r\n");
	assert_bad(P "Content-Length: 0x10\r\n\r\n");
	assert_bad(P "Content-Length: 1 2\r\n\r\n");
	assert_bad(P "Content-Length:\r\n\r\n");
	assert_bad(P "Content-Length: 99999999999999999999\r\n\r\n");
	assert_bad(P "Content-Length: 9223372036854775808\r\n\r\n");
	assert_good(P "Content-Length: 9223372036854775807\r\n\r\n");
	assert_bad(P "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
	assert_bad(P "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n");
	assert_bad(P "Transfer-Encoding: gzip, chunked\r\n\r\n");
	assert_bad(P "Transfer-Encoding: xchunked\r\n\r\n");
	assert_bad(P "Transfer-Encoding: identity\r\n\r\n");
	assert_bad("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
	assert_bad(P "Expect: magic\r\n\r\n");
#undef P
}

static void test_limits(void **state)
{
	static char big[HTTP_HEAD_MAX * 2];
	struct http_head h;
	struct error err;
	size_t n = 0, scanned = 0;

	(void)state;
	n = (size_t)snprintf(big, sizeof(big), "GET / HTTP/1.1\r\nHost: d\r\n");
	for (int i = 0; i < HTTP_HEADERS_MAX - 1; i++)
		n += (size_t)snprintf(big + n, sizeof(big) - n, "X: y\r\n");
	snprintf(big + n, sizeof(big) - n, "\r\n");
	assert_good(big);
	snprintf(big + n, sizeof(big) - n, "X: y\r\n\r\n");
	assert_bad(big);
	memset(big + n, 'x', sizeof(big) - n);
	assert_int_equal(http_head_length(big, HTTP_HEAD_MAX - 1, &scanned, &err), 0);
	assert_int_equal(http_head_length(big, HTTP_HEAD_MAX, &scanned, &err), -1);
	scanned = 0;
	assert_int_equal(http_head_length(big, sizeof(big), &scanned, &err), -1);
	assert_int_equal(http_head_parse(&h, big, sizeof(big), &err), -1);
}

/* However the bytes come in, the head's end is found at the same place. */
static void test_in_pieces(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: d\r\nX: y\r\n\r\nbody\r\n\r\n";
	size_t end = (size_t)(strstr(text, "body") - text);

	(void)state;
	for (size_t step = 1; step < sizeof(text); step++) {
		size_t scanned = 0;
		ssize_t len = 0;

		for (size_t n = step; len == 0 && n < sizeof(text) + step; n += step)
			len = http_head_length(text, n < sizeof(text) ? n : sizeof(text) - 1,
					       &scanned, NULL);
		assert_int_equal(len, end);
	}
}

/* Decode text fed in pieces of step bytes. The data, or NULL when it is bad; *rest: bytes behind. */
static char *unchunk(const char *text, size_t step, size_t *rest)
{
	struct http_chunked c = { 0 };
	autobuf struct buf out = BUF_INIT(65536);
	size_t n = strlen(text), at = 0;

	while (!c.done && at < n) {
		size_t have = n - at < step ? n - at : step;
		ssize_t took;

		if (c.left) {
			size_t data = have < c.left ? have : (size_t)c.left;

			buf_add(&out, text + at, data);
			c.left -= data;
			at += data;
			continue;
		}
		took = http_chunked_next(&c, text + at, have);
		if (took < 0) {
			assert_int_equal(errno, EPROTO);
			return NULL;
		}
		at += (size_t)took;
	}
	*rest = n - at;
	return c.done ? buf_take(&out) : NULL;
}

static void assert_chunks(const char *text, const char *want, size_t rest_wanted)
{
	for (size_t step = 1; step <= strlen(text); step++) {
		size_t rest = 0;
		autofree char *got = unchunk(text, step, &rest);

		if (!want) {
			assert_null(got);
			continue;
		}
		assert_non_null(got);
		assert_string_equal(got, want);
		assert_int_equal(rest, rest_wanted);
	}
}

static void test_chunks(void **state)
{
	(void)state;
	assert_chunks("5\r\nhello\r\n0\r\n\r\n", "hello", 0);
	assert_chunks("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\nGET", "hello!", 3);
	assert_chunks("0005;a=b;c=\"d\"\r\nhello\r\n000\r\nT: v\r\nU: w\r\n\r\n", "hello", 0);
	assert_chunks("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", 0);
	assert_chunks("\r\nhello\r\n0\r\n\r\n", NULL, 0);
	assert_chunks(";x\r\nhello\r\n0\r\n\r\n", NULL, 0);
	assert_chunks(" 5\r\nhello\r\n0\r\n\r\n", NULL, 0);
	assert_chunks("5 \r\nhello\r\n0\r\n\r\n", NULL, 0);
	assert_chunks("5\nhello\r\n0\r\n\r\n", NULL, 0);
	assert_chunks("0x5\r\nhello\r\n0\r\n\r\n", NULL, 0);
	assert_chunks("-5\r\nhello\r\n0\r\n\r\n", NULL, 0);
	assert_chunks("5\r\nhello0\r\n\r\n", NULL, 0);
	assert_chunks("5\r\nhello\n0\r\n\r\n", NULL, 0);
	assert_chunks("5\r\nhello\r\n0\r\n\n", NULL, 0);
	assert_chunks("5\r\nhello\r\n0\n\r\n", NULL, 0);
	assert_chunks("5\r\nhello\r\n0\r\n T: v\r\n\r\n", NULL, 0);
	assert_chunks("5;\x01\r\nhello\r\n0\r\n\r\n", NULL, 0);
	assert_chunks("5;a\nb\r\nhello\r\n0\r\n\r\n", NULL, 0);
	assert_chunks("5;a\rb\r\nhello\r\n0\r\n\r\n", NULL, 0);
	assert_chunks("1000000000000000\r\n", NULL, 0);
	assert_chunks("5\r\nhello\r\n", NULL, 0);
}

static void test_chunk_overhead(void **state)
{
	static char big[40000];
	size_t rest;

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[0] = '5';
	big[1] = ';';
	assert_null(unchunk(big, 1000, &rest));
}

static void assert_decoded(const char *text, const char *path, const char *query)
{
	autofree char *p = http_decode_path(text), *q = http_decode_query(text, strlen(text));

	if (!path || !query) {
		assert_null(p);
		assert_null(q);
		return;
	}
	assert_string_equal(p, path);
	assert_string_equal(q, query);
}

static void test_decoding(void **state)
{
	(void)state;
	assert_decoded("", "", "");
	assert_decoded("a+b%20c%2F%2f", "a+b c//", "a b c//");
	assert_decoded("%C3%A9", "\xc3\xa9", "\xc3\xa9");
	assert_decoded("%", NULL, NULL);
	assert_decoded("a%4", NULL, NULL);
	assert_decoded("%4g", NULL, NULL);
	assert_decoded("%+1", NULL, NULL);
	assert_decoded("a%00", NULL, NULL);
	assert_decoded("%ff", NULL, NULL);
	assert_decoded("\xc3", NULL, NULL);
	assert_decoded("%ed%a0%80", NULL, NULL);
	assert_decoded("%c0%af", NULL, NULL);
}

static void assert_clean(const char *path, const char *want)
{
	autofree char *got = http_clean_path(path);

	assert_string_equal(got, want);
}

static void test_clean(void **state)
{
	(void)state;
	assert_clean("/", "/");
	assert_clean("", "/");
	assert_clean("/a/b", "/a/b");
	assert_clean("/a/b/", "/a/b/");
	assert_clean("//a///b//", "/a/b/");
	assert_clean("/a/./b", "/a/b");
	assert_clean("/a/../b", "/b");
	assert_clean("/../../b", "/b");
	assert_clean("/a/b/..", "/a");
	assert_clean("/a/..", "/");
	assert_clean("/a/.", "/a");
	assert_clean("/a..b/...", "/a..b/...");
}

static void test_text(void **state)
{
	autobuf struct buf b = BUF_INIT(1000);

	(void)state;
	http_encode_path(&b, "/a b%\r\n\xc3\xa9?#");
	assert_string_equal(b.p, "/a%20b%25%0D%0A%C3%A9%3F%23");
	buf_reset(&b);
	http_add_json_string(&b, "a\"b\\c\n\t\xc3\xa9\xff");
	assert_string_equal(b.p, "\"a\\\"b\\\\c\\n\\u0009\xc3\xa9\\ufffd\"");
	assert_true(http_is_utf8("\xf0\x9f\x90\xb3", 4));
	assert_false(http_is_utf8("\xf0\x9f\x90", 3));
	assert_false(http_is_utf8("\xf4\x90\x80\x80", 4));
	assert_string_equal(http_reason(404), "Not Found");
	assert_string_equal(http_reason(299), "Unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_line),   cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_headers),        cmocka_unit_test(test_nul),
		cmocka_unit_test(test_framing),        cmocka_unit_test(test_limits),
		cmocka_unit_test(test_in_pieces),      cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_chunk_overhead), cmocka_unit_test(test_decoding),
		cmocka_unit_test(test_clean),          cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
