/*
 * Registries: what the daemon was told about them (mirrors, insecure ones, authorities), and the jobs
 * auth, search and distribution_inspect.
 *
 * Life cycle: registry_new(), registry_install(), registry_free() when no job runs any more.
 * Thread-safe: nothing changes after registry_new().
 */
#ifndef REGISTRY_REGISTRY_H
#define REGISTRY_REGISTRY_H

#include "pkg/error.h"

struct engine;
struct registry;

/* Borrowed, and needed only by registry_new(). Lists end with NULL and may be NULL. */
struct registry_config {
	/* --registry-mirror: [HOST=]URL; without a host for Docker Hub */
	char *const *mirrors;
	char *const *insecure; /* --insecure-registry: HOST[:PORT] or a CIDR */
	const char *certs_dir; /* HOST[:PORT]/{*.crt,*.cert,*.key}; NULL: none */
};

/* NULL with err (ERR_BAD_REQUEST): a mirror is no URL of a host. */
struct registry *registry_new(const struct registry_config *config, struct error *err);
void registry_free(struct registry *r);
int registry_install(struct registry *r, struct engine *e, struct error *err);

#endif
