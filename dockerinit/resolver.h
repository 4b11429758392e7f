/*
 * The name server at 127.0.0.11 of a container on user-defined networks, in its monitor: it goes on
 * while the daemon is away. It knows the names of the container's networks from files that the daemon
 * replaces (by rename), and asks other servers for the rest.
 *
 * PLAN_DNS names its configuration, of at most 64 KiB. A line is one of these, others are skipped:
 *	network PATH NAME	a network: the file of its names, and its name; in order of search
 *	server ADDR		ask this one for other names, from inside the container's network
 *	hostserver ADDR		the same from the host's network: a server on its loopback interface
 *	alias NAME TARGET	NAME is resolved as TARGET, a name of a network, is
 *	internal		no way out: host servers are not asked
 *	ndots			a name without a dot that is not ours has no addresses, and is not asked for
 * A file of names, of at most 4 MiB, has a line "IP4 IP6 NAME NAME ..." for each endpoint, "-" for an
 * address that it does not have; its first name is what its addresses resolve to.
 */
#ifndef DOCKERINIT_RESOLVER_H
#define DOCKERINIT_RESOLVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "dockerinit/monitor.h"
#include "pkg/dns.h"
#include "pkg/error.h"

/*
 * resolver.c. pid has its network namespace already. Nothing happens where no PLAN_DNS is, or where
 * one runs.
 */
int resolver_start(const struct plan *plan, pid_t pid, struct error *err);
void resolver_stop(void);

/* ---- the rest is between the files of the resolver ---- */

#define RESOLVER_ADDRESS 0x7f00000bu /* 127.0.0.11 */
#define RESOLVER_QUERY_MAX 4096      /* bytes of a query: far more than one question takes */
#define RESOLVER_TTL 600             /* seconds */

/* Who asked. */
struct resolver_tcp;
struct resolver_from {
	struct resolver_tcp *tcp; /* NULL: it came over UDP, */
	struct sockaddr_in addr;  /* from there */
};

/* Answer, or have it answered. -1: that was no query. */
int resolver_handle(const struct resolver_from *from, const unsigned char *packet, size_t n);
/* An answer of any length. One that is too long for a UDP client is cut and marked so. */
void resolver_reply(const struct resolver_from *from, const struct dns_query *q, void *answer,
		    size_t n);
int resolver_namespace(void);    /* of the container: a descriptor */
int64_t resolver_now(void);      /* milliseconds */
void resolver_alarm(int64_t at); /* have the expire functions called then */

/* resolver_setup.c: the sockets, in the container's namespace, and the way to them. */
struct resolver_sockets {
	int udp, tcp;
};
int resolver_setup(int ns, struct resolver_sockets *out, struct error *err);

/* resolver_names.c: the configuration and the networks' names, as the files are now. */
#define RESOLVER_SERVERS 3 /* no more are asked: a client waits no longer than that */
struct resolver_server {
	int family;
	bool host; /* asked from the host's network */
	unsigned char addr[16];
};
void names_refresh(const char *config);
/* Is it ours? Then its addresses of the family (0: of none) are appended, 4 or 16 bytes each. */
bool names_find(const char *name, int family, struct buf *addrs);
/* "NAME.NETWORK" of an address; the caller frees; NULL: it is not ours. */
char *names_reverse(int family, const unsigned char *addr);
const struct resolver_server *names_server(size_t i); /* NULL: there are no more */
bool names_ndots(void);

/* resolver_forward.c: what is not ours. */
struct forward;
void forward_query(const struct resolver_from *from, const unsigned char *packet, size_t n,
		   const struct dns_query *q);
void forward_cancel(struct forward *f); /* nobody waits for it any more */
int64_t forward_expire(int64_t now);    /* when the next one ends; 0: there is none */
void forward_stop(void);

/* resolver_tcp.c: clients over TCP. */
void tcp_accept(struct watch *listener, uint32_t events);
/* The query that it waits for is elsewhere for now, or no longer (NULL). */
void tcp_set_forward(struct resolver_tcp *c, struct forward *f);
void tcp_reply(struct resolver_tcp *c, const void *answer, size_t n);
int64_t tcp_expire(int64_t now);
void tcp_stop(void);

#endif
