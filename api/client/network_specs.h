/* What `network create` and `network connect` can be told, and the bodies of their requests. */
#ifndef API_CLIENT_NETWORK_SPECS_H
#define API_CLIENT_NETWORK_SPECS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "pkg/error.h"
#include "pkg/mflag.h"
#include "pkg/strlist.h"

struct network_create_opts {
	bool attachable, config_only, ingress, internal;
	int ipv4, ipv6; /* -1: not given, the daemon decides */
	const char *driver, *scope, *config_from, *ipam_driver;
	struct strlist opt, label, subnet, ip_range, gateway, aux_address, ipam_opt;
};

extern const struct network_create_opts network_create_defaults;
extern const struct mflag network_create_flags[];

/*
 * Each range, gateway and auxiliary address goes to the subnet that it is in. A new object, or NULL
 * with ERR_BAD_REQUEST, worded as Docker's own client words it.
 */
json_t *network_create_body(const struct network_create_opts *o, const char *name,
			    struct error *err);

struct network_connect_opts {
	const char *ip, *ip6;
	int64_t gw_priority;
	struct strlist alias, driver_opt, link, link_local_ip;
};

extern const struct mflag network_connect_flags[];

json_t *network_connect_body(const struct network_connect_opts *o, const char *container,
			     struct error *err);

#endif
