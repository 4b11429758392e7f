/*
 * The choice of a subnet for a network that was given none.
 *
 * The default bridge gets 172.17.0.0/16 to 172.31.0.0/16 or a /20 of 192.168.0.0/16, as with today's
 * Docker, and the gateway is the first address (172.17.0.1). Early Docker's list, which began with
 * 172.17.42.1/16 and went on in 10.0.0.0/8, is not used: people and firewalls know 172.17.0.1.
 * Networks of one's own get the /16s from 172.18.0.0 to 172.23.0.0, as people know them, and then
 * parts of /22 of the rest of 172.16.0.0/12: Docker's thirty networks are too few on a CI host.
 */
#ifndef NETWORKDRIVER_POOL_H
#define NETWORKDRIVER_POOL_H

#include <stddef.h>

#include "networkdriver/subnet.h"
#include "pkg/error.h"

/* An area, and the prefix of the pools that it is cut into. */
struct pool_area {
	struct subnet base; /* a network */
	int prefix;
};

extern const struct pool_area pool_bridge[], pool_networks[];
extern const size_t pool_bridge_count, pool_networks_count;

/*
 * The first pool of the areas that overlaps none of taken, with the gateway as its address. Entries
 * wider than /2 are skipped: a default route, also one in two halves, takes no network of its own.
 * ERR_INTERNAL: all overlap.
 */
int pool_choose(const struct pool_area *areas, size_t nareas, const struct subnet *taken, size_t n,
		struct subnet *out, struct error *err);

/* A growing list of what is taken. */
struct taken {
	struct subnet *v;
	size_t n, cap;
};

void taken_add(struct taken *t, struct subnet s);
void taken_done(struct taken *t);

/* Every IPv4 nameserver of a resolv.conf's text, as a /32. */
void taken_add_nameservers(struct taken *t, const char *resolv_conf);

#endif
