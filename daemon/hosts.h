/*
 * The texts of a container's hosts, hostname and resolv.conf. Pure: reading and writing the files
 * is the caller's (netfiles.c).
 */
#ifndef DAEMON_HOSTS_H
#define DAEMON_HOSTS_H

#include <jansson.h>

#include "pkg/buf.h"

/*
 * hosts: the loopback names, then ExtraHosts ("name:address"; the address host-gateway means
 * gateway), then the container's own line. ip may be NULL: no network of its own; so may gateway.
 */
void hosts_text(struct buf *out, const char *ip, const char *hostname, const char *domainname,
		const json_t *extra_hosts, const char *gateway);

/* What --dns, --dns-search and --dns-opt ask for: arrays of strings, or NULL. */
struct resolv_options {
	const json_t *dns, *search, *options;
};

/*
 * resolv.conf from the host's: its name servers but those on loopback, unless dns names others;
 * search and options are replaced when given. Without any server left two public ones are taken.
 */
void resolv_text(struct buf *out, const char *host_conf, const struct resolv_options *o);

#endif
