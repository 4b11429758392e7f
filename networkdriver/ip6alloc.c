/* The allocator of IPv6 addresses: see ip6alloc.h. */
#include "networkdriver/ip6alloc.h"

#include <errno.h>

#define MAX_PREFIX 126 /* the network, a gateway, and somebody to talk to */

int ip6alloc_init(struct ip6alloc *a, const struct subnet6 *net, const struct subnet6 *range,
		  struct error *err)
{
	char text[SUBNET6_TEXT];
	int host_bits;

	if (net->prefix > MAX_PREFIX)
		return error_set(err, ERR_BAD_REQUEST,
				 "Cannot use subnet \"%s\": its prefix is not within /0 and /%d",
				 subnet6_text(text, net), MAX_PREFIX);
	if (range && !subnet6_contains(net, range))
		return error_set(err, ERR_BAD_REQUEST,
				 "network does not contain specified subnet \"%s\"",
				 subnet6_text(text, range));
	a->net = subnet6_network(net);
	a->range = range ? subnet6_network(range) : a->net;
	host_bits = 128 - a->range.prefix;
	a->size = host_bits > 62 ? UINT64_C(1) << 62 : UINT64_C(1) << host_bits;
	/* The first address of the subnet is the routers' anycast address: nobody's own. */
	a->next = ip6_equal(&a->range.addr, &a->net.addr) ? 1 : 0;
	map_init(&a->used);
	return 0;
}

void ip6alloc_done(struct ip6alloc *a)
{
	map_done(&a->used);
}

/* The map has at most as many entries as there are containers: one more try than that finds one. */
int ip6alloc_take(struct ip6alloc *a, struct ip6 *addr)
{
	uint64_t tries = map_count(&a->used) + 2;

	for (uint64_t i = 0; i < tries && i < a->size; i++) {
		struct ip6 next = ip6_plus(&a->range.addr, a->next);

		a->next = (a->next + 1) % a->size;
		if (ip6_equal(&next, &a->net.addr) || ip6alloc_take_this(a, &next) < 0)
			continue;
		*addr = next;
		return 0;
	}
	errno = ENOSPC;
	return -1;
}

int ip6alloc_take_this(struct ip6alloc *a, const struct ip6 *addr)
{
	char text[IPV6_TEXT];

	if (!subnet6_has(&a->net, addr)) {
		errno = ERANGE;
		return -1;
	}
	ipv6_text(text, addr);
	if (map_get(&a->used, text) || ip6_equal(addr, &a->net.addr)) {
		errno = EADDRINUSE;
		return -1;
	}
	map_set(&a->used, text, a);
	return 0;
}

void ip6alloc_release(struct ip6alloc *a, const struct ip6 *addr)
{
	char text[IPV6_TEXT];

	map_del(&a->used, ipv6_text(text, addr));
}
