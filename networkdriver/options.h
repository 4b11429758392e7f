/* The settings of the network driver: see options.c, which reads and checks them. */
#ifndef NETWORKDRIVER_OPTIONS_H
#define NETWORKDRIVER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "networkdriver/subnet.h"
#include "networkdriver/subnet6.h"
#include "pkg/error.h"

struct env;
struct pool_area;

/* The daemon's flags, checked. Texts are the env's: valid as long as the job. */
struct options {
	bool disabled; /* -b none */
	bool iptables, icc, ip_forward, ip_masq;
	bool no_forward_drop; /* where forwarding was off, let others profit from it too */
	bool bridge_is_given; /* -b: the bridge exists and is taken as it is */
	const char *bridge;
	bool has_bip, has_fixed_cidr;
	struct subnet bip, fixed_cidr;
	bool ipv6, has_fixed_cidr6;
	struct subnet6 fixed_cidr6;
	uint32_t binding_ip; /* 0: all addresses of the host */
	unsigned mtu;        /* 0: as the default route has it */
	struct pool_area *pools;
	size_t npools;
};

/* What it holds is for options_done(), after success alone. */
int options_load(struct options *o, const struct env *env, struct error *err);
void options_done(struct options *o);

#endif
