/*
 * The connection under a small HTTP/1.1 client: addresses, connecting, sending, raw streams.
 * Reading answers is in httpc_read.c.
 */
#include "pkg/httpc.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pkg/httpc_internal.h"
#include "pkg/mem.h"
#include "pkg/sock.h"

#define BODY_PART 32768

static const char *without_prefix(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

/* "host:port", "[v6]:port" -> host and port. -1 when there is no port. */
static int split_host(struct httpc *c, const char *s)
{
	const char *colon = strrchr(s, ':');
	size_t n = colon ? (size_t)(colon - s) : 0;

	if (!n || !colon[1] || strspn(colon + 1, "0123456789/") != strlen(colon + 1))
		return -1;
	if (s[0] == '[' && s[n - 1] == ']')
		c->host = xstrndup(s + 1, n - 2);
	else
		c->host = xstrndup(s, n);
	c->port = xstrndup(colon + 1, strcspn(colon + 1, "/"));
	return 0;
}

struct httpc *httpc_new(const char *address, struct error *err)
{
	struct httpc *c = xcalloc(1, sizeof(*c));
	const char *rest;
	int rc = 0;

	c->fd = -1;
	if ((rest = without_prefix(address, "unix://")))
		c->path = xstrdup(rest);
	else if ((rest = without_prefix(address, "tcp://")) ||
		 (rest = without_prefix(address, "http://")))
		rc = split_host(c, rest);
	else
		rc = strstr(address, "://") ? -1 : split_host(c, address);
	if (rc == 0)
		return c;
	httpc_free(c);
	error_set(err, ERR_BAD_REQUEST, "unable to parse docker host `%s`", address);
	return NULL;
}

static void hang_up(struct httpc *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->start = c->end = 0;
	c->used = false;
}

void httpc_free(struct httpc *c)
{
	if (!c)
		return;
	hang_up(c);
	strlist_done(&c->headers);
	free(c->path);
	free(c->host);
	free(c->port);
	free(c);
}

static int connect_tcp(const struct httpc *c, struct error *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	int rc = getaddrinfo(c->host, c->port, &hints, &list), fd = -1, one = 1;

	if (rc) {
		error_set(err, ERR_UNAVAILABLE, "lookup %s: %s", c->host, gai_strerror(rc));
		return -1;
	}
	for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
			int sys = errno;

			close(fd);
			fd = -1;
			errno = sys;
		}
	}
	if (fd < 0)
		error_sys(err, "dial tcp %s:%s", c->host, c->port);
	else
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* speed only */
	freeaddrinfo(list);
	return fd;
}

void httpc_set_wrap(struct httpc *c, int (*wrap)(void *arg, int fd, struct error *err), void *arg)
{
	c->wrap = wrap;
	c->wrap_arg = arg;
}

int httpc_connect(struct httpc *c, struct error *err)
{
	if (c->fd >= 0)
		return 0;
	if (!c->path) {
		c->fd = connect_tcp(c, err);
	} else {
		c->fd = sock_connect_unix(c->path, SOCK_STREAM);
		if (c->fd < 0)
			error_sys(err, "dial unix %s", c->path);
	}
	if (c->fd >= 0 && c->wrap) {
		c->fd = c->wrap(c->wrap_arg, c->fd, err);
		return c->fd < 0 ? -1 : 0;
	}
	if (c->fd >= 0)
		return 0;
	if (err)
		err->kind = ERR_UNAVAILABLE;
	return -1;
}

/* Did the peer close a kept connection, or is an answer in it that was not read to its end? */
static bool is_stale(const struct httpc *c)
{
	char byte;
	ssize_t n;

	if (c->start < c->end ||
	    (c->body != HTTPC_BODY_NONE && (c->body != HTTPC_BODY_LENGTH || c->left)))
		return true;
	n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

static int send_all(struct httpc *c, const void *p, size_t n)
{
	const char *at = p;

	while (n) {
		ssize_t put = send(c->fd, at, n, MSG_NOSIGNAL);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		at += put;
		n -= (size_t)put;
	}
	return 0;
}

/* The peer stopped reading: its answer, if it sent one, says why. */
static int sending_failed(struct httpc *c, struct error *err)
{
	struct error why;
	char byte;

	if ((errno == EPIPE || errno == ECONNRESET) &&
	    recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1)
		return 0;
	error_sys(&why, "sending the request");
	hang_up(c);
	return error_set(err, ERR_UNAVAILABLE, "%s", why.text);
}

/* 0 at the end, 1 when the peer stopped reading, -1 with err. */
static int send_chunked(struct httpc *c, const struct httpc_request *req, struct error *err)
{
	autofree char *part = xmalloc(BODY_PART);
	char size[16];
	ssize_t n;

	while ((n = req->read_body(req->from, part, BODY_PART)) > 0) {
		int len = snprintf(size, sizeof(size), "%zx\r\n", (size_t)n);

		if (send_all(c, size, (size_t)len) < 0 || send_all(c, part, (size_t)n) < 0 ||
		    send_all(c, "\r\n", 2) < 0)
			return sending_failed(c, err);
	}
	if (n < 0) {
		error_sys(err, "reading the body to send");
		hang_up(c);
		return -1;
	}
	return send_all(c, "0\r\n\r\n", 5) < 0 ? sending_failed(c, err) : 0;
}

static void add_head(const struct httpc *c, const struct httpc_request *req, struct buf *b)
{
	buf_addf(b, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: Docker-Client (linux)\r\n",
		 req->method, req->path, c->host ? c->host : "docker");
	if (req->headers)
		buf_adds(b, req->headers);
	if (req->content_type)
		buf_addf(b, "Content-Type: %s\r\n", req->content_type);
	if (req->upgrade)
		buf_adds(b, "Connection: Upgrade\r\nUpgrade: tcp\r\n");
	if (req->read_body)
		buf_adds(b, "Transfer-Encoding: chunked\r\n");
	else if (req->body || strcmp(req->method, "POST") == 0)
		buf_addf(b, "Content-Length: %zu\r\n", req->body_len);
	buf_adds(b, "\r\n");
}

int httpc_send(struct httpc *c, const struct httpc_request *req, struct error *err)
{
	autobuf struct buf b = BUF_INIT((1 << 20) + req->body_len);

	if (c->fd >= 0 && c->used && is_stale(c))
		hang_up(c);
	if (httpc_connect(c, err) < 0)
		return -1;
	c->used = true;
	c->head_request = strcmp(req->method, "HEAD") == 0;
	add_head(c, req, &b);
	if (req->body_len && buf_add(&b, req->body, req->body_len) < 0)
		return error_sys(err, "the request is too large");
	if (send_all(c, b.p, b.len) < 0)
		return sending_failed(c, err);
	return req->read_body ? send_chunked(c, req, err) : 0;
}

int httpc_fd(const struct httpc *c)
{
	return c->fd;
}

bool httpc_has_buffered(const struct httpc *c)
{
	return c->start < c->end;
}

void httpc_make_raw(struct httpc *c)
{
	int flags = fcntl(c->fd, F_GETFL);

	/* Cannot fail on an open socket; if it did, reads would block, which poll() forestalls. */
	(void)fcntl(c->fd, F_SETFL, flags | O_NONBLOCK);
}

ssize_t httpc_raw_read(struct httpc *c, void *p, size_t n)
{
	ssize_t got;

	if (c->start < c->end)
		return (ssize_t)httpc_take_buffered(c, p, n);
	do
		got = recv(c->fd, p, n, 0);
	while (got < 0 && errno == EINTR);
	return got;
}

ssize_t httpc_raw_write(struct httpc *c, const void *p, size_t n)
{
	ssize_t put;

	do
		put = send(c->fd, p, n, MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	return put;
}

void httpc_raw_close_write(struct httpc *c)
{
	(void)shutdown(c->fd,
		       SHUT_WR); /* fails only when the peer is gone, which a read will tell */
}

void httpc_escape(struct buf *out, const char *s, const char *also)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";

	for (; *s; s++) {
		if (strchr(plain, *s) || strchr(also, *s))
			buf_addc(out, *s);
		else
			buf_addf(out, "%%%02X", (unsigned char)*s);
	}
}
