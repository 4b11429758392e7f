/* docker system df: how much room images, containers and volumes take, and what could be had back. */
#include <stdio.h>
#include <string.h>

#include "api/client/format.h"
#include "api/client/internal.h"
#include "api/client/rows.h"
#include "pkg/mem.h"
#include "pkg/units.h"

struct df_opts {
	bool verbose;
	const char *format;
};

#define AT(m) offsetof(struct df_opts, m)
static const struct mflag flags[] = {
	{ "-format", MFLAG_STRING, AT(format), NULL, "Output as 'json' or by a Go template", NULL },
	{ "v,-verbose", MFLAG_BOOL, AT(verbose), NULL, "Show each image, container and volume",
	  NULL },
	{ 0 },
};

static const struct list_column columns[] = {
	{ "Type", "TYPE" }, { "TotalCount", "TOTAL" },        { "Active", "ACTIVE" },
	{ "Size", "SIZE" }, { "Reclaimable", "RECLAIMABLE" }, { 0 },
};

static const struct list_column volume_columns[] = {
	{ "Name", "VOLUME NAME" },
	{ "Links", "LINKS" },
	{ "Size", "SIZE" },
	{ 0 },
};

static const struct list_column cache_columns[] = {
	{ "ID", "CACHE ID" },
	{ "CacheType", "CACHE TYPE" },
	{ "Size", "SIZE" },
	{ "CreatedSince", "CREATED" },
	{ "LastUsedSince", "LAST USED" },
	{ "UsageCount", "USAGE" },
	{ "Shared", "SHARED" },
	{ 0 },
};

/* What a row of the summary says. */
struct part {
	const char *type;
	bool percent; /* show it, too */
	size_t total, active;
	long long size, reclaimable;
};

static void set_text(json_t *row, const char *field, const char *text)
{
	json_object_set_new_nocheck(row, field, json_string_nocheck(text));
}

static char *reclaimable(const struct part *p)
{
	char size[UNITS_SIZE];

	units_decimal(size, (double)p->reclaimable, 4);
	if (!p->percent || p->size <= 0)
		return xstrdup(size);
	return xasprintf("%s (%.0f%%)", size,
			 (double)(long long)((double)p->reclaimable * 100 / (double)p->size));
}

static json_t *part_row(const struct part *p)
{
	autofree char *active = xasprintf("%zu", p->active), *total = xasprintf("%zu", p->total),
		      *back = reclaimable(p);
	char size[UNITS_SIZE];
	json_t *row = json_object();

	set_text(row, "Active", active);
	set_text(row, "Reclaimable", back);
	set_text(row, "Size", units_decimal(size, (double)p->size, 4));
	set_text(row, "TotalCount", total);
	set_text(row, "Type", p->type);
	return row;
}

/* Layers count once, however many images have them; what an image in use has alone cannot be had. */
static struct part images_part(const json_t *df)
{
	struct part p = { .type = "Images", .percent = true };
	const json_t *list = json_get_arr(df, "Images"), *image;
	long long used = 0;
	size_t i;

	p.size = json_get_int(df, "LayersSize", 0);
	p.total = json_array_size(list);
	json_array_foreach(list, i, image) {
		long long size = json_get_int(image, "Size", -1);
		long long shared = json_get_int(image, "SharedSize", -1);

		if (json_get_int(image, "Containers", 0) == 0)
			continue;
		if (json_get_int(image, "Containers", 0) > 0)
			p.active++;
		if (size >= 0 && shared >= 0)
			used += size - shared;
	}
	p.reclaimable = p.size - used;
	return p;
}

static bool is_active(const json_t *container)
{
	const char *state = json_get_str(container, "State", "");

	return strstr(state, "running") || strstr(state, "paused") || strstr(state, "restarting");
}

static struct part containers_part(const json_t *df)
{
	struct part p = { .type = "Containers", .percent = true };
	const json_t *list = json_get_arr(df, "Containers"), *container;
	size_t i;

	p.total = json_array_size(list);
	json_array_foreach(list, i, container) {
		long long size = json_get_int(container, "SizeRw", 0);

		p.size += size;
		if (is_active(container))
			p.active++;
		else
			p.reclaimable += size;
	}
	return p;
}

static struct part volumes_part(const json_t *df)
{
	struct part p = { .type = "Local Volumes", .percent = true };
	const json_t *list = json_get_arr(df, "Volumes"), *volume;
	size_t i;

	p.total = json_array_size(list);
	json_array_foreach(list, i, volume) {
		const json_t *usage = json_get_obj(volume, "UsageData");
		long long size = json_get_int(usage, "Size", -1);
		long long links = json_get_int(usage, "RefCount", -1);

		p.active += links > 0;
		if (size < 0)
			continue;
		p.size += size;
		if (links == 0)
			p.reclaimable += size;
	}
	return p;
}

static struct part cache_part(const json_t *df)
{
	struct part p = { .type = "Build Cache" };
	const json_t *list = json_get_arr(df, "BuildCache"), *entry;
	size_t i;

	p.total = json_array_size(list);
	json_array_foreach(list, i, entry) {
		bool used = json_get_bool(entry, "InUse", false);
		long long size = json_get_int(entry, "Size", 0);

		p.active += used;
		if (json_get_bool(entry, "Shared", false))
			continue;
		p.size += size;
		if (!used)
			p.reclaimable += size;
	}
	return p;
}

static int print_summary(struct call *call, const json_t *df, struct error *err)
{
	const struct part parts[] = { images_part(df), containers_part(df), volumes_part(df),
				      cache_part(df) };
	const struct df_opts *o = call->opts;
	autojson json_t *rows = json_array();

	for (size_t i = 0; i < array_size(parts); i++)
		json_array_append_new(rows, part_row(&parts[i]));
	return list_print(call, o->format,
			  "table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t"
			  "{{.Reclaimable}}",
			  columns, rows, err);
}

/* ---- --verbose ---- */

/* Under its first name alone. */
static json_t *image_row(const json_t *image, bool no_trunc)
{
	const json_t *tags = json_get_arr(image, "RepoTags");
	const char *name =
		json_array_size(tags) ? json_string_value(json_array_get(tags, 0)) : NULL;
	const char *colon = name ? strrchr(name, ':') : NULL;
	autofree char *repository = colon ? xstrndup(name, (size_t)(colon - name)) : NULL;

	return images_row(image, colon ? repository : "<none>", colon ? colon + 1 : "<none>", "",
			  no_trunc);
}

static json_t *container_row(const json_t *container, bool no_trunc)
{
	autojson json_t *own = json_copy((json_t *)container);

	json_object_del(own, "SizeRootFs"); /* the image is in another list */
	return ps_row(own, no_trunc);
}

static json_t *volume_row(const json_t *volume, bool no_trunc)
{
	const json_t *usage = json_get_obj(volume, "UsageData");
	long long bytes = json_get_int(usage, "Size", -1);
	autofree char *links = xasprintf("%lld", json_get_int(usage, "RefCount", 0));
	autofree char *labels = labels_text(json_object_get(volume, "Labels"));
	char size[UNITS_SIZE];
	json_t *row = json_object();

	(void)no_trunc;                       /* a name is its whole self in any case */
	set_text(row, "Availability", "N/A"); /* as the next but one and the last: a swarm's */
	set_text(row, "Driver", json_get_str(volume, "Driver", ""));
	set_text(row, "Group", "N/A");
	set_text(row, "Labels", labels);
	set_text(row, "Links", links);
	set_text(row, "Mountpoint", json_get_str(volume, "Mountpoint", ""));
	set_text(row, "Name", json_get_str(volume, "Name", ""));
	set_text(row, "Scope", json_get_str(volume, "Scope", ""));
	set_text(row, "Size", bytes < 0 ? "N/A" : units_decimal(size, (double)bytes, 4));
	set_text(row, "Status", "N/A");
	return row;
}

static json_t *cache_row(const json_t *entry, bool no_trunc)
{
	const char *id = json_get_str(entry, "ID", "");
	autofree char *uses = xasprintf("%lld", json_get_int(entry, "UsageCount", 0));
	char size[UNITS_SIZE], brief[13];
	json_t *row = json_object();

	set_text(row, "CacheType", json_get_str(entry, "Type", ""));
	set_text(row, "CreatedSince", json_get_str(entry, "CreatedAt", ""));
	set_text(row, "ID", no_trunc ? id : short_id(brief, id));
	set_text(row, "LastUsedSince", json_get_str(entry, "LastUsedAt", ""));
	set_text(row, "Shared", json_get_bool(entry, "Shared", false) ? "true" : "false");
	set_text(row, "Size", units_decimal(size, (double)json_get_int(entry, "Size", 0), 4));
	set_text(row, "UsageCount", uses);
	return row;
}

static const struct section {
	const char *member, *title, *format;
	const struct list_column *columns;
	json_t *(*row)(const json_t *item, bool no_trunc);
} sections[] = {
	{ "Images", "Images space usage:\n\n",
	  "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t"
	  "{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}",
	  images_columns, image_row },
	{ "Containers", "\nContainers space usage:\n\n",
	  "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t"
	  "{{.RunningFor}}\t{{.Status}}\t{{.Names}}",
	  ps_columns, container_row },
	{ "Volumes", "\nLocal Volumes space usage:\n\n", "table {{.Name}}\t{{.Links}}\t{{.Size}}",
	  volume_columns, volume_row },
	{ "BuildCache", "\nBuild cache usage: %s\n\n",
	  "table {{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}\t{{.LastUsedSince}}\t"
	  "{{.UsageCount}}\t{{.Shared}}",
	  cache_columns, cache_row },
};

static json_t *section_rows(const struct section *s, const json_t *df, bool no_trunc)
{
	const json_t *list = json_get_arr(df, s->member), *item;
	json_t *rows = json_array();
	size_t i;

	json_array_foreach(list, i, item)
		json_array_append_new(rows, s->row(item, no_trunc));
	return rows;
}

static void print_title(struct call *call, const struct section *s, const json_t *df)
{
	const char *at = strstr(s->title, "%s");
	struct part cache = cache_part(df);
	char size[UNITS_SIZE];

	if (!at)
		job_printf(call->job, "%s", s->title);
	else
		job_printf(call->job, "%.*s%s%s", (int)(at - s->title), s->title,
			   units_decimal(size, (double)cache.size, 4), at + 2);
}

static int print_verbose(struct call *call, const json_t *df, struct error *err)
{
	for (size_t i = 0; i < array_size(sections); i++) {
		autojson json_t *rows = section_rows(&sections[i], df, false);

		print_title(call, &sections[i], df);
		if (list_print(call, NULL, sections[i].format, sections[i].columns, rows, err) < 0)
			return -1;
	}
	return 0;
}

/* With a format all of it is one object. */
static int print_object(struct call *call, const json_t *df, struct error *err)
{
	const struct df_opts *o = call->opts;
	autojson json_t *all = json_object();

	for (size_t i = 0; i < array_size(sections); i++)
		json_object_set_new(all, sections[i].member, section_rows(&sections[i], df, true));
	return object_print(call, o->format, all, err);
}

static int run_df(struct call *call)
{
	const struct df_opts *o = call->opts;
	autojson json_t *df = NULL;
	struct error err;
	int rc = api_get(call->client, "/system/df", &df, &err);

	if (rc == 0 && o->verbose)
		rc = o->format && *o->format ? print_object(call, df, &err)
					     : print_verbose(call, df, &err);
	else if (rc == 0)
		rc = print_summary(call, df, &err);
	return rc < 0 ? call_complain(call, &err) : 0;
}

const struct command_impl cmd_system_df = { .run = run_df,
					    .flags = flags,
					    .opts_size = sizeof(struct df_opts) };
