/*
 * DNS messages: see dns.h. A message is a header of six 16-bit numbers (id, flags, and how many
 * entries each of four sections has), then the sections. A name is a row of labels, each with its
 * length before it, up to an empty one; two high bits in a length make it a pointer to an earlier
 * name. A question of a query has nothing to point to, so pointers are refused there, and in the
 * records behind it names are only stepped over.
 */
#include "pkg/dns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define FLAG_QR 0x8000u /* an answer */
#define FLAG_OPCODE 0x7800u
#define FLAG_TC 0x0200u
#define FLAG_RD 0x0100u
#define FLAG_RA 0x0080u
#define FLAG_CD 0x0010u
#define FLAG_RCODE 0x000fu
#define LABEL_MAX 63
#define POINTER 0xc0
#define TYPE_OPT 41
#define RECORD_SIZE 10       /* type, class, ttl, length of the data; behind a name */
#define QUESTION_NAME 0xc00c /* a pointer to the first name behind the header */

enum { AT_ID = 0, AT_FLAGS = 2, AT_QUESTIONS = 4, AT_ANSWERS = 6, AT_AUTHORITY = 8, AT_MORE = 10 };

static uint16_t get16(const unsigned char *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(unsigned char *p, unsigned v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* One label to text, behind what is there. */
static size_t add_label(struct dns_query *q, size_t len, const unsigned char *label, size_t n)
{
	if (len)
		q->name[len++] = '.';
	for (size_t i = 0; i < n; i++) {
		if (label[i] <= ' ' || label[i] >= 0x7f || label[i] == '.')
			q->plain = false;
		q->name[len++] = lower((char)label[i]);
	}
	return len;
}

/* The name that begins at byte `at`, to q->name. The byte behind it; 0: it is not a good one. */
static size_t read_name(const unsigned char *p, size_t n, size_t at, struct dns_query *q)
{
	size_t begin = at, len = 0;

	q->plain = true;
	while (at < n && p[at]) {
		size_t label = p[at];

		/* Its length, itself, and the empty one at the end must fit. */
		if (label > LABEL_MAX || label >= n - at || at + label + 2 - begin > DNS_WIRE_NAME)
			return 0;
		len = add_label(q, len, p + at + 1, label);
		at += label + 1;
	}
	q->name[len] = '\0';
	return at < n ? at + 1 : 0;
}

/* Step over a name, which may end in a pointer. The byte behind it, or 0. */
static size_t skip_name(const unsigned char *p, size_t n, size_t at)
{
	while (at < n && p[at]) {
		if (p[at] >= POINTER)
			return n - at >= 2 ? at + 2 : 0;
		if (p[at] > LABEL_MAX || p[at] >= n - at)
			return 0;
		at += p[at] + 1u;
	}
	return at < n ? at + 1 : 0;
}

/* Step over one record; an OPT record says how much the client takes over UDP. 0: a broken one. */
static size_t skip_record(const unsigned char *p, size_t n, size_t at, struct dns_query *q)
{
	at = skip_name(p, n, at);
	if (!at || n - at < RECORD_SIZE)
		return 0;
	size_t data = get16(p + at + 8);
	if (get16(p + at) == TYPE_OPT && get16(p + at + 2) > q->udp_size)
		q->udp_size = get16(p + at + 2);
	at += RECORD_SIZE;
	return data <= n - at ? at + data : 0;
}

int dns_query_parse(const void *packet, size_t n, struct dns_query *q)
{
	const unsigned char *p = packet;
	size_t at, records;

	memset(q, 0, offsetof(struct dns_query, name) + 1);
	q->udp_size = DNS_UDP_SIZE;
	if (n < DNS_HEADER_SIZE || get16(p + AT_FLAGS) & FLAG_QR)
		return -1;
	q->id = get16(p + AT_ID);
	q->flags = get16(p + AT_FLAGS);
	if (q->flags & FLAG_OPCODE)
		return DNS_NOTIMP;
	if (get16(p + AT_QUESTIONS) != 1)
		return DNS_FORMERR;
	at = read_name(p, n, DNS_HEADER_SIZE, q);
	if (!at || n - at < 4)
		return DNS_FORMERR;
	q->type = get16(p + at);
	q->class = get16(p + at + 2);
	q->question = at += 4;
	records = (size_t)get16(p + AT_ANSWERS) + get16(p + AT_AUTHORITY) + get16(p + AT_MORE);
	while (records--) {
		at = skip_record(p, n, at, q);
		if (!at)
			return DNS_FORMERR;
	}
	return 0;
}

struct dns_answer dns_answer_begin(void *space, size_t max, const void *packet,
				   const struct dns_query *q, enum dns_rcode rcode)
{
	struct dns_answer a = { .p = space, .len = DNS_HEADER_SIZE, .max = max };

	memset(a.p, 0, DNS_HEADER_SIZE);
	put16(a.p + AT_ID, q->id);
	put16(a.p + AT_FLAGS,
	      FLAG_QR | (q->flags & (FLAG_OPCODE | FLAG_RD | FLAG_CD)) | FLAG_RA | (unsigned)rcode);
	if (q->question) {
		put16(a.p + AT_QUESTIONS, 1);
		memcpy(a.p + a.len, (const unsigned char *)packet + a.len, q->question - a.len);
		a.len = q->question;
	}
	return a;
}

int dns_answer_add(struct dns_answer *a, enum dns_type type, uint32_t ttl, const void *data,
		   size_t n)
{
	unsigned char *at = a->p + a->len;

	if (2 + RECORD_SIZE + n > a->max - a->len) {
		put16(a->p + AT_FLAGS, get16(a->p + AT_FLAGS) | FLAG_TC);
		return -1;
	}
	put16(at, QUESTION_NAME);
	put16(at + 2, type);
	put16(at + 4, DNS_CLASS_IN);
	put16(at + 6, ttl >> 16);
	put16(at + 8, ttl & 0xffff);
	put16(at + 10, (unsigned)n);
	memcpy(at + 2 + RECORD_SIZE, data, n);
	a->len += 2 + RECORD_SIZE + n;
	put16(a->p + AT_ANSWERS, get16(a->p + AT_ANSWERS) + 1u);
	return 0;
}

int dns_name_put(unsigned char out[DNS_WIRE_NAME], const char *text)
{
	size_t len = 0;

	while (*text) {
		size_t label = strcspn(text, ".");

		if (!label || label > LABEL_MAX || len + label + 2 > DNS_WIRE_NAME) {
			errno = EINVAL;
			return -1;
		}
		out[len] = (unsigned char)label;
		memcpy(out + len + 1, text, label);
		len += label + 1;
		text += label + (text[label] == '.');
	}
	out[len++] = 0;
	return (int)len;
}

/* "4.3.2.1.in-addr.arpa": the bytes backwards, in decimal. */
static int reverse4(const char *name, size_t n, unsigned char addr[4])
{
	for (int i = 3; i >= 0; i--) {
		unsigned v = 0, digits = 0;

		for (; n && *name >= '0' && *name <= '9' && digits < 3; digits++, n--)
			v = v * 10 + (unsigned)(*name++ - '0');
		if (!digits || v > 255 || (i ? !n || *name != '.' : n))
			return 0;
		addr[i] = (unsigned char)v;
		if (i) {
			name++;
			n--;
		}
	}
	return AF_INET;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "1.0.0...ip6.arpa": the 32 half bytes backwards, in hexadecimal. */
static int reverse6(const char *name, size_t n, unsigned char addr[16])
{
	if (n != 63)
		return 0;
	for (int i = 0; i < 32; i++) {
		int v = hex_digit(name[2 * i]);

		if (v < 0 || (i < 31 && name[2 * i + 1] != '.'))
			return 0;
		if (i % 2)
			addr[15 - i / 2] = (unsigned char)(addr[15 - i / 2] | v << 4);
		else
			addr[15 - i / 2] = (unsigned char)v;
	}
	return AF_INET6;
}

int dns_reverse(const char *name, unsigned char addr[DNS_REVERSE_SIZE])
{
	static const char v4[] = ".in-addr.arpa", v6[] = ".ip6.arpa";
	size_t n = strlen(name);

	if (n >= sizeof(v4) && strcmp(name + n - (sizeof(v4) - 1), v4) == 0)
		return reverse4(name, n - (sizeof(v4) - 1), addr);
	if (n >= sizeof(v6) && strcmp(name + n - (sizeof(v6) - 1), v6) == 0)
		return reverse6(name, n - (sizeof(v6) - 1), addr);
	return 0;
}

bool dns_has_question(const void *answer)
{
	return get16((const unsigned char *)answer + AT_QUESTIONS) != 0;
}

/* Of the server, and not of the name: that one has to be said. */
static bool is_failure(enum dns_rcode rcode)
{
	return rcode != DNS_NOERROR && rcode != DNS_NXDOMAIN;
}

bool dns_is_answer(const void *answer, size_t n, const void *query, const struct dns_query *q,
		   uint16_t id)
{
	const unsigned char *a = answer, *b = query;

	if (n < DNS_HEADER_SIZE || get16(a + AT_ID) != id ||
	    (get16(a + AT_FLAGS) & (FLAG_QR | FLAG_OPCODE)) != FLAG_QR)
		return false;
	if (!dns_has_question(a))
		return is_failure(dns_rcode(a));
	if (n < q->question || get16(a + AT_QUESTIONS) != 1)
		return false;
	/* Lengths of labels are below 'A', and type and class cannot be told from letters: exactly. */
	for (size_t i = DNS_HEADER_SIZE; i < q->question - 4; i++)
		if (lower((char)a[i]) != lower((char)b[i]))
			return false;
	return memcmp(a + q->question - 4, b + q->question - 4, 4) == 0;
}

enum dns_rcode dns_rcode(const void *answer)
{
	return get16((const unsigned char *)answer + AT_FLAGS) & FLAG_RCODE;
}

void dns_set_id(void *message, uint16_t id)
{
	put16((unsigned char *)message + AT_ID, id);
}

size_t dns_truncate(void *answer, const struct dns_query *q)
{
	unsigned char *p = answer;

	put16(p + AT_FLAGS, get16(p + AT_FLAGS) | FLAG_TC);
	memset(p + AT_ANSWERS, 0, DNS_HEADER_SIZE - AT_ANSWERS);
	return q->question;
}
