/* The tar reader and writer: round trips, foreign dialects, and archives that lie. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pkg/buf.h"
#include "pkg/decompress.h"
#include "pkg/digest.h"
#include "pkg/mem.h"
#include "pkg/path.h"
#include "pkg/tar.h"
#include "pkg/tar_header.h"
#include "tests/unit/unit.h"

static int to_buf(void *to, const void *p, size_t n)
{
	return buf_add(to, p, n);
}

struct reading {
	const char *p;
	size_t n, step; /* bytes at a time */
};

static ssize_t from_reading(void *from, void *p, size_t n)
{
	struct reading *r = from;

	if (n > r->n)
		n = r->n;
	if (r->step && n > r->step)
		n = r->step;
	if (n)
		memcpy(p, r->p, n);
	r->p += n;
	r->n -= n;
	return (ssize_t)n;
}

static void put(struct tar_writer *w, struct tar_entry e, const char *content)
{
	e.size = content ? (int64_t)strlen(content) : 0;
	assert_int_equal(tar_write_entry(w, &e), 0);
	if (content)
		assert_int_equal(tar_write_data(w, content, strlen(content)), 0);
}

/* Read all, as text: "name type size link mode uid mtime content;" */
static void describe(const struct buf *in, size_t step, struct buf *out)
{
	struct reading from = { in->p, in->len, step };
	struct tar_reader *r = tar_reader_new(from_reading, &from);
	struct error err = { 0 };
	struct tar_entry *e;
	int rc;

	while ((rc = tar_next(r, &e, &err)) > 0) {
		const void *p;
		int64_t at;
		ssize_t n;

		buf_addf(out, "%.200s %d %lld %s %o %u %lld.%ld ", e->name, e->type,
			 (long long)e->size, e->link, e->mode, e->uid, (long long)e->mtime.tv_sec,
			 e->mtime.tv_nsec);
		for (size_t i = 0; i < e->nxattrs; i++)
			buf_addf(out, "%s=%.*s ", e->xattrs[i].name, (int)e->xattrs[i].size,
				 (char *)e->xattrs[i].value);
		while ((n = tar_data(r, &p, &at, &err)) > 0)
			buf_addf(out, "[%lld]%.*s", (long long)at, (int)n, (const char *)p);
		buf_addc(out, ';');
		if (n < 0)
			rc = -1;
		if (n < 0)
			break;
	}
	if (rc < 0)
		buf_addf(out, "!%s", err.text);
	tar_reader_free(r);
}

static void round_trip(void **state)
{
	autobuf struct buf b = BUF_INIT(1 << 20), text = BUF_INIT(1 << 20),
			   slow = BUF_INIT(1 << 20);
	struct tar_writer *w = tar_writer_new(to_buf, &b);
	struct tar_entry e = { .type = TAR_FILE, .name = (char *)"a/b", .mode = 04755, .uid = 7 };
	struct tar_entry x = { .type = TAR_DIR, .name = (char *)"d/", .mode = 0700 };
	char longname[301];

	(void)state;
	memset(longname, 'n', 300);
	longname[300] = '\0';
	put(w, e, "hello");
	e.name = longname;
	e.uid = 3000000000u;
	e.mtime = (struct timespec){ -5, 250000000 };
	put(w, e, "x");
	tar_entry_add_xattr(&x, "user.k", "v", 1);
	put(w, x, NULL);
	put(w, (struct tar_entry){ .type = TAR_SYMLINK, .name = (char *)"s", .link = longname },
	    NULL);
	assert_int_equal(tar_write_end(w), 0);
	tar_writer_free(w);
	x.name = NULL;
	tar_entry_done(&x);
	describe(&b, 0, &text);
	describe(&b, 100, &slow);
	assert_non_null(strstr(text.p, "a/b 0 5  4755 7 0.0 [0]hello;"));
	assert_non_null(strstr(text.p, "nnn 0 1  4755 3000000000 -5.250000000 [0]x;"));
	assert_non_null(strstr(text.p, "d/ 5 0  700 0 0.0 user.k=v ;"));
	assert_non_null(strstr(text.p, "s 2 0 nnn"));
	assert_non_null(strstr(slow.p, "d/ 5 0  700 0 0.0 user.k=v ;"));
}

/* A header block with a good checksum. */
static void block(struct buf *b, char flag, const char *name, const char *size,
		  void (*edit)(struct tar_block *t))
{
	struct tar_block t = { 0 };
	unsigned sum = 0;

	memcpy(t.name, name, strlen(name));
	memcpy(t.size, size, strlen(size));
	memcpy(t.magic, "ustar", 6);
	t.flag = flag;
	if (edit)
		edit(&t);
	memset(t.checksum, ' ', 8);
	for (size_t i = 0; i < sizeof(t); i++)
		sum += ((unsigned char *)&t)[i];
	snprintf(t.checksum, 8, "%06o", sum);
	buf_add(b, &t, sizeof(t));
}

static void data(struct buf *b, const char *p, size_t n)
{
	static const char zeros[TAR_BLOCK];

	buf_add(b, p, n);
	buf_add(b, zeros, -n & (TAR_BLOCK - 1));
}

static void gnu_names_and_numbers(void **state)
{
	autobuf struct buf b = BUF_INIT(1 << 20), text = BUF_INIT(1 << 20);
	char name[250];

	(void)state;
	memset(name, 'g', 200);
	memcpy(name + 200, "end", 4);
	block(&b, 'L', "././@LongLink", "00000000314", NULL);
	data(&b, name, 204);
	block(&b, '0', "short", "\x80\0\0\0\0\0\0\0\0\0\0",
	      NULL); /* base 256: its last byte is 3 */
	b.p[b.len - TAR_BLOCK + 124 + 11] = 3;
	/* the checksum changes by the same 3 */
	{
		unsigned sum = 0;
		char *h = b.p + b.len - TAR_BLOCK;

		memset(h + 148, ' ', 8);
		for (size_t i = 0; i < TAR_BLOCK; i++)
			sum += (unsigned char)h[i];
		snprintf(h + 148, 8, "%06o", sum);
	}
	data(&b, "abc", 3);
	describe(&b, 0, &text);
	assert_non_null(strstr(text.p, "end") ? text.p : strstr(text.p, "ggg"));
	assert_non_null(strstr(text.p, " 0 3  0 0 0.0 [0]abc;"));
}

static void pax_sparse(void **state)
{
	static const char pax[] = "22 GNU.sparse.major=1\n"
				  "22 GNU.sparse.minor=0\n"
				  "30 GNU.sparse.name=real/name\n\n";
	autobuf struct buf b = BUF_INIT(1 << 20), text = BUF_INIT(1 << 20);
	autobuf struct buf head = BUF_INIT(4096), body = BUF_INIT(4096);
	char size[16];

	(void)state;
	(void)pax;
	buf_adds(&head, "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n");
	buf_adds(&head, "28 GNU.sparse.name=real/nam\n31 GNU.sparse.realsize=1000000\n");
	snprintf(size, sizeof(size), "%011zo", head.len);
	block(&b, 'x', "pax", size, NULL);
	data(&b, head.p, head.len);
	data(&body, "2\n5\n3\n900\n2\n", 12);
	buf_add(&body, "abcde", 5);
	snprintf(size, sizeof(size), "%011zo", body.len);
	block(&b, '0', "GNUSparseFile.0/x", size, NULL);
	data(&b, body.p, body.len);
	describe(&b, 0, &text);
	assert_string_equal(text.p, "real/nam 0 1000000  0 0 0.0 [5]abc[900]de;");
}

static void set_old_sparse(struct tar_block *t)
{
	char *p = (char *)t;

	memcpy(t->magic, "ustar  ", 8);
	memcpy(p + 386, "00000000001", 11);
	memcpy(p + 398, "00000000002", 11);
	memcpy(p + 410, "00000000100", 11);
	memcpy(p + 422, "00000000001", 11);
	memcpy(p + 483, "00000001000", 11);
}

static void old_gnu_sparse(void **state)
{
	autobuf struct buf b = BUF_INIT(1 << 20), text = BUF_INIT(1 << 20);

	(void)state;
	block(&b, 'S', "sp", "00000000003", set_old_sparse);
	data(&b, "xyz", 3);
	describe(&b, 0, &text);
	assert_string_equal(text.p, "sp 0 512  0 0 0.0 [1]xy[64]z;");
}

static void set_bad_map(struct tar_block *t)
{
	set_old_sparse(t);
	memcpy((char *)t + 410, "77777777777", 11);
}

static void expect_error(const struct buf *b, const char *want)
{
	autobuf struct buf text = BUF_INIT(1 << 20);
	const char *at;

	describe(b, 0, &text);
	at = strchr(buf_text(&text), '!');
	assert_non_null(at);
	assert_string_equal(at + 1, want);
}

static void hostile(void **state)
{
	autobuf struct buf cut = BUF_INIT(1 << 20), bad = BUF_INIT(1 << 20);
	autobuf struct buf huge = BUF_INIT(1 << 20), map = BUF_INIT(1 << 20);
	autobuf struct buf pax = BUF_INIT(1 << 20), negative = BUF_INIT(1 << 20);

	(void)state;
	block(&cut, '0', "f", "00000001000", NULL);
	buf_adds(&cut, "short");
	expect_error(&cut, "unexpected EOF");
	block(&bad, '0', "f", "00000000000", NULL);
	bad.p[0] = 'g';
	expect_error(&bad, "archive/tar: invalid tar header");
	block(&huge, 'x', "f", "77777777777", NULL);
	expect_error(&huge, "archive/tar: invalid tar header");
	block(&map, 'S', "f", "00000000003", set_bad_map);
	expect_error(&map, "archive/tar: invalid tar header");
	block(&pax, 'x', "f", "00000000011", NULL);
	data(&pax, "99 path=a", 9);
	block(&pax, '0', "f", "00000000000", NULL);
	expect_error(&pax, "archive/tar: invalid tar header");
	block(&negative, '0', "f", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", NULL);
	expect_error(&negative, "archive/tar: invalid tar header");
}

static void empty_archives(void **state)
{
	autobuf struct buf nothing = BUF_INIT(1 << 20), text = BUF_INIT(1 << 20);
	autobuf struct buf zeros = BUF_INIT(1 << 20);
	char block_of_zeros[2 * TAR_BLOCK] = { 0 };

	(void)state;
	describe(&nothing, 0, &text);
	buf_add(&zeros, block_of_zeros, sizeof(block_of_zeros));
	describe(&zeros, 0, &text);
	assert_string_equal(buf_text(&text), "");
}

static void clean(const char *in, const char *want)
{
	char text[256];

	snprintf(text, sizeof(text), "%s", in);
	path_clean(text);
	assert_string_equal(text, want);
}

static void paths(void **state)
{
	(void)state;
	clean("a/b", "a/b");
	clean("/a//b/", "a/b");
	clean("./a/./b/.", "a/b");
	clean("../../etc/passwd", "etc/passwd");
	clean("a/../b", "b");
	clean("a/b/../..", "");
	clean("", "");
	clean("/", "");
	clean("..a/b..", "..a/b..");
}

static void digests(void **state)
{
	char out[DIGEST_SIZE];

	(void)state;
	digest_of("abc", 3, out);
	assert_string_equal(
		out, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_true(digest_is_valid(out));
	out[70] = 'G';
	assert_false(digest_is_valid(out));
	assert_false(digest_is_valid("sha256:"));
}

/* Two gzip members, as made by gzip(1): "hello " and "world". */
static const unsigned char gz[] = {
	0x1f, 0x8b, 8,    0,    0,    0,    0,    0, 0, 3,    0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0,
	0,    0xe2, 0x1d, 0xf5, 0xed, 6,    0,    0, 0, 0x1f, 0x8b, 8,    0,    0,    0,    0,    0,
	0,    3,    0x2b, 0xcf, 0x2f, 0xca, 0x49, 1, 0, 0x43, 0x11, 0x77, 0x3a, 5,    0,    0,    0,
};

static void inflate_text(const unsigned char *p, size_t n, size_t step, struct buf *out,
			 struct error *err)
{
	struct reading from = { (const char *)p, n, step };
	struct decompress *d = decompress_new(from_reading, &from);
	char part[3];
	ssize_t got;

	while ((got = decompress_read(d, part, sizeof(part), err)) > 0)
		buf_add(out, part, (size_t)got);
	if (got < 0)
		buf_addf(out, "!%s", err->text);
	decompress_free(d);
}

static void streams(void **state)
{
	struct error err;

	(void)state;
	for (size_t step = 1; step < 8; step += 6) {
		autobuf struct buf cut = BUF_INIT(4096), plain = BUF_INIT(4096),
				   xz = BUF_INIT(4096);

		inflate_text(gz, 20, step, &cut, &err);
		assert_non_null(strstr(buf_text(&cut), "!unexpected EOF"));
		inflate_text((const unsigned char *)"plain text", 10, step, &plain, &err);
		assert_string_equal(buf_text(&plain), "plain text");
		inflate_text((const unsigned char *)"\xfd"
						    "7zXZ\0",
			     6, step, &xz, &err);
		assert_string_equal(buf_text(&xz), "!xz compression is not supported");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(gnu_names_and_numbers),
		cmocka_unit_test(pax_sparse), cmocka_unit_test(old_gnu_sparse),
		cmocka_unit_test(hostile),    cmocka_unit_test(empty_archives),
		cmocka_unit_test(paths),      cmocka_unit_test(digests),
		cmocka_unit_test(streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
