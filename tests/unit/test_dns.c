/* DNS messages: what is taken as a query, what answers look like, and which answers are believed. */
#include <arpa/inet.h>
#include <string.h>

#include "pkg/dns.h"
#include "pkg/mem.h"
#include "tests/unit/unit.h"

#define HEAD "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
#define HEAD_MORE "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01"
#define OPT_4096 "\0\0\x29\x10\0\0\0\0\0\0\0"
#define BYTES(s) (s), sizeof(s) - 1

/* On the heap, so that a sanitizer watches its end. */
static int parse(const void *p, size_t n, struct dns_query *q)
{
	autofree unsigned char *copy = xmalloc(n + 1);

	memcpy(copy, p, n);
	copy = xrealloc(copy, n ? n : 1);
	return dns_query_parse(copy, n, q);
}

static void reads_queries(void **state)
{
	struct dns_query q;

	(void)state;
	assert_int_equal(parse(BYTES(HEAD "\3Web\3net\0\0\1\0\1"), &q), 0);
	assert_string_equal(q.name, "web.net");
	assert_true(q.plain);
	assert_int_equal(q.id, 0x1234);
	assert_int_equal(q.type, DNS_TYPE_A);
	assert_int_equal(q.class, DNS_CLASS_IN);
	assert_int_equal(q.question, 12 + 9 + 4);
	assert_int_equal(q.udp_size, 512);
	assert_int_equal(parse(BYTES(HEAD "\0\0\1\0\1"), &q), 0);
	assert_string_equal(q.name, "");
	assert_int_equal(parse(BYTES(HEAD_MORE "\1a\0\0\x1c\0\1" OPT_4096), &q), 0);
	assert_int_equal(q.udp_size, 4096);
	assert_int_equal(q.type, DNS_TYPE_AAAA);
	/* A size below the least that everyone takes, and a name of a record that is a pointer. */
	assert_int_equal(parse(BYTES(HEAD_MORE "\1a\0\0\1\0\1\xc0\x0c\0\x29\0\x10\0\0\0\0\0\0"),
			       &q),
			 0);
	assert_int_equal(q.udp_size, 512);
	assert_int_equal(parse(BYTES(HEAD "\3a.b\0\0\1\0\1"), &q), 0);
	assert_false(q.plain);
	assert_int_equal(parse(BYTES(HEAD "\2a\0\0\0\1\0\1"), &q), 0);
	assert_false(q.plain);
}

static void refuses_others(void **state)
{
	static const struct {
		const char *p;
		size_t n;
		int rc;
	} cases[] = {
		{ BYTES(""), -1 },
		{ BYTES("\x12\x34\x01\0\0\1\0\0\0\0\0"), -1 },
		{ BYTES("\x12\x34\x81\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1"), -1 }, /* an answer */
		{ BYTES("\x12\x34\x28\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1"), DNS_NOTIMP },
		{ BYTES("\x12\x34\x01\0\0\0\0\0\0\0\0\0"), DNS_FORMERR }, /* no question */
		{ BYTES("\x12\x34\x01\0\0\2\0\0\0\0\0\0\1a\0\0\1\0\1\1a\0\0\1\0\1"), DNS_FORMERR },
		{ BYTES(HEAD), DNS_FORMERR },
		{ BYTES(HEAD "\1a"), DNS_FORMERR },
		{ BYTES(HEAD "\1a\0\0\1\0"), DNS_FORMERR },
		{ BYTES(HEAD "\5a\0\0\1\0\1"), DNS_FORMERR },    /* a label past the end */
		{ BYTES(HEAD "\xc0\x0c\0\1\0\1"), DNS_FORMERR }, /* a pointer, to itself */
		{ BYTES(HEAD "\1a\xc0\x0c\0\1\0\1"), DNS_FORMERR },
		{ BYTES(HEAD "\x40"
			     "a\0\0\1\0\1"),
		  DNS_FORMERR },
		{ BYTES(HEAD_MORE "\1a\0\0\1\0\1"), DNS_FORMERR }, /* a record that is not there */
		{ BYTES(HEAD_MORE "\1a\0\0\1\0\1\0\0\x29\x10\0\0\0\0\0\0\1"), DNS_FORMERR },
		{ BYTES(HEAD_MORE "\1a\0\0\1\0\1\xc0"), DNS_FORMERR },
	};
	struct dns_query q;

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++)
		assert_int_equal(parse(cases[i].p, cases[i].n, &q), cases[i].rc);
}

/* A name of that many bytes in the message: labels of 63, and what is left. */
static size_t long_query(unsigned char *out, size_t n)
{
	size_t at = 12;

	memcpy(out, HEAD, 12);
	while (n > 1) {
		size_t label = n - 2 < 63 ? n - 2 : 63;

		out[at] = (unsigned char)label;
		memset(out + at + 1, 'x', label);
		at += label + 1;
		n -= label + 1;
	}
	memcpy(out + at, "\0\0\1\0\1", 5);
	return at + 5;
}

static void limits_names(void **state)
{
	unsigned char packet[400], space[DNS_UDP_SIZE], name[DNS_WIRE_NAME];
	struct dns_query q;
	struct dns_answer a;

	(void)state;
	assert_int_equal(parse(packet, long_query(packet, 255), &q), 0);
	assert_int_equal(strlen(q.name), 253);
	a = dns_answer_begin(space, sizeof(space), packet, &q, DNS_NOERROR);
	assert_int_equal(a.len, 12 + 255 + 4);
	assert_int_equal(dns_name_put(name, q.name), 255);
	assert_int_equal(parse(packet, long_query(packet, 256), &q), DNS_FORMERR);
	assert_int_equal(dns_name_put(name, "a.b."), 5);
	assert_memory_equal(name, "\1a\1b", 5);
	assert_int_equal(dns_name_put(name, "a..b"), -1);
	assert_int_equal(dns_name_put(name, ".a"), -1);
	assert_int_equal(dns_name_put(name, ""), 1);
	memset(packet, 'x', 64);
	packet[64] = '\0';
	assert_int_equal(dns_name_put(name, (char *)packet), -1);
	packet[63] = '\0';
	assert_int_equal(dns_name_put(name, (char *)packet), 65);
}

static void builds_answers(void **state)
{
	static const char query[] = HEAD "\3Web\0\0\1\0\1";
	unsigned char space[DNS_UDP_SIZE];
	struct dns_query q;
	struct dns_answer a;
	int n = 0;

	(void)state;
	assert_int_equal(parse(BYTES(query), &q), 0);
	a = dns_answer_begin(space, sizeof(space), query, &q, DNS_NOERROR);
	assert_int_equal(dns_answer_add(&a, DNS_TYPE_A, 600, "\x0a\0\0\1", 4), 0);
	assert_int_equal(a.len, sizeof(query) - 1 + 16);
	assert_memory_equal(a.p,
			    "\x12\x34\x81\x80\0\1\0\1\0\0\0\0\3Web\0\0\1\0\1"
			    "\xc0\x0c\0\1\0\1\0\0\2\x58\0\4\x0a\0\0\1",
			    a.len);
	while (dns_answer_add(&a, DNS_TYPE_A, 600, "\x0a\0\0\1", 4) == 0)
		n++;
	assert_int_equal(n + 1, (512 - 21) / 16);
	assert_int_equal(a.p[2], 0x83); /* truncated */
	assert_int_equal(a.p[7], n + 1);
	/* A question that could not be read is not repeated. */
	assert_int_equal(parse(BYTES(HEAD "\1a"), &q), DNS_FORMERR);
	a = dns_answer_begin(space, sizeof(space), HEAD "\1a", &q, DNS_FORMERR);
	assert_int_equal(a.len, 12);
	assert_memory_equal(a.p, "\x12\x34\x81\x81\0\0\0\0\0\0\0\0", 12);
}

static void reads_reverse_names(void **state)
{
	static const char v6[] = "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d."
				 "f.ip6.arpa";
	static const char *const bad[] = { "",
					   "in-addr.arpa",
					   ".in-addr.arpa",
					   "1.2.3.in-addr.arpa",
					   "1.2.3.4.5.in-addr.arpa",
					   "256.2.3.4.in-addr.arpa",
					   "1.2.3.x.in-addr.arpa",
					   "1..3.4.in-addr.arpa",
					   "1.2.3.4.in-addr.arpa.x",
					   "1111.2.3.4.in-addr.arpa",
					   "1.2.3.4in-addr.arpa",
					   "ip6.arpa",
					   "1.ip6.arpa",
					   v6 + 2 };
	unsigned char addr[DNS_REVERSE_SIZE], is[16];
	char spoilt[sizeof(v6)];

	(void)state;
	assert_int_equal(dns_reverse("3.0.9.10.in-addr.arpa", addr), AF_INET);
	assert_memory_equal(addr, "\x0a\x09\0\3", 4);
	assert_int_equal(dns_reverse(v6, addr), AF_INET6);
	inet_pton(AF_INET6, "fd00::2", is);
	assert_memory_equal(addr, is, 16);
	for (size_t i = 0; i < array_size(bad); i++)
		assert_int_equal(dns_reverse(bad[i], addr), 0);
	for (size_t i = 0; i < 63; i++) {
		memcpy(spoilt, v6, sizeof(v6));
		spoilt[i] = 'g';
		assert_int_equal(dns_reverse(spoilt, addr), 0);
	}
}

static void believes_answers(void **state)
{
	static const char query[] = HEAD "\3Web\0\0\1\0\1";
	unsigned char answer[sizeof(query) - 1 + 8] = { 0 };
	const size_t n = sizeof(query) - 1;
	struct dns_query q;

	(void)state;
	assert_int_equal(parse(BYTES(query), &q), 0);
	memcpy(answer, query, n);
	assert_false(dns_is_answer(answer, n, query, &q, 0x1234)); /* a query */
	memcpy(answer + 2, "\x81\x82", 2);
	assert_true(dns_is_answer(answer, n, query, &q, 0x1234));
	assert_int_equal(dns_rcode(answer), DNS_SERVFAIL);
	assert_false(dns_is_answer(answer, n, query, &q, 0x1235));
	for (size_t i = 0; i < n; i++)
		assert_false(dns_is_answer(answer, i, query, &q, 0x1234));
	for (size_t i = 12; i < n; i++) {
		answer[i] ^= 0x20;
		/* Letters alone may be of either case. */
		assert_int_equal(dns_is_answer(answer, n, query, &q, 0x1234), i >= 13 && i <= 15);
		answer[i] ^= 0x20;
	}
	dns_set_id(answer, 0xfffe);
	assert_true(dns_is_answer(answer, n, query, &q, 0xfffe));
	answer[7] = 9; /* records that go with the rest */
	assert_int_equal(dns_truncate(answer, &q), n);
	assert_int_equal(answer[2], 0x83);
	assert_int_equal(answer[7], 0);
	assert_true(dns_is_answer(answer, n, query, &q, 0xfffe));
}

/* Some servers do not repeat the question when they fail. */
static void believes_bare_failures(void **state)
{
	static const char query[] = HEAD "\3Web\0\0\1\0\1";
	unsigned char answer[] = "\x12\x34\x81\x80\0\0\0\0\0\0\0\0";
	const size_t n = sizeof(answer) - 1;
	struct dns_query q;

	(void)state;
	assert_int_equal(parse(BYTES(query), &q), 0);
	for (int rcode = DNS_NOERROR; rcode <= DNS_REFUSED; rcode++) {
		answer[3] = (unsigned char)(0x80 | rcode);
		assert_int_equal(dns_is_answer(answer, n, query, &q, 0x1234),
				 rcode != DNS_NOERROR && rcode != DNS_NXDOMAIN);
		assert_false(dns_is_answer(answer, n, query, &q, 0x1235));
		assert_false(dns_is_answer(answer, n - 1, query, &q, 0x1234));
	}
	assert_false(dns_has_question(answer));
	answer[5] = 1; /* said, and not there */
	assert_true(dns_has_question(answer));
	assert_false(dns_is_answer(answer, n, query, &q, 0x1234));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_queries),          cmocka_unit_test(refuses_others),
		cmocka_unit_test(limits_names),           cmocka_unit_test(builds_answers),
		cmocka_unit_test(reads_reverse_names),    cmocka_unit_test(believes_answers),
		cmocka_unit_test(believes_bare_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
