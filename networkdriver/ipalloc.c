/* The allocator of IPv4 addresses: see ipalloc.h. A bitmap and a cursor; it knows no containers. */
#include "networkdriver/ipalloc.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "pkg/mem.h"

static uint32_t bit_of(const struct ipalloc *a, uint32_t addr)
{
	return addr - subnet_first(a->net);
}

static bool is_used(const struct ipalloc *a, uint32_t addr)
{
	uint32_t bit = bit_of(a, addr);

	return a->used[bit / 64] >> bit % 64 & 1;
}

static void set_used(struct ipalloc *a, uint32_t addr)
{
	uint32_t bit = bit_of(a, addr);

	a->used[bit / 64] |= UINT64_C(1) << bit % 64;
}

int ipalloc_init(struct ipalloc *a, struct subnet net, const struct subnet *range,
		 struct error *err)
{
	char text[SUBNET_TEXT];

	net = subnet_network(net);
	if (net.prefix < IPALLOC_MIN_PREFIX || net.prefix > 30)
		return error_set(err, ERR_BAD_REQUEST,
				 "Cannot use subnet \"%s\": its prefix is not within /%d and /30",
				 subnet_text(text, net), IPALLOC_MIN_PREFIX);
	if (range && !subnet_contains(net, *range))
		return error_set(err, ERR_BAD_REQUEST,
				 "network does not contain specified subnet \"%s\"",
				 subnet_text(text, *range));
	struct subnet from = range ? *range : net;
	*a = (struct ipalloc){ .net = net,
			       .first = subnet_first(from),
			       .last = subnet_last(from),
			       .next = subnet_first(from) };
	a->used = xcalloc(((size_t)1 << (32 - net.prefix)) / 64 + 1, sizeof(*a->used));
	set_used(a, subnet_first(net));
	set_used(a, subnet_last(net));
	return 0;
}

void ipalloc_done(struct ipalloc *a)
{
	free(a->used);
	*a = (struct ipalloc){ 0 };
}

/* The first free address from `from` to `to`. Whole words of used ones are skipped. */
static bool find_free(const struct ipalloc *a, uint32_t from, uint32_t to, uint32_t *addr)
{
	uint32_t base = subnet_first(a->net), bit = from - base, end = to - base;

	while (bit <= end) {
		uint64_t gaps = ~a->used[bit / 64] >> bit % 64;
		if (!gaps) {
			bit = (bit / 64 + 1) * 64;
			continue;
		}
		bit += (uint32_t)__builtin_ctzll(gaps);
		if (bit > end)
			break;
		*addr = base + bit;
		return true;
	}
	return false;
}

int ipalloc_take(struct ipalloc *a, uint32_t *addr)
{
	uint32_t found;

	if (!find_free(a, a->next, a->last, &found) &&
	    (a->next == a->first || !find_free(a, a->first, a->next - 1, &found))) {
		errno = ENOSPC;
		return -1;
	}
	set_used(a, found);
	a->next = found == a->last ? a->first : found + 1;
	*addr = found;
	return 0;
}

int ipalloc_take_this(struct ipalloc *a, uint32_t addr)
{
	if (!subnet_has(a->net, addr)) {
		errno = ERANGE;
		return -1;
	}
	if (is_used(a, addr)) {
		errno = EADDRINUSE;
		return -1;
	}
	set_used(a, addr);
	return 0;
}

void ipalloc_release(struct ipalloc *a, uint32_t addr)
{
	assert(subnet_has(a->net, addr) && is_used(a, addr));
	uint32_t bit = bit_of(a, addr);
	a->used[bit / 64] &= ~(UINT64_C(1) << bit % 64);
}
