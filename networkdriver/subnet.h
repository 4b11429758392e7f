/* IPv4 subnets and MAC addresses: reading, writing, comparing. Addresses are in host order. */
#ifndef NETWORKDRIVER_SUBNET_H
#define NETWORKDRIVER_SUBNET_H

#include <stdbool.h>
#include <stdint.h>

#define IPV4_TEXT 16   /* "255.255.255.255" and its NUL */
#define SUBNET_TEXT 20 /* the same with "/32" */
#define MAC_TEXT 18

/* An address and how many of its bits name the network; the others may be set (172.17.0.1/16). */
struct subnet {
	uint32_t addr;
	int prefix;
};

/* 0, or -1 with EINVAL. The whole text must be the address. */
int ipv4_parse(const char *text, uint32_t *addr);
int subnet_parse(const char *text, struct subnet *out);
int mac_parse(const char *text, unsigned char mac[6]); /* six pairs of hex digits, ':' between */

/* All return out. */
const char *ipv4_text(char out[IPV4_TEXT], uint32_t addr);
const char *subnet_text(char out[SUBNET_TEXT], struct subnet s); /* as it is, host bits too */
const char *mac_text(char out[MAC_TEXT], const unsigned char mac[6]);

uint32_t subnet_mask(int prefix);
struct subnet subnet_network(struct subnet s); /* without the host bits */
uint32_t subnet_first(struct subnet s);        /* the network address */
uint32_t subnet_last(struct subnet s);         /* the broadcast address */
bool subnet_has(struct subnet s, uint32_t addr);
bool subnet_contains(struct subnet outer, struct subnet inner);
bool subnet_overlaps(struct subnet a, struct subnet b);

#endif
