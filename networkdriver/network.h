/*
 * A network and the endpoints on it: who has which address, and what it is called there.
 *
 * Life cycle: network_new(), filled in by spec.c and a bridge*.c, network_init(), in the driver's
 * table (networks.c); network_unref() by everyone who got a reference.
 */
#ifndef NETWORKDRIVER_NETWORK_H
#define NETWORKDRIVER_NETWORK_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "networkdriver/firewall.h"
#include "networkdriver/ip6alloc.h"
#include "networkdriver/ipalloc.h"
#include "pkg/error.h"
#include "pkg/id.h"
#include "pkg/map.h"
#include "pkg/netlink.h"

#define BRIDGE_MAX_PORTS 1023 /* of the kernel */

/* A container's interface on one network. */
struct endpoint {
	char id[ID_SIZE];
	uint32_t ip;    /* 0: none */
	struct ip6 ip6; /* zero: none */
	unsigned char mac[NL_MAC_SIZE];
	char ifname[NL_NAME_SIZE]; /* of the host end */
	char *name;                /* of the container, for those who ask about the network */
	char *names; /* what it is called by others there, with blanks between; or NULL */
};
void endpoint_free(struct endpoint *e);

enum network_driver { DRIVER_BRIDGE, DRIVER_HOST, DRIVER_NULL, DRIVER_MACVLAN, DRIVER_IPVLAN };
const char *network_driver_name(enum network_driver driver);

/* One network. The first part does not change once it is in the driver's table. */
struct network {
	atomic_int refs;
	char id[ID_SIZE];
	char *name;
	struct timespec created;
	enum network_driver driver;
	bool builtin; /* bridge, host, none */
	/* As inspect shows them; the spec's own objects. */
	json_t *options, *labels, *ipam_options, *aux_addresses, *config_from;
	char *ipam_driver, *scope;
	bool internal, attachable, ingress, config_only, ipv4, ipv6;

	char bridge[NL_NAME_SIZE]; /* of macvlan and ipvlan: the parent, "" for one of its own */
	int ifindex;
	bool made;              /* the bridge, by this daemon's start */
	struct subnet subnet;   /* its address is the gateway; prefix 0: none */
	struct subnet range;    /* --fixed-cidr, --ip-range, else as subnet */
	struct subnet6 subnet6; /* the same; prefix 0: none */
	struct subnet6 range6;
	bool has_range, has_range6, has_gateway, has_gateway6;
	unsigned mtu;
	bool icc, masq, firewall,
		no_gateway; /* no_gateway: inhibit_ipv4, the bridge has no address */
	enum fw_mode mode4, mode6;
	uint32_t binding_ip;
	char if_prefix[NL_NAME_SIZE]; /* of the container's end: "eth" */
	char vlan_mode[16];           /* of macvlan and ipvlan */

	/* It has its bridge: its rules are to be in force; and it is complete: it may be found. */
	bool up, ready; /* guarded by the driver's lock */

	pthread_mutex_t lock; /* guards all below */
	bool removed;         /* out of the table: no endpoint more */
	bool has_allocators;  /* network_init() is done; constant once in the table */
	struct ipalloc ips;
	struct ip6alloc ips6;
	struct map endpoints;       /* container id -> struct endpoint */
	char *names_file;           /* NULL: nobody asks for names. Constant */
	pthread_mutex_t names_lock; /* one writer of that file at a time; taken before lock */
};

/* What its rules are made of. false: it has none, being no bridge. */
bool network_rules(const struct network *net, struct fw_network *out);

struct network *network_new(const char *name, enum network_driver driver);
struct network *network_ref(struct network *net);
void network_unref(struct network *net);

/* spec.c: the body of a creation, or what network_json() wrote, into a network; and back. */
int network_read(struct network *net, const json_t *spec, struct error *err);
json_t *network_json(struct network *net, bool with_endpoints);

/* network.c. After its subnets are known: ready to hand out addresses. */
int network_init(struct network *net, struct error *err);
void network_done(struct network *net);

struct network_request {
	const char *ip, *ip6, *mac; /* NULL or "": the network chooses */
	const char *name, *names;   /* of the container, see struct endpoint; may be NULL */
};
/* *out is a copy, for endpoint_done(). */
int network_address_allocate(struct network *net, const char *id,
			     const struct network_request *request, struct endpoint *out,
			     struct error *err);
int network_address_adopt(struct network *net, const char *id, const struct endpoint *e,
			  struct error *err);
bool network_address_release(struct network *net, const char *id);          /* false: it had none */
bool network_rename(struct network *net, const char *id, const char *name); /* false: not there */
bool network_endpoint(struct network *net, const char *id, struct endpoint *out); /* a copy */
void endpoint_done(struct endpoint *e); /* what a copy holds */
bool network_has_ifname(struct network *net, const char *ifname);
json_t *network_endpoints(struct network *net); /* new: container id -> {IP, ...} */

/* names.c: write the names file anew. Failures are logged: names are late then, nothing more. */
void names_write(struct network *net);

#endif
