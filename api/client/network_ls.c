/* docker network ls: the list of networks, by name. */
#include <stdlib.h>
#include <string.h>

#include "api/client/flag_lists.h"
#include "api/client/format.h"
#include "api/client/internal.h"
#include "pkg/mem.h"
#include "pkg/natural.h"

struct ls_opts {
	bool quiet, no_trunc;
	const char *format;
	struct strlist filter;
};

#define AT(m) offsetof(struct ls_opts, m)
static const struct mflag flags[] = {
	{ "f,-filter", MFLAG_LIST, AT(filter), "filter", "Show those that match NAME=VALUE",
	  flag_filter },
	{ "-format", MFLAG_STRING, AT(format), NULL, "Output as 'json' or by a Go template", NULL },
	{ "-no-trunc", MFLAG_BOOL, AT(no_trunc), NULL, "Do not shorten what is shown", NULL },
	{ "q,-quiet", MFLAG_BOOL, AT(quiet), NULL, "Show ids alone", NULL },
	{ 0 },
};

static const struct list_column columns[] = {
	{ "ID", "NETWORK ID" },
	{ "Name", "NAME" },
	{ "Driver", "DRIVER" },
	{ "Scope", "SCOPE" },
	{ "IPv4", "IPV4" },
	{ "IPv6", "IPV6" },
	{ "Internal", "INTERNAL" },
	{ "Labels", "LABELS" },
	{ "CreatedAt", "CREATED AT" },
	{ 0 },
};

static void set_text(json_t *row, const char *field, const char *text)
{
	json_object_set_new_nocheck(row, field, json_string_nocheck(text));
}

static const char *truth(const json_t *network, const char *key)
{
	return json_get_bool(network, key, false) ? "true" : "false";
}

/* In the order of the alphabet, which is the order of `--format json`. */
static json_t *make_row(const json_t *n, bool no_trunc)
{
	autofree char *created = api_time(json_get_str(n, "Created", ""));
	autofree char *labels = labels_text(json_object_get(n, "Labels"));
	const char *id = json_get_str(n, "Id", "");
	json_t *row = json_object();
	char brief[13];

	set_text(row, "CreatedAt", created);
	set_text(row, "Driver", json_get_str(n, "Driver", ""));
	set_text(row, "ID", no_trunc ? id : short_id(brief, id));
	set_text(row, "IPv4", truth(n, "EnableIPv4"));
	set_text(row, "IPv6", truth(n, "EnableIPv6"));
	set_text(row, "Internal", truth(n, "Internal"));
	set_text(row, "Labels", labels);
	set_text(row, "Name", json_get_str(n, "Name", ""));
	set_text(row, "Scope", json_get_str(n, "Scope", ""));
	return row;
}

static int by_name(const void *a, const void *b)
{
	return natural_compare(json_get_str(*(json_t *const *)a, "Name", ""),
			       json_get_str(*(json_t *const *)b, "Name", ""));
}

/* Rows, and the labels that belong to them. */
static void make_rows(const json_t *networks, bool no_trunc, json_t *rows, json_t *labels)
{
	size_t n = json_array_size(networks);
	autofree const json_t **sorted = xcalloc(n + 1, sizeof(*sorted));

	for (size_t i = 0; i < n; i++)
		sorted[i] = json_array_get(networks, i);
	qsort(sorted, n, sizeof(*sorted), by_name);
	for (size_t i = 0; i < n; i++) {
		json_array_append_new(rows, make_row(sorted[i], no_trunc));
		labels_add(labels, sorted[i]);
	}
}

static const char *choose_format(const struct ls_opts *o)
{
	if (!o->format || strcmp(o->format, "raw") != 0)
		return o->format;
	return o->quiet ? "network_id: {{.ID}}"
			: "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\n"
			  "scope: {{.Scope}}\n";
}

static int run_ls(struct call *call)
{
	const struct ls_opts *o = call->opts;
	autobuf struct buf path = BUF_INIT(1 << 20);
	autojson json_t *reply = NULL, *rows = json_array(), *labels = json_array();
	autofree char *filters = NULL;
	struct error err;

	filters = api_filters(&o->filter, &err);
	if (!filters && o->filter.n)
		return call_complain(call, &err);
	buf_adds(&path, "/networks");
	if (filters)
		api_query(&path, "filters", filters);
	if (api_get(call->client, buf_text(&path), &reply, &err) < 0)
		return call_complain(call, &err);
	make_rows(reply, o->no_trunc, rows, labels);
	if (list_print_labelled(call, choose_format(o),
				o->quiet ? "{{.ID}}"
					 : "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
				columns, rows, labels, &err) < 0)
		return call_complain(call, &err);
	return 0;
}

const struct command_impl cmd_network_ls = { .run = run_ls,
					     .flags = flags,
					     .opts_size = sizeof(struct ls_opts) };
