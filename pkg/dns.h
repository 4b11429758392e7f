/*
 * DNS messages (RFC 1035, and of EDNS, RFC 6891, the size alone): reading a query that nobody
 * trusts, building an answer to it, and telling whether an upstream server's answer belongs to it.
 * Pure functions on bytes: no sockets, no allocation, no state.
 */
#ifndef PKG_DNS_H
#define PKG_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_PORT 53
#define DNS_HEADER_SIZE 12
#define DNS_UDP_SIZE 512    /* bytes of an answer over UDP, when the client does not say */
#define DNS_MAX_SIZE 65535  /* of any message */
#define DNS_NAME_SIZE 256   /* a name as text, without the dot at its end, and its NUL */
#define DNS_WIRE_NAME 255   /* a name in a message */
#define DNS_REVERSE_SIZE 16 /* an address out of a reverse name: 4 or 16 bytes */

enum dns_type { DNS_TYPE_A = 1, DNS_TYPE_PTR = 12, DNS_TYPE_AAAA = 28 };
enum dns_class { DNS_CLASS_IN = 1 };
enum dns_rcode {
	DNS_NOERROR,
	DNS_FORMERR,
	DNS_SERVFAIL,
	DNS_NXDOMAIN,
	DNS_NOTIMP,
	DNS_REFUSED,
};

struct dns_query {
	uint16_t id, flags; /* flags as in the message's header */
	uint16_t type, class;
	size_t question; /* where the question ends; 0: there is none that can be repeated */
	size_t udp_size; /* the longest answer that the client takes over UDP */
	bool plain;      /* the name has no byte that the text of a name cannot show */
	char name[DNS_NAME_SIZE]; /* in small letters */
};

/*
 * Read a query: one question, without compression. 0; a dns_rcode to answer with, where q has what
 * dns_answer_begin() needs; or -1: this is no query, and gets no answer.
 */
int dns_query_parse(const void *packet, size_t n, struct dns_query *q);

/* An answer in the making, in the caller's space. */
struct dns_answer {
	unsigned char *p;
	size_t len, max; /* max: of the space, or less where the client takes less */
};

/* space: at least DNS_UDP_SIZE bytes; packet: what q was read from. */
struct dns_answer dns_answer_begin(void *space, size_t max, const void *packet,
				   const struct dns_query *q, enum dns_rcode rcode);
/* One record for the name in question. -1: no room; the answer is marked as truncated. */
int dns_answer_add(struct dns_answer *a, enum dns_type type, uint32_t ttl, const void *data,
		   size_t n);

/* Text, with or without the dot at its end, to a name in a message. Its length, or -1 and EINVAL. */
int dns_name_put(unsigned char out[DNS_WIRE_NAME], const char *text);

/*
 * The address in a name below in-addr.arpa or ip6.arpa, in small letters. AF_INET or AF_INET6, or 0:
 * the name is no (whole) address.
 */
int dns_reverse(const char *name, unsigned char addr[DNS_REVERSE_SIZE]);

/*
 * Is this an answer to that query, of which q was read, when it was sent under that id? Some servers
 * fail without repeating the question.
 */
bool dns_is_answer(const void *answer, size_t n, const void *query, const struct dns_query *q,
		   uint16_t id);
/* Of at least DNS_HEADER_SIZE bytes. */
enum dns_rcode dns_rcode(const void *answer);
bool dns_has_question(const void *answer);
void dns_set_id(void *message, uint16_t id);
/* Leave header and question alone, marked as truncated: the client asks again over TCP. New length. */
size_t dns_truncate(void *answer, const struct dns_query *q);

#endif
