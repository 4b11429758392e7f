/*
 * The daemon object: containers on top of the image store, an exec driver and the engine's jobs.
 *
 * Life cycle: daemon_new() (which restores what an earlier daemon left), daemon_install() its jobs,
 * and at shutdown daemon_close(): containers go on running. That is for the end, when the event loop
 * has been left and no job runs but perhaps endless ones, which were cancelled.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <stdbool.h>

#include "pkg/error.h"

struct daemon;
struct engine;
struct event_base;
struct registry;

/* All borrowed, and valid as long as the daemon. Lists end with NULL and may be NULL. */
struct daemon_config {
	const char *root;           /* -g: /var/lib/docker */
	const char *exec_root;      /* --exec-root: /var/run/docker */
	const char *graph_driver;   /* -s; NULL: probe */
	char *const *graph_options; /* --storage-opt */
	const char *exec_driver;    /* -e: "native" */
	char *const *dns, *const *dns_search;
	char *const *labels;      /* --label key=value */
	const char *bridge_iface; /* -b; "none": no network */
	const char *bridge_ip;    /* --bip */
	const char *fixed_cidr, *fixed_cidr6, *default_ip, *firewall_backend;
	char *const *address_pools; /* --default-address-pool base=SUBNET,size=BITS */
	bool icc, iptables, ip_forward, ip_forward_no_drop, ip_masq, ipv6;
	int mtu; /* 0: the default route's, or 1500 */
	bool selinux, debug;
	char *const *registry_mirrors, *const *insecure_registries;
	struct registry *registry; /* what it was told about them, in one */
	const char *version;       /* of this program, for /info */
};

struct daemon *daemon_new(struct engine *e, struct event_base *base,
			  const struct daemon_config *config, struct error *err);
int daemon_install(struct daemon *d, struct engine *e, struct error *err);
void daemon_close(struct daemon *d);
const char *daemon_graph_driver(const struct daemon *d);
const char *daemon_exec_driver(const struct daemon *d);

#endif
