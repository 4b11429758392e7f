/*
 * One answer. The head goes out as late as it may: up to HELD_MAX bytes of body are kept back, so
 * that a short answer has its length and an error can still become a status. A flush, or a route
 * that streams, sends the head at once; then the body is chunked.
 */
#include "api/server/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/version.h"
#include "pkg/httpuri.h"

#define HELD_MAX (64 * 1024)
#define HEAD_MAX (128 * 1024) /* a Location may be long */
#define LENGTH_UNKNOWN (-1)

static const char cors_headers[] =
	"Access-Control-Allow-Origin: *\r\n"
	"Access-Control-Allow-Headers: Origin, X-Requested-With, Content-Type, Accept, "
	"X-Registry-Auth\r\n"
	"Access-Control-Allow-Methods: HEAD, GET, POST, DELETE, PUT, OPTIONS\r\n";

void response_init(struct response *r, struct conn *c, const struct body *body)
{
	*r = (struct response){ .conn = c,
				.body = body,
				.status = 200,
				.no_body = strcmp(c->head->method, "HEAD") == 0,
				.keep_alive = c->head->keep_alive };
	buf_init(&r->held, HELD_MAX);
}

void response_done(struct response *r)
{
	buf_done(&r->held);
}

static void add_date(struct buf *b)
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t now = time(NULL);
	struct tm t;

	gmtime_r(&now, &t);
	buf_addf(b, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[t.tm_wday], t.tm_mday,
		 months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

void response_add_common(struct buf *b, const struct server *s)
{
	buf_addf(b,
		 "Api-Version: %s\r\nDocker-Experimental: false\r\nOstype: linux\r\n"
		 "Server: Docker/%s (linux)\r\n",
		 API_VERSION, s->version);
}

static bool has_body(const struct response *r)
{
	return r->status != 204 && r->status != 304;
}

/* How the receiver finds the body's end. */
static void add_framing(struct response *r, struct buf *b, long long length)
{
	int minor = r->conn->head->minor;

	r->chunked = has_body(r) && length == LENGTH_UNKNOWN && minor >= 1;
	if (has_body(r) && length == LENGTH_UNKNOWN && minor == 0)
		r->keep_alive = false; /* the end of the connection is the body's */
	if (r->chunked)
		buf_adds(b, "Transfer-Encoding: chunked\r\n");
	else if (has_body(r) && length != LENGTH_UNKNOWN)
		buf_addf(b, "Content-Length: %lld\r\n", length);
	if (!r->keep_alive)
		buf_adds(b, "Connection: close\r\n");
	else if (minor == 0)
		buf_adds(b, "Connection: keep-alive\r\n");
}

static void add_head(struct response *r, struct buf *b, long long length)
{
	const struct server *s = r->conn->server;

	buf_addf(b, "HTTP/1.%d %d %s\r\n", r->conn->head->minor, r->status, http_reason(r->status));
	response_add_common(b, s);
	if (r->type && has_body(r) && (length != 0 || r->no_body))
		buf_addf(b, "Content-Type: %s\r\n", r->type);
	add_date(b);
	if (r->extra)
		buf_adds(b, r->extra);
	if (s->cors)
		buf_adds(b, cors_headers);
	add_framing(r, b, length);
	buf_adds(b, "\r\n");
}

static int send_parts(struct response *r, struct iovec *iov, size_t n)
{
	if (!r->failed && conn_send(r->conn, r->job, iov, n) < 0)
		r->failed = true;
	return r->failed ? -1 : 0;
}

/* A piece of the body with its framing, behind the head if that is still to be sent. */
static int send_body(struct response *r, const struct buf *head, const void *p, size_t n)
{
	char size[24], end[] = "\r\n";
	struct iovec iov[4];
	size_t parts = 0;

	if (head->len)
		iov[parts++] = (struct iovec){ head->p, head->len };
	if (n && has_body(r) && !r->no_body) {
		if (r->chunked)
			iov[parts++] = (struct iovec){ size, (size_t)snprintf(size, sizeof(size),
									      "%zx\r\n", n) };
		iov[parts++] = (struct iovec){ (void *)p, n };
		if (r->chunked)
			iov[parts++] = (struct iovec){ end, 2 };
	}
	return send_parts(r, iov, parts);
}

/* Send the head, and what was held back. */
static int start(struct response *r, long long length)
{
	autobuf struct buf head = BUF_INIT(HEAD_MAX);
	int rc;

	r->started = true;
	if (!body_can_drain(r->body))
		r->keep_alive = false;
	add_head(r, &head, length);
	rc = send_body(r, &head, r->held.p, r->held.len);
	buf_done(&r->held);
	return rc;
}

int response_write(void *response, const void *p, size_t n)
{
	struct response *r = response;
	static const struct buf nothing;

	if (r->failed)
		return -1;
	if (!r->started && n && !r->stream && buf_add(&r->held, p, n) == 0)
		return 0;
	if (!r->started && start(r, LENGTH_UNKNOWN) < 0)
		return -1;
	return n ? send_body(r, &nothing, p, n) : 0;
}

int response_end(struct response *r)
{
	char last[] = "0\r\n\r\n";
	struct iovec iov = { last, sizeof(last) - 1 };

	if (!r->started)
		return start(r, (long long)r->held.len);
	return r->chunked && !r->no_body ? send_parts(r, &iov, 1) : 0;
}
