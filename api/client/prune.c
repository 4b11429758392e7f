/* docker container, image and network prune: removal of what is not in use, after a question. */
#include <stdio.h>
#include <string.h>

#include "api/client/flag_lists.h"
#include "api/client/internal.h"
#include "pkg/mem.h"
#include "pkg/units.h"

struct prune_opts {
	bool force, all;
	struct strlist filter;
};

#define AT(m) offsetof(struct prune_opts, m)
static const struct mflag plain_flags[] = {
	{ "-filter", MFLAG_LIST, AT(filter), "filter", "Remove those that match NAME=VALUE",
	  flag_filter },
	{ "f,-force", MFLAG_BOOL, AT(force), NULL, "Do not ask", NULL },
	{ 0 },
};

static const struct mflag image_flags[] = {
	{ "a,-all", MFLAG_BOOL, AT(all), NULL, "Remove all that no container uses", NULL },
	{ "-filter", MFLAG_LIST, AT(filter), "filter", "Remove those that match NAME=VALUE",
	  flag_filter },
	{ "f,-force", MFLAG_BOOL, AT(force), NULL, "Do not ask", NULL },
	{ 0 },
};

static bool confirmed(struct call *call, const char *what)
{
	autofree char *question = xasprintf("WARNING! This will remove %s.\n"
					    "Are you sure you want to continue?",
					    what);

	return call_confirmed(call, question);
}

static int prune(struct call *call, const char *base, json_t **reply, struct error *err)
{
	const struct prune_opts *o = call->opts;
	autobuf struct buf path = BUF_INIT(1 << 16);
	autofree char *filters = api_filters(&o->filter, err);

	if (!filters && o->filter.n)
		return -1;
	buf_adds(&path, base);
	if (filters)
		api_query(&path, "filters", filters);
	return api_call(call->client, "POST", buf_text(&path), NULL, reply, err);
}

static void print_reclaimed(struct call *call, const json_t *reply)
{
	char size[UNITS_SIZE];

	job_printf(call->job, "Total reclaimed space: %s\n",
		   units_decimal(size, (double)json_get_int(reply, "SpaceReclaimed", 0), 4));
}

static int run_containers(struct call *call)
{
	const struct prune_opts *o = call->opts;
	autostrlist struct strlist deleted = STRLIST_INIT;
	autojson json_t *reply = NULL;
	struct error err;

	if (!o->force && !confirmed(call, "all stopped containers"))
		return 0;
	if (prune(call, "/containers/prune", &reply, &err) < 0)
		return call_complain(call, &err);
	json_get_strlist(reply, "ContainersDeleted", &deleted);
	if (deleted.n)
		job_printf(call->job, "Deleted Containers:\n");
	for (size_t i = 0; i < deleted.n; i++)
		job_printf(call->job, "%s\n%s", deleted.v[i], i + 1 == deleted.n ? "\n" : "");
	print_reclaimed(call, reply);
	return 0;
}

const struct command_impl cmd_container_prune = { .run = run_containers,
						  .flags = plain_flags,
						  .opts_size = sizeof(struct prune_opts) };

static int run_images(struct call *call)
{
	struct prune_opts *o = call->opts;
	autojson json_t *reply = NULL;
	const json_t *entry, *list;
	struct error err;
	size_t i;

	if (!o->force && !confirmed(call, o->all ? "all images without a container that uses them"
						 : "all dangling images"))
		return 0;
	strlist_add(&o->filter, o->all ? "dangling=false" : "dangling=true");
	if (prune(call, "/images/prune", &reply, &err) < 0)
		return call_complain(call, &err);
	list = json_get_arr(reply, "ImagesDeleted");
	if (json_array_size(list))
		job_printf(call->job, "Deleted Images:\n");
	json_array_foreach(list, i, entry) {
		const char *deleted = json_get_str(entry, "Deleted", NULL);

		job_printf(call->job, "%s: %s\n%s", deleted ? "deleted" : "untagged",
			   deleted ? deleted : json_get_str(entry, "Untagged", ""),
			   i + 1 == json_array_size(list) ? "\n" : "");
	}
	print_reclaimed(call, reply);
	return 0;
}

const struct command_impl cmd_image_prune = { .run = run_images,
					      .flags = image_flags,
					      .opts_size = sizeof(struct prune_opts) };

static int run_networks(struct call *call)
{
	const struct prune_opts *o = call->opts;
	autostrlist struct strlist deleted = STRLIST_INIT;
	autojson json_t *reply = NULL;
	struct error err;

	if (!o->force && !confirmed(call, "all custom networks not used by at least one container"))
		return 0;
	if (prune(call, "/networks/prune", &reply, &err) < 0)
		return call_complain(call, &err);
	json_get_strlist(reply, "NetworksDeleted", &deleted);
	if (deleted.n)
		job_printf(call->job, "Deleted Networks:\n");
	for (size_t i = 0; i < deleted.n; i++)
		job_printf(call->job, "%s\n%s", deleted.v[i], i + 1 == deleted.n ? "\n" : "");
	return 0;
}

const struct command_impl cmd_network_prune = { .run = run_networks,
						.flags = plain_flags,
						.opts_size = sizeof(struct prune_opts) };
