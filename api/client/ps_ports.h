/* The PORTS column. */
#ifndef API_CLIENT_PS_PORTS_H
#define API_CLIENT_PS_PORTS_H

#include <jansson.h>

/* "0.0.0.0:8080->80/tcp, 7000-7003/tcp" of a list of Port objects. The caller frees it. */
char *ps_ports(const json_t *ports);

#endif
