/* Reading tar archives as a stream, through one large buffer: see tar.h. */
#include <stdlib.h>
#include <string.h>

#include "pkg/buf.h"
#include "pkg/mem.h"
#include "pkg/tar_header.h"

#define BUF_SIZE (1024 * 1024) /* a multiple of the block size */

struct tar_reader {
	tar_source *read;
	void *from;
	tar_raw *raw;
	void *raw_to;
	char *buf;
	size_t pos, end;
	bool eof, ended;
	struct tar_entry e;
	int64_t left;   /* content of the entry that is still to come */
	size_t padding; /* behind it */
	int64_t offset; /* in the file, of what comes next */
	size_t piece;   /* sparse: the piece that offset is in */
};

struct tar_reader *tar_reader_new(tar_source *read, void *from)
{
	struct tar_reader *r = xcalloc(1, sizeof(*r));

	r->read = read;
	r->from = from;
	r->buf = xmalloc(BUF_SIZE);
	return r;
}

void tar_reader_free(struct tar_reader *r)
{
	if (!r)
		return;
	tar_entry_done(&r->e);
	free(r->buf);
	free(r);
}

void tar_reader_set_raw(struct tar_reader *r, tar_raw *raw, void *to)
{
	r->raw = raw;
	r->raw_to = to;
}

static int fill(struct tar_reader *r, struct error *err)
{
	ssize_t n;

	if (r->pos) { /* what is left is less than a block */
		memmove(r->buf, r->buf + r->pos, r->end - r->pos);
		r->end -= r->pos;
		r->pos = 0;
	}
	n = r->read(r->from, r->buf + r->end, BUF_SIZE - r->end);
	if (n < 0)
		return error_sys(err, "cannot read the archive");
	r->eof = n == 0;
	r->end += (size_t)n;
	return 0;
}

static int cut_off(struct error *err)
{
	return error_set(err, ERR_BAD_REQUEST, "unexpected EOF");
}

/* Consume n bytes of the buffer that are no content. */
static int take_raw(struct tar_reader *r, size_t n, struct error *err)
{
	if (r->raw && n && r->raw(r->raw_to, r->buf + r->pos, n) < 0)
		return error_sys(err, "cannot record the archive");
	r->pos += n;
	return 0;
}

/* Consume n bytes of the stream as raw; into keep, when it is given. */
static int skip(struct tar_reader *r, int64_t n, struct buf *keep, struct error *err)
{
	while (n > 0) {
		size_t have = r->end - r->pos;

		if (!have) {
			if (fill(r, err) < 0)
				return -1;
			if (r->eof)
				return cut_off(err);
			continue;
		}
		if ((int64_t)have > n)
			have = (size_t)n;
		if (keep && buf_add(keep, r->buf + r->pos, have) < 0)
			return tar_bad_header(err);
		if (take_raw(r, have, err) < 0)
			return -1;
		n -= (int64_t)have;
	}
	return 0;
}

/* The next block, copied out. 1, 0 when the stream ends in its place, -1. */
static int next_block(struct tar_reader *r, void *block, struct error *err)
{
	while (r->end - r->pos < TAR_BLOCK && !r->eof)
		if (fill(r, err) < 0)
			return -1;
	if (r->end == r->pos)
		return 0;
	if (r->end - r->pos < TAR_BLOCK)
		return cut_off(err);
	memcpy(block, r->buf + r->pos, TAR_BLOCK);
	return take_raw(r, TAR_BLOCK, err) < 0 ? -1 : 1;
}

static size_t padding_of(int64_t size)
{
	return (size_t)(-size & (TAR_BLOCK - 1));
}

/* The content of an extended header. */
static int read_extra(struct tar_reader *r, const struct tar_block *b, struct buf *out,
		      struct error *err)
{
	int64_t size;

	if (tar_number(b->size, sizeof(b->size), &size) < 0 || size < 0 || size > TAR_EXTRA_MAX)
		return tar_bad_header(err);
	if (skip(r, size, out, err) < 0)
		return -1;
	return skip(r, (int64_t)padding_of(size), NULL, err);
}

static int read_long_name(struct tar_reader *r, const struct tar_block *b, char **out,
			  struct error *err)
{
	autobuf struct buf text = BUF_INIT(TAR_NAME_MAX);

	if (read_extra(r, b, &text, err) < 0)
		return -1;
	free(*out);
	*out = xstrdup(buf_text(&text)); /* up to the NUL that ends it */
	return 0;
}

static int read_pax(struct tar_reader *r, const struct tar_block *b, struct tar_extra *x,
		    struct error *err)
{
	autobuf struct buf text = BUF_INIT(TAR_EXTRA_MAX);

	if (read_extra(r, b, &text, err) < 0)
		return -1;
	return tar_parse_pax(buf_text(&text), text.len, x, &r->e, err);
}

static int skip_global(struct tar_reader *r, const struct tar_block *b, struct error *err)
{
	return read_extra(r, b, NULL, err);
}

/* Old GNU: four pieces in the header, 21 in each block that follows it. */
static int read_old_map(struct tar_reader *r, const char *block, struct error *err)
{
	char more[TAR_BLOCK];
	bool extended = block[482];

	if (tar_number(block + 483, 12, &r->e.size) < 0 || r->e.size < 0)
		return tar_bad_header(err);
	if (tar_parse_old_map(block + 386, 4, &r->e, err) < 0)
		return -1;
	while (extended) {
		int rc = next_block(r, more, err);

		if (rc <= 0)
			return rc < 0 ? -1 : cut_off(err);
		if (tar_parse_old_map(more, 21, &r->e, err) < 0)
			return -1;
		extended = more[504];
	}
	return 0;
}

/* One decimal line of a 1.0 map; the blocks that it stands in count as stored. */
static int map_line(struct tar_reader *r, char block[TAR_BLOCK], size_t *at, int64_t *out,
		    struct error *err)
{
	int64_t v = 0;
	int digits = 0;

	for (;;) {
		if (*at == TAR_BLOCK) {
			int rc = r->e.stored < TAR_BLOCK ? 0 : next_block(r, block, err);

			if (rc <= 0)
				return rc < 0 ? -1 : tar_bad_header(err);
			r->e.stored -= TAR_BLOCK;
			*at = 0;
		}
		char c = block[(*at)++];
		if (c == '\n' && digits)
			break;
		if (c < '0' || c > '9' || ++digits > 18)
			return tar_bad_header(err);
		v = v * 10 + (c - '0');
	}
	*out = v;
	return 0;
}

static int read_new_map(struct tar_reader *r, struct error *err)
{
	char block[TAR_BLOCK];
	size_t at = TAR_BLOCK;
	int64_t n, offset, size;

	if (map_line(r, block, &at, &n, err) < 0)
		return -1;
	if (n > TAR_SPARSE_MAX)
		return tar_bad_header(err);
	while (n-- > 0)
		if (map_line(r, block, &at, &offset, err) < 0 ||
		    map_line(r, block, &at, &size, err) < 0 ||
		    tar_add_piece(&r->e, offset, size, err) < 0)
			return -1;
	return 0;
}

static int read_map(struct tar_reader *r, const char *block, const struct tar_extra *x,
		    struct error *err)
{
	if (r->e.flag == 'S' && read_old_map(r, block, err) < 0)
		return -1;
	if (r->e.flag != 'S' && x->sparse_major == 1 && read_new_map(r, err) < 0)
		return -1;
	return tar_check_pieces(&r->e, err);
}

/* Finish the entry that a block of a plain type begins. 1, or -1. */
static int begin_entry(struct tar_reader *r, const char *block, struct tar_extra *x,
		       struct error *err)
{
	if (tar_parse_block((const struct tar_block *)block, x, &r->e, err) < 0)
		return -1;
	r->padding = padding_of(r->e.stored);
	if (r->e.is_sparse && read_map(r, block, x, err) < 0)
		return -1;
	r->left = r->e.stored;
	r->offset = 0;
	r->piece = 0;
	return 1;
}

static int next_entry(struct tar_reader *r, struct tar_extra *x, struct error *err)
{
	char block[TAR_BLOCK];
	const struct tar_block *b = (const struct tar_block *)block;

	for (;;) {
		int rc = next_block(r, block, err);

		if (rc <= 0 || tar_block_is_zero(block))
			return rc < 0 ? -1 : 0;
		if (!tar_block_checksum_ok(block))
			return tar_bad_header(err);
		switch (b->flag) {
		case 'L':
			rc = read_long_name(r, b, &x->name, err);
			break;
		case 'K':
			rc = read_long_name(r, b, &x->link, err);
			break;
		case 'x':
		case 'X':
			rc = read_pax(r, b, x, err);
			break;
		case 'g':
			rc = skip_global(r, b, err);
			break;
		default:
			return begin_entry(r, block, x, err);
		}
		if (rc < 0)
			return -1;
	}
}

int tar_next(struct tar_reader *r, struct tar_entry **e, struct error *err)
{
	struct tar_extra x = { 0 };
	int rc;

	if (r->ended)
		return 0;
	if (skip(r, r->left, NULL, err) < 0 || skip(r, (int64_t)r->padding, NULL, err) < 0)
		return -1;
	r->left = 0;
	r->padding = 0;
	tar_entry_done(&r->e);
	rc = next_entry(r, &x, err);
	tar_extra_done(&x);
	r->ended = rc == 0;
	if (rc == 1)
		*e = &r->e;
	return rc;
}

/* Where the next stored byte belongs, and how many may follow it there. */
static int64_t locate(struct tar_reader *r)
{
	const struct tar_piece *p = r->e.pieces + r->piece;

	if (!r->e.is_sparse)
		return r->left;
	/* The pieces hold as many bytes as are stored, so there is a next one. */
	while (!p->size || r->offset >= p->offset + p->size)
		p = &r->e.pieces[++r->piece];
	if (r->offset < p->offset)
		r->offset = p->offset;
	return p->offset + p->size - r->offset;
}

ssize_t tar_data(struct tar_reader *r, const void **p, int64_t *offset, struct error *err)
{
	int64_t room;
	size_t have;

	if (!r->left)
		return 0;
	if (r->pos == r->end) {
		if (fill(r, err) < 0)
			return -1;
		if (r->eof)
			return cut_off(err);
	}
	room = locate(r);
	have = r->end - r->pos;
	if ((int64_t)have > room)
		have = (size_t)room;
	*p = r->buf + r->pos;
	*offset = r->offset;
	r->pos += have;
	r->left -= (int64_t)have;
	r->offset += (int64_t)have;
	return (ssize_t)have;
}

int tar_drain(struct tar_reader *r, struct error *err)
{
	do {
		if (take_raw(r, r->end - r->pos, err) < 0)
			return -1;
		if (!r->eof && fill(r, err) < 0)
			return -1;
	} while (!r->eof);
	return 0;
}
