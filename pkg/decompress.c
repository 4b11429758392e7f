/* Compressed streams: see decompress.h. */
#include "pkg/decompress.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "pkg/isal.h"
#include "pkg/mem.h"

#define IN_SIZE (256 * 1024)
#define MAGIC_SIZE 6

struct codec {
	const char *name;
	const char *magic;
	size_t nmagic;
	/* 1: gave or took something, 0: a frame ended, -1 with err. NULL: not supported. */
	int (*step)(struct decompress *d, struct error *err);
};

struct decompress {
	decompress_source *read;
	void *from;
	const struct codec *codec; /* NULL until the first bytes were seen */
	unsigned char *in;
	size_t pos, end;
	bool eof, in_frame;
	unsigned char *out; /* where a step writes, and how much room is left */
	size_t room;
	z_stream gzip;
	bool gzip_open;
	const struct isal *isal; /* NULL: zlib does it */
	struct inflate_state *fast;
	ZSTD_DStream *zstd;
};

static int step_gzip(struct decompress *d, struct error *err);
static int step_isal(struct decompress *d, struct error *err);
static int step_zstd(struct decompress *d, struct error *err);

static const struct codec codecs[] = {
	{ "gzip", "\x1f\x8b", 2, step_gzip },
	{ "zstd", "\x28\xb5\x2f\xfd", 4, step_zstd },
	{ "bzip2", "BZh", 3, NULL },
	{ "xz",
	  "\xfd"
	  "7zXZ",
	  6, NULL },
};
static const struct codec plain = { "none", "", 0, NULL };

struct decompress *decompress_new(decompress_source *read, void *from)
{
	struct decompress *d = xcalloc(1, sizeof(*d));

	d->read = read;
	d->from = from;
	d->in = xmalloc(IN_SIZE);
	return d;
}

void decompress_free(struct decompress *d)
{
	if (!d)
		return;
	if (d->gzip_open)
		inflateEnd(&d->gzip);
	free(d->fast);
	ZSTD_freeDStream(d->zstd);
	free(d->in);
	free(d);
}

const char *decompress_kind(const struct decompress *d)
{
	return d->codec ? d->codec->name : plain.name;
}

/* Read more behind what is there. */
static int fill(struct decompress *d, struct error *err)
{
	ssize_t n;

	if (d->pos == d->end)
		d->pos = d->end = 0;
	n = d->read(d->from, d->in + d->end, IN_SIZE - d->end);
	if (n < 0)
		return error_sys(err, "cannot read the stream");
	d->eof = n == 0;
	d->end += (size_t)n;
	return 0;
}

static int detect(struct decompress *d, struct error *err)
{
	while (d->end < MAGIC_SIZE && !d->eof)
		if (fill(d, err) < 0)
			return -1;
	d->codec = &plain;
	for (size_t i = 0; i < array_size(codecs); i++)
		if (d->end >= codecs[i].nmagic &&
		    memcmp(d->in, codecs[i].magic, codecs[i].nmagic) == 0)
			d->codec = &codecs[i];
	if (d->codec->step == step_gzip)
		d->isal = isal_load();
	if (d->codec != &plain && !d->codec->step)
		return error_set(err, ERR_BAD_REQUEST, "%s compression is not supported",
				 d->codec->name);
	return 0;
}

static int step_gzip(struct decompress *d, struct error *err)
{
	z_stream *z = &d->gzip;
	int rc;

	if (d->isal)
		return step_isal(d, err);
	if (!d->gzip_open && inflateInit2(z, 15 + 16) != Z_OK)
		return error_set(err, ERR_INTERNAL, "cannot start inflate");
	if (!d->in_frame && d->gzip_open)
		inflateReset(z);
	d->gzip_open = d->in_frame = true;
	z->next_in = d->in + d->pos;
	z->avail_in = (uInt)(d->end - d->pos);
	z->next_out = d->out;
	z->avail_out = d->room > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uInt)d->room;
	rc = inflate(z, Z_NO_FLUSH);
	d->pos = d->end - z->avail_in;
	d->room -= (size_t)(z->next_out - d->out);
	d->out = z->next_out;
	if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
		return error_set(err, ERR_BAD_REQUEST, "gzip: %s",
				 z->msg ? z->msg : "invalid data");
	return rc != Z_STREAM_END;
}

static const char *gzip_words(int rc)
{
	switch (rc) {
	case ISAL_INCORRECT_CHECKSUM:
		return "incorrect data check";
	case ISAL_UNSUPPORTED_METHOD:
	case ISAL_INVALID_WRAPPER:
		return "incorrect header";
	default:
		return "invalid data";
	}
}

/* The same, several times as fast. */
static int step_isal(struct decompress *d, struct error *err)
{
	struct inflate_state *z = d->fast;
	int rc;

	if (!z)
		z = d->fast = xmalloc(sizeof(*z));
	if (!d->in_frame) {
		d->isal->inflate_init(z);
		z->crc_flag = ISAL_GZIP; /* read the header, check the trailer */
	}
	d->in_frame = true;
	z->next_in = d->in + d->pos;
	z->avail_in = (uint32_t)(d->end - d->pos);
	z->next_out = d->out;
	z->avail_out = d->room > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)d->room;
	rc = d->isal->inflate(z);
	d->pos = d->end - z->avail_in;
	d->room -= (size_t)(z->next_out - d->out);
	d->out = z->next_out;
	if (rc < 0)
		return error_set(err, ERR_BAD_REQUEST, "gzip: %s", gzip_words(rc));
	return z->block_state != ISAL_BLOCK_FINISH;
}

static int step_zstd(struct decompress *d, struct error *err)
{
	ZSTD_inBuffer in = { d->in + d->pos, d->end - d->pos, 0 };
	ZSTD_outBuffer out = { d->out, d->room, 0 };
	size_t rc;

	if (!d->zstd) {
		d->zstd = ZSTD_createDStream();
		if (!d->zstd)
			return error_set(err, ERR_INTERNAL, "cannot start zstd");
	}
	d->in_frame = true;
	rc = ZSTD_decompressStream(d->zstd, &out, &in);
	if (ZSTD_isError(rc))
		return error_set(err, ERR_BAD_REQUEST, "zstd: %s", ZSTD_getErrorName(rc));
	d->pos += in.pos;
	d->out += out.pos;
	d->room -= out.pos;
	return rc != 0;
}

/* Behind a frame another one may follow; anything else is padding, which gzip(1) ignores too. */
static bool at_next_frame(struct decompress *d, struct error *err, bool *failed)
{
	*failed = false;
	if (d->end - d->pos < d->codec->nmagic && !d->eof) {
		memmove(d->in, d->in + d->pos, d->end - d->pos);
		d->end -= d->pos;
		d->pos = 0;
		while (d->end < d->codec->nmagic && !d->eof)
			if (fill(d, err) < 0) {
				*failed = true;
				return false;
			}
	}
	return d->end - d->pos >= d->codec->nmagic &&
	       memcmp(d->in + d->pos, d->codec->magic, d->codec->nmagic) == 0;
}

/* Run the codec until it gave something. 1, 0 at the end, -1 with err. */
static int decode(struct decompress *d, struct error *err)
{
	size_t room = d->room;
	bool failed;
	int rc;

	while (d->room == room) {
		if (!d->in_frame && !at_next_frame(d, err, &failed))
			return failed ? -1 : 0;
		if (d->pos == d->end && !d->eof && fill(d, err) < 0)
			return -1;
		rc = d->codec->step(d, err);
		if (rc < 0)
			return -1;
		if (rc == 0)
			d->in_frame = false;
		else if (d->room == room && d->pos == d->end && d->eof)
			return error_set(err, ERR_BAD_REQUEST, "unexpected EOF");
	}
	return 1;
}

static ssize_t read_plain(struct decompress *d, void *p, size_t n, struct error *err)
{
	size_t have = d->end - d->pos;
	ssize_t got;

	if (have) {
		n = have < n ? have : n;
		memcpy(p, d->in + d->pos, n);
		d->pos += n;
		return (ssize_t)n;
	}
	if (d->eof)
		return 0;
	got = d->read(d->from, p, n);
	if (got < 0)
		error_sys(err, "cannot read the stream");
	d->eof = got == 0;
	return got;
}

ssize_t decompress_read(struct decompress *d, void *p, size_t n, struct error *err)
{
	int rc;

	if (!d->codec && detect(d, err) < 0)
		return -1;
	if (d->codec == &plain)
		return read_plain(d, p, n, err);
	d->out = p;
	d->room = n;
	rc = decode(d, err);
	return rc < 0 ? -1 : (ssize_t)(n - d->room);
}
