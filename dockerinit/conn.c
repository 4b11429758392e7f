/* The monitor's connections to the daemon: one that gets events, others for a request each. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dockerinit/conn.h"
#include "pkg/error.h"
#include "pkg/mem.h"
#include "pkg/sock.h"

void conn_free(struct conn *c)
{
	struct list *l;

	if (monitor->init && monitor->init->starter == c)
		monitor->init->starter = NULL;
	list_each(l, &monitor->execs)
		if (list_entry(l, struct process, link)->starter == c)
			list_entry(l, struct process, link)->starter = NULL;
	list_del(&c->link);
	watch_close(&c->watch);
	free(c);
}

static void conn_send(const struct conn *c, const struct message *m, const char *text)
{
	struct {
		struct message m;
		char text[512];
	} packet = { .m = *m };
	size_t n = text ? strnlen(text, sizeof(packet.text)) : 0;

	packet.m.version = PROTO_VERSION;
	if (n)
		memcpy(packet.text, text, n);
	/* A daemon that does not read is as good as gone; the exit file tells the next one. */
	send(c->watch.fd, &packet, sizeof(packet.m) + n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void conn_reply(const struct conn *c, int status, long long number, const char *text)
{
	struct message m = { .type = MESSAGE_REPLY, .status = status, .number = number };

	if (c)
		conn_send(c, &m, text);
}

void conn_reply_errno(const struct conn *c, const char *what)
{
	char text[200];

	snprintf(text, sizeof(text), "%s: %s", what, error_words(errno));
	conn_reply(c, 128, errno, text);
}

void conn_tell_all(const struct message *m)
{
	struct list *l;

	list_each(l, &monitor->conns)
		if (list_entry(l, struct conn, link)->events)
			conn_send(list_entry(l, struct conn, link), m, NULL);
}

bool conn_is_watched(void)
{
	struct list *l;

	list_each(l, &monitor->conns)
		if (list_entry(l, struct conn, link)->events)
			return true;
	return false;
}

/* The launcher, where there is one, is no process of the container's: the daemon must know it. */
void conn_reply_started(const struct conn *c, const struct process *p)
{
	struct message m = { .type = MESSAGE_REPLY,
			     .number = p->pid,
			     .seconds = launch_launcher() };

	if (c)
		conn_send(c, &m, NULL);
}

/* Nobody is left who could have seen the ends of these. */
static void end_unseen(void)
{
	struct list *l;

	if (conn_is_watched())
		return;
	list_each(l, &monitor->execs)
		if (list_entry(l, struct process, link)->exited)
			monitor_end_clients(list_entry(l, struct process, link));
}

static void on_request(struct watch *w, uint32_t events)
{
	static struct {
		struct message m;
		char data[PROTO_MAX_DATA];
	} packet;
	struct request r = { .conn = list_entry(w, struct conn, watch) };
	ssize_t n = sock_recv_fds(w->fd, &packet, sizeof(packet), r.fds, &r.nfds, MSG_DONTWAIT);

	(void)events;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < (ssize_t)sizeof(packet.m)) {
		conn_free(r.conn);
		end_unseen();
		monitor->ended =
			monitor->ended || !monitor->plan.p; /* a daemon that dies before LAUNCH */
	} else {
		r.m = packet.m;
		r.m.exec_id[PROTO_ID_SIZE - 1] = '\0';
		r.data = packet.data;
		r.ndata = (size_t)n - sizeof(packet.m);
		request_handle(&r);
	}
	for (size_t i = 0; i < r.nfds; i++)
		mem_close_fd(&r.fds[i]);
}

void conn_new(int fd, bool events)
{
	struct conn *c = xcalloc(1, sizeof(*c));

	c->events = events;
	list_add(&monitor->conns, &c->link);
	watch_add(&c->watch, fd, EPOLLIN, on_request);
}

static void on_accept(struct watch *w, uint32_t events)
{
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC);

	(void)events;
	if (fd >= 0)
		conn_new(fd, false);
}

void conn_listen(void)
{
	const char *path = plan_get(&monitor->plan, PLAN_SOCKET);
	int fd = path ? sock_listen_unix(path, SOCK_SEQPACKET, 0600) : -1;

	if (fd >= 0)
		watch_add(&monitor->listener, fd, EPOLLIN, on_accept);
}

/* Before the exit is told: the next run of the container will have a socket of that name. */
void conn_unlisten(void)
{
	if (monitor->listener.fd < 0)
		return;
	watch_close(&monitor->listener);
	unlink(plan_get(&monitor->plan, PLAN_SOCKET));
}
