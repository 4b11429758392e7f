/* The files hosts, hostname and resolv.conf in a container's folder, written at every start. */
#ifndef DAEMON_NETFILES_H
#define DAEMON_NETFILES_H

#include <jansson.h>

#include "pkg/error.h"

struct container;
struct daemon;

/*
 * Write them. *dir is the folder that has the files to be mounted: the container's own, the one of
 * the container whose network it shares, or NULL when it manages them itself. The caller frees it.
 */
int netfiles_write(struct daemon *d, struct container *c, const json_t *network, char **dir,
		   struct error *err);

/* hosts and resolv.conf once more, under a container that runs and sees the same files. */
int netfiles_rewrite(struct daemon *d, struct container *c, const json_t *network,
		     struct error *err);

#endif
