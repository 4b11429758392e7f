/* Gzip: see compress.h. */
#include "pkg/compress.h"

#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include "pkg/isal.h"
#include "pkg/mem.h"

#define OUT_SIZE 65536
#define PART_MAX (1 << 30)

struct compress {
	compress_sink *write;
	void *to;
	const struct isal *isal; /* NULL: zlib does it */
	struct isal_zstream fast;
	z_stream slow;
	unsigned char level[ISAL_DEF_LVL1_DEFAULT], out[OUT_SIZE];
};

static void start_fast(struct compress *c)
{
	c->isal->deflate_init(&c->fast);
	c->fast.level = 1;
	c->fast.level_buf = c->level;
	c->fast.level_buf_size = sizeof(c->level);
	c->fast.gzip_flag = IGZIP_GZIP;
	c->fast.flush = NO_FLUSH;
}

struct compress *compress_new(compress_sink *write, void *to)
{
	struct compress *c = xmalloc(sizeof(*c));

	c->write = write;
	c->to = to;
	c->isal = isal_load();
	c->slow = (z_stream){ 0 };
	if (c->isal)
		start_fast(c);
	else if (deflateInit2(&c->slow, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort(); /* out of memory */
	return c;
}

void compress_free(struct compress *c)
{
	if (c && !c->isal)
		deflateEnd(&c->slow);
	free(c);
}

/* Fill the output once; the room that is left in it. Neither library fails with these settings. */
static size_t step_fast(struct compress *c, int end)
{
	c->fast.next_out = c->out;
	c->fast.avail_out = OUT_SIZE;
	c->fast.end_of_stream = (uint16_t)end;
	c->isal->deflate(&c->fast);
	return c->fast.avail_out;
}

static size_t step_slow(struct compress *c, int end)
{
	c->slow.next_out = c->out;
	c->slow.avail_out = OUT_SIZE;
	deflate(&c->slow, end ? Z_FINISH : Z_NO_FLUSH);
	return c->slow.avail_out;
}

static int put(struct compress *c, const void *p, size_t n, int end)
{
	size_t room;

	c->fast.next_in = (uint8_t *)p;
	c->fast.avail_in = (uint32_t)n;
	c->slow.next_in = (z_const Bytef *)p;
	c->slow.avail_in = (uInt)n;
	do {
		room = c->isal ? step_fast(c, end) : step_slow(c, end);
		if (room < OUT_SIZE && c->write(c->to, c->out, OUT_SIZE - room) < 0)
			return -1;
	} while (room == 0);
	return 0;
}

int compress_add(struct compress *c, const void *p, size_t n)
{
	for (const char *at = p; n;) {
		size_t part = n < PART_MAX ? n : PART_MAX;

		if (put(c, at, part, 0) < 0)
			return -1;
		at += part;
		n -= part;
	}
	return 0;
}

int compress_end(struct compress *c)
{
	return put(c, "", 0, 1);
}
