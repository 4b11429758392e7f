/*
 * Records of tars: see record.h. The file is one gzip stream of segments, each a letter and a length
 * of eight bytes, little-endian:
 *	B  length bytes of the tar follow
 *	F  length bytes of a file belong here; its path follows
 *	L  length bytes of a lost file follow its path; they belong to the F of that path before this
 * A path is two bytes of length and the text.
 */
#include "graph/record.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "pkg/buf.h"
#include "pkg/fs.h"
#include "pkg/mem.h"

#define RAW_MAX 65536
#define PART_SIZE 65536

struct record {
	int fd;
	z_stream z;
	unsigned char *out;
	struct buf raw; /* bytes that wait to become one segment */
};

struct record *record_new(int fd)
{
	struct record *r = xcalloc(1, sizeof(*r));

	r->fd = fd;
	r->out = xmalloc(PART_SIZE);
	r->raw = BUF_INIT(RAW_MAX);
	if (deflateInit2(&r->z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort(); /* out of memory */
	return r;
}

void record_free(struct record *r)
{
	if (!r)
		return;
	deflateEnd(&r->z);
	buf_done(&r->raw);
	free(r->out);
	free(r);
}

static int put(struct record *r, const void *p, size_t n, int flush)
{
	r->z.next_in = (z_const Bytef *)p;
	r->z.avail_in = (uInt)n;
	do {
		r->z.next_out = r->out;
		r->z.avail_out = PART_SIZE;
		deflate(&r->z, flush);
		if (fs_write_all(r->fd, r->out, PART_SIZE - r->z.avail_out) < 0)
			return -1;
	} while (r->z.avail_out == 0);
	return 0;
}

static int put_head(struct record *r, char letter, int64_t length)
{
	uint64_t le = htole64((uint64_t)length);
	char head[9] = { letter };

	memcpy(head + 1, &le, sizeof(le));
	return put(r, head, sizeof(head), Z_NO_FLUSH);
}

static int put_path(struct record *r, const char *path)
{
	size_t n = strlen(path);
	uint16_t le = htole16((uint16_t)n);

	if (n > UINT16_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (put(r, &le, sizeof(le), Z_NO_FLUSH) < 0)
		return -1;
	return put(r, path, n, Z_NO_FLUSH);
}

static int flush_raw(struct record *r)
{
	if (!r->raw.len)
		return 0;
	if (put_head(r, 'B', (int64_t)r->raw.len) < 0 ||
	    put(r, r->raw.p, r->raw.len, Z_NO_FLUSH) < 0)
		return -1;
	buf_reset(&r->raw);
	return 0;
}

int record_raw(void *to, const void *p, size_t n)
{
	struct record *r = to;

	if (buf_add(&r->raw, p, n) == 0)
		return 0;
	if (flush_raw(r) < 0)
		return -1;
	if (n < RAW_MAX)
		return buf_add(&r->raw, p, n);
	if (put_head(r, 'B', (int64_t)n) < 0)
		return -1;
	return put(r, p, n, Z_NO_FLUSH);
}

int record_file(struct record *r, const char *path, int64_t size)
{
	if (!size)
		return 0;
	if (flush_raw(r) < 0 || put_head(r, 'F', size) < 0)
		return -1;
	return put_path(r, path);
}

int record_lost(struct record *r, const char *path, int64_t size, int fd)
{
	autofree char *part = xmalloc(PART_SIZE);

	if (!size)
		return 0;
	if (flush_raw(r) < 0 || put_head(r, 'L', size) < 0 || put_path(r, path) < 0)
		return -1;
	while (size > 0) {
		ssize_t n = read(fd, part, size < PART_SIZE ? (size_t)size : PART_SIZE);

		if (n == 0)
			errno = EIO; /* shorter than a moment ago: nobody else writes here */
		if (n <= 0 || put(r, part, (size_t)n, Z_NO_FLUSH) < 0)
			return -1;
		size -= n;
	}
	return 0;
}

int record_end(struct record *r)
{
	if (flush_raw(r) < 0)
		return -1;
	return put(r, "", 0, Z_FINISH);
}
