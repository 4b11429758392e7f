/*
 * The loop's side of connections: new ones, idle ones, request heads, requests that are held back,
 * and the last moments of one that is closed. A slow client costs a struct conn and what it sent.
 */
#include "api/server/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "pkg/httpuri.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/workers.h"

#define IDLE_MS (180 * 1000) /* a connection without a request */
#define HEAD_MS (15 * 1000)  /* from a head's first byte to its last */
#define LINGER_MS 1000
#define READ_SIZE 4096

long long server_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void move_to(struct conn *c, struct list *to)
{
	list_del(&c->link);
	list_add(to, &c->link);
}

void conn_free(struct conn *c)
{
	list_del(&c->link);
	if (c->event)
		event_free(c->event);
	if (c->fd >= 0)
		close(c->fd);
	if (c->head)
		http_head_done(c->head);
	free(c->head);
	buf_done(&c->in);
	c->server->nconns--;
	free(c);
}

/* Wait for bytes until the deadline. */
static void wait_readable(struct conn *c)
{
	long long left = c->deadline - server_now_ms();
	struct timeval tv;

	if (left < 1)
		left = 1;
	tv = (struct timeval){ .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 };
	if (event_add(c->event, &tv) < 0)
		conn_free(c);
}

static void linger(struct conn *c)
{
	c->linger = true;
	c->deadline = server_now_ms() + LINGER_MS;
	buf_done(&c->in);
	wait_readable(c);
}

/*
 * An answer without a job, from the loop, to one whose request is not understood or not wanted.
 * It is short and the first on its way, so it fits the socket's buffer or the peer does not read.
 */
static void refuse(struct conn *c, int status, const char *why)
{
	char text[1024];
	int n = snprintf(text, sizeof(text),
			 "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
			 "Connection: close\r\n\r\n%d %s%s%s",
			 status, http_reason(status), status, http_reason(status), *why ? ": " : "",
			 why);

	if (n > 0 && send(c->fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) > 0 &&
	    shutdown(c->fd, SHUT_WR) == 0)
		linger(c);
	else
		conn_free(c);
}

/* While the daemon loads, only pings are answered. */
static bool must_hold(const struct conn *c)
{
	const char *end = strstr(c->head->path, "/_ping");

	return c->server->holding && !(end && strcmp(end, "/_ping") == 0);
}

static void dispatch(struct conn *c)
{
	struct server *s = c->server;

	pthread_mutex_lock(&s->lock);
	move_to(c, &s->busy);
	pthread_mutex_unlock(&s->lock);
	if (workers_run(request_run, c) == 0)
		return;
	pthread_mutex_lock(&s->lock);
	move_to(c, &s->waiting);
	pthread_mutex_unlock(&s->lock);
	log_error("no thread for a request, refusing it");
	refuse(c, 503, "no thread for this request");
}

static void take_request(struct conn *c, size_t head_size)
{
	struct error err;

	c->head = xcalloc(1, sizeof(*c->head));
	if (http_head_parse(c->head, c->in.p, head_size, &err) < 0) {
		refuse(c, 400, err.text);
		return;
	}
	buf_drop(&c->in, head_size);
	c->scanned = 0;
	if (must_hold(c))
		move_to(c, &c->server->held);
	else
		dispatch(c);
}

/* Is there a complete head in what was read? */
static void advance(struct conn *c)
{
	struct error err;
	ssize_t size;

	/* Some clients send a line end behind a body: RFC 9112 2.2 lets it pass. */
	while (c->in.len >= 2 && memcmp(c->in.p, "\r\n", 2) == 0)
		buf_drop(&c->in, 2);
	if (c->in.len == 0)
		c->scanned = 0;
	size = http_head_length(buf_text(&c->in), c->in.len, &c->scanned, &err);
	if (size > 0)
		take_request(c, (size_t)size);
	else if (size < 0)
		refuse(c, 400, err.text);
	else
		wait_readable(c);
}

static void read_more(struct conn *c)
{
	char part[READ_SIZE];
	ssize_t n = recv(c->fd, part, sizeof(part), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		wait_readable(c);
		return;
	}
	if (n > 0 && c->linger)
		c->lingered += (size_t)n;
	if (n <= 0 || c->lingered > DRAIN_MAX) {
		conn_free(c);
		return;
	}
	if (c->linger) {
		wait_readable(c);
		return;
	}
	if (!c->in.len)
		c->deadline = server_now_ms() + HEAD_MS;
	if (buf_add(&c->in, part, (size_t)n) < 0)
		refuse(c, 400, "request head too large");
	else
		advance(c);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	if (!(what & EV_TIMEOUT))
		read_more(c);
	else if (c->in.len && !c->linger)
		refuse(c, 408, "the request head took too long");
	else
		conn_free(c);
}

static void refuse_new(struct server *s, int fd)
{
	static const char text[] =
		"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
		"Connection: close\r\n\r\n{\"message\":\"too many connections\"}\n";

	if (!s->full)
		log_warn("%zu connections are open, refusing more", s->nconns);
	s->full = true;
	(void)!send(fd, text, sizeof(text) - 1,
		    MSG_DONTWAIT | MSG_NOSIGNAL); /* it is told or not */
	close(fd);
}

void conn_accept(struct server *s, int fd)
{
	struct conn *c;

	if (s->nconns >= s->max_conns) {
		refuse_new(s, fd);
		return;
	}
	s->full = false;
	c = xcalloc(1, sizeof(*c));
	c->server = s;
	c->fd = fd;
	c->deadline = server_now_ms() + IDLE_MS;
	buf_init(&c->in, HTTP_HEAD_MAX + READ_SIZE);
	list_add(&s->waiting, &c->link);
	s->nconns++;
	c->event = event_new(s->base, fd, EV_READ, on_event, c);
	if (c->event)
		wait_readable(c);
	else
		conn_free(c);
}

/* A worker is done with it. */
static void take_back(struct conn *c)
{
	move_to(c, &c->server->waiting);
	if (c->fd < 0) {
		conn_free(c);
		return;
	}
	if (c->linger) {
		linger(c);
		return;
	}
	if (!c->in.len)
		buf_done(&c->in);
	c->deadline = server_now_ms() + (c->in.len ? HEAD_MS : IDLE_MS);
	advance(c);
}

static void release_held(struct server *s)
{
	struct list *it, *tmp;

	s->holding = false;
	list_each_safe(it, tmp, &s->held)
		dispatch(list_entry(it, struct conn, link));
}

void conns_wake(evutil_socket_t fd, short what, void *server)
{
	struct server *s = server;
	struct list mine, *it, *tmp;
	eventfd_t count;
	bool accepting;

	(void)what;
	(void)eventfd_read(fd, &count); /* only empties it */
	list_init(&mine);
	pthread_mutex_lock(&s->lock);
	list_each_safe(it, tmp, &s->returned)
		move_to(list_entry(it, struct conn, link), &mine);
	accepting = s->accepting;
	pthread_mutex_unlock(&s->lock);
	list_each_safe(it, tmp, &mine)
		take_back(list_entry(it, struct conn, link));
	if (accepting && s->holding)
		release_held(s);
}
