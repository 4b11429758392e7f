/*
 * Fuzzing the HTTP reader. The first byte says in which steps the rest comes in; the rest is one
 * request. It must not matter in how many pieces it comes, and nothing may be read twice.
 *
 * tests/fuzz/run.sh builds this with libFuzzer where clang has it; with gcc it is a program that
 * runs the files it is given.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/http.h"
#include "pkg/httpuri.h"
#include "pkg/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(int good)
{
	if (!good)
		abort();
}

static void use_target(const struct http_head *h)
{
	autofree char *path = http_decode_path(h->path);
	autofree char *query = h->query ? http_decode_query(h->query, strlen(h->query)) : NULL;
	autofree char *clean = path ? http_clean_path(path) : NULL;
	autofree char *again = clean ? http_clean_path(clean) : NULL;
	autobuf struct buf out = BUF_INIT(1 << 20);

	check(!query || http_is_utf8(query, strlen(query)));
	if (!path)
		return;
	check(http_is_utf8(path, strlen(path)));
	check(strcmp(clean, again) == 0);
	check(!strstr(clean, "//") && clean[0] == '/');
	check(http_encode_path(&out, clean) == 0 && !strpbrk(buf_text(&out), " \r\n?#\""));
	check(http_add_json_string(&out, path) == 0);
}

/* Read the body as far as it goes: bytes of data, or -1 when the framing is bad. */
static long long read_chunks(const char *p, size_t n, size_t step)
{
	struct http_chunked c = { 0 };
	long long total = 0;

	while (!c.done && n) {
		size_t have = n < step ? n : step;
		ssize_t took;

		if (c.left) {
			took = (ssize_t)(have < c.left ? have : c.left);
			c.left -= (uint64_t)took;
			total += took;
		} else {
			took = http_chunked_next(&c, p, have);
		}
		if (took < 0)
			return -1;
		check(took > 0 && (size_t)took <= have);
		p += took;
		n -= (size_t)took;
	}
	return total;
}

static ssize_t find_head(const char *p, size_t n, size_t step)
{
	size_t scanned = 0, have = 0;
	ssize_t len = 0;

	while (len == 0 && have < n) {
		have = n - have < step ? n : have + step;
		len = http_head_length(p, have, &scanned, NULL);
	}
	return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct http_head h;
	const char *p = (const char *)data + 1;
	size_t step;
	ssize_t len;

	if (n < 2)
		return 0;
	step = data[0] + 1u;
	n--;
	len = find_head(p, n, step);
	check((len > 0) == (find_head(p, n, 1) > 0));
	if (len <= 0 || http_head_parse(&h, p, (size_t)len, NULL) < 0)
		return 0;
	check(h.nheaders <= HTTP_HEADERS_MAX && !(h.chunked && h.length));
	use_target(&h);
	if (h.chunked)
		check(read_chunks(p + len, n - (size_t)len, step) ==
		      read_chunks(p + len, n - (size_t)len, 1));
	http_head_done(&h);
	return 0;
}
