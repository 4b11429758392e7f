/* Addresses and ports as users write them: see addresses.h. */
#include "api/client/addresses.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "pkg/mem.h"
#include "pkg/parse.h"

/* As it is written: an IPv4 address inside an IPv6 one is the latter. */
static bool parse_plain(const char *text, struct ip *out)
{
	struct ip ip = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	if (inet_pton(ip.family, text, ip.bytes) != 1)
		return false;
	*out = ip;
	return true;
}

bool ip_parse(const char *text, struct ip *out)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (!parse_plain(text, out))
		return false;
	if (out->family == AF_INET6 && memcmp(out->bytes, mapped, sizeof(mapped)) == 0) {
		out->family = AF_INET;
		memmove(out->bytes, out->bytes + sizeof(mapped), 4);
	}
	return true;
}

int cidr_parse(const char *text, struct cidr *out, struct error *err)
{
	size_t n = strcspn(text, "/");
	autofree char *address = xstrndup(text, n);
	struct cidr net;

	if (!text[n] || !parse_plain(address, &net.ip) || parse_u32(text + n + 1, &net.bits) < 0 ||
	    net.bits > (net.ip.family == AF_INET ? 32 : 128))
		return error_set(err, ERR_BAD_REQUEST, "invalid CIDR address: %s", text);
	*out = net;
	return 0;
}

bool cidr_contains(const struct cidr *net, const struct ip *ip)
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;

	if (net->ip.family != ip->family || memcmp(net->ip.bytes, ip->bytes, whole) != 0)
		return false;
	return !rest || (net->ip.bytes[whole] ^ ip->bytes[whole]) >> (8 - rest) == 0;
}

/* Groups of n hex digits with the same separator between them; how many groups, 0 for none. */
static size_t hex_groups(const char *text, size_t n, const char *separators)
{
	char separator = strlen(text) > n ? text[n] : '\0';
	size_t groups = 0;

	if (!separator || !strchr(separators, separator))
		return 0;
	for (;; text++) {
		for (size_t i = 0; i < n; i++)
			if (!isxdigit((unsigned char)*text++))
				return 0;
		groups++;
		if (!*text)
			return groups;
		if (*text != separator)
			return 0;
	}
}

bool is_mac(const char *text)
{
	size_t bytes = hex_groups(text, 2, ":-");

	if (!bytes)
		bytes = 2 * hex_groups(text, 4, ".");
	return bytes == 6 || bytes == 8 || bytes == 20;
}

const char *parse_port(const char *text, uint32_t *out)
{
	uint32_t port;

	if (parse_u32(text, &port) < 0) {
		if (errno != ERANGE)
			return "invalid syntax";
		port = UINT32_MAX;
	}
	if (port > 65535)
		return "value out of range";
	if (out)
		*out = port;
	return NULL;
}
