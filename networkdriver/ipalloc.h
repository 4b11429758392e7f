/*
 * Which addresses of one subnet are in use. Handed out in order, going round: an address that was
 * released comes back only after all others had their turn, so that nobody talks to a stranger
 * under an old address. The network and the broadcast address are never handed out.
 *
 * Life cycle: ipalloc_init(), ipalloc_done(). Not locked: the network that owns it has the lock.
 */
#ifndef NETWORKDRIVER_IPALLOC_H
#define NETWORKDRIVER_IPALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "networkdriver/subnet.h"
#include "pkg/error.h"

#define IPALLOC_MIN_PREFIX 8 /* a wider subnet is refused: the map would outgrow its use */

struct ipalloc {
	struct subnet net;
	uint32_t first, last; /* handed out unasked: all of net, or its --fixed-cidr part */
	uint32_t next;        /* where the search goes on */
	uint64_t *used;       /* a bit per address of net */
};

/*
 * range (NULL: all of net) is the part that addresses are taken from. ERR_BAD_REQUEST: it is not
 * inside net, or net is too wide or too narrow.
 */
int ipalloc_init(struct ipalloc *a, struct subnet net, const struct subnet *range,
		 struct error *err);
void ipalloc_done(struct ipalloc *a);

int ipalloc_take(struct ipalloc *a, uint32_t *addr); /* -1 with ENOSPC: none is free */
/* This one, anywhere in net. -1 with ERANGE: not of net; EADDRINUSE: taken, or not for hosts. */
int ipalloc_take_this(struct ipalloc *a, uint32_t addr);
void ipalloc_release(struct ipalloc *a, uint32_t addr); /* must have been taken */

#endif
