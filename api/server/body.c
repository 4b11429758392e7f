/*
 * The body of a request as a blocking stream. What the loop read too much comes first, then the
 * socket; bytes behind the body stay in the connection for the next request.
 */
#include "api/server/request.h"

#include <errno.h>
#include <string.h>

#define FRAMING_SIZE 4096
#define DRAIN_MS 2000

void body_init(struct body *b, struct conn *c)
{
	const struct http_head *h = c->head;

	*b = (struct body){
		.conn = c, .left = h->length, .chunked = h->chunked, .ask = h->expects_continue
	};
}

bool body_at_end(const struct body *b)
{
	return b->chunked ? b->chunks.done : !b->left;
}

/* The client sends its body only when it is told that somebody wants it. */
static int ask_for_it(struct body *b)
{
	static char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct iovec iov = { text, sizeof(text) - 1 };

	if (!b->ask)
		return 0;
	b->ask = false;
	return conn_send(b->conn, b->job, &iov, 1);
}

static int time_left(const struct body *b)
{
	long long left = b->deadline - server_now_ms();

	if (!b->deadline)
		return -1;
	return left > 0 ? (int)left : 0;
}

static ssize_t receive(struct body *b, void *p, size_t n)
{
	ssize_t got = ask_for_it(b) < 0 ? -1 : conn_recv(b->conn, b->job, p, n, time_left(b));

	if (got == 0) {
		errno = ECONNRESET; /* it ended before its end */
		return -1;
	}
	return got;
}

/* Up to n bytes of data: what is buffered, or else what comes. */
static ssize_t take(struct body *b, void *p, size_t n)
{
	struct buf *in = &b->conn->in;

	if (!in->len)
		return receive(b, p, n);
	if (n > in->len)
		n = in->len;
	memcpy(p, in->p, n);
	buf_drop(in, n);
	return (ssize_t)n;
}

/* Read framing up to the next data or the end. */
static int next_chunk(struct body *b)
{
	struct buf *in = &b->conn->in;
	char part[FRAMING_SIZE];
	ssize_t n;

	while (!b->chunks.left && !b->chunks.done) {
		if (!in->len) {
			n = receive(b, part, sizeof(part));
			if (n < 0 || buf_add(in, part, (size_t)n) < 0)
				return -1;
		}
		n = http_chunked_next(&b->chunks, in->p, in->len);
		if (n < 0)
			return -1;
		buf_drop(in, (size_t)n);
	}
	return 0;
}

ssize_t body_read(void *body, void *p, size_t n)
{
	struct body *b = body;
	uint64_t *left = b->chunked ? &b->chunks.left : &b->left;
	ssize_t got = -1;

	if (b->broken) {
		errno = ECONNRESET;
		return -1;
	}
	if (b->chunked && next_chunk(b) < 0)
		goto broken;
	if (body_at_end(b) || !n)
		return 0;
	got = take(b, p, n < *left ? n : (size_t)*left);
	if (got < 0)
		goto broken;
	*left -= (uint64_t)got;
	return got;
broken:
	b->broken = true;
	return -1;
}

struct source body_source(struct body *b)
{
	return (struct source){ .read = body_read, .from = b };
}

bool body_can_drain(const struct body *b)
{
	if (body_at_end(b))
		return true;
	/* One that was never asked for may come or not: nobody can tell it from the next request. */
	return !b->ask && !b->broken && b->left <= DRAIN_MAX;
}

bool body_drain(struct body *b)
{
	char part[8192];
	size_t total = 0;
	ssize_t n;

	if (body_at_end(b) || !body_can_drain(b))
		return body_at_end(b);
	b->job = NULL;
	b->deadline = server_now_ms() + DRAIN_MS;
	while (total <= DRAIN_MAX && (n = body_read(b, part, sizeof(part))) > 0)
		total += (size_t)n;
	return body_at_end(b);
}
