/* IPv6 addresses and subnets: reading, writing, comparing. Addresses are 16 bytes, network order. */
#ifndef NETWORKDRIVER_SUBNET6_H
#define NETWORKDRIVER_SUBNET6_H

#include <stdbool.h>
#include <stdint.h>

#define IPV6_TEXT 46    /* INET6_ADDRSTRLEN */
#define SUBNET6_TEXT 50 /* the same with "/128" */

struct ip6 {
	unsigned char b[16];
};

/* An address and how many of its bits name the network; the others may be set. */
struct subnet6 {
	struct ip6 addr;
	int prefix;
};

/* 0, or -1 with EINVAL. The whole text must be the address. */
int ipv6_parse(const char *text, struct ip6 *addr);
int subnet6_parse(const char *text, struct subnet6 *out);

const char *ipv6_text(char out[IPV6_TEXT], const struct ip6 *addr); /* returns out */
const char *subnet6_text(char out[SUBNET6_TEXT], const struct subnet6 *s);

bool ip6_is_zero(const struct ip6 *a);
bool ip6_equal(const struct ip6 *a, const struct ip6 *b);
struct ip6 ip6_plus(const struct ip6 *base, uint64_t n); /* wraps */
struct subnet6 subnet6_network(const struct subnet6 *s); /* without the host bits */
bool subnet6_has(const struct subnet6 *s, const struct ip6 *addr);
bool subnet6_contains(const struct subnet6 *outer, const struct subnet6 *inner);
bool subnet6_overlaps(const struct subnet6 *a, const struct subnet6 *b);

#endif
