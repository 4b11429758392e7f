/*
 * Names of images as users write them: [host[:port]/]path[:tag][@digest], in the grammar of the
 * distribution project. Short names are Docker Hub's: "busybox" is docker.io/library/busybox.
 *
 * Life cycle: reference_parse(), reference_done(). autoreference does the latter.
 */
#ifndef PKG_REFERENCE_H
#define PKG_REFERENCE_H

#include <stdbool.h>

#include "pkg/error.h"

struct reference {
	char *domain; /* "docker.io", "localhost:5000" */
	char *path;   /* "library/busybox" */
	char *tag;    /* or NULL */
	char *digest; /* "sha256:...", or NULL */
};

#define autoreference __attribute__((cleanup(reference_done)))
#define REFERENCE_INIT ((struct reference){ 0 })

/* ERR_BAD_REQUEST "invalid reference format" and the like; out is untouched then. */
int reference_parse(const char *text, struct reference *out, struct error *err);
void reference_done(struct reference *r);

/* Put tag in the place of the one that is there. ERR_BAD_REQUEST "invalid tag format". */
int reference_set_tag(struct reference *r, const char *tag, struct error *err);
void reference_default_tag(struct reference *r); /* :latest unless there is a tag or a digest */

bool reference_tag_is_valid(const char *tag);

/* As users read them, without docker.io/library/; the caller frees. */
char *reference_name(const struct reference *r); /* "busybox" */
char *reference_text(const struct reference *r); /* "busybox:latest", "busybox@sha256:..." */

#endif
