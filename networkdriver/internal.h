/*
 * What the files of this folder share: the settings, a network, and what is done with one.
 *
 * options.c reads the settings, bridge.c brings the bridge about, firewall_nft.c writes its rules,
 * network.c keeps who has which address, sweep.c removes what crashes left, status.c tells; jobs.c
 * ties them to the engine. Published ports, user networks and their DNS get files of their own
 * here, and a struct network per user network.
 */
#ifndef NETWORKDRIVER_INTERNAL_H
#define NETWORKDRIVER_INTERNAL_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "networkdriver/ipalloc.h"
#include "networkdriver/subnet.h"
#include "pkg/error.h"
#include "pkg/map.h"
#include "pkg/netlink.h"
#include "pkg/strlist.h"

struct env;

#define VETH_PREFIX "veth"
#define VETH_DIGITS 7 /* hex digits behind it: how our interfaces are recognised */

/* The daemon's flags, checked. Texts are the env's: valid as long as the job. */
struct options {
	bool disabled; /* -b none */
	bool iptables, icc, ip_forward, ip_masq;
	bool bridge_is_given; /* -b: the bridge exists and is taken as it is */
	const char *bridge;
	bool has_bip, has_fixed_cidr;
	struct subnet bip, fixed_cidr;
	uint32_t binding_ip; /* 0: all addresses of the host */
	unsigned mtu;        /* 0: as the default route has it */
};

int options_load(struct options *o, const struct env *env, struct error *err);

/* A container's interface. */
struct endpoint {
	uint32_t ip;
	unsigned char mac[NL_MAC_SIZE];
	char ifname[NL_NAME_SIZE]; /* of the host end */
};

/* One bridge network. The first part does not change once the network is up. */
struct network {
	char bridge[NL_NAME_SIZE];
	int ifindex;
	bool made;            /* the bridge, by this daemon's start */
	struct subnet subnet; /* its address is the gateway */
	struct subnet range;  /* --fixed-cidr, else as subnet */
	unsigned mtu;
	bool icc, masq, firewall;
	uint32_t binding_ip;

	pthread_mutex_t lock; /* guards all below */
	struct ipalloc ips;
	struct map endpoints; /* container id -> struct endpoint */
};

/* bridge.c: fill the first part of net in. Nothing is left behind on failure. */
int bridge_setup(struct network *net, const struct options *o, struct error *err);
void bridge_undo(const struct network *net); /* a later step failed: remove it if it was made */
int bridge_enable_forwarding(struct error *err);

/*
 * firewall_nft.c. The socket stays open as long as the daemon: closing one after rules were deleted
 * waits for RCU, 3 to 15 ms, while a transaction takes a fraction of one. The lock is for a short
 * exchange with the kernel, no more.
 */
struct firewall {
	pthread_mutex_t lock; /* guards sock: one transaction at a time */
	int sock;             /* -1 until the first */
};

void firewall_init(struct firewall *fw);
/* Put the rules of net in force, in place of those of an earlier daemon. */
int firewall_setup(struct firewall *fw, const struct network *net, struct error *err);

/* network.c. After bridge_setup(): ready to hand out addresses. */
int network_init(struct network *net, const struct options *o, struct error *err);
void network_done(struct network *net);

struct network_request {
	const char *ip, *mac; /* NULL or "": the network chooses */
};
int network_address_allocate(struct network *net, const char *id,
			     const struct network_request *request, struct endpoint *out,
			     struct error *err);
int network_address_adopt(struct network *net, const char *id, const struct endpoint *e,
			  struct error *err);
void network_address_release(struct network *net, const char *id);
bool network_has_ifname(struct network *net, const char *ifname);
json_t *network_endpoints(struct network *net); /* new: container id -> {IP, ...} */

/* sweep.c: remove our ports of the bridge that are neither known nor allocated. */
int network_sweep(struct network *net, const struct strlist *known, struct error *err);

/* status.c. net NULL: networking is disabled. */
json_t *network_status(struct network *net);

#endif
