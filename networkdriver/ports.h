/*
 * Which ports of the host lead to which container. Only records: rules that serve them are the
 * firewall's, and there is no process per port. A port that a program of the host listens on is not
 * given out; one that a program binds later is not noticed, as nothing of ours is bound.
 *
 * Life cycle: ports_init(), ports_done(). All functions may be called from any thread.
 */
#ifndef NETWORKDRIVER_PORTS_H
#define NETWORKDRIVER_PORTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "networkdriver/subnet6.h"
#include "pkg/error.h"
#include "pkg/map.h"

/* One published port. IPv4 addresses are in the first 4 bytes, network order. */
struct port {
	uint8_t proto; /* IPPROTO_TCP, _UDP, _SCTP */
	bool v6, any;  /* any: whatever address of the host */
	bool routed;   /* opened, not translated: host and host_port mean nothing */
	uint16_t host_port, port;
	struct ip6 host, to;
};

/* What is asked for: one port of a container, at one address of each family that it is to have. */
struct port_request {
	uint8_t proto;
	uint16_t port;        /* the container's */
	uint16_t first, last; /* of the host: any of these; 0: whatever is free */
	bool v4, v6, any4, any6, routed4, routed6;
	struct ip6 host4, host6, to4, to6;
};

struct port_list {
	struct port *v;
	size_t n, cap;
};
void port_list_done(struct port_list *l);

/* A port of the host that is given out. */
struct taken_port {
	struct ip6 host;
	uint16_t host_port;
	uint8_t proto;
	bool v6, any;
};

struct ports {
	pthread_mutex_t lock;     /* guards all below */
	struct taken_port *taken; /* in the order of protocol and number */
	size_t ntaken, taken_cap;
	struct map owners; /* container id -> struct port_list */
	uint16_t next[3];  /* where the search for a free one goes on, by protocol */
};

void ports_init(struct ports *p);
void ports_done(struct ports *p);

/*
 * All of the requests or none, added to what the container has; what was given is appended to *out
 * too (copies). ERR_CONFLICT: taken, in Docker's words; ERR_INTERNAL: a program of the host has it.
 */
int ports_allocate(struct ports *p, const char *container, const struct port_request *requests,
		   size_t n, struct port_list *out, struct error *err);
/* After a restart: these are in use, whatever is bound. One that is another's is left out. */
void ports_adopt(struct ports *p, const char *container, const struct port_list *l);
/*
 * Take these away from the container, in the order in which it got them, or all that it has (NULL):
 * appended to *out, and listed no more, but nobody else gets them before ports_free(), when no
 * rule serves them any longer.
 */
void ports_disown(struct ports *p, const char *container, const struct port_list *these,
		  struct port_list *out);
void ports_free(struct ports *p, const struct port_list *l);
/* Copies of all that is published, appended. */
void ports_list(struct ports *p, struct port_list *out);

/* "tcp" for IPPROTO_TCP, ...; NULL for others. And back, 0 for others. */
const char *proto_name(uint8_t proto);
uint8_t proto_number(const char *name);

/* portcheck.c: does a program of the host have it? 0, or -1 with errno (EADDRINUSE, ...). */
int port_check(const struct port *port);
/* The range that ports are chosen from when none is asked for. */
void port_range(uint16_t *first, uint16_t *last);

#endif
