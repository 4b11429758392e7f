/*
 * DNS messages. A query that is taken stays within its limits, and an answer to it reads back as one
 * that belongs to it. The same bytes are a stranger's answer too.
 * Sources: pkg/mem.c
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(int good)
{
	if (!good)
		abort();
}

static void check_answer(const uint8_t *data, const struct dns_query *q, enum dns_rcode rcode)
{
	unsigned char space[DNS_UDP_SIZE], name[DNS_WIRE_NAME];
	struct dns_answer a = dns_answer_begin(space, sizeof(space), data, q, rcode);

	while (dns_answer_add(&a, DNS_TYPE_AAAA, 600, space, 16) == 0)
		;
	check(a.len <= sizeof(space) && a.len >= DNS_HEADER_SIZE && dns_rcode(a.p) == rcode);
	if (!q->question)
		return;
	check(dns_is_answer(a.p, a.len, data, q, q->id));
	check(!dns_is_answer(a.p, a.len, data, q, (uint16_t)(q->id + 1)));
	check(dns_truncate(a.p, q) == q->question);
	if (q->plain)
		check(dns_name_put(name, q->name) == (int)(q->question - DNS_HEADER_SIZE - 4));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char asked[] = "\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1";
	unsigned char addr[DNS_REVERSE_SIZE];
	struct dns_query q, own;
	int rc = dns_query_parse(data, n, &q);

	if (rc >= 0) {
		check(q.question <= n && strlen(q.name) < DNS_NAME_SIZE && q.udp_size >= 512);
		check(rc || q.question);
		(void)dns_reverse(q.name, addr);
		check_answer(data, &q, (enum dns_rcode)rc);
	}
	check(dns_query_parse(asked, sizeof(asked) - 1, &own) == 0);
	if (dns_is_answer(data, n, asked, &own, 1)) {
		check(n >= own.question);
		(void)dns_rcode(data);
	}
	return 0;
}
