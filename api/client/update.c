/* docker update: other limits and another restart policy for containers that exist. */
#include "api/client/internal.h"
#include "api/client/run_opts.h"

static int update_one(struct call *call, const char *name, struct error *err)
{
	const struct run_opts *o = call->opts;
	autobuf struct buf path = BUF_INIT(1 << 16);
	autostrlist struct strlist warnings = STRLIST_INIT;
	autojson json_t *body = json_object(), *reply = NULL;

	run_resources(o, body);
	if (o->restart && run_restart_policy(o->restart, body, err) < 0)
		return -1;
	api_path(&path, "/containers/", name, "/update");
	if (api_call(call->client, "POST", buf_text(&path), body, &reply, err) < 0)
		return -1;
	job_printf(call->job, "%s\n", name);
	json_get_strlist(reply, "Warnings", &warnings);
	for (size_t i = 0; i < warnings.n; i++)
		call_warn(call, "%s", warnings.v[i]);
	return 0;
}

static int run_update(struct call *call)
{
	return call_each(call, update_one);
}

const struct command_impl cmd_update = { .run = run_update,
					 .flags = update_flags,
					 .opts_size = sizeof(struct run_opts),
					 .defaults = &run_defaults };
