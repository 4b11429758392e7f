/* The allocator of addresses: order, range, exhaustion, wishes, and a naive model to agree with. */
#include "networkdriver/ipalloc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "pkg/mem.h"

static struct subnet net_of(const char *text)
{
	struct subnet s;

	assert_int_equal(subnet_parse(text, &s), 0);
	return s;
}

static void setup(struct ipalloc *a, const char *net, const char *range)
{
	struct subnet part = range ? net_of(range) : (struct subnet){ 0 };

	assert_int_equal(ipalloc_init(a, net_of(net), range ? &part : NULL, NULL), 0);
}

static const char *take(struct ipalloc *a)
{
	static char text[IPV4_TEXT];
	uint32_t addr;

	return ipalloc_take(a, &addr) == 0 ? ipv4_text(text, addr) : "none";
}

static void release(struct ipalloc *a, const char *text)
{
	uint32_t addr;

	assert_int_equal(ipv4_parse(text, &addr), 0);
	ipalloc_release(a, addr);
}

static int take_this(struct ipalloc *a, const char *text)
{
	uint32_t addr;

	assert_int_equal(ipv4_parse(text, &addr), 0);
	return ipalloc_take_this(a, addr) == 0 ? 0 : errno;
}

static void hands_out_in_order(void **state)
{
	struct ipalloc a;

	(void)state;
	setup(&a, "172.17.0.1/16", NULL);
	assert_int_equal(take_this(&a, "172.17.0.1"), 0);
	assert_string_equal(take(&a), "172.17.0.2");
	assert_string_equal(take(&a), "172.17.0.3");
	ipalloc_done(&a);
}

static void a_released_address_waits_its_turn(void **state)
{
	struct ipalloc a;

	(void)state;
	setup(&a, "10.0.0.0/29", NULL);
	assert_string_equal(take(&a), "10.0.0.1");
	release(&a, "10.0.0.1");
	for (int i = 2; i <= 6; i++)
		take(&a);
	assert_string_equal(take(&a), "10.0.0.1");
	assert_string_equal(take(&a), "none");
	ipalloc_done(&a);
}

static void exhausts_and_recovers(void **state)
{
	struct ipalloc a;

	(void)state;
	setup(&a, "10.1.2.0/24", NULL);
	for (int i = 1; i <= 254; i++)
		assert_string_not_equal(take(&a), "none");
	assert_string_equal(take(&a), "none");
	assert_int_equal(errno, ENOSPC);
	release(&a, "10.1.2.200");
	assert_string_equal(take(&a), "10.1.2.200");
	assert_string_equal(take(&a), "none");
	ipalloc_done(&a);
}

static void stays_in_the_range(void **state)
{
	struct ipalloc a;

	(void)state;
	setup(&a, "172.17.0.1/16", "172.17.4.8/30");
	for (int i = 8; i <= 11; i++)
		assert_string_not_equal(take(&a), "none");
	assert_string_equal(take(&a), "none");
	release(&a, "172.17.4.9");
	assert_string_equal(take(&a), "172.17.4.9");
	assert_int_equal(take_this(&a, "172.17.9.9"), 0); /* a wish may be anywhere in the net */
	ipalloc_done(&a);
	setup(&a, "172.17.0.1/16", "172.17.0.0/30"); /* the network address is never handed out */
	assert_string_equal(take(&a), "172.17.0.1");
	ipalloc_done(&a);
	setup(&a, "10.0.0.0/24", "10.0.0.255/32");
	assert_string_equal(take(&a), "none");
	ipalloc_done(&a);
	setup(&a, "10.0.0.0/24", "10.0.0.128/25"); /* nor is broadcast */
	for (int i = 128; i <= 254; i++)
		assert_string_not_equal(take(&a), "none");
	assert_string_equal(take(&a), "none");
	ipalloc_done(&a);
}

static void grants_wishes(void **state)
{
	struct ipalloc a;

	(void)state;
	setup(&a, "10.0.0.0/24", NULL);
	assert_int_equal(take_this(&a, "10.0.0.1"), 0);
	assert_int_equal(take_this(&a, "10.0.0.1"), EADDRINUSE);
	assert_int_equal(take_this(&a, "10.0.0.0"), EADDRINUSE);
	assert_int_equal(take_this(&a, "10.0.0.255"), EADDRINUSE);
	assert_int_equal(take_this(&a, "10.0.1.0"), ERANGE);
	assert_int_equal(take_this(&a, "9.255.255.255"), ERANGE);
	assert_string_equal(take(&a), "10.0.0.2");
	release(&a, "10.0.0.1");
	assert_int_equal(take_this(&a, "10.0.0.1"), 0);
	ipalloc_done(&a);
}

static void works_at_the_ends_of_the_address_space(void **state)
{
	struct ipalloc a;

	(void)state;
	setup(&a, "255.255.255.252/30", NULL);
	assert_string_equal(take(&a), "255.255.255.253");
	assert_string_equal(take(&a), "255.255.255.254");
	assert_string_equal(take(&a), "none");
	ipalloc_done(&a);
	setup(&a, "0.0.0.0/30", NULL);
	assert_string_equal(take(&a), "0.0.0.1");
	assert_string_equal(take(&a), "0.0.0.2");
	assert_string_equal(take(&a), "none");
	ipalloc_done(&a);
}

static void refuses_bad_nets(void **state)
{
	static const char *const bad[][2] = {
		{ "10.0.0.0/7", NULL },           { "10.0.0.0/31", NULL },
		{ "10.0.0.0/32", NULL },          { "10.0.0.0/24", "10.0.1.0/25" },
		{ "10.0.0.0/24", "10.0.0.0/16" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(bad); i++) {
		struct subnet range = bad[i][1] ? net_of(bad[i][1]) : (struct subnet){ 0 };
		struct error err = { 0 };
		struct ipalloc a;
		assert_int_equal(ipalloc_init(&a, net_of(bad[i][0]), bad[i][1] ? &range : NULL,
					      &err),
				 -1);
		assert_int_equal(err.kind, ERR_BAD_REQUEST);
	}
}

/* The same rules, one address after the other. */
struct model {
	bool used[256];
	uint32_t first, last, next, size;
};

static int model_take(struct model *m)
{
	for (uint32_t i = 0; i <= m->last - m->first; i++) {
		uint32_t at = m->next;
		m->next = at == m->last ? m->first : at + 1;
		if (!m->used[at]) {
			m->used[at] = true;
			return (int)at;
		}
	}
	return -1;
}

static uint32_t random_next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void step(struct ipalloc *a, struct model *m, uint32_t base, uint32_t *seed)
{
	uint32_t addr = 0, host = random_next(seed) % m->size;

	switch (random_next(seed) % 4) {
	case 0:
		assert_int_equal(ipalloc_take_this(a, base + host), m->used[host] ? -1 : 0);
		m->used[host] = true;
		break;
	case 1:
		if (!m->used[host] || host == 0 || host == m->size - 1)
			break;
		ipalloc_release(a, base + host);
		m->used[host] = false;
		break;
	default: {
		uint32_t cursor = m->next;
		int expected = model_take(m);
		assert_int_equal(ipalloc_take(a, &addr), expected < 0 ? -1 : 0);
		if (expected < 0)
			m->next = cursor; /* a search that finds nothing does not move on */
		else
			assert_int_equal(addr, base + (uint32_t)expected);
	}
	}
}

static void agrees_with_a_naive_model(void **state)
{
	uint32_t seed = 12345;

	(void)state;
	for (int round = 0; round < 400; round++) {
		int prefix = 24 + (int)(random_next(&seed) % 7);
		uint32_t size = 1u << (32 - prefix),
			 base = 0xc0a80000 | (seed & ~(size - 1) & 0xffff);
		int part = prefix + (int)(random_next(&seed) % (uint32_t)(33 - prefix));
		struct subnet range = { base + random_next(&seed) % size, part };
		struct model m = { .first = subnet_first(range) - base,
				   .last = subnet_last(range) - base,
				   .size = size };
		struct ipalloc a;
		m.next = m.first;
		m.used[0] = m.used[size - 1] = true;
		assert_int_equal(ipalloc_init(&a, (struct subnet){ base, prefix }, &range, NULL),
				 0);
		for (int i = 0; i < 600; i++)
			step(&a, &m, base, &seed);
		ipalloc_done(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hands_out_in_order),
		cmocka_unit_test(a_released_address_waits_its_turn),
		cmocka_unit_test(exhausts_and_recovers),
		cmocka_unit_test(stays_in_the_range),
		cmocka_unit_test(grants_wishes),
		cmocka_unit_test(works_at_the_ends_of_the_address_space),
		cmocka_unit_test(refuses_bad_nets),
		cmocka_unit_test(agrees_with_a_naive_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
