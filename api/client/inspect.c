/* docker inspect: everything about containers, images, networks and volumes, as JSON or by template. */
#include <string.h>

#include "api/client/format.h"
#include "api/client/internal.h"
#include "pkg/mem.h"

struct inspect_opts {
	bool size;
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

	api_path(&path, k->before, name, k->after);
	if (o->size && k == &kinds[0])
		api_query(&path, "size", "1");
	return api_get(call->client, buf_text(&path), out, err);
}

/* Go on to the next kind when the daemon has no such thing, or does not do things of that kind. */
static bool is_absent(const struct error *err)
{
	return err->kind == ERR_NOT_FOUND || err->kind == ERR_NOT_IMPLEMENTED;
}

static int find(struct call *call, const char *type, const char *name, json_t **out,
		struct error *err)
{
	for (size_t i = 0; i < array_size(kinds); i++) {
		if (*type && strcmp(type, kinds[i].name) != 0)
			continue;
		if (get(call, &kinds[i], name, out, err) == 0)
			return 0;
		if (*type || !is_absent(err))
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

static int print_all(struct call *call, const json_t *found)
{
	autofree char *text = json_dumps(found, JSON_INDENT(4) | JSON_ENCODE_ANY);

	return job_printf(call->job, "%s\n", text);
}

static int inspect_all(struct call *call, const char *type)
{
	const struct inspect_opts *o = call->opts;
	autojson json_t *found = json_array();
	autostrlist struct strlist complaints = STRLIST_INIT;
	struct error err;

	if (!is_kind(type))
		return call_fail(call,
				 "unknown type: \"%s\": must be one of \"container\", \"image\", "
				 "\"network\", \"volume\"",
				 type);
	for (size_t i = 0; i < call->args.n; i++) {
		autojson json_t *object = NULL;
		int rc = find(call, type, call->args.v[i], &object, &err);

		if (rc == 0 && o->format && *o->format)
			rc = object_print(call, o->format, object, &err);
		else if (rc == 0)
			json_array_append(found, object);
		if (rc < 0)
			strlist_add(&complaints, err.text);
		if (rc < 0 && err.kind == ERR_UNAVAILABLE)
			break;
	}
	if (!o->format || !*o->format)
		print_all(call, found);
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
