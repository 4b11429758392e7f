/*
 * Reading HTTP/1.0 and HTTP/1.1 requests (RFC 9112): the head, the chunked coding. Strict
 * by intent: what two readers could understand in two ways is refused. No I/O here.
 *
 * Life cycle of a head: http_head_length() until it says that the head is complete,
 * http_head_parse(), use, http_head_done().
 */
#ifndef PKG_HTTP_H
#define PKG_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pkg/error.h"

#define HTTP_HEAD_MAX 131072 /* bytes, the blank line included */
#define HTTP_HEADERS_MAX 100

struct http_header {
	const char *name, *value; /* value is trimmed; both point into the head's text */
};

struct http_head {
	char *text; /* the head's own copy, cut into strings */
	const char *method;
	const char *path;  /* as sent: not yet percent-decoded; "*" or it begins with a slash */
	const char *query; /* behind the first '?', not decoded; NULL when there is none */
	int minor;         /* of HTTP/1.x: 0 or 1 */
	struct http_header headers[HTTP_HEADERS_MAX];
	size_t nheaders;

	bool keep_alive; /* the client lets the connection go on */
	bool chunked;    /* the body is chunked; length says nothing */
	uint64_t length; /* of the body, 0 without Content-Length */
	bool expects_continue;
};

/*
 * Bytes of the head at p, its blank line included; 0 when it is not complete yet; -1 with err
 * when it can never become a good one. *scanned, 0 at first, remembers how far earlier calls came.
 */
ssize_t http_head_length(const char *p, size_t n, size_t *scanned, struct error *err);

/* Read a complete head of n bytes. On failure (ERR_BAD_REQUEST) nothing is left to free. */
int http_head_parse(struct http_head *h, const char *p, size_t n, struct error *err);
void http_head_done(struct http_head *h);

/* The value of the first header of that name, in any case; NULL when there is none. Borrowed. */
const char *http_header(const struct http_head *h, const char *name);
/* Is the word in the comma-separated lists of all headers of that name? Any case. */
bool http_header_has(const struct http_head *h, const char *name, const char *word);

/*
 * The chunked coding without its data. While left is not 0, that many bytes of data come next: the
 * caller takes them and lowers left. Else the caller feeds http_chunked_next(), until done.
 */
struct http_chunked {
	uint64_t left;
	bool done;
	/* the reader's own, all 0 at first */
	int state;
	uint64_t size; /* that is being read, with its count of digits */
	unsigned digits;
	size_t overhead; /* bytes of extensions and trailers so far: bounded */
};

/* Consume framing from p, at most n bytes: how many were taken; -1 with EPROTO when it is bad. */
ssize_t http_chunked_next(struct http_chunked *c, const char *p, size_t n);

#endif
