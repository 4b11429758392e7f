/* IPv6 addresses and subnets: see subnet6.h. Pure functions. */
#include "networkdriver/subnet6.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pkg/parse.h"

int ipv6_parse(const char *text, struct ip6 *addr)
{
	struct ip6 a;

	if (inet_pton(AF_INET6, text, a.b) != 1) {
		errno = EINVAL;
		return -1;
	}
	*addr = a;
	return 0;
}

int subnet6_parse(const char *text, struct subnet6 *out)
{
	const char *slash = strchr(text, '/');
	char host[IPV6_TEXT];
	uint32_t prefix;
	struct subnet6 s;

	if (!slash || (size_t)(slash - text) >= sizeof(host) || slash[1] == '\0' ||
	    parse_u32(slash + 1, &prefix) < 0 || prefix > 128) {
		errno = EINVAL;
		return -1;
	}
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	if (ipv6_parse(host, &s.addr) < 0)
		return -1;
	s.prefix = (int)prefix;
	*out = s;
	return 0;
}

const char *ipv6_text(char out[IPV6_TEXT], const struct ip6 *addr)
{
	return inet_ntop(AF_INET6, addr->b, out, IPV6_TEXT);
}

const char *subnet6_text(char out[SUBNET6_TEXT], const struct subnet6 *s)
{
	char addr[IPV6_TEXT];

	snprintf(out, SUBNET6_TEXT, "%s/%u", ipv6_text(addr, &s->addr), (unsigned)s->prefix & 255);
	return out;
}

bool ip6_is_zero(const struct ip6 *a)
{
	static const struct ip6 zero;

	return ip6_equal(a, &zero);
}

bool ip6_equal(const struct ip6 *a, const struct ip6 *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

struct ip6 ip6_plus(const struct ip6 *base, uint64_t n)
{
	struct ip6 sum = *base;
	uint64_t carry = n;

	for (int i = 15; i >= 0 && carry; i--) {
		carry += sum.b[i];
		sum.b[i] = (unsigned char)carry;
		carry >>= 8;
	}
	return sum;
}

struct subnet6 subnet6_network(const struct subnet6 *s)
{
	struct subnet6 n = *s;

	for (int bit = s->prefix; bit < 128; bit++)
		n.addr.b[bit / 8] &= (unsigned char)~(0x80 >> bit % 8);
	return n;
}

bool subnet6_has(const struct subnet6 *s, const struct ip6 *addr)
{
	struct subnet6 other = { *addr, s->prefix };
	struct subnet6 a = subnet6_network(s), b = subnet6_network(&other);

	return ip6_equal(&a.addr, &b.addr);
}

bool subnet6_contains(const struct subnet6 *outer, const struct subnet6 *inner)
{
	return inner->prefix >= outer->prefix && subnet6_has(outer, &inner->addr);
}

bool subnet6_overlaps(const struct subnet6 *a, const struct subnet6 *b)
{
	return a->prefix < b->prefix ? subnet6_has(a, &b->addr) : subnet6_has(b, &a->addr);
}
