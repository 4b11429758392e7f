/*
 * An attached client: the connection that the daemon handed over. What a slow client has not taken is
 * queued up to a ceiling, then the process waits, as it would on a terminal; a client that is gone is
 * dropped. Never blocks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "dockerinit/monitor.h"
#include "pkg/mem.h"

#define OUT_HIGH (256 * 1024)     /* bytes queued from which the process is held back */
#define OUT_MAX (8 * 1024 * 1024) /* more than a pipe can hold once its writer has ended */
#define IN_MAX (64 * 1024)

static struct client *client_of(struct watch *w)
{
	return list_entry(w, struct client, conn);
}

bool client_is_full(const struct client *c)
{
	return c->outq.len >= OUT_HIGH;
}

void client_update(struct client *c)
{
	uint32_t events = 0;

	if (c->flags & ATTACH_STDIN && !c->in_eof && c->inq.len < IN_MAX)
		events |= EPOLLIN;
	if (c->outq.len)
		events |= EPOLLOUT;
	watch_set(&c->conn, events);
}

void client_free(struct client *c)
{
	struct process *p = c->process;

	list_del(&c->link);
	watch_close(&c->conn);
	buf_done(&c->outq);
	buf_done(&c->inq);
	free(c);
	process_update_output(p);
}

/* Send what is queued. false when the client is gone (and freed). */
static bool flush(struct client *c)
{
	while (c->outq.len) {
		ssize_t n = send(c->conn.fd, c->outq.p, c->outq.len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			client_free(c);
			return false;
		}
		buf_drop(&c->outq, (size_t)n);
	}
	if (c->ending && !c->outq.len) {
		if (c->conn.fd >= 0)
			shutdown(c->conn.fd, SHUT_WR);
		client_free(c);
		return false;
	}
	client_update(c);
	return true;
}

/*
 * Look for the detach keys in n bytes and append to inq what is not part of them. A partial match is
 * held back and delivered when the next byte does not go on with it. true: detached.
 */
static bool filter_keys(struct client *c, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (c->nkeys && p[i] == c->keys[c->matched]) {
			if (++c->matched == c->nkeys)
				return true;
			continue;
		}
		buf_add(&c->inq, c->keys, c->matched);
		c->matched = c->nkeys && p[i] == c->keys[0];
		if (!c->matched)
			buf_addc(&c->inq, p[i]);
	}
	return false;
}

static void detach(struct client *c)
{
	const struct process *p = c->process;

	client_end(c);
	monitor_detached(p);
}

static void read_stdin(struct client *c)
{
	char part[16384];
	ssize_t n = recv(c->conn.fd, part, sizeof(part), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		c->in_eof = true;
		buf_add(&c->inq, c->keys, c->matched);
		c->matched = 0;
	} else if (filter_keys(c, part, (size_t)n)) {
		detach(c);
		return;
	}
	client_update(c);
	process_write_stdin(c->process);
}

static void on_conn(struct watch *w, uint32_t events)
{
	struct client *c = client_of(w);

	if (events & EPOLLOUT && !flush(c))
		return;
	if (events & EPOLLIN) {
		read_stdin(c);
		return;
	}
	if (events & (EPOLLERR | EPOLLHUP)) {
		/* Gone. What it typed before still goes to the process. */
		if (c->flags & ATTACH_STDIN && !c->in_eof && !c->ending) {
			read_stdin(c);
		} else if (c->inq.len && c->flags & ATTACH_STDIN && !c->ending) {
			watch_close(&c->conn);
			buf_reset(&c->outq);
		} else {
			client_free(c);
		}
	}
}

void client_new(struct process *p, int fd, unsigned flags, const char *keys, size_t nkeys,
		const char *pending, size_t npending)
{
	struct client *c = xcalloc(1, sizeof(*c));

	c->process = p;
	c->flags = flags;
	buf_init(&c->outq, OUT_MAX);
	buf_init(&c->inq, IN_MAX + PROTO_MAX_DATA);
	if (p->tty && nkeys <= sizeof(c->keys)) {
		memcpy(c->keys, keys, nkeys);
		c->nkeys = nkeys;
	}
	list_add(&p->clients, &c->link);
	watch_add(&c->conn, fd, 0, on_conn);
	if (npending && flags & ATTACH_STDIN && filter_keys(c, pending, npending)) {
		detach(c);
		return;
	}
	client_update(c);
	process_write_stdin(p);
}

void client_output(struct client *c, int stream, const char *p, size_t n)
{
	unsigned wanted = stream == 2 ? ATTACH_STDERR : ATTACH_STDOUT;
	unsigned char head[8] = { (unsigned char)stream,
				  0,
				  0,
				  0,
				  (unsigned char)(n >> 24),
				  (unsigned char)(n >> 16),
				  (unsigned char)(n >> 8),
				  (unsigned char)n };

	if (!(c->flags & wanted) || c->ending || c->conn.fd < 0)
		return;
	if ((c->flags & ATTACH_MUX && buf_add(&c->outq, head, sizeof(head)) < 0) ||
	    buf_add(&c->outq, p, n) < 0) {
		client_free(c);
		return;
	}
	flush(c);
}

void client_end(struct client *c)
{
	c->ending = true;
	c->in_eof = true;
	flush(c);
}
