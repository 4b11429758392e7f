/*
 * Clients of the resolver over TCP: messages with their length before them, several on a connection,
 * one at a time. While an answer is on its way nothing more is read, so that a client can make us
 * keep one query and one answer, and there are few clients: others wait in the kernel. Whoever does
 * not ask for a while is let go.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dockerinit/resolver.h"
#include "pkg/mem.h"

#define CLIENTS_MAX 32
#define IDLE 10000 /* milliseconds between an answer and the next query */

struct resolver_tcp {
	struct list link; /* by deadline */
	struct watch watch;
	struct forward *forward; /* what it waits for */
	struct buf in, out;
	bool ended;   /* sends no more */
	bool broken;  /* cannot go on */
	bool updates; /* in update() */
	int64_t deadline;
};

static struct {
	struct list all;
	size_t n;
	struct watch *listener;
} self = { .all = { &self.all, &self.all } };

static void client_end_now(struct resolver_tcp *c)
{
	if (c->forward)
		forward_cancel(c->forward);
	shutdown(c->watch.fd, SHUT_RDWR); /* a launcher may have a copy */
	watch_close(&c->watch);
	list_del(&c->link);
	buf_done(&c->in);
	buf_done(&c->out);
	free(c);
	self.n--;
	watch_set(self.listener, EPOLLIN);
}

static void postpone(struct resolver_tcp *c)
{
	list_del(&c->link);
	c->deadline = resolver_now() + IDLE;
	list_add(&self.all, &c->link);
	resolver_alarm(c->deadline);
}

static void send_out(struct resolver_tcp *c)
{
	ssize_t n;

	if (!c->out.len)
		return;
	n = send(c->watch.fd, c->out.p, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n >= 0)
		buf_drop(&c->out, (size_t)n);
	else if (errno != EAGAIN && errno != EINTR)
		c->broken = true;
	if (!c->out.len)
		postpone(c);
}

/* Handle a query that is whole. false: there is none. */
static bool take_query(struct resolver_tcp *c)
{
	const unsigned char *p = (const unsigned char *)c->in.p;
	const struct resolver_from from = { .tcp = c };
	size_t n;

	if (c->in.len < 2)
		return false;
	n = (size_t)(p[0] << 8 | p[1]);
	if (n > RESOLVER_QUERY_MAX) {
		c->broken = true;
		return false;
	}
	if (c->in.len - 2 < n)
		return false;
	postpone(c);
	c->broken = resolver_handle(&from, p + 2, n) < 0;
	buf_drop(&c->in, 2 + n);
	return true;
}

/* Go on as far as it can. It may be gone afterwards. */
static void update(struct resolver_tcp *c)
{
	c->updates = true;
	do
		send_out(c);
	while (!c->broken && !c->forward && !c->out.len && take_query(c));
	c->updates = false;
	if (c->broken || (c->ended && !c->forward && !c->out.len))
		client_end_now(c);
	else
		watch_set(&c->watch, c->forward ? 0 : c->out.len ? EPOLLOUT : EPOLLIN);
}

static void on_client(struct watch *w, uint32_t events)
{
	struct resolver_tcp *c = list_entry(w, struct resolver_tcp, watch);
	ssize_t n;

	if (events & (EPOLLERR | EPOLLHUP)) {
		client_end_now(c);
		return;
	}
	if (events & EPOLLIN) {
		n = buf_read(&c->in, w->fd, c->in.max - c->in.len);
		if (n == 0)
			c->ended = true;
		else if (n < 0 && errno != EAGAIN)
			c->broken = true;
	}
	update(c);
}

void tcp_accept(struct watch *listener, uint32_t events)
{
	int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct resolver_tcp *c;

	(void)events;
	if (fd < 0)
		return;
	c = xcalloc(1, sizeof(*c));
	list_init(&c->link);
	c->in = BUF_INIT(2 + RESOLVER_QUERY_MAX);
	c->out = BUF_INIT(2 + DNS_MAX_SIZE);
	watch_add(&c->watch, fd, EPOLLIN, on_client);
	postpone(c);
	self.listener = listener;
	if (++self.n == CLIENTS_MAX)
		watch_set(listener, 0);
}

void tcp_set_forward(struct resolver_tcp *c, struct forward *f)
{
	c->forward = f;
}

void tcp_reply(struct resolver_tcp *c, const void *answer, size_t n)
{
	const unsigned char length[2] = { (unsigned char)(n >> 8), (unsigned char)n };

	/* One answer at a time fits. */
	if (buf_add(&c->out, length, sizeof(length)) < 0 || buf_add(&c->out, answer, n) < 0)
		c->broken = true;
	if (!c->updates)
		update(c);
}

int64_t tcp_expire(int64_t now)
{
	while (!list_is_empty(&self.all)) {
		struct resolver_tcp *c = list_entry(self.all.next, struct resolver_tcp, link);

		if (c->deadline > now)
			return c->deadline;
		client_end_now(c);
	}
	return 0;
}

void tcp_stop(void)
{
	while (!list_is_empty(&self.all))
		client_end_now(list_entry(self.all.next, struct resolver_tcp, link));
}
