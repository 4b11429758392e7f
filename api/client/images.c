/* docker images and docker history: lists of images and of their layers. */
#include <stdio.h>
#include <string.h>

#include "api/client/flag_lists.h"
#include "api/client/format.h"
#include "api/client/images_tree.h"
#include "api/client/internal.h"
#include "api/client/rows.h"
#include "pkg/mem.h"
#include "pkg/units.h"

struct images_opts {
	bool all, quiet, no_trunc, digests, tree, viz;
	const char *format;
	struct strlist filter;
};

#define AT(m) offsetof(struct images_opts, m)
static const struct mflag images_flags[] = {
	{ "a,-all", MFLAG_BOOL, AT(all), NULL, "Show the layers between too", NULL },
	{ "-digests", MFLAG_BOOL, AT(digests), NULL, "Show digests", NULL },
	{ "f,-filter", MFLAG_LIST, AT(filter), "filter", "Show those that match NAME=VALUE",
	  flag_filter },
	{ "-format", MFLAG_STRING, AT(format), NULL, "Output as 'json' or by a Go template", NULL },
	{ "#notrunc,-no-trunc", MFLAG_BOOL, AT(no_trunc), NULL, "Do not shorten what is shown",
	  NULL },
	{ "q,-quiet", MFLAG_BOOL, AT(quiet), NULL, "Show ids alone", NULL },
	{ "#t,#tree,#-tree", MFLAG_BOOL, AT(tree), NULL, NULL, NULL },
	{ "#v,#viz,#-viz", MFLAG_BOOL, AT(viz), NULL, NULL, NULL },
	{ 0 },
};

const struct list_column images_columns[] = {
	{ "Repository", "REPOSITORY" },
	{ "Tag", "TAG" },
	{ "Digest", "DIGEST" },
	{ "ID", "IMAGE ID" },
	{ "CreatedAt", "CREATED AT" },
	{ "CreatedSince", "CREATED" },
	{ "Size", "SIZE" },
	{ "VirtualSize", "SIZE" },
	{ "SharedSize", "SHARED SIZE" },
	{ "UniqueSize", "UNIQUE SIZE" },
	{ "Containers", "CONTAINERS" },
	{ 0 },
};

static void set_text(json_t *row, const char *field, const char *text)
{
	json_object_set_new_nocheck(row, field, json_string_nocheck(text));
}

/* What the daemon did not count is -1. */
static void set_bytes(json_t *row, const char *field, long long bytes, int digits)
{
	char size[UNITS_SIZE];

	set_text(row, field, bytes < 0 ? "N/A" : units_decimal(size, (double)bytes, digits));
}

json_t *images_row(const json_t *image, const char *repository, const char *tag, const char *digest,
		   bool no_trunc)
{
	long long created = json_get_int(image, "Created", 0);
	long long size = json_get_int(image, "Size", 0);
	long long shared = json_get_int(image, "SharedSize", -1);
	long long users = json_get_int(image, "Containers", -1);
	const char *id = json_get_str(image, "Id", "");
	autofree char *since = ago(created), *at = local_time(created);
	autofree char *containers = users < 0 ? xstrdup("N/A") : xasprintf("%lld", users);
	json_t *row = json_object();
	char brief[13];

	set_text(row, "Containers", containers);
	set_text(row, "CreatedAt", at);
	set_text(row, "CreatedSince", since);
	set_text(row, "Digest", digest);
	set_text(row, "ID", no_trunc ? id : short_id(brief, id));
	set_text(row, "Repository", repository);
	set_bytes(row, "SharedSize", shared, 4);
	set_bytes(row, "Size", size, 3);
	set_text(row, "Tag", tag);
	set_bytes(row, "UniqueSize", shared < 0 ? -1 : size - shared, 4);
	set_bytes(row, "VirtualSize", size, 4);
	return row;
}

static void add_row(json_t *rows, const json_t *image, const char *repository, const char *tag,
		    const char *digest, bool no_trunc)
{
	json_array_append_new(rows, images_row(image, repository, tag, digest, no_trunc));
}

/* The digest that is known under a repository's name; "<none>" without one. */
static const char *digest_of(const json_t *image, const char *repository)
{
	const json_t *entry;
	size_t i, n = strlen(repository);

	json_array_foreach(json_object_get(image, "RepoDigests"), i, entry) {
		const char *s = json_is_string(entry) ? json_string_value(entry) : "";

		if (strncmp(s, repository, n) == 0 && s[n] == '@')
			return s + n + 1;
	}
	return "<none>";
}

/* A row for each tag; an image without tags has one of its own. */
static void add_rows(json_t *rows, const json_t *image, const struct images_opts *o)
{
	const json_t *entry;
	size_t i, before = json_array_size(rows);

	json_array_foreach(json_object_get(image, "RepoTags"), i, entry) {
		const char *name = json_is_string(entry) ? json_string_value(entry) : "";
		const char *colon = strrchr(name, ':');
		autofree char *repository = NULL;

		if (!colon || strcmp(name, "<none>:<none>") == 0)
			continue;
		repository = xstrndup(name, (size_t)(colon - name));
		add_row(rows, image, repository, colon + 1, digest_of(image, repository),
			o->no_trunc);
	}
	if (json_array_size(rows) > before)
		return;
	entry = json_array_get(json_object_get(image, "RepoDigests"), 0);
	if (entry && json_is_string(entry) && strchr(json_string_value(entry), '@')) {
		const char *name = json_string_value(entry), *at = strchr(name, '@');
		autofree char *repository = xstrndup(name, (size_t)(at - name));

		add_row(rows, image, repository, "<none>", at + 1, o->no_trunc);
	} else {
		add_row(rows, image, "<none>", "<none>", "<none>", o->no_trunc);
	}
}

/* What early Docker had; all images count, whatever else is asked for. */
static int run_tree(struct call *call, const struct images_opts *o)
{
	unsigned flags = (o->viz ? IMAGES_TREE_VIZ : 0) | (o->no_trunc ? IMAGES_TREE_NO_TRUNC : 0);
	autobuf struct buf path = BUF_INIT(1 << 16);
	autojson json_t *reply = NULL;
	autofree char *filters = NULL;
	struct error err;

	filters = api_filters(&o->filter, &err);
	if (!filters && o->filter.n)
		return call_complain(call, &err);
	buf_adds(&path, "/images/json");
	api_query(&path, "all", "1");
	if (filters)
		api_query(&path, "filters", filters);
	if (api_get(call->client, buf_text(&path), &reply, &err) < 0)
		return call_complain(call, &err);
	images_tree(call, reply, call->args.n ? call->args.v[0] : NULL, flags);
	return 0;
}

static int run_images(struct call *call)
{
	struct images_opts *o = call->opts;
	autobuf struct buf path = BUF_INIT(1 << 16);
	autojson json_t *reply = NULL, *rows = json_array();
	autofree char *filters = NULL;
	const char *format;
	const json_t *image;
	struct error err;
	size_t i;

	if (o->tree || o->viz)
		return run_tree(call, o);
	if (call->args.n)
		strlist_addf(&o->filter, "reference=%s", call->args.v[0]);
	filters = api_filters(&o->filter, &err);
	if (!filters && o->filter.n)
		return call_complain(call, &err);
	buf_adds(&path, "/images/json");
	if (o->all)
		api_query(&path, "all", "1");
	if (o->digests)
		api_query(&path, "digests", "1");
	if (filters)
		api_query(&path, "filters", filters);
	if (api_get(call->client, buf_text(&path), &reply, &err) < 0)
		return call_complain(call, &err);
	json_array_foreach(reply, i, image)
		add_rows(rows, image, o);
	format = o->quiet     ? "{{.ID}}"
		 : o->digests ? "table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t"
				"{{.CreatedSince}}\t{{.Size}}"
			      : "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t"
				"{{.Size}}";
	if (list_print(call, o->format, format, images_columns, rows, &err) < 0)
		return call_complain(call, &err);
	return 0;
}

const struct command_impl cmd_images = { .run = run_images,
					 .flags = images_flags,
					 .opts_size = sizeof(struct images_opts) };

struct history_opts {
	bool human, no_trunc, quiet;
	const char *format, *platform;
};

static const struct history_opts history_defaults = { .human = true };

#undef AT
#define AT(m) offsetof(struct history_opts, m)
static const struct mflag history_flags[] = {
	{ "-format", MFLAG_STRING, AT(format), NULL, "Output as 'json' or by a Go template", NULL },
	{ "H,-human", MFLAG_BOOL, AT(human), NULL, "Sizes and dates for people (default true)",
	  NULL },
	{ "#notrunc,-no-trunc", MFLAG_BOOL, AT(no_trunc), NULL, "Do not shorten what is shown",
	  NULL },
	{ "-platform", MFLAG_STRING, AT(platform), NULL, "Platform of the image", NULL },
	{ "q,-quiet", MFLAG_BOOL, AT(quiet), NULL, "Show ids alone", NULL },
	{ 0 },
};

static const struct list_column history_columns[] = {
	{ "ID", "IMAGE" },
	{ "CreatedAt", "CREATED AT" },
	{ "CreatedSince", "CREATED" },
	{ "CreatedBy", "CREATED BY" },
	{ "Size", "SIZE" },
	{ "Comment", "COMMENT" },
	{ 0 },
};

static json_t *history_row(const json_t *layer, const struct history_opts *o)
{
	long long created = json_get_int(layer, "Created", 0), bytes;
	const char *id = json_get_str(layer, "Id", "");
	autofree char *since = created > 0 ? ago(created) : xstrdup("N/A"), *by = NULL,
		      *at = local_time(created), *cut = NULL;
	char size[UNITS_SIZE], brief[13];
	json_t *row = json_object();

	bytes = json_get_int(layer, "Size", 0);
	if (o->human)
		units_decimal(size, (double)bytes, 3);
	else
		snprintf(size, sizeof(size), "%lld", bytes);
	by = xstrdup(json_get_str(layer, "CreatedBy", ""));
	for (char *p = by; *p; p++)
		if (*p == '\t')
			*p = ' ';
	cut = o->no_trunc ? xstrdup(by) : ellipsis(by, 45);
	set_text(row, "Comment", json_get_str(layer, "Comment", ""));
	set_text(row, "CreatedAt", at);
	set_text(row, "CreatedBy", cut);
	set_text(row, "CreatedSince", o->human ? since : at);
	set_text(row, "ID", o->no_trunc || *id == '<' ? id : short_id(brief, id));
	set_text(row, "Size", size);
	return row;
}

static int run_history(struct call *call)
{
	const struct history_opts *o = call->opts;
	autobuf struct buf path = BUF_INIT(1 << 16);
	autojson json_t *reply = NULL, *rows = json_array();
	const json_t *layer;
	struct error err;
	size_t i;

	api_path(&path, "/images/", call->args.v[0], "/history");
	if (o->platform)
		api_query(&path, "platform", o->platform);
	if (api_get(call->client, buf_text(&path), &reply, &err) < 0)
		return call_complain(call, &err);
	json_array_foreach(reply, i, layer)
		json_array_append_new(rows, history_row(layer, o));
	if (list_print(call, o->format,
		       o->quiet ? "{{.ID}}"
				: "table {{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t"
				  "{{.Comment}}",
		       history_columns, rows, &err) < 0)
		return call_complain(call, &err);
	return 0;
}

const struct command_impl cmd_history = { .run = run_history,
					  .flags = history_flags,
					  .opts_size = sizeof(struct history_opts),
					  .defaults = &history_defaults };
