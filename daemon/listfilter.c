/* The filters of `ps` and of `containers_prune`: see listfilter.h. A table says who matches what. */
#include "daemon/listfilter.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/names.h"
#include "daemon/network.h"
#include "pkg/filters.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/parse.h"

#define NAMES_MAX 64 /* regular expressions in one request */

struct listfilter {
	json_t *filters;
	regex_t names[NAMES_MAX];
	size_t nnames;
};

static const char *const known[] = { "ancestor", "before", "exited",  "expose",
				     "health",   "id",     "is-task", "isolation",
				     "label",    "name",   "network", "publish",
				     "since",    "status", "volume",  NULL };

static int bad_value(const char *key, const char *value, struct error *err)
{
	return error_set(err, ERR_BAD_REQUEST, "invalid filter '%s=%s'", key, value);
}

static int check_status(const char *value, struct error *err)
{
	return state_is_status(value) ? 0 : bad_value("status", value, err);
}

static int check_exited(const char *value, struct error *err)
{
	int64_t n;

	if (parse_i64(value, &n) == 0)
		return 0;
	return error_set(err, ERR_BAD_REQUEST, "strconv.Atoi: parsing \"%s\": invalid syntax",
			 value);
}

static int check_health(const char *value, struct error *err)
{
	static const char *const words[] = { "starting", "healthy", "unhealthy", "none" };

	for (size_t i = 0; i < array_size(words); i++)
		if (strcmp(words[i], value) == 0)
			return 0;
	return error_set(err, ERR_BAD_REQUEST, "Unrecognised filter value for health: %s", value);
}

static int check_truth(const char *value, struct error *err)
{
	static const char *const words[] = { "0", "1", "false", "true", "False", "True" };

	for (size_t i = 0; i < array_size(words); i++)
		if (strcmp(words[i], value) == 0)
			return 0;
	return error_set(err, ERR_BAD_REQUEST, "invalid filter 'is-task=[%s]'", value);
}

/* "80", "80/tcp", "80-90/tcp" */
struct port_range {
	uint32_t first, last;
	const char *proto; /* points into the text; "" for tcp */
};

static int parse_ports(const char *text, struct port_range *out)
{
	size_t n = strcspn(text, "/"), dash = strcspn(text, "-");
	autofree char *first = xstrndup(text, dash < n ? dash : n);
	autofree char *last = dash < n ? xstrndup(text + dash + 1, n - dash - 1) : xstrdup(first);

	if (parse_u32(first, &out->first) < 0 || parse_u32(last, &out->last) < 0 ||
	    out->first > out->last || out->last > 65535)
		return -1;
	out->proto = text[n] ? text + n + 1 : "tcp";
	return 0;
}

static int check_port(const char *key, const char *value, struct error *err)
{
	struct port_range range;

	if (strchr(value, ':'))
		return error_set(err, ERR_BAD_REQUEST, "filter for '%s' should not contain ':': %s",
				 key, value);
	return parse_ports(value, &range) < 0 ? bad_value(key, value, err) : 0;
}

static int check_publish(const char *value, struct error *err)
{
	return check_port("publish", value, err);
}

static int check_expose(const char *value, struct error *err)
{
	return check_port("expose", value, err);
}

static const struct {
	const char *key;
	int (*check)(const char *value, struct error *err);
} checks[] = {
	{ "status", check_status }, { "exited", check_exited },   { "health", check_health },
	{ "is-task", check_truth }, { "publish", check_publish }, { "expose", check_expose },
};

static int check_values(const json_t *filters, struct error *err)
{
	for (size_t k = 0; k < array_size(checks); k++) {
		const json_t *v;
		size_t i;

		json_array_foreach(json_get_arr(filters, checks[k].key), i, v)
			if (checks[k].check(json_string_value(v), err) < 0)
				return -1;
	}
	return 0;
}

static int compile_names(struct listfilter *f, struct error *err)
{
	const json_t *names = json_get_arr(f->filters, "name"), *v;
	char why[128];
	size_t i;
	int rc;

	if (json_array_size(names) > NAMES_MAX)
		return error_set(err, ERR_BAD_REQUEST, "too many names in the filter");
	json_array_foreach(names, i, v) {
		rc = regcomp(&f->names[f->nnames], json_string_value(v), REG_EXTENDED | REG_NOSUB);
		if (rc) {
			regerror(rc, &f->names[f->nnames], why, sizeof(why));
			return error_set(err, ERR_BAD_REQUEST, "invalid filter 'name=%s': %s",
					 json_string_value(v), why);
		}
		f->nnames++;
	}
	return 0;
}

struct listfilter *listfilter_parse(const char *text, struct error *err)
{
	struct listfilter *f = xcalloc(1, sizeof(*f));

	f->filters = filters_parse(text, err);
	if (f->filters && filters_check_keys(f->filters, known, err) == 0 &&
	    check_values(f->filters, err) == 0 && compile_names(f, err) == 0)
		return f;
	listfilter_free(f);
	return NULL;
}

void listfilter_free(struct listfilter *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->nnames; i++)
		regfree(&f->names[i]);
	json_decref(f->filters);
	free(f);
}

const json_t *listfilter_json(const struct listfilter *f)
{
	return f->filters;
}

bool listfilter_has_status(const struct listfilter *f)
{
	return filters_has(f->filters, "status");
}

/* With and without the leading slash. */
static bool match_name(const struct listfilter *f, const struct list_item *item)
{
	for (size_t i = 0; i < f->nnames; i++)
		if (regexec(&f->names[i], item->name, 0, NULL, 0) == 0 ||
		    regexec(&f->names[i], item->name + 1, 0, NULL, 0) == 0)
			return true;
	return f->nnames == 0;
}

static bool match_id(const struct listfilter *f, const struct list_item *item)
{
	return filters_match_prefix(f->filters, "id", item->id);
}

static bool match_labels(const struct listfilter *f, const struct list_item *item)
{
	return filters_match_labels(f->filters, "label", json_get_obj(item->config, "Labels"));
}

static bool match_status(const struct listfilter *f, const struct list_item *item)
{
	return filters_match(f->filters, "status", state_status(&item->state));
}

/* Containers that ended with that code; those that never ran did not end. */
static bool match_exited(const struct listfilter *f, const struct list_item *item)
{
	char code[16];

	if (!filters_has(f->filters, "exited"))
		return true;
	snprintf(code, sizeof(code), "%d", item->state.exit_code);
	return !item->state.running && item->state.started.tv_sec != 0 &&
	       filters_match(f->filters, "exited", code);
}

static bool match_health(const struct listfilter *f, const struct list_item *item)
{
	(void)item; /* there are no health checks yet: none has a health */
	return filters_match(f->filters, "health", "none");
}

static bool match_task(const struct listfilter *f, const struct list_item *item)
{
	(void)item; /* tasks belong to a swarm */
	return !filters_has(f->filters, "is-task") ||
	       filters_contains(f->filters, "is-task", "false") ||
	       filters_contains(f->filters, "is-task", "False") ||
	       filters_contains(f->filters, "is-task", "0");
}

static bool match_isolation(const struct listfilter *f, const struct list_item *item)
{
	const char *own = json_get_str(item->host_config, "Isolation", "");

	return filters_match(f->filters, "isolation", *own ? own : "default");
}

/* By name, or by the beginning of an id. */
static bool match_network(const struct listfilter *f, const struct list_item *item)
{
	const char *name;
	json_t *v;

	if (!filters_has(f->filters, "network"))
		return true;
	json_object_foreach(json_get_obj(item->networking, "EndpointsConfig"), name, v)
		if (filters_match(f->filters, "network", name) ||
		    filters_match_prefix(f->filters, "network", json_get_str(v, "NetworkID", "")))
			return true;
	return false;
}

static bool match_volume(const struct listfilter *f, const struct list_item *item)
{
	const json_t *v;
	size_t i;

	if (!filters_has(f->filters, "volume"))
		return true;
	json_array_foreach(item->mounts, i, v)
		if (filters_match(f->filters, "volume", json_get_str(v, "Name", NULL)) ||
		    filters_match(f->filters, "volume", json_get_str(v, "Source", NULL)) ||
		    filters_match(f->filters, "volume", json_get_str(v, "Destination", NULL)))
			return true;
	return false;
}

/* Is port ("80/tcp") within one of the ranges of key? */
static bool is_in_ranges(const struct listfilter *f, const char *key, const char *port)
{
	struct port_range own, range;
	const json_t *v;
	size_t i;

	if (parse_ports(port, &own) < 0)
		return false;
	json_array_foreach(json_get_arr(f->filters, key), i, v)
		if (parse_ports(json_string_value(v), &range) == 0 && own.first >= range.first &&
		    own.first <= range.last && strcmp(own.proto, range.proto) == 0)
			return true;
	return false;
}

static bool match_ports(const struct listfilter *f, const char *key, const json_t *ports)
{
	const char *port;
	json_t *v;

	if (!filters_has(f->filters, key))
		return true;
	json_object_foreach((json_t *)ports, port, v)
		if (is_in_ranges(f, key, port))
			return true;
	return false;
}

static bool match_expose(const struct listfilter *f, const struct list_item *item)
{
	return match_ports(f, "expose", json_get_obj(item->config, "ExposedPorts"));
}

static bool match_publish(const struct listfilter *f, const struct list_item *item)
{
	autojson json_t *bindings =
		filters_has(f->filters, "publish") ? ports_bindings(item->host_config) : NULL;

	return match_ports(f, "publish", bindings);
}

bool listfilter_match(const struct listfilter *f, const struct list_item *item)
{
	static bool (*const matches[])(const struct listfilter *f, const struct list_item *item) = {
		match_name,    match_id,     match_labels, match_status,
		match_exited,  match_health, match_task,   match_isolation,
		match_network, match_volume, match_expose, match_publish,
	};

	for (size_t i = 0; i < array_size(matches); i++)
		if (!matches[i](f, item))
			return false;
	return true;
}
