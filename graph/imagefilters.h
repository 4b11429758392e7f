/* The `filters` of image lists, on top of pkg/filters: what the words mean for images. */
#ifndef GRAPH_IMAGEFILTERS_H
#define GRAPH_IMAGEFILTERS_H

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

#include "engine/env.h"
#include "pkg/error.h"

struct imagefilters {
	json_t *all; /* as filters_parse() gives them */
	bool has_dangling, dangling;
	bool has_until;
	struct timespec until;
};
void imagefilters_done(struct imagefilters *f);

/* Read them from a job's env. ERR_BAD_REQUEST "invalid filter 'dangling=[maybe]'" and the like. */
int imagefilters_read(const struct env *env, struct imagefilters *f, struct error *err);

/* The first value of a key, NULL when there is none; borrowed. */
const char *imagefilters_value(const struct imagefilters *f, const char *key);

/* Does the name, or the name without its tag, match one of `reference`? Always, without any. */
bool imagefilters_name_matches(const struct imagefilters *f, const char *name);

#endif
