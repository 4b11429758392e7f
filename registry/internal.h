/* What the files of the registry client share. */
#ifndef REGISTRY_INTERNAL_H
#define REGISTRY_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/job.h"
#include "pkg/strlist.h"
#include "registry/wire.h"
#include "registry/registry.h"

#define DOCKER_HUB "docker.io"
#define DOCKER_HUB_HOST "registry-1.docker.io"
#define DOCKER_HUB_INDEX "https://index.docker.io/v1/" /* its name in users' configurations */

struct registry {
	struct strlist mirrors; /* "HOST=URL", without a slash at the end */
	struct strlist insecure;
	char *certs_dir; /* or NULL */
};

/* One way to reach a registry. */
struct endpoint {
	char *base; /* "https://host:5000" */
	bool mirror;
	struct wire_tls tls;   /* points at the next ones */
	char *ca, *cert, *key; /* or NULL */
};
struct endpoints {
	struct endpoint *v;
	size_t n;
};

/*
 * endpoint.c: the ways to the registry of a domain, the best one first: mirrors (unless for pushing),
 * then itself, with TLS, and without only where that was allowed. ERR_INTERNAL: its certificates
 * cannot be read.
 */
int endpoints_find(const struct registry *r, const char *domain, bool push, struct endpoints *out,
		   struct error *err);
void endpoint_clear(struct endpoint *e);
void endpoints_done(struct endpoints *e);

/* auth.c: what a client sent as X-Registry-Auth. All but the struct may be NULL. */
struct credentials {
	char *user, *password;
	char *identity_token, *registry_token;
};
/* text: base64 of JSON, or the JSON itself; NULL and "" are none. ERR_BAD_REQUEST. */
int credentials_parse(const char *text, struct credentials *out, struct error *err);
void credentials_done(struct credentials *c);
bool credentials_are_there(const struct credentials *c);
void credentials_basic(const struct credentials *c, struct strlist *headers); /* Authorization */

/* challenge.c: WWW-Authenticate. */
struct challenge {
	enum { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER } scheme;
	char *realm, *service, *scope; /* or NULL */
};
/* The strongest of a header that is understood; what is not is skipped. */
void challenge_parse(const char *header, struct challenge *out);
void challenge_done(struct challenge *c);

/* Jobs. */
int job_auth(struct job *job, void *self);
int job_search(struct job *job, void *self);
int job_distribution_inspect(struct job *job, void *self);

#endif
