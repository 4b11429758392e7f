/*
 * Which addresses of one IPv6 subnet are in use. Handed out in order from the beginning of the
 * range, going round, as with ipalloc.h; the subnet may be of any size, so there is no bitmap.
 *
 * Life cycle: ip6alloc_init(), ip6alloc_done(). Not locked: the network that owns it has the lock.
 */
#ifndef NETWORKDRIVER_IP6ALLOC_H
#define NETWORKDRIVER_IP6ALLOC_H

#include "networkdriver/subnet6.h"
#include "pkg/error.h"
#include "pkg/map.h"

struct ip6alloc {
	struct subnet6 net, range; /* networks */
	uint64_t size, next; /* how many addresses of the range are handed out, and the next */
	struct map used;     /* text -> itself */
};

/* range NULL: all of net. ERR_BAD_REQUEST: it is not inside net, or net leaves no room. */
int ip6alloc_init(struct ip6alloc *a, const struct subnet6 *net, const struct subnet6 *range,
		  struct error *err);
void ip6alloc_done(struct ip6alloc *a);

int ip6alloc_take(struct ip6alloc *a, struct ip6 *addr); /* -1 with ENOSPC: none is free */
/* This one. -1 with ERANGE: not of net; EADDRINUSE: taken. */
int ip6alloc_take_this(struct ip6alloc *a, const struct ip6 *addr);
void ip6alloc_release(struct ip6alloc *a, const struct ip6 *addr);

#endif
