/* Small conveniences over jansson: see json.h. */
#include "pkg/json.h"

#include <string.h>

#include "pkg/mem.h"

#define MAX_DEPTH 128

void json_unref_ptr(json_t **j)
{
	json_decref(*j);
}

const char *json_get_str(const json_t *o, const char *key, const char *fallback)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : fallback;
}

long long json_get_int(const json_t *o, const char *key, long long fallback)
{
	const json_t *v = json_object_get(o, key);

	if (json_is_integer(v))
		return json_integer_value(v);
	return json_is_real(v) ? (long long)json_real_value(v) : fallback;
}

bool json_get_bool(const json_t *o, const char *key, bool fallback)
{
	const json_t *v = json_object_get(o, key);

	return json_is_boolean(v) ? json_is_true(v) : fallback;
}

json_t *json_get_obj(const json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	return json_is_object(v) ? v : NULL;
}

json_t *json_get_arr(const json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	return json_is_array(v) ? v : NULL;
}

void json_get_strlist(const json_t *o, const char *key, struct strlist *out)
{
	const json_t *arr = json_object_get(o, key), *v;
	size_t i;

	json_array_foreach(arr, i, v)
		if (json_is_string(v))
			strlist_add(out, json_string_value(v));
}

json_t *json_from_strv(char *const *v)
{
	json_t *arr = json_array();

	for (; v && *v; v++)
		json_array_append_new(arr, json_stringn_nocheck(*v, strlen(*v)));
	return arr;
}

json_t *json_from_strlist(const struct strlist *l)
{
	return json_from_strv(l->v);
}

/* Nesting of text, which need not be good JSON. jansson recurses, and stacks of workers are small. */
static bool is_deeper(const char *text, size_t n, unsigned max)
{
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < n; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && (text[i] == '[' || text[i] == '{') && ++depth > max)
			return true;
		else if (!quoted && (text[i] == ']' || text[i] == '}') && depth)
			depth--;
	}
	return false;
}

json_t *json_parse(const char *text, size_t n, struct error *err)
{
	json_error_t why;
	json_t *j;

	if (is_deeper(text, n, MAX_DEPTH)) {
		error_set(err, ERR_BAD_REQUEST, "invalid JSON: nested deeper than %d", MAX_DEPTH);
		return NULL;
	}
	j = json_loadb(text, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
	if (!j)
		error_set(err, ERR_BAD_REQUEST, "invalid JSON: %s (line %d, column %d)", why.text,
			  why.line, why.column);
	return j;
}

char *json_text(const json_t *j)
{
	char *s = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);

	return s ? s : xstrdup("null");
}

#ifdef __SANITIZE_THREAD__
/*
 * The library counts references with atomic operations, but first looks with a plain read whether
 * it is to count at all. That is no race that could go wrong.
 */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "race:^json_incref$\nrace:^json_decref$\n";
}
#endif
