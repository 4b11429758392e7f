/* Ports as users write them. */
#ifndef RUNCONFIG_PORTS_H
#define RUNCONFIG_PORTS_H

#include "pkg/error.h"

struct port_range {
	unsigned low, high; /* both included */
	const char *proto;  /* "tcp", "udp" or "sctp" */
};

/* "80", "80/udp", "8000-8010"; ERR_BAD_REQUEST for anything else. */
int port_range_parse(const char *spec, struct port_range *out, struct error *err);

#endif
