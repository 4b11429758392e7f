/*
 * Netlink transport and message building; the requests themselves are in netlink_route.c.
 *
 * The kernel works on a request inside send(2): when that returns, every answer is in the socket's
 * queue. So answers are collected without waiting, and a sequence number taken from the clock tells
 * them from leftovers of an exchange that broke off.
 */
#include "pkg/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_SIZE 2048 /* acks; one that quotes a long request is cut, which does no harm */
#define DUMP_SIZE 32768  /* the most that the kernel puts into one datagram of a dump */

int netlink_open_proto(int protocol)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
}

int netlink_open(void)
{
	return netlink_open_proto(NETLINK_ROUTE);
}

struct nl_msg nl_msg_in(void *space, size_t size)
{
	return (struct nl_msg){ .p = space, .cap = size };
}

/* Room for n bytes and their padding, zeroed; NULL when it does not fit. */
static unsigned char *room(struct nl_msg *m, size_t n)
{
	size_t padded = NLMSG_ALIGN(n);

	if (m->full || n > m->cap || padded > m->cap - m->len) {
		m->full = true;
		return NULL;
	}
	unsigned char *at = m->p + m->len;
	memset(at, 0, padded);
	m->len += padded;
	((struct nlmsghdr *)(m->p + m->start))->nlmsg_len = (uint32_t)(m->len - m->start);
	return at;
}

void nl_begin(struct nl_msg *m, int type, int flags, const void *head, size_t n)
{
	if (m->full || m->cap - m->len < NLMSG_HDRLEN) {
		m->full = true;
		return;
	}
	m->start = m->len;
	struct nlmsghdr *h = (struct nlmsghdr *)room(m, NLMSG_HDRLEN);
	h->nlmsg_type = (uint16_t)type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nl_put_raw(m, head, n);
}

void nl_put_raw(struct nl_msg *m, const void *p, size_t n)
{
	unsigned char *at = room(m, n);

	if (at && n)
		memcpy(at, p, n);
}

void nl_put(struct nl_msg *m, int type, const void *p, size_t n)
{
	if (n > UINT16_MAX - NLA_HDRLEN) {
		m->full = true;
		return;
	}
	struct nlattr *a = (struct nlattr *)room(m, NLA_HDRLEN + n);
	if (!a)
		return;
	a->nla_type = (uint16_t)type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + n);
	if (n)
		memcpy((unsigned char *)a + NLA_HDRLEN, p, n);
}

void nl_put_str(struct nl_msg *m, int type, const char *s)
{
	nl_put(m, type, s, strlen(s) + 1);
}

void nl_put_u8(struct nl_msg *m, int type, uint8_t v)
{
	nl_put(m, type, &v, sizeof(v));
}

void nl_put_u16(struct nl_msg *m, int type, uint16_t v)
{
	nl_put(m, type, &v, sizeof(v));
}

void nl_put_u32(struct nl_msg *m, int type, uint32_t v)
{
	nl_put(m, type, &v, sizeof(v));
}

void nl_put_be32(struct nl_msg *m, int type, uint32_t v)
{
	unsigned char be[4] = { (unsigned char)(v >> 24), (unsigned char)(v >> 16),
				(unsigned char)(v >> 8), (unsigned char)v };

	nl_put(m, type, be, sizeof(be));
}

size_t nl_nest(struct nl_msg *m, int type)
{
	size_t at = m->len;

	nl_put(m, type, NULL, 0);
	return at;
}

void nl_nest_end(struct nl_msg *m, size_t nest)
{
	if (m->full)
		return;
	size_t n = m->len - nest;
	if (n > UINT16_MAX)
		m->full = true;
	else
		((struct nlattr *)(m->p + nest))->nla_len = (uint16_t)n;
}

/* Number the messages from seq on; returns how many answers they ask for. */
static int number_messages(struct nl_msg *m, uint32_t seq)
{
	int acks = 0;

	for (size_t at = 0; at < m->len;) {
		struct nlmsghdr *h = (struct nlmsghdr *)(m->p + at);
		h->nlmsg_seq = seq++;
		acks += (h->nlmsg_flags & NLM_F_ACK) != 0;
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
	return acks;
}

static uint32_t fresh_seq(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint32_t)t.tv_sec * 1000000000u + (uint32_t)t.tv_nsec;
}

/* Number and send; *acks is how many answers to expect, and their sequence begins with *seq. */
static int send_messages(int sock, struct nl_msg *m, uint32_t *seq, int *acks)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n;

	if (m->full) {
		errno = EMSGSIZE;
		return -1;
	}
	*seq = fresh_seq();
	*acks = number_messages(m, *seq);
	do
		n = sendto(sock, m->p, m->len, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

static ssize_t receive(int sock, void *p, size_t size, int flags)
{
	ssize_t n;

	do
		n = recv(sock, p, size, flags);
	while (n < 0 && errno == EINTR);
	return n;
}

/* The errno that an NLMSG_ERROR or NLMSG_DONE carries; 0 is success. */
static int answer_errno(const struct nlmsghdr *h)
{
	int code = 0;

	if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(code)))
		memcpy(&code, NLMSG_DATA(h), sizeof(code));
	return -code;
}

/* What the answers to one nl_call_at() add up to. */
struct answers {
	uint32_t seq; /* of the first message */
	int acks;     /* answers seen */
	int error;    /* errno of the first failure */
	int failed;   /* the number of its message */
};

/* A datagram may hold several answers; the last may be cut short, its head and code are whole. */
static void count_answers(struct answers *a, const unsigned char *p, size_t n)
{
	while (n >= NLMSG_LENGTH(sizeof(int))) {
		const struct nlmsghdr *h = (const struct nlmsghdr *)p;
		uint32_t number = h->nlmsg_seq - a->seq;
		if (h->nlmsg_type == NLMSG_ERROR && number < INT32_MAX) {
			int error = answer_errno(h);
			a->acks += error == 0;
			if (error && !a->error) {
				a->error = error;
				a->failed = (int)number;
			}
		}
		size_t step = NLMSG_ALIGN(h->nlmsg_len);
		if (step < NLMSG_HDRLEN || step >= n)
			break;
		p += step;
		n -= step;
	}
}

int nl_call_at(int sock, struct nl_msg *m, int *failed)
{
	_Alignas(struct nlmsghdr) unsigned char in[ANSWER_SIZE];
	struct answers a = { 0 };
	int wanted;
	ssize_t n;

	if (failed)
		*failed = 0;
	if (send_messages(sock, m, &a.seq, &wanted) < 0)
		return -1;
	while ((n = receive(sock, in, sizeof(in), MSG_DONTWAIT)) > 0)
		count_answers(&a, in, (size_t)n);
	if (n < 0 && errno != EAGAIN)
		return -1;
	if (!a.error && a.acks >= wanted)
		return 0;
	if (failed)
		*failed = a.failed;
	errno = a.error ? a.error : EPROTO;
	return -1;
}

int nl_call(int sock, struct nl_msg *m)
{
	return nl_call_at(sock, m, NULL);
}

struct dump {
	uint32_t seq;
	int (*each)(const struct nlmsghdr *h, void *arg);
	void *arg;
	int result; /* of each(); not 0: only the end of the list is still awaited */
	int error;
	bool done;
};

static void dump_message(struct dump *d, const struct nlmsghdr *h)
{
	if (h->nlmsg_seq != d->seq)
		return;
	if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
		d->error = answer_errno(h);
		d->done = true;
	} else if (d->result == 0 && h->nlmsg_type >= NLMSG_MIN_TYPE) {
		d->result = d->each(h, d->arg);
	}
}

static int dump_datagram(struct dump *d, const unsigned char *p, size_t n)
{
	while (n >= NLMSG_HDRLEN && !d->done) {
		const struct nlmsghdr *h = (const struct nlmsghdr *)p;
		if (h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > n) {
			errno = EMSGSIZE;
			return -1;
		}
		dump_message(d, h);
		size_t step = NLMSG_ALIGN(h->nlmsg_len);
		if (step >= n)
			break;
		p += step;
		n -= step;
	}
	return 0;
}

int nl_dump(int sock, struct nl_msg *m, int (*each)(const struct nlmsghdr *h, void *arg), void *arg)
{
	_Alignas(struct nlmsghdr) unsigned char in[DUMP_SIZE];
	struct dump d = { .each = each, .arg = arg };
	int acks;

	if (send_messages(sock, m, &d.seq, &acks) < 0)
		return -1;
	while (!d.done) {
		ssize_t n = receive(sock, in, sizeof(in), 0);
		if (n < 0 || dump_datagram(&d, in, (size_t)n) < 0)
			return -1;
	}
	if (d.error) {
		errno = d.error;
		return -1;
	}
	return d.result;
}

void nl_attrs(const void *p, size_t n, const struct nlattr **tb, int max)
{
	const unsigned char *at = p;

	memset(tb, 0, sizeof(*tb) * ((size_t)max + 1));
	while (n >= NLA_HDRLEN) {
		const struct nlattr *a = (const struct nlattr *)at;
		if (a->nla_len < NLA_HDRLEN || a->nla_len > n)
			break;
		int type = a->nla_type & NLA_TYPE_MASK;
		if (type <= max)
			tb[type] = a;
		size_t step = NLA_ALIGN(a->nla_len);
		if (step >= n)
			break;
		at += step;
		n -= step;
	}
}

size_t nl_attr_len(const struct nlattr *a)
{
	return a ? (size_t)a->nla_len - NLA_HDRLEN : 0;
}

const void *nl_attr_data(const struct nlattr *a)
{
	return a ? (const unsigned char *)a + NLA_HDRLEN : NULL;
}

uint32_t nl_attr_u32(const struct nlattr *a)
{
	uint32_t v = 0;

	if (nl_attr_len(a) >= sizeof(v))
		memcpy(&v, nl_attr_data(a), sizeof(v));
	return v;
}

void nl_attr_str(const struct nlattr *a, char *out, size_t size)
{
	size_t n = nl_attr_len(a);

	if (n >= size)
		n = size - 1;
	if (n)
		memcpy(out, nl_attr_data(a), n);
	out[n] = '\0';
}
