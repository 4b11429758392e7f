/*
 * Blobs on their way out.
 *
 * All: session and wire are borrowed; 0, or -1 with err in Docker's words.
 */
#ifndef REGISTRY_UPLOAD_H
#define REGISTRY_UPLOAD_H

#include <stdint.h>

#include "pkg/digest.h"
#include "pkg/error.h"
#include "registry/wire.h"

struct session;

/* Has the repository this blob? 1, 0, or -1. */
int upload_exists(struct session *s, struct wire *w, const char *digest, struct error *err);
/* Have it taken from another repository of the same registry: 1, 0: that was refused, or -1. */
int upload_mount(struct session *s, struct wire *w, const char *digest, const char *from,
		 struct error *err);

/*
 * What is sent. It must give the same bytes each time: after a break it is begun again, and what the
 * registry has already is skipped. end gives its digest when all of it was read; it is called after each begin, with err
 * NULL to break off.
 */
struct upload {
	int (*begin)(void *from, struct error *err);
	wire_source *read;
	int (*end)(void *from, char digest[DIGEST_SIZE], struct error *err);
	void *from;
	int64_t length; /* bytes; -1: not known */
};
int upload_blob(struct session *s, struct wire *w, const struct upload *u, char digest[DIGEST_SIZE],
		struct error *err);
/* The same with bytes in memory. */
int upload_text(struct session *s, struct wire *w, const char *text, size_t n, struct error *err);

/* Put a manifest under a tag. */
int upload_manifest(struct session *s, struct wire *w, const char *tag, const char *type,
		    const char *text, size_t n, struct error *err);

#endif
