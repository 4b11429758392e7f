/*
 * Small conveniences over jansson: scope-bound references and typed reads with a fallback.
 * Getters borrow. A value of another type counts as absent.
 */
#ifndef PKG_JSON_H
#define PKG_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "pkg/error.h"
#include "pkg/strlist.h"

void json_unref_ptr(json_t **j);
#define autojson __attribute__((cleanup(json_unref_ptr)))
#define take_json(jp)                                                                              \
	({                                                                                         \
		json_t *taken_ = *(jp);                                                            \
		*(jp) = NULL;                                                                      \
		taken_;                                                                            \
	})

const char *json_get_str(const json_t *o, const char *key, const char *fallback);
long long json_get_int(const json_t *o, const char *key, long long fallback);
bool json_get_bool(const json_t *o, const char *key, bool fallback);
json_t *json_get_obj(const json_t *o, const char *key); /* NULL unless an object */
json_t *json_get_arr(const json_t *o, const char *key); /* NULL unless an array */

/* The strings of an array member appended to out; other elements are skipped. */
void json_get_strlist(const json_t *o, const char *key, struct strlist *out);
json_t *json_from_strlist(const struct strlist *l); /* a new array */
json_t *json_from_strv(char *const *v);             /* the same, NULL-terminated; v may be NULL */

/*
 * Read text of n bytes as one JSON value. At most 128 levels deep. NULL with ERR_BAD_REQUEST on
 * bad JSON or on anything but white space behind the value. The caller owns the value.
 */
json_t *json_parse(const char *text, size_t n, struct error *err);

/* Compact text, which the caller frees. Never NULL. */
char *json_text(const json_t *j);

#endif
