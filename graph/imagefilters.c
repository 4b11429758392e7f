/* Filters of image lists: see imagefilters.h. */
#include "graph/imagefilters.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pkg/duration.h"
#include "pkg/filters.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/reference.h"
#include "pkg/timefmt.h"

#define API_NO_FILTER 141 /* from here on the parameter `filter` is ignored */

static const char *const known[] = { "dangling",  "label", "before", "since",
				     "reference", "until", NULL };

void imagefilters_done(struct imagefilters *f)
{
	json_decref(f->all);
}

const char *imagefilters_value(const struct imagefilters *f, const char *key)
{
	return json_string_value(json_array_get(json_get_arr(f->all, key), 0));
}

static int invalid(const char *key, const char *value, struct error *err)
{
	return error_set(err, ERR_BAD_REQUEST, "invalid filter '%s=[%s]'", key, value);
}

static int read_dangling(struct imagefilters *f, struct error *err)
{
	const char *value = imagefilters_value(f, "dangling");
	bool yes = value && (strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0);

	if (!value)
		return 0;
	if (!yes && strcasecmp(value, "false") != 0 && strcmp(value, "0") != 0)
		return invalid("dangling", value, err);
	f->has_dangling = true;
	f->dangling = yes;
	return 0;
}

/* A time, or a length of time before now. */
static int read_until(struct imagefilters *f, struct error *err)
{
	const char *value = imagefilters_value(f, "until");
	int64_t ago;

	f->has_until = value;
	if (!value || timefmt_parse(value, &f->until) == 0 ||
	    timefmt_parse_unix(value, &f->until) == 0)
		return 0;
	if (duration_parse(value, &ago) < 0)
		return invalid("until", value, err);
	f->until = time_now();
	f->until.tv_sec -= ago / 1000000000;
	return 0;
}

/* Before 1.41 a pattern for names had a parameter of its own. */
static void read_old(struct imagefilters *f, const struct env *env)
{
	const char *old = env_get(env, "filter", "");

	if (!*old || env_get_int(env, "apiversion", 144) >= API_NO_FILTER)
		return;
	if (!json_get_arr(f->all, "reference"))
		json_object_set_new(f->all, "reference", json_array());
	json_array_append_new(json_get_arr(f->all, "reference"), json_string(old));
}

int imagefilters_read(const struct env *env, struct imagefilters *f, struct error *err)
{
	const char *text = env_get(env, "filters", NULL);
	autofree char *object = text ? NULL : json_text(env_get_json(env, "filters"));

	f->all = filters_parse(text ? text : env_has(env, "filters") ? object : NULL, err);
	if (!f->all || filters_check_keys(f->all, known, err) < 0 || read_dangling(f, err) < 0 ||
	    read_until(f, err) < 0)
		return -1;
	read_old(f, env);
	return 0;
}

bool imagefilters_name_matches(const struct imagefilters *f, const char *name)
{
	const json_t *patterns = json_get_arr(f->all, "reference"), *v;
	autoreference struct reference ref = REFERENCE_INIT;
	autofree char *repo = reference_parse(name, &ref, NULL) == 0 ? reference_name(&ref) : NULL;
	size_t i;

	json_array_foreach(patterns, i, v) {
		const char *pattern = json_string_value(v);

		if (fnmatch(pattern, name, FNM_PATHNAME) == 0 ||
		    (repo && fnmatch(pattern, repo, FNM_PATHNAME) == 0))
			return true;
	}
	return json_array_size(patterns) == 0;
}
