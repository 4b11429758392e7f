/* docker network create, connect, disconnect and rm. The bodies are made in network_specs.c. */
#include "api/client/internal.h"
#include "api/client/network_specs.h"
#include "pkg/mem.h"

static int run_create(struct call *call)
{
	const struct network_create_opts *o = call->opts;
	autojson json_t *body = NULL, *reply = NULL;
	struct error err;

	body = network_create_body(o, call->args.v[0], &err);
	if (!body || api_settle_version(call->client, &err) < 0)
		return call_complain(call, &err);
	if (!api_at_least(call->client, 44)) /* else two networks could have the same name */
		json_object_set_new_nocheck(body, "CheckDuplicate", json_true());
	if (api_call(call->client, "POST", "/networks/create", body, &reply, &err) < 0)
		return call_complain(call, &err);
	job_printf(call->job, "%s\n", json_get_str(reply, "Id", ""));
	return 0;
}

const struct command_impl cmd_network_create = { .run = run_create,
						 .flags = network_create_flags,
						 .opts_size = sizeof(struct network_create_opts),
						 .defaults = &network_create_defaults };

/* POST /networks/NETWORK/ACTION; both names must be there, or the path means something else. */
static int post(struct call *call, const char *action, const json_t *body)
{
	static const char *const words[] = { "network", "container" };
	autobuf struct buf path = BUF_INIT(1 << 16);
	struct error err;

	for (size_t i = 0; i < array_size(words); i++)
		if (!*call->args.v[i])
			return call_fail(call, "invalid %s name or ID: value is empty", words[i]);
	api_path(&path, "/networks/", call->args.v[0], action);
	if (api_call(call->client, "POST", buf_text(&path), body, NULL, &err) < 0)
		return call_complain(call, &err);
	return 0;
}

static int run_connect(struct call *call)
{
	autojson json_t *body = NULL;
	struct error err;

	body = network_connect_body(call->opts, call->args.v[1], &err);
	return body ? post(call, "/connect", body) : call_complain(call, &err);
}

const struct command_impl cmd_network_connect = { .run = run_connect,
						  .flags = network_connect_flags,
						  .opts_size =
							  sizeof(struct network_connect_opts) };

struct force_opts {
	bool force;
};

#define AT(m) offsetof(struct force_opts, m)
static const struct mflag disconnect_flags[] = {
	{ "f,-force", MFLAG_BOOL, AT(force), NULL, "Do so even if the container is gone", NULL },
	{ 0 },
};

static int run_disconnect(struct call *call)
{
	const struct force_opts *o = call->opts;
	autojson json_t *body =
		json_pack("{s:s, s:b}", "Container", call->args.v[1], "Force", o->force);

	return post(call, "/disconnect", body);
}

const struct command_impl cmd_network_disconnect = { .run = run_disconnect,
						     .flags = disconnect_flags,
						     .opts_size = sizeof(struct force_opts) };

static const struct mflag rm_flags[] = {
	{ "f,-force", MFLAG_BOOL, AT(force), NULL, "Do not complain about those that are not there",
	  NULL },
	{ 0 },
};

/* The routing mesh of a swarm is not removed without a question. */
static bool is_kept(struct call *call, const char *path)
{
	static const char warning[] =
		"WARNING! Before removing the routing-mesh network, make sure all the nodes in "
		"your swarm run the same docker engine version. Otherwise, removal may not be "
		"effective and functionality of newly create ingress networks will be impaired.\n"
		"Are you sure you want to continue?";
	autojson json_t *reply = NULL;

	return api_get(call->client, path, &reply, NULL) == 0 &&
	       json_get_bool(reply, "Ingress", false) && !call_confirmed(call, warning);
}

static int remove_one(struct call *call, const char *name, struct error *err)
{
	const struct force_opts *o = call->opts;
	autobuf struct buf path = BUF_INIT(1 << 16);

	if (!*name)
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid network name or ID: value is empty");
	api_path(&path, "/networks/", name, "");
	if (is_kept(call, buf_text(&path)))
		return 0;
	if (api_call(call->client, "DELETE", buf_text(&path), NULL, NULL, err) < 0)
		return o->force && err->kind == ERR_NOT_FOUND ? 0 : -1;
	job_printf(call->job, "%s\n", name);
	return 0;
}

static int run_rm(struct call *call)
{
	if (call_each(call, remove_one) == 0)
		return 0;
	call_warn(call, "exit status 1"); /* says Docker's own client here */
	return -1;
}

const struct command_impl cmd_network_rm = { .run = run_rm,
					     .flags = rm_flags,
					     .opts_size = sizeof(struct force_opts) };
