/* The filters of the Engine API: see filters.h. */
#include "pkg/filters.h"

#include <string.h>

#include "pkg/duration.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/timefmt.h"

/* The values of one key as a list of strings; NULL when they are something else. */
static json_t *values_of(const json_t *v)
{
	autojson json_t *list = json_array();
	const char *key;
	json_t *el;
	size_t i;

	if (!json_is_array(v) && !json_is_object(v))
		return NULL;
	json_array_foreach(v, i, el) {
		if (!json_is_string(el))
			return NULL;
		json_array_append(list, el);
	}
	json_object_foreach((json_t *)v, key, el)
		if (!json_is_false(el))
			json_array_append_new(list, json_string(key));
	return take_json(&list);
}

json_t *filters_parse(const char *text, struct error *err)
{
	autojson json_t *in = NULL, *out = json_object();
	const char *key;
	json_t *v;

	if (!text || !*text)
		return take_json(&out);
	in = json_parse(text, strlen(text), NULL);
	if (!json_is_object(in))
		goto invalid;
	json_object_foreach(in, key, v) {
		json_t *list = values_of(v);

		if (!list)
			goto invalid;
		json_object_set_new(out, key, list);
	}
	return take_json(&out);
invalid:
	error_set(err, ERR_BAD_REQUEST, "invalid filter");
	return NULL;
}

bool filters_has(const json_t *f, const char *key)
{
	return json_array_size(json_object_get(f, key)) > 0;
}

bool filters_contains(const json_t *f, const char *key, const char *value)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(f, key), i, v)
		if (value && strcmp(json_string_value(v), value) == 0)
			return true;
	return false;
}

int filters_check_keys(const json_t *f, const char *const *known, struct error *err)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)f, key, v) {
		const char *const *k = known;

		while (*k && strcmp(*k, key) != 0)
			k++;
		if (!*k)
			return error_set(err, ERR_BAD_REQUEST, "invalid filter '%s'", key);
	}
	return 0;
}

bool filters_match(const json_t *f, const char *key, const char *value)
{
	return !filters_has(f, key) || filters_contains(f, key, value);
}

bool filters_match_prefix(const json_t *f, const char *key, const char *value)
{
	const json_t *v;
	size_t i;

	if (!filters_has(f, key))
		return true;
	json_array_foreach(json_object_get(f, key), i, v)
		if (value && strncmp(value, json_string_value(v), json_string_length(v)) == 0)
			return true;
	return false;
}

bool filters_match_labels(const json_t *f, const char *key, const json_t *labels)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(f, key), i, v) {
		const char *want = json_string_value(v), *eq = strchr(want, '=');
		autofree char *name = xstrndup(want, eq ? (size_t)(eq - want) : strlen(want));
		const char *have = json_get_str(labels, name, NULL);

		if (!have || (eq && strcmp(have, eq + 1) != 0))
			return false;
	}
	return true;
}

int filters_until(const char *text, struct timespec now, struct timespec *out, struct error *err)
{
	autofree char *day = xasprintf("%sT00:00:00Z", text);
	autofree char *utc = xasprintf("%sZ", text);
	int64_t ns;

	if (timefmt_parse_unix(text, out) == 0 || timefmt_parse(text, out) == 0 ||
	    timefmt_parse(utc, out) == 0 || timefmt_parse(day, out) == 0)
		return 0;
	if (duration_parse(text, &ns) < 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "failed to parse value as time or duration: \"%s\"", text);
	out->tv_sec = now.tv_sec - ns / 1000000000;
	out->tv_nsec = now.tv_nsec;
	return 0;
}

int filters_until_one(const json_t *f, struct timespec now, bool *has, struct timespec *out,
		      struct error *err)
{
	const json_t *until = json_object_get(f, "until");

	*has = until;
	if (!until)
		return 0;
	if (json_array_size(until) != 1)
		return error_set(err, ERR_BAD_REQUEST, "more than one until filter specified");
	return filters_until(json_string_value(json_array_get(until, 0)), now, out, err);
}
