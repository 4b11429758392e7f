/* Filters of image lists: see filters.h. */
#include "graph/filters.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/reference.h"
#include "pkg/timefmt.h"

void filters_done(struct filters *f)
{
	strlist_done(&f->labels);
	strlist_done(&f->references);
	strlist_done(&f->before);
	strlist_done(&f->since);
}

static int invalid(const char *key, const char *value, struct error *err)
{
	if (!value)
		return error_set(err, ERR_BAD_REQUEST, "invalid filter '%s'", key);
	return error_set(err, ERR_BAD_REQUEST, "invalid filter '%s=[%s]'", key, value);
}

static int set_dangling(struct filters *f, const char *value)
{
	bool yes = strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0;

	if (!yes && strcasecmp(value, "false") != 0 && strcmp(value, "0") != 0)
		return -1;
	f->has_dangling = true;
	f->dangling = yes;
	return 0;
}

/* A Go duration such as "1h30m", as seconds. 0, or -1. */
static int parse_duration(const char *s, double *seconds)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = { { "ns", 1e-9 }, { "us", 1e-6 }, { "ms", 1e-3 },
		      { "s", 1 },     { "m", 60 },    { "h", 3600 } };
	double sum = 0;

	if (!*s)
		return -1;
	while (*s) {
		char *unit;
		double v = strtod(s, &unit);
		size_t n = strspn(unit, "abcdefghijklmnopqrstuvwxyz"), i;

		if (unit == s || v < 0)
			return -1;
		for (i = 0; i < array_size(units); i++)
			if (strlen(units[i].unit) == n && strncmp(units[i].unit, unit, n) == 0)
				break;
		if (i == array_size(units))
			return -1;
		sum += v * units[i].seconds;
		s = unit + n;
	}
	*seconds = sum;
	return 0;
}

static int set_until(struct filters *f, const char *value)
{
	double ago;

	f->has_until = true;
	if (timefmt_parse(value, &f->until) == 0 || timefmt_parse_unix(value, &f->until) == 0)
		return 0;
	if (parse_duration(value, &ago) < 0 || ago > 1e12)
		return -1;
	f->until = time_now();
	f->until.tv_sec -= (time_t)ago;
	return 0;
}

static int take(struct filters *f, const char *key, const char *value, struct error *err)
{
	if (strcmp(key, "dangling") == 0)
		return set_dangling(f, value) < 0 ? invalid(key, value, err) : 0;
	if (strcmp(key, "until") == 0)
		return set_until(f, value) < 0 ? invalid(key, value, err) : 0;
	if (strcmp(key, "label") == 0)
		strlist_add(&f->labels, value);
	else if (strcmp(key, "reference") == 0)
		strlist_add(&f->references, value);
	else if (strcmp(key, "before") == 0)
		strlist_add(&f->before, value);
	else if (strcmp(key, "since") == 0)
		strlist_add(&f->since, value);
	else
		return invalid(key, NULL, err);
	return 0;
}

static int take_key(struct filters *f, const char *key, json_t *values, struct error *err)
{
	const char *value;
	json_t *v;
	size_t i;

	if (!json_is_array(values) && !json_is_object(values))
		return invalid(key, NULL, err);
	if (!json_array_size(values) && !json_object_size(values))
		return strcmp(key, "dangling") == 0 ? 0 : take(f, key, "", err);
	json_array_foreach(values, i, v) {
		if (!json_is_string(v))
			return invalid(key, NULL, err);
		if (take(f, key, json_string_value(v), err) < 0)
			return -1;
	}
	json_object_foreach(values, value, v) {
		if (json_is_true(v) && take(f, key, value, err) < 0)
			return -1;
	}
	return 0;
}

int filters_read(const struct env *env, struct filters *f, struct error *err)
{
	const char *text = env_get(env, "filters", NULL), *old = env_get(env, "filter", NULL), *key;
	autojson json_t *all = NULL;
	json_t *values;

	if (text && *text)
		all = json_parse(text, strlen(text), err);
	else
		all = json_incref(env_get_json(env, "filters"));
	if (text && *text && !all)
		return -1;
	if (all && !json_is_string(all) && !json_is_object(all))
		return error_set(err, ERR_BAD_REQUEST, "invalid filters: not an object");
	json_object_foreach(all, key, values) {
		if (take_key(f, key, values, err) < 0)
			return -1;
	}
	/* Before 1.41 a pattern for names had a parameter of its own. */
	if (old && *old && env_get_int(env, "apiversion", 144) < 141)
		strlist_add(&f->references, old);
	return 0;
}

bool filters_labels_match(const struct filters *f, const json_t *labels)
{
	for (size_t i = 0; i < f->labels.n; i++) {
		const char *want = f->labels.v[i], *equals = strchr(want, '=');
		autofree char *key = xstrndup(want, strcspn(want, "="));
		const char *value = json_get_str(labels, key, NULL);

		if (!value || (equals && strcmp(value, equals + 1) != 0))
			return false;
	}
	return true;
}

bool filters_name_matches(const struct filters *f, const char *name)
{
	autoreference struct reference ref = REFERENCE_INIT;
	autofree char *repo = reference_parse(name, &ref, NULL) == 0 ? reference_name(&ref) : NULL;

	for (size_t i = 0; i < f->references.n; i++)
		if (fnmatch(f->references.v[i], name, FNM_PATHNAME) == 0 ||
		    (repo && fnmatch(f->references.v[i], repo, FNM_PATHNAME) == 0))
			return true;
	return f->references.n == 0;
}
