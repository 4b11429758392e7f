/*
 * The environment of a job: ordered keys with JSON-typed values. Text stays text: encoding
 * guesses nothing. Reads convert the way Docker's env did: a bool or a number may have come as
 * text (a query parameter) or as JSON (a body).
 *
 * Life cycle: env_new(), env_free(). Not locked: it belongs to one job.
 */
#ifndef ENGINE_ENV_H
#define ENGINE_ENV_H

#include <jansson.h>
#include <stdbool.h>

#include "pkg/error.h"
#include "pkg/strlist.h"

struct env;

struct env *env_new(void);
void env_free(struct env *env);

bool env_has(const struct env *env, const char *key);

/* Text of a key, borrowed until the key is set again; fallback when absent or not text. */
const char *env_get(const struct env *env, const char *key, const char *fallback);
/* JSON true, or text other than "", 0, no, false and none; numbers other than 0. Absent: false. */
bool env_get_bool(const struct env *env, const char *key);
/* JSON number or decimal text; fallback when absent or not a number. */
long long env_get_int(const struct env *env, const char *key, long long fallback);
/* Appends the strings of a JSON array, or one element for a text. */
void env_get_list(const struct env *env, const char *key, struct strlist *out);
/* Borrowed; NULL when absent. */
json_t *env_get_json(const struct env *env, const char *key);
/* The whole as one JSON object, borrowed. */
json_t *env_json(const struct env *env);

void env_set(struct env *env, const char *key, const char *value); /* copied */
void env_set_bool(struct env *env, const char *key, bool value);
void env_set_int(struct env *env, const char *key, long long value);
void env_set_json(struct env *env, const char *key, json_t *value); /* taken */
void env_set_list(struct env *env, const char *key, const struct strlist *value);
/* Append to a list; a key that holds text becomes a list first. */
void env_add(struct env *env, const char *key, const char *value);
void env_unset(struct env *env, const char *key);
/* Set every member of a JSON object (borrowed). */
void env_merge(struct env *env, const json_t *object);

/* Merge a JSON object from text of n bytes. ERR_BAD_REQUEST when it is anything else. */
int env_decode(struct env *env, const char *text, size_t n, struct error *err);

#endif
