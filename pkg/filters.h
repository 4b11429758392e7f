/*
 * The filters of the Engine API: a JSON object in the query, {"key":["a","b"]} or, from old clients,
 * {"key":{"a":true}}. Values of one key are alternatives (of `label`: all must match), keys are
 * conjunctive. Not locked; read-only after filters_parse().
 */
#ifndef PKG_FILTERS_H
#define PKG_FILTERS_H

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

#include "pkg/error.h"

/*
 * text NULL or "": no filters. A new object of lists of strings, for the functions below; NULL with
 * ERR_BAD_REQUEST.
 */
json_t *filters_parse(const char *text, struct error *err);

bool filters_has(const json_t *f, const char *key);
bool filters_contains(const json_t *f, const char *key, const char *value);

/* ERR_BAD_REQUEST "invalid filter 'x'" for a key that is not in the NULL-terminated list. */
int filters_check_keys(const json_t *f, const char *const *known, struct error *err);

/* These are true as well when nothing is asked of key. A value of NULL matches nothing. */
bool filters_match(const json_t *f, const char *key, const char *value);
bool filters_match_prefix(const json_t *f, const char *key, const char *value);
/* Every "k" or "k=v" of key is in the object, whose values are strings. */
bool filters_match_labels(const json_t *f, const char *key, const json_t *labels);

/* "1h30m" before now, a unix time, or RFC 3339 with or without time of day. 0, -1 BAD_REQUEST. */
int filters_until(const char *text, struct timespec now, struct timespec *out, struct error *err);
/* The one `until` that a prune may have: *has says whether it does. More are ERR_BAD_REQUEST. */
int filters_until_one(const json_t *f, struct timespec now, bool *has, struct timespec *out,
		      struct error *err);

#endif
