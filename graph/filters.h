/* The `filters` of image lists: {"key": ["value", ...]} or {"key": {"value": true}}. */
#ifndef GRAPH_FILTERS_H
#define GRAPH_FILTERS_H

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

#include "engine/env.h"
#include "pkg/error.h"
#include "pkg/strlist.h"

struct filters {
	struct strlist labels, references;
	bool has_dangling, dangling;
	struct strlist before, since; /* images as users name them */
	bool has_until;
	struct timespec until;
};
void filters_done(struct filters *f);

/*
 * Read them from a job's env. ERR_BAD_REQUEST "invalid filter 'x'" for a key that is not known here
 * or a value that makes no sense.
 */
int filters_read(const struct env *env, struct filters *f, struct error *err);

/* Does each of the labels, "key" or "key=value", stand in the object? */
bool filters_labels_match(const struct filters *f, const json_t *labels);

/* Does the name, or the name without its tag, match one of the patterns? Always, without patterns. */
bool filters_name_matches(const struct filters *f, const char *name);

#endif
