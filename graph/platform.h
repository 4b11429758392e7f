/* Platforms of images: "linux", "linux/amd64", "linux/arm/v7". */
#ifndef GRAPH_PLATFORM_H
#define GRAPH_PLATFORM_H

#include <jansson.h>

#include "pkg/error.h"

struct platform {
	char *os, *architecture, *variant; /* variant may be NULL */
};

/* "": this machine's. ERR_BAD_REQUEST in Docker's words; out is untouched then. */
int platform_parse(const char *text, struct platform *out, struct error *err);
void platform_done(struct platform *p);

/*
 * How well the `platform` of a descriptor fits: 0 not at all, more is better. One that says nothing
 * fits a little.
 */
int platform_score(const struct platform *p, const json_t *platform);
/* The descriptor of a list that fits best, borrowed; NULL: none does. */
const json_t *platform_choose(const struct platform *p, const json_t *descriptors);

#endif
