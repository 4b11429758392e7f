/* The daemon's process from start to end; see builtins/process.c. For docker.c alone. */
#ifndef BUILTINS_PROCESS_H
#define BUILTINS_PROCESS_H

#include <stdbool.h>

#include "daemon/daemon.h"
#include "pkg/strlist.h"

struct daemon_options {
	struct daemon_config config; /* its lists are set from those below */
	struct strlist hosts;        /* normalised, at least one */
	struct strlist graph_options, dns, dns_search, labels, registry_mirrors, address_pools;
	struct strlist insecure_registries;
	const char *pidfile, *group, *log_level;
	bool cors, tls, tls_verify;
	const char *tls_ca, *tls_cert, *tls_key;
};

/* Run until SIGINT or SIGTERM. The program's exit status. */
int daemon_main(struct daemon_options *o);

#endif
