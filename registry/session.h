/*
 * One repository at one endpoint of a registry (the distribution API v2), with its credentials and
 * tokens.
 *
 * Life cycle: sessions_open() finds the endpoints and makes a session for each, in the order in
 * which they should be tried; session_ref(), session_unref(). Thread-safe: each thread brings a
 * struct wire of its own, made by session_wire().
 */
#ifndef REGISTRY_SESSION_H
#define REGISTRY_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "pkg/digest.h"
#include "pkg/error.h"
#include "registry/wire.h"

struct buf;
struct reference;
struct registry;
struct session;

struct sessions {
	struct session **v;
	size_t n;
};

/* auth: X-Registry-Auth, or NULL. Mirrors get no credentials. */
int sessions_open(const struct registry *r, const struct reference *ref, const char *auth,
		  bool push, struct sessions *out, struct error *err);
void sessions_done(struct sessions *s);

struct session *session_ref(struct session *s);
void session_unref(struct session *s);
const char *session_base(const struct session *s); /* "https://host" */
bool session_is_mirror(const struct session *s);

struct wire *session_wire(const struct session *s, struct wire_cancel cancel, struct error *err);

/* Does it speak the distribution API, and take us? 0, or -1 with err. */
int session_ping(struct session *s, struct wire *h, struct error *err);

struct session_request {
	const char *method;
	const char *path;              /* "/manifests/latest" of the repository, or a whole URL */
	const struct strlist *headers; /* or NULL */
	const char *also;              /* another repository to read from, or NULL */
	wire_source *read;             /* of a body, with from and length as for HTTP */
	void *from;
	int64_t length;
	bool patient; /* try again when the registry is busy or the connection breaks */
};
/*
 * Send it, with a token where one is asked for. The status of the answer, which the caller reads from
 * h and ends; -1 with err when there is none.
 */
int session_call(struct session *s, struct wire *h, const struct session_request *q,
		 struct error *err);
/* The error that an answer with that status says, in Docker's words: -1. Ends the answer. */
int session_fail(struct wire *h, int status, struct error *err);

/*
 * manifest.c: read a manifest or index by tag or digest into b, checked against its digest when it
 * is named by one. digest gets its digest, type (freed by the caller) its media type.
 * ERR_NOT_FOUND: the registry has none.
 */
int session_manifest(struct session *s, struct wire *h, const char *tag_or_digest, struct buf *b,
		     char digest[DIGEST_SIZE], char **type, struct error *err);
/* All tags of the repository, appended. */
int session_tags(struct session *s, struct wire *h, struct strlist *tags, struct error *err);

#endif
