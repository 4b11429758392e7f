/*
 * The texts of a container's hosts, hostname and resolv.conf. Pure: reading and writing the files
 * is the caller's (netfiles.c).
 */
#ifndef DAEMON_HOSTS_H
#define DAEMON_HOSTS_H

#include <jansson.h>
#include <stdbool.h>

#include "pkg/buf.h"
#include "pkg/strlist.h"

/* Who the container is and what it knows by name. Members may be NULL. */
struct hosts_options {
	const json_t *ips; /* array of its own addresses, in order */
	const char *hostname, *domainname;
	const json_t *extra_hosts; /* ExtraHosts: "name:address" */
	const json_t *links;       /* whole lines */
	const char *gateway;       /* what the address host-gateway means */
};

/* hosts: the loopback names, then ExtraHosts, links, and a line for each of its addresses. */
void hosts_text(struct buf *out, const struct hosts_options *o);

/* What --dns, --dns-search and --dns-opt ask for: arrays of strings, or NULL. */
struct resolv_options {
	const json_t *dns, *search, *options;
};

/*
 * resolv.conf from the host's: its name servers but those on loopback, unless dns names others;
 * search and options are replaced when given. Without any server left two public ones are taken.
 */
void resolv_text(struct buf *out, const char *host_conf, const struct resolv_options *o);

/* The same for a container with a resolver of its own, which asks the servers for it. */
void resolv_text_embedded(struct buf *out, const char *host_conf, const struct resolv_options *o);
/* The name servers of a resolv.conf's text, appended. */
void resolv_servers(const char *host_conf, struct strlist *out);
bool resolv_is_loopback(const char *address);

#endif
