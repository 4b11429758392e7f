/*
 * Addresses and ports as users write them, checked as Docker's client checks them before it asks the
 * daemon; the words of a refusal are Go's.
 */
#ifndef API_CLIENT_ADDRESSES_H
#define API_CLIENT_ADDRESSES_H

#include <stdbool.h>
#include <stdint.h>

#include "pkg/error.h"

struct ip {
	int family; /* AF_INET, AF_INET6 */
	unsigned char bytes[16];
};

struct cidr {
	struct ip ip;
	unsigned bits;
};

/* "10.0.0.1", "fd00::1"; "::ffff:10.0.0.1" is the former. False, and out is untouched, for others. */
bool ip_parse(const char *text, struct ip *out);
/* "10.0.0.0/8". 0, or -1 with ERR_BAD_REQUEST: "invalid CIDR address: ...". */
int cidr_parse(const char *text, struct cidr *out, struct error *err);
bool cidr_contains(const struct cidr *net, const struct ip *ip);
/* "02:42:ac:11:00:02", with dashes, or in groups of four: 6, 8 or 20 bytes. */
bool is_mac(const char *text);

/* A number up to 65535 into out (may be NULL). NULL, or what is wrong: "invalid syntax". */
const char *parse_port(const char *text, uint32_t *out);

#endif
