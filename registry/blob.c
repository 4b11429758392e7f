/* Reading blobs: see blob.h. */
#include "registry/blob.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "pkg/log.h"
#include "pkg/mem.h"
#include "registry/session.h"

#define TRIES 5 /* without a byte in between */
#define PAUSE_MS 500

struct blob {
	struct session *session;
	struct wire *wire;
	char *digest;
	int64_t size, at; /* at: the next byte */
	bool open, failed;
	int tried;
	struct error err;
};

struct blob *blob_open(struct session *s, struct wire *h, const char *digest, int64_t size)
{
	struct blob *b = xcalloc(1, sizeof(*b));

	b->session = s;
	b->wire = h;
	b->digest = xstrdup(digest);
	b->size = size;
	return b;
}

void blob_close(struct blob *b)
{
	if (!b)
		return;
	wire_end(b->wire);
	free(b->digest);
	free(b);
}

/* A server that does not know of ranges begins at the beginning. */
static int skip(struct blob *b, int64_t n)
{
	char part[16384];

	while (n > 0) {
		size_t want = n < (int64_t)sizeof(part) ? (size_t)n : sizeof(part);
		ssize_t got = wire_read(b->wire, part, want, &b->err);

		if (got < 0)
			return -1;
		if (got == 0)
			return error_set(&b->err, ERR_UNAVAILABLE, "unexpected EOF");
		n -= got;
	}
	return 0;
}

static int begin(struct blob *b)
{
	autofree char *path = xasprintf("/blobs/%s", b->digest);
	autostrlist struct strlist headers = STRLIST_INIT;
	struct session_request q = {
		.method = "GET", .path = path, .headers = &headers, .length = -1, .patient = true
	};
	int status;

	if (b->at)
		strlist_addf(&headers, "Range: bytes=%lld-", (long long)b->at);
	status = session_call(b->session, b->wire, &q, &b->err);
	if (status < 0)
		return -1;
	if (status != 200 && status != 206)
		return session_fail(b->wire, status, &b->err);
	b->open = true;
	return status == 200 && b->at ? skip(b, b->at) : 0;
}

/* Close it, and say whether to try once more. */
static bool break_off(struct blob *b)
{
	wire_end(b->wire);
	b->open = false;
	if (b->err.kind != ERR_UNAVAILABLE || ++b->tried >= TRIES)
		return false;
	log_debug("blob %s broke off at byte %lld: %s", b->digest, (long long)b->at, b->err.text);
	return wire_pause(b->wire, PAUSE_MS, &b->err) == 0;
}

static ssize_t read_some(struct blob *b, void *p, size_t n)
{
	ssize_t got;

	if (!b->open && begin(b) < 0)
		return -1;
	got = wire_read(b->wire, p, n, &b->err);
	if (got == 0 && b->size >= 0 && b->at < b->size)
		return error_set(&b->err, ERR_UNAVAILABLE, "blob %s: unexpected EOF", b->digest);
	if (got > 0 && b->size >= 0 && got > b->size - b->at)
		return error_set(&b->err, ERR_INTERNAL, "blob %s is larger than its manifest says",
				 b->digest);
	return got;
}

ssize_t blob_read(void *blob, void *p, size_t n)
{
	struct blob *b = blob;
	ssize_t got;

	if (b->failed || (b->size >= 0 && b->at == b->size && !b->open)) {
		errno = EIO;
		return b->failed ? -1 : 0;
	}
	while ((got = read_some(b, p, n)) < 0) {
		if (!break_off(b)) {
			b->failed = true;
			errno = b->err.kind == ERR_CANCELLED ? ECANCELED : EIO;
			return -1;
		}
		if (b->size >= 0 && b->at == b->size)
			return 0; /* it broke off behind the last byte */
	}
	b->at += got;
	if (got > 0)
		b->tried = 0;
	return got;
}

const struct error *blob_error(const struct blob *b)
{
	return b->failed ? &b->err : NULL;
}
