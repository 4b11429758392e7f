/* IPv4 subnets and MAC addresses: see subnet.h. Pure functions. */
#include "networkdriver/subnet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pkg/parse.h"

int ipv4_parse(const char *text, uint32_t *addr)
{
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1) {
		errno = EINVAL;
		return -1;
	}
	*addr = ntohl(in.s_addr);
	return 0;
}

int subnet_parse(const char *text, struct subnet *out)
{
	char host[IPV4_TEXT];
	const char *slash = strchr(text, '/');
	uint32_t prefix;
	struct subnet s;

	if (!slash || (size_t)(slash - text) >= sizeof(host) || slash[1] == '\0' ||
	    parse_u32(slash + 1, &prefix) < 0 || prefix > 32) {
		errno = EINVAL;
		return -1;
	}
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	if (ipv4_parse(host, &s.addr) < 0)
		return -1;
	s.prefix = (int)prefix;
	*out = s;
	return 0;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)((at - digits) % 16) : -1;
}

int mac_parse(const char *text, unsigned char mac[6])
{
	unsigned char out[6];

	for (int i = 0; i < 6; i++, text += 3) {
		int high = hex_digit(text[0]);
		int low = high < 0 ? -1 : hex_digit(text[1]);
		if (low < 0 || text[2] != (i < 5 ? ':' : '\0')) {
			errno = EINVAL;
			return -1;
		}
		out[i] = (unsigned char)(high << 4 | low);
	}
	memcpy(mac, out, sizeof(out));
	return 0;
}

const char *ipv4_text(char out[IPV4_TEXT], uint32_t addr)
{
	snprintf(out, IPV4_TEXT, "%u.%u.%u.%u", addr >> 24, addr >> 16 & 255, addr >> 8 & 255,
		 addr & 255);
	return out;
}

const char *subnet_text(char out[SUBNET_TEXT], struct subnet s)
{
	char addr[IPV4_TEXT];

	snprintf(out, SUBNET_TEXT, "%s/%u", ipv4_text(addr, s.addr), (unsigned)s.prefix & 63);
	return out;
}

const char *mac_text(char out[MAC_TEXT], const unsigned char mac[6])
{
	snprintf(out, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return out;
}

uint32_t subnet_mask(int prefix)
{
	return prefix <= 0 ? 0 : UINT32_MAX << (32 - prefix);
}

struct subnet subnet_network(struct subnet s)
{
	return (struct subnet){ subnet_first(s), s.prefix };
}

uint32_t subnet_first(struct subnet s)
{
	return s.addr & subnet_mask(s.prefix);
}

uint32_t subnet_last(struct subnet s)
{
	return s.addr | ~subnet_mask(s.prefix);
}

bool subnet_has(struct subnet s, uint32_t addr)
{
	return ((s.addr ^ addr) & subnet_mask(s.prefix)) == 0;
}

bool subnet_contains(struct subnet outer, struct subnet inner)
{
	return inner.prefix >= outer.prefix && subnet_has(outer, inner.addr);
}

bool subnet_overlaps(struct subnet a, struct subnet b)
{
	return subnet_has(a.prefix < b.prefix ? a : b, a.prefix < b.prefix ? b.addr : a.addr);
}
