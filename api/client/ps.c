/* docker ps: the list of containers. Its ports are put together in ps_ports.c. */
#include <stdio.h>
#include <string.h>

#include "api/client/flag_lists.h"
#include "api/client/format.h"
#include "api/client/internal.h"
#include "api/client/ps_ports.h"
#include "api/client/rows.h"
#include "pkg/mem.h"
#include "pkg/units.h"

struct ps_opts {
	bool all, quiet, size, no_trunc, latest;
	int64_t last;
	const char *format, *since, *before;
	struct strlist filter;
};

static const struct ps_opts defaults = { .last = -1 };

#define AT(m) offsetof(struct ps_opts, m)
static const struct mflag flags[] = {
	{ "a,-all", MFLAG_BOOL, AT(all), NULL, "Show all containers (default: running ones)",
	  NULL },
	{ "#beforeId,#-before-id,-before", MFLAG_STRING, AT(before), NULL, NULL, NULL },
	{ "f,-filter", MFLAG_LIST, AT(filter), "filter", "Show those that match NAME=VALUE",
	  flag_filter },
	{ "-format", MFLAG_STRING, AT(format), NULL, "Output as 'json' or by a Go template", NULL },
	{ "n,-last", MFLAG_INT, AT(last), NULL, "Show the last n containers, of any state", NULL },
	{ "l,-latest", MFLAG_BOOL, AT(latest), NULL, "Show the last container, of any state",
	  NULL },
	{ "#notrunc,-no-trunc", MFLAG_BOOL, AT(no_trunc), NULL, "Do not shorten what is shown",
	  NULL },
	{ "q,-quiet", MFLAG_BOOL, AT(quiet), NULL, "Show ids alone", NULL },
	{ "#sinceId,#-since-id,-since", MFLAG_STRING, AT(since), NULL, NULL, NULL },
	{ "s,-size", MFLAG_BOOL, AT(size), NULL, "Show the sizes on disk", NULL },
	{ 0 },
};

const struct list_column ps_columns[] = {
	{ "ID", "CONTAINER ID" },
	{ "Names", "NAMES" },
	{ "Image", "IMAGE" },
	{ "Command", "COMMAND" },
	{ "CreatedAt", "CREATED AT" },
	{ "RunningFor", "CREATED" },
	{ "Ports", "PORTS" },
	{ "State", "STATE" },
	{ "Status", "STATUS" },
	{ "Size", "SIZE" },
	{ "Labels", "LABELS" },
	{ "Mounts", "MOUNTS" },
	{ "LocalVolumes", "LOCAL VOLUMES" },
	{ "Networks", "NETWORKS" },
	{ 0 },
};

static char *names_of(const json_t *container, bool no_trunc)
{
	struct buf out = BUF_INIT(1 << 20);
	const json_t *name;
	size_t i;

	json_array_foreach(json_object_get(container, "Names"), i, name) {
		const char *s = json_is_string(name) ? json_string_value(name) : "";

		s += *s == '/';
		if (!no_trunc && strchr(s, '/')) /* the name that a link gives it */
			continue;
		buf_addf(&out, "%s%s", out.len ? "," : "", s);
	}
	return buf_take(&out);
}

static char *image_of(const json_t *container, bool no_trunc)
{
	const char *image = json_get_str(container, "Image", "");
	char id[13];

	if (!*image)
		return xstrdup("<no image>");
	if (!no_trunc && strcmp(image, json_get_str(container, "ImageID", "")) == 0)
		return xstrdup(short_id(id, image));
	return xstrdup(image);
}

static char *command_of(const json_t *container, bool no_trunc)
{
	const char *command = json_get_str(container, "Command", "");
	autofree char *cut = no_trunc ? xstrdup(command) : ellipsis(command, 20);
	autojson json_t *text = json_string_nocheck(cut);

	return json_text(text); /* JSON's quotes are Go's for what is printable */
}

static char *mounts_of(const json_t *container, bool no_trunc)
{
	struct buf out = BUF_INIT(1 << 20);
	const json_t *mount;
	size_t i;

	json_array_foreach(json_object_get(container, "Mounts"), i, mount) {
		const char *name = json_get_str(mount, "Name", "");
		autofree char *cut = NULL;

		if (!*name)
			name = json_get_str(mount, "Source", "");
		cut = no_trunc ? xstrdup(name) : ellipsis(name, 15);
		buf_addf(&out, "%s%s", out.len ? "," : "", cut);
	}
	return buf_take(&out);
}

static json_int_t local_volumes(const json_t *container)
{
	const json_t *mount;
	json_int_t n = 0;
	size_t i;

	json_array_foreach(json_object_get(container, "Mounts"), i, mount)
		n += strcmp(json_get_str(mount, "Driver", ""), "local") == 0;
	return n;
}

static char *networks_of(const json_t *container)
{
	json_t *networks = json_get_obj(json_get_obj(container, "NetworkSettings"), "Networks");
	struct buf out = BUF_INIT(1 << 20);
	const char *name;
	json_t *value;

	json_object_foreach(networks, name, value)
		buf_addf(&out, "%s%s", out.len ? "," : "", name);
	return buf_take(&out);
}

static char *size_of(const json_t *container)
{
	char own[UNITS_SIZE], whole[UNITS_SIZE];
	long long all = json_get_int(container, "SizeRootFs", 0);

	units_decimal(own, (double)json_get_int(container, "SizeRw", 0), 3);
	if (all <= 0)
		return xstrdup(own);
	return xasprintf("%s (virtual %s)", own, units_decimal(whole, (double)all, 3));
}

/* text is taken */
static void set_cell(json_t *row, const char *field, char *text)
{
	json_object_set_new_nocheck(row, field, json_string_nocheck(text));
	free(text);
}

/* In the order of the alphabet, which is the order of `--format json`. */
json_t *ps_row(const json_t *c, bool no_trunc)
{
	const char *id = json_get_str(c, "Id", "");
	json_t *row = json_object();
	char brief[13];

	set_cell(row, "Command", command_of(c, no_trunc));
	set_cell(row, "CreatedAt", local_time(json_get_int(c, "Created", 0)));
	set_cell(row, "ID", xstrdup(no_trunc ? id : short_id(brief, id)));
	set_cell(row, "Image", image_of(c, no_trunc));
	set_cell(row, "Labels", labels_text(json_object_get(c, "Labels")));
	set_cell(row, "LocalVolumes", xasprintf("%lld", (long long)local_volumes(c)));
	set_cell(row, "Mounts", mounts_of(c, no_trunc));
	set_cell(row, "Names", names_of(c, no_trunc));
	set_cell(row, "Networks", networks_of(c));
	set_cell(row, "Ports", ps_ports(json_object_get(c, "Ports")));
	set_cell(row, "RunningFor", ago(json_get_int(c, "Created", 0)));
	set_cell(row, "Size", size_of(c));
	set_cell(row, "State", xstrdup(json_get_str(c, "State", "")));
	set_cell(row, "Status", xstrdup(json_get_str(c, "Status", "")));
	return row;
}

static int make_path(const struct ps_opts *o, struct buf *path, struct error *err)
{
	autofree char *filters = NULL;
	char limit[24];

	filters = api_filters(&o->filter, err);
	if (!filters && o->filter.n)
		return -1;
	buf_adds(path, "/containers/json");
	snprintf(limit, sizeof(limit), "%lld", (long long)o->last);
	if (o->all || o->latest || o->last > 0 || o->since || o->before)
		api_query(path, "all", "1");
	if (o->latest || o->last > 0)
		api_query(path, "limit", o->latest ? "1" : limit);
	if (o->size)
		api_query(path, "size", "1");
	if (o->since)
		api_query(path, "since", o->since);
	if (o->before)
		api_query(path, "before", o->before);
	if (filters)
		api_query(path, "filters", filters);
	return 0;
}

static const char *default_format(const struct ps_opts *o)
{
	if (o->quiet)
		return "{{.ID}}";
	return o->size ? "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t"
			 "{{.Ports}}\t{{.Names}}\t{{.Size}}"
		       : "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t"
			 "{{.Ports}}\t{{.Names}}";
}

static int run_ps(struct call *call)
{
	struct ps_opts *o = call->opts;
	autobuf struct buf path = BUF_INIT(1 << 20);
	autojson json_t *reply = NULL, *rows = json_array(), *labels = json_array();
	const json_t *container;
	struct error err;
	size_t i;

	/* A template that asks for sizes gets them. */
	o->size |= o->format && strstr(o->format, ".Size") != NULL;
	if (make_path(o, &path, &err) < 0 ||
	    api_get(call->client, buf_text(&path), &reply, &err) < 0)
		return call_complain(call, &err);
	json_array_foreach(reply, i, container) {
		json_array_append_new(rows, ps_row(container, o->no_trunc));
		labels_add(labels, container);
	}
	if (list_print_labelled(call, o->format, default_format(o), ps_columns, rows, labels,
				&err) < 0)
		return call_complain(call, &err);
	return 0;
}

const struct command_impl cmd_ps = {
	.run = run_ps, .flags = flags, .opts_size = sizeof(struct ps_opts), .defaults = &defaults
};
