/*
 * Bytes from anywhere into the tar reader, behind the decompressor, as layers come in. The first
 * byte says in which steps. Pieces of sparse files must lie inside of them, and what is read may not
 * be more than what was there.
 * Sources: pkg/tar_read.c pkg/tar_header.c pkg/tar_pax.c pkg/decompress.c
 * Libraries: -lz -lzstd
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/decompress.h"
#include "pkg/mem.h"
#include "pkg/path.h"
#include "pkg/tar.h"

#define ENOUGH (16 << 20) /* bytes; a small input can be a large file */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct input {
	const uint8_t *p;
	size_t n, step;
	struct decompress *d;
	size_t given;
};

/* Good checksums, which no chance would hit. */
static void sign_headers(uint8_t *p, size_t n)
{
	for (; n >= TAR_BLOCK; p += TAR_BLOCK, n -= TAR_BLOCK) {
		unsigned sum = 0;

		if (memcmp(p + 257, "ustar", 5) != 0)
			continue;
		memset(p + 148, ' ', 8);
		for (size_t i = 0; i < TAR_BLOCK; i++)
			sum += p[i];
		for (size_t i = 0; i < 6; i++, sum >>= 3)
			p[148 + 5 - i] = (uint8_t)('0' + (sum & 7));
		p[154] = 0;
	}
}

static ssize_t take(void *from, void *p, size_t n)
{
	struct input *in = from;

	if (n > in->n)
		n = in->n;
	if (n > in->step)
		n = in->step;
	if (n)
		memcpy(p, in->p, n);
	in->p += n;
	in->n -= n;
	return (ssize_t)n;
}

static ssize_t inflate_some(void *from, void *p, size_t n)
{
	struct input *in = from;
	struct error err;
	ssize_t got = in->given > ENOUGH ? 0 : decompress_read(in->d, p, n, &err);

	if (got > 0)
		in->given += (size_t)got;
	return got;
}

static void check(int good)
{
	if (!good)
		abort();
}

static int read_entry(struct tar_reader *r, struct tar_entry *e, struct error *err)
{
	int64_t stored = 0, at;
	const void *p;
	ssize_t n;

	check(e->name && e->link && e->size >= 0);
	path_clean(e->name);
	check(*e->name != '/' && strncmp(e->name, "../", 3) != 0 && strcmp(e->name, "..") != 0);
	while ((n = tar_data(r, &p, &at, err)) > 0) {
		check(at >= 0 && at + n <= e->size);
		stored += n;
	}
	check(n < 0 || stored == e->stored);
	return (int)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	autofree uint8_t *copy = xcalloc(1, n + 1);
	struct input in = { .p = copy, .n = n - (n > 0) };
	struct error err = { 0 };
	struct tar_reader *r;
	struct tar_entry *e;
	int rc;

	if (n)
		memcpy(copy, data + 1, in.n);
	sign_headers(copy, in.n);
	in.step = n && data[0] ? data[0] : SIZE_MAX;
	in.d = decompress_new(take, &in);
	r = tar_reader_new(inflate_some, &in);
	while ((rc = tar_next(r, &e, &err)) > 0)
		if (read_entry(r, e, &err) < 0)
			break;
	if (rc == 0)
		(void)tar_drain(r, &err); /* what follows may be damaged */
	tar_reader_free(r);
	decompress_free(in.d);
	return 0;
}
