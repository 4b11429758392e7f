/*
 * A small HTTP/1.1 client: one keep-alive connection over a unix or TCP socket, one request at a
 * time, bodies streamed both ways, and the connection itself after an upgrade. Blocking.
 *
 *	struct httpc *c = httpc_new("unix:///var/run/docker.sock", &err);
 *	httpc_send(c, &(struct httpc_request){ .method = "GET", .path = "/_ping" }, &err);
 *	httpc_receive(c, &response, &err);
 *	while ((n = httpc_read(c, p, sizeof(p), &err)) > 0) ...
 *	httpc_free(c);
 *
 * Not locked: a connection belongs to one thread. SIGPIPE is never raised.
 */
#ifndef PKG_HTTPC_H
#define PKG_HTTPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pkg/buf.h"
#include "pkg/error.h"

struct httpc;

/*
 * A connection to "unix:///path", "tcp://host:port", "http://host:port" or "host:port", made when it
 * is first needed. NULL with ERR_BAD_REQUEST when the address reads like none of these.
 */
struct httpc *httpc_new(const char *address, struct error *err);
void httpc_free(struct httpc *c);

/*
 * Have every new connection go through wrap (TLS, say): it takes fd and returns the descriptor to use
 * in its place, or -1 with err. Before the first request.
 */
void httpc_set_wrap(struct httpc *c, int (*wrap)(void *arg, int fd, struct error *err), void *arg);

/* Connect now. 0, also when it is connected already; -1 with err.sys as connect(2) said. */
int httpc_connect(struct httpc *c, struct error *err);

struct httpc_request {
	const char *method;
	const char *path;    /* with the query, escaped */
	const char *headers; /* more header lines, each ended by "\r\n"; or NULL */
	const char *content_type;
	const void *body; /* body_len bytes, sent with Content-Length */
	size_t body_len;
	/* Or a body of unknown length, sent chunked: bytes read, 0 at the end, -1 with errno. */
	ssize_t (*read_body)(void *from, void *p, size_t n);
	void *from;
	bool upgrade; /* ask for "Upgrade: tcp" */
};

struct httpc_response {
	int status;
	char reason[64];
	char content_type[64];
	char api_version[16]; /* header Api-Version, "" when absent */
};

/*
 * Send a request. A kept connection that the peer has closed meanwhile is made anew first.
 * ERR_UNAVAILABLE with err.sys when the peer cannot be reached or hung up. A server that answers
 * before the body is through is fine: the rest of the body is dropped.
 */
int httpc_send(struct httpc *c, const struct httpc_request *req, struct error *err);

/* Read the head of the answer; 100 Continue is skipped. What is unread of an earlier body is lost. */
int httpc_receive(struct httpc *c, struct httpc_response *resp, struct error *err);

/* A header of the last answer, borrowed until the next; NULL when it had none of that name. */
const char *httpc_header(const struct httpc *c, const char *name);

/* Body bytes, 0 at its end, -1 with err when the connection breaks before. */
ssize_t httpc_read(struct httpc *c, void *p, size_t n, struct error *err);
/* The rest of the body appended to b, whose ceiling bounds it. */
int httpc_read_all(struct httpc *c, struct buf *b, struct error *err);
int httpc_drain(struct httpc *c, struct error *err); /* the same, thrown away */

/* For poll(2); -1 when not connected. Bytes may wait in the buffer although it is silent: */
int httpc_fd(const struct httpc *c);
bool httpc_has_buffered(const struct httpc *c);

/*
 * After an answer of 101 (or 200 to an upgrade) the connection is a stream. Reads and writes do not
 * block: bytes, 0 at the end of a read, -1 with errno (EAGAIN: poll).
 */
void httpc_make_raw(struct httpc *c);
ssize_t httpc_raw_read(struct httpc *c, void *p, size_t n);
ssize_t httpc_raw_write(struct httpc *c, const void *p, size_t n);
void httpc_raw_close_write(struct httpc *c); /* half-close: the peer reads the end */

/* Append s percent-encoded, all but letters, digits, "-_.~" and the characters of also. */
void httpc_escape(struct buf *out, const char *s, const char *also);

#endif
