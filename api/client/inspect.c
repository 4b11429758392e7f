/* docker inspect: everything about containers, images, networks and volumes, as JSON or by template. */
#include <string.h>

#include "api/client/format.h"
#include "api/client/internal.h"
#include "pkg/mem.h"

struct inspect_opts {
	bool size, verbose;
	const char *format, *type;
};

#define AT(m) offsetof(struct inspect_opts, m)
static const struct mflag flags[] = {
	{ "#format,f,-format", MFLAG_STRING, AT(format), NULL,
	  "Output as 'json' or by a Go template", NULL },
	{ "s,-size", MFLAG_BOOL, AT(size), NULL, "Show sizes on disk, for containers", NULL },
	{ "-type", MFLAG_STRING, AT(type), NULL,
	  "Look only for a container, image, network, volume", NULL },
	{ 0 },
};

static const struct kind {
	const char *name, *before, *after;
} kinds[] = {
	{ "container", "/containers/", "/json" },
	{ "image", "/images/", "/json" },
	{ "network", "/networks/", "" },
	{ "volume", "/volumes/", "" },
};

static int get(struct call *call, const struct kind *k, const char *name, json_t **out,
	       struct error *err)
{
	const struct inspect_opts *o = call->opts;
	autobuf struct buf path = BUF_INIT(1 << 16);

	if (!*name)
		return error_set(err, ERR_BAD_REQUEST, "invalid %s name or ID: value is empty",
				 k->name);
	api_path(&path, k->before, name, k->after);
	if (o->size && k == &kinds[0])
		api_query(&path, "size", "1");
	if (o->verbose)
		api_query(&path, "verbose", "true");
	return api_get(call->client, buf_text(&path), out, err);
}

/*
 * Go on to the next kind when the daemon has no such thing, or does not do things of that kind. What
 * is no image's name ("MyNet") may be a network's.
 */
static bool is_absent(const struct kind *k, const struct error *err)
{
	return err->kind == ERR_NOT_FOUND || err->kind == ERR_NOT_IMPLEMENTED ||
	       (err->kind == ERR_BAD_REQUEST && strcmp(k->name, "image") == 0);
}

static int find(struct call *call, const char *type, const char *name, json_t **out,
		struct error *err)
{
	for (size_t i = 0; i < array_size(kinds); i++) {
		if (*type && strcmp(type, kinds[i].name) != 0)
			continue;
		if (get(call, &kinds[i], name, out, err) == 0)
			return 0;
		if (*type || !is_absent(&kinds[i], err))
			return -1;
	}
	return error_set(err, ERR_NOT_FOUND, "Error: No such object: %s", name);
}

static bool is_kind(const char *type)
{
	for (size_t i = 0; i < array_size(kinds); i++)
		if (strcmp(type, kinds[i].name) == 0)
			return true;
	return !*type;
}

/* All that was found, as one array; compact when it was asked for as 'json'. */
static int print_all(struct call *call, const json_t *found, bool compact)
{
	autofree char *text =
		compact ? json_text(found) : json_dumps(found, JSON_INDENT(4) | JSON_ENCODE_ANY);

	return job_printf(call->job, "%s\n", text);
}

/* One object: through the template at once, or kept in found. */
static int inspect_one(struct call *call, const char *type, const char *name, const char *template,
		       json_t *found, struct error *err)
{
	autojson json_t *object = NULL;

	if (find(call, type, name, &object, err) < 0 ||
	    (template && object_print(call, template, object, err) < 0))
		return -1;
	json_array_append(found, object);
	return 0;
}

static int check_type(struct call *call, const char *type)
{
	const struct inspect_opts *o = call->opts;
	static const char must[] = "must be one of \"container\", \"image\", \"network\", "
				   "\"volume\"";

	if (o->type && !*o->type)
		return call_fail(call, "type is empty: %s", must);
	return is_kind(type) ? 0 : call_fail(call, "unknown type: \"%s\": %s", type, must);
}

static int inspect_all(struct call *call, const char *type)
{
	const struct inspect_opts *o = call->opts;
	bool compact = o->format && strcmp(o->format, "json") == 0;
	const char *template = o->format && *o->format && !compact ? o->format : NULL;
	autojson json_t *found = json_array();
	autostrlist struct strlist complaints = STRLIST_INIT;
	struct error err;

	if (check_type(call, type) < 0)
		return -1;
	if (template && format_check(template, &err) < 0) {
		call->client->status = EXIT_BAD_TEMPLATE;
		return call_complain(call, &err);
	}
	for (size_t i = 0; i < call->args.n; i++) {
		if (inspect_one(call, type, call->args.v[i], template, found, &err) == 0)
			continue;
		strlist_add(&complaints, err.text);
		if (err.kind == ERR_UNAVAILABLE)
			break;
	}
	if (!template)
		print_all(call, found, compact);
	else if (!json_array_size(found))
		job_printf(call->job, "\n");
	for (size_t i = 0; i < complaints.n; i++)
		call_warn(call, "%s", complaints.v[i]);
	return complaints.n ? -1 : 0;
}

static int run_inspect(struct call *call)
{
	const struct inspect_opts *o = call->opts;

	return inspect_all(call, o->type ? o->type : "");
}

const struct command_impl cmd_inspect = { .run = run_inspect,
					  .flags = flags,
					  .opts_size = sizeof(struct inspect_opts) };

static int run_container(struct call *call)
{
	return inspect_all(call, "container");
}

const struct command_impl cmd_container_inspect = { .run = run_container,
						    .flags = flags,
						    .opts_size = sizeof(struct inspect_opts) };

static int run_image(struct call *call)
{
	return inspect_all(call, "image");
}

const struct command_impl cmd_image_inspect = { .run = run_image,
						.flags = flags,
						.opts_size = sizeof(struct inspect_opts) };

static const struct mflag network_flags[] = {
	{ "f,-format", MFLAG_STRING, AT(format), NULL, "Output as 'json' or by a Go template",
	  NULL },
	{ "v,-verbose", MFLAG_BOOL, AT(verbose), NULL, "Show what is of use for diagnosis too",
	  NULL },
	{ 0 },
};

static int run_network(struct call *call)
{
	return inspect_all(call, "network");
}

const struct command_impl cmd_network_inspect = { .run = run_network,
						  .flags = network_flags,
						  .opts_size = sizeof(struct inspect_opts) };
