/*
 * The choice of a subnet for a bridge that was given none.
 *
 * The pools are those of today's Docker: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/16 in
 * parts of /20, and the gateway is the first address (172.17.0.1). Early Docker's list, which began
 * with 172.17.42.1/16 and went on in 10.0.0.0/8, is not used: people and firewalls know 172.17.0.1.
 */
#ifndef NETWORKDRIVER_POOL_H
#define NETWORKDRIVER_POOL_H

#include <stddef.h>

#include "networkdriver/subnet.h"
#include "pkg/error.h"

/*
 * The first pool that overlaps none of taken, with the gateway as its address. Entries wider than
 * /2 are skipped: a default route, also one in two halves, takes no network of its own.
 * ERR_INTERNAL: all overlap.
 */
int pool_choose(const struct subnet *taken, size_t n, struct subnet *out, struct error *err);

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
