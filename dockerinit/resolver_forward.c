/*
 * Queries that are not ours go to the servers of the configuration, one after the other, the way they
 * came: over UDP or TCP. Each has a connected socket of its own, whose port the kernel chooses by
 * chance, and an id by chance; what does not match in id and question is no answer. A server that
 * does not answer in time, cannot be reached, or fails is followed by the next one.
 *
 * So many are asked at a time over UDP; the queries of a burst wait for their turn here, and not in
 * the socket that they come by, where those that we can answer ourselves would wait behind them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dockerinit/netns.h"
#include "dockerinit/resolver.h"
#include "pkg/mem.h"

#define TIMEOUT 2000      /* milliseconds, of each server */
#define IN_FLIGHT_MAX 256 /* over UDP; over TCP there are as many as there are clients */
#define PATIENCE 4000     /* milliseconds that one waits to be asked: soon its client asks again */
#define WAITING_MAX (2 * 1024 * 1024) /* bytes */
#define READS 16                      /* datagrams at one wake-up that are no answer */
#define TCP_MESSAGE_MAX (2 + DNS_MAX_SIZE)

struct forward {
	struct list link; /* by deadline */
	struct watch watch;
	struct resolver_from from;
	struct dns_query q;
	enum dns_rcode failure; /* what the last server said that answered */
	uint16_t id;            /* ours */
	size_t server;          /* the next to ask */
	int64_t deadline;
	bool waits;
	struct buf out, in; /* over TCP */
	size_t n;
	unsigned char packet[];
};

static struct {
	struct list asked, waiting;
	size_t in_flight, waiting_size; /* over UDP */
	bool fills;
} self = { .asked = { &self.asked, &self.asked }, .waiting = { &self.waiting, &self.waiting } };

static unsigned char answer_space[DNS_MAX_SIZE]; /* one thread, one answer at a time */

static void disconnect(struct forward *f)
{
	if (f->watch.fd >= 0 && f->from.tcp)
		shutdown(f->watch.fd, SHUT_RDWR); /* a launcher may have a copy */
	watch_close(&f->watch);
	list_del(&f->link);
	buf_reset(&f->in);
	buf_reset(&f->out);
}

static size_t size_of(const struct forward *f)
{
	return sizeof(*f) + f->n;
}

static void ask_next(struct forward *f);

/* Ask for those whose turn it is. Where that fails at once, the next one's turn is here, not below. */
static void fill(void)
{
	if (self.fills)
		return;
	self.fills = true;
	while (self.in_flight < IN_FLIGHT_MAX && !list_is_empty(&self.waiting)) {
		struct forward *f = list_entry(self.waiting.next, struct forward, link);

		f->waits = false;
		self.waiting_size -= size_of(f);
		self.in_flight++;
		ask_next(f);
	}
	self.fills = false;
	if (!list_is_empty(&self.waiting))
		resolver_alarm(list_entry(self.waiting.next, struct forward, link)->deadline);
}

void forward_cancel(struct forward *f)
{
	disconnect(f);
	if (f->from.tcp)
		tcp_set_forward(f->from.tcp, NULL);
	else if (f->waits)
		self.waiting_size -= size_of(f);
	else
		self.in_flight--;
	buf_done(&f->in);
	buf_done(&f->out);
	free(f);
}

/* Its answer, and its end. */
static void finish(struct forward *f, void *answer, size_t n)
{
	struct resolver_from from = f->from;
	struct dns_query q = f->q;

	dns_set_id(answer, q.id);
	forward_cancel(f);
	resolver_reply(&from, &q, answer, n);
	fill(); /* now that the answer's space is free */
}

static void give_up(struct forward *f)
{
	struct dns_answer a =
		dns_answer_begin(answer_space, DNS_UDP_SIZE, f->packet, &f->q, f->failure);

	finish(f, a.p, a.len);
}

static void on_udp(struct watch *w, uint32_t events);
static void on_tcp(struct watch *w, uint32_t events);

static int connect_to(int fd, const struct resolver_server *s)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(DNS_PORT) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(DNS_PORT) };

	memcpy(&in.sin_addr, s->addr, sizeof(in.sin_addr));
	memcpy(&in6.sin6_addr, s->addr, sizeof(in6.sin6_addr));
	if (s->family == AF_INET)
		return connect(fd, (const struct sockaddr *)&in, sizeof(in));
	return connect(fd, (const struct sockaddr *)&in6, sizeof(in6));
}

static int ask_over_udp(struct forward *f, int *fd)
{
	if (send(*fd, f->packet, f->n, MSG_NOSIGNAL) < 0)
		return -1;
	watch_add(&f->watch, take_fd(fd), EPOLLIN, on_udp);
	return 0;
}

static int ask_over_tcp(struct forward *f, int *fd)
{
	const unsigned char length[2] = { (unsigned char)(f->n >> 8), (unsigned char)f->n };

	if (buf_add(&f->out, length, sizeof(length)) < 0 || buf_add(&f->out, f->packet, f->n) < 0)
		return -1;
	watch_add(&f->watch, take_fd(fd), EPOLLOUT, on_tcp);
	return 0;
}

static int ask(struct forward *f, const struct resolver_server *s)
{
	const int type = (f->from.tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK;
	autoclose int fd = netns_socket(s->host ? -1 : resolver_namespace(), s->family, type, 0);

	if (fd < 0 || getrandom(&f->id, sizeof(f->id), GRND_NONBLOCK) != sizeof(f->id))
		return -1;
	if (connect_to(fd, s) < 0 && errno != EINPROGRESS)
		return -1;
	dns_set_id(f->packet, f->id);
	return f->from.tcp ? ask_over_tcp(f, &fd) : ask_over_udp(f, &fd);
}

/* The next server that can be asked, or the end. */
static void ask_next(struct forward *f)
{
	const struct resolver_server *s;

	disconnect(f);
	while ((s = names_server(f->server))) {
		f->server++;
		if (ask(f, s) < 0) {
			disconnect(f);
			continue;
		}
		f->deadline = resolver_now() + TIMEOUT;
		list_add(&self.asked, &f->link);
		resolver_alarm(f->deadline);
		return;
	}
	give_up(f);
}

/* A whole message came. false: it is not the answer. */
static bool take_answer(struct forward *f, unsigned char *p, size_t n)
{
	enum dns_rcode rcode;
	bool fails;

	if (!dns_is_answer(p, n, f->packet, &f->q, f->id))
		return false;
	rcode = dns_rcode(p);
	fails = rcode == DNS_SERVFAIL || rcode == DNS_REFUSED;
	/* A client may not know an answer without its question: it gets one of ours. */
	if (!dns_has_question(p) || (fails && names_server(f->server))) {
		f->failure = rcode;
		ask_next(f);
	} else {
		finish(f, p, n);
	}
	return true;
}

static void on_udp(struct watch *w, uint32_t events)
{
	struct forward *f = list_entry(w, struct forward, watch);

	(void)events;
	for (int i = 0; i < READS; i++) {
		ssize_t n = recv(w->fd, answer_space, sizeof(answer_space), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) { /* nobody is there */
			ask_next(f);
			return;
		}
		if (take_answer(f, answer_space, (size_t)n))
			return;
	}
}

static bool is_again(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* false: the connection is of no use. */
static bool send_query(struct forward *f)
{
	ssize_t n = send(f->watch.fd, f->out.p, f->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0)
		return is_again(n);
	buf_drop(&f->out, (size_t)n);
	if (!f->out.len)
		watch_set(&f->watch, EPOLLIN);
	return true;
}

static bool read_answer(struct forward *f)
{
	unsigned char *p;
	size_t want = 2;
	ssize_t n;

	/* Its length first, so that no more is kept than there is. */
	if (f->in.len >= 2) {
		p = (unsigned char *)f->in.p;
		want += (size_t)(p[0] << 8 | p[1]);
	}
	n = buf_read(&f->in, f->watch.fd, want - f->in.len);
	if (n <= 0)
		return is_again(n);
	p = (unsigned char *)f->in.p;
	if (f->in.len < 2)
		return true;
	want = 2 + (size_t)(p[0] << 8 | p[1]);
	if (f->in.len < want)
		return true;
	memcpy(answer_space, p + 2, want - 2);
	return take_answer(f, answer_space, want - 2);
}

static void on_tcp(struct watch *w, uint32_t events)
{
	struct forward *f = list_entry(w, struct forward, watch);

	(void)events;
	if (!(f->out.len ? send_query(f) : read_answer(f)))
		ask_next(f);
}

static struct forward *forward_new(const struct resolver_from *from, const unsigned char *packet,
				   size_t n, const struct dns_query *q)
{
	struct forward *f = xcalloc(1, sizeof(*f) + n);

	list_init(&f->link);
	f->watch = WATCH_INIT;
	f->from = *from;
	f->q = *q;
	f->failure = DNS_SERVFAIL;
	f->in = f->out = BUF_INIT(TCP_MESSAGE_MAX);
	f->n = n;
	memcpy(f->packet, packet, n);
	return f;
}

/* Where there is no room to wait, it fails at once. */
static void wait_for_turn(struct forward *f)
{
	bool room = size_of(f) <= WAITING_MAX - self.waiting_size;

	f->waits = true;
	f->deadline = resolver_now() + PATIENCE;
	list_add(&self.waiting, &f->link);
	self.waiting_size += size_of(f);
	if (!room)
		give_up(f);
}

void forward_query(const struct resolver_from *from, const unsigned char *packet, size_t n,
		   const struct dns_query *q)
{
	struct forward *f = forward_new(from, packet, n, q);

	if (from->tcp) {
		tcp_set_forward(from->tcp, f);
		ask_next(f);
		return;
	}
	wait_for_turn(f);
	fill();
}

/* When the first of those ends that are left; 0: there is none. */
static int64_t expire(struct list *all, int64_t now, void (*end)(struct forward *f))
{
	while (!list_is_empty(all)) {
		struct forward *f = list_entry(all->next, struct forward, link);

		if (f->deadline > now)
			return f->deadline;
		end(f);
	}
	return 0;
}

int64_t forward_expire(int64_t now)
{
	int64_t turn = expire(&self.waiting, now, give_up);
	int64_t answer = expire(&self.asked, now, ask_next);

	return !turn || (answer && answer < turn) ? answer : turn;
}

void forward_stop(void)
{
	while (!list_is_empty(&self.waiting))
		forward_cancel(list_entry(self.waiting.next, struct forward, link));
	while (!list_is_empty(&self.asked))
		forward_cancel(list_entry(self.asked.next, struct forward, link));
}
