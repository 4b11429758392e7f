/*
 * The resolver of a container: see resolver.h. Here: its life, queries over UDP, and answers from
 * what we know. Queries come from programs that nobody trusts: each costs a bounded amount of work
 * and memory, and nothing is kept of it but what waits for another server.
 */
#include "dockerinit/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "dockerinit/netns.h"
#include "pkg/mem.h"

#define READS 64                  /* queries at one wake-up: streams and requests wait as long */
#define UDP_ANSWER_MAX 65507      /* that a datagram can carry */
#define ADDRESSES_MAX (64 * 1024) /* bytes: more than an answer holds */

static struct {
	char *config; /* NULL: no resolver */
	int ns;
	struct watch udp, tcp, timer;
	int64_t alarm; /* when the timer is due; 0: it is not set */
} self = { .ns = -1, .udp = { .fd = -1 }, .tcp = { .fd = -1 }, .timer = { .fd = -1 } };

int resolver_namespace(void)
{
	return self.ns;
}

/* ---- answers ---- */

/*
 * The address that was asked answers. It has to be said each time: a socket that was bound before the
 * namespace had any address does not remember its own as a source.
 */
static void send_datagram(const struct sockaddr_in *to, const void *p, size_t n)
{
	struct iovec part = { (void *)p, n };
	union {
		char space[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr aligned;
	} control = { 0 };
	struct msghdr m = { .msg_name = (void *)to,
			    .msg_namelen = sizeof(*to),
			    .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control.space) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	struct in_pktinfo info = { .ipi_spec_dst.s_addr = htonl(RESOLVER_ADDRESS) };

	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	/* A client that does not read loses its answers, as on any network. */
	(void)sendmsg(self.udp.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void resolver_reply(const struct resolver_from *from, const struct dns_query *q, void *answer,
		    size_t n)
{
	if (from->tcp) {
		tcp_reply(from->tcp, answer, n);
		return;
	}
	if (q->question && (n > q->udp_size || n > UDP_ANSWER_MAX))
		n = dns_truncate(answer, q);
	send_datagram(&from->addr, answer, n);
}

static unsigned random_below(unsigned n)
{
	static uint32_t seed; /* of an order that nobody needs to guess */

	if (!seed && getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed = (uint32_t)time(NULL);
	seed = seed * 1664525u + 1013904223u;
	return (unsigned)((uint64_t)seed * n >> 32);
}

/* Everyone takes the first address: let each answer have another one there. */
static void shuffle(unsigned char *p, size_t n, size_t size)
{
	unsigned char kept[16];

	for (size_t i = n; i > 1; i--) {
		unsigned char *a = p + size * (i - 1), *b = p + size * random_below((unsigned)i);

		memcpy(kept, a, size);
		memmove(a, b, size);
		memcpy(b, kept, size);
	}
}

/* The space of the answer at hand; the kernel gives as much of it as is used. */
static unsigned char answer_space[DNS_MAX_SIZE];

static struct dns_answer begin_answer(const struct resolver_from *from, const void *packet,
				      const struct dns_query *q, enum dns_rcode rcode)
{
	size_t max = q->udp_size < UDP_ANSWER_MAX ? q->udp_size : UDP_ANSWER_MAX;

	return dns_answer_begin(answer_space, from->tcp ? DNS_MAX_SIZE : max, packet, q, rcode);
}

static bool answer_name(const struct resolver_from *from, const void *packet,
			const struct dns_query *q)
{
	const int family = q->type == DNS_TYPE_A      ? AF_INET
			   : q->type == DNS_TYPE_AAAA ? AF_INET6
						      : 0;
	const size_t size = family == AF_INET ? 4 : 16;
	autobuf struct buf addrs = BUF_INIT(ADDRESSES_MAX);
	struct dns_answer a;

	if (!names_find(q->name, family, &addrs))
		return false;
	a = begin_answer(from, packet, q, DNS_NOERROR);
	shuffle((unsigned char *)addrs.p, addrs.len / size, size);
	for (size_t i = 0; i < addrs.len; i += size)
		if (dns_answer_add(&a, q->type, RESOLVER_TTL, addrs.p + i, size) < 0)
			break;
	resolver_reply(from, q, a.p, a.len);
	return true;
}

static bool answer_reverse(const struct resolver_from *from, const void *packet,
			   const struct dns_query *q)
{
	unsigned char addr[DNS_REVERSE_SIZE], target[DNS_WIRE_NAME];
	int family = dns_reverse(q->name, addr), n;
	autofree char *name = family ? names_reverse(family, addr) : NULL;
	struct dns_answer a;

	n = name ? dns_name_put(target, name) : -1;
	if (n < 0)
		return false;
	a = begin_answer(from, packet, q, DNS_NOERROR);
	if (q->type == DNS_TYPE_PTR)
		(void)dns_answer_add(&a, DNS_TYPE_PTR, RESOLVER_TTL, target, (size_t)n);
	resolver_reply(from, q, a.p, a.len);
	return true;
}

static void answer_empty(const struct resolver_from *from, const void *packet,
			 const struct dns_query *q, enum dns_rcode rcode)
{
	struct dns_answer a = begin_answer(from, packet, q, rcode);

	resolver_reply(from, q, a.p, a.len);
}

/* The client's search list has more to try, where it was set so that such names are tried as they are. */
static bool is_unqualified(const struct dns_query *q)
{
	return names_ndots() && (q->type == DNS_TYPE_A || q->type == DNS_TYPE_AAAA) &&
	       !strchr(q->name, '.');
}

int resolver_handle(const struct resolver_from *from, const unsigned char *packet, size_t n)
{
	struct dns_query q;
	int rc = dns_query_parse(packet, n, &q);

	if (rc < 0)
		return -1;
	if (rc > 0) {
		answer_empty(from, packet, &q, (enum dns_rcode)rc);
		return 0;
	}
	names_refresh(self.config);
	if (q.class == DNS_CLASS_IN && q.plain &&
	    (answer_name(from, packet, &q) || answer_reverse(from, packet, &q)))
		return 0;
	if (is_unqualified(&q))
		answer_empty(from, packet, &q, DNS_NOERROR);
	else
		forward_query(from, packet, n, &q);
	return 0;
}

/* ---- queries over UDP ---- */

static void on_udp(struct watch *w, uint32_t events)
{
	static unsigned char packet[RESOLVER_QUERY_MAX + 1]; /* one thread, one query at a time */

	(void)events;
	for (int i = 0; i < READS; i++) {
		struct resolver_from from = { 0 };
		socklen_t size = sizeof(from.addr);
		ssize_t n = recvfrom(w->fd, packet, sizeof(packet), MSG_DONTWAIT,
				     (struct sockaddr *)&from.addr, &size);

		if (n < 0)
			return; /* none is left */
		if (n <= RESOLVER_QUERY_MAX)
			(void)resolver_handle(&from, packet,
					      (size_t)n); /* not a query: no answer */
	}
}

/* ---- time ---- */

int64_t resolver_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void on_timer(struct watch *w, uint32_t events)
{
	int64_t now = resolver_now(), next;
	uint64_t times;

	(void)events;
	if (read(w->fd, &times, sizeof(times)) < 0)
		return; /* set anew meanwhile */
	self.alarm = 0;
	next = forward_expire(now);
	if (next)
		resolver_alarm(next);
	next = tcp_expire(now);
	if (next)
		resolver_alarm(next);
}

void resolver_alarm(int64_t at)
{
	struct itimerspec t = { .it_value = { at / 1000, at % 1000 * 1000000 } };

	if (self.alarm && self.alarm <= at)
		return;
	if (self.timer.fd < 0) {
		int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

		if (fd < 0)
			return; /* no descriptor is left: clients know how long to wait */
		watch_add(&self.timer, fd, EPOLLIN, on_timer);
	}
	self.alarm = at;
	timerfd_settime(self.timer.fd, TFD_TIMER_ABSTIME, &t, NULL);
}

/* ---- life ---- */

int resolver_start(const struct plan *plan, pid_t pid, struct error *err)
{
	const char *config = plan_get(plan, PLAN_DNS);
	struct resolver_sockets s;
	autoclose int ns = -1;

	if (!config || self.config)
		return 0;
	if (access(config, R_OK) < 0)
		return error_sys(err, "the resolver's configuration %s", config);
	ns = netns_open(pid);
	if (ns < 0)
		return error_sys(err, "opening the container's network namespace");
	if (netns_is_ours(
		    ns)) /* our rules there would lead the host's own queries to a container */
		return error_set(err, ERR_INTERNAL,
				 "starting the resolver: the container has no network of its own");
	if (resolver_setup(ns, &s, err) < 0)
		return error_prefix(err, "starting the resolver");
	self.config = xstrdup(config); /* the plan of a change goes */
	self.ns = take_fd(&ns);
	watch_add(&self.udp, s.udp, EPOLLIN, on_udp);
	watch_add(&self.tcp, s.tcp, EPOLLIN, tcp_accept);
	return 0;
}

void resolver_stop(void)
{
	if (!self.config)
		return;
	watch_close(&self.udp);
	watch_close(&self.tcp);
	forward_stop();
	tcp_stop();
	watch_close(&self.timer);
	mem_close_fd(&self.ns);
	mem_free_ptr(&self.config);
	self.config = NULL;
}
