/* docker exec: create, start with the connection taken over as the streams, then the exit status. */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "api/client/container.h"
#include "api/client/internal.h"
#include "pkg/mem.h"
#include "pkg/term.h"

struct exec_opts {
	bool detach, interactive, tty, privileged;
	const char *detach_keys, *user, *workdir;
	struct strlist env, env_file;
};

#define AT(m) offsetof(struct exec_opts, m)
static const struct mflag flags[] = {
	{ "d,-detach", MFLAG_BOOL, AT(detach), NULL, "Run in the background", NULL },
	{ "-detach-keys", MFLAG_STRING, AT(detach_keys), NULL,
	  "Keys that leave the terminal (default ctrl-p,ctrl-q)", NULL },
	{ "e,-env", MFLAG_LIST, AT(env), NULL, "Set a variable of the environment", NULL },
	{ "-env-file", MFLAG_LIST, AT(env_file), NULL, "Read variables from a file", NULL },
	{ "i,-interactive", MFLAG_BOOL, AT(interactive), NULL, "Pass stdin to it", NULL },
	{ "-privileged", MFLAG_BOOL, AT(privileged), NULL, "Give it all rights", NULL },
	{ "t,-tty", MFLAG_BOOL, AT(tty), NULL, "Give it a terminal", NULL },
	{ "u,-user", MFLAG_STRING, AT(user), NULL, "User and group, NAME|UID[:GROUP|GID]", NULL },
	{ "w,-workdir", MFLAG_STRING, AT(workdir), NULL, "Working directory", NULL },
	{ 0 },
};

static json_t *make_body(struct call *call, struct error *err)
{
	const struct exec_opts *o = call->opts;
	autostrlist struct strlist env = STRLIST_INIT;
	json_t *body;

	if (run_env(&o->env_file, &o->env, &env, err) < 0)
		return NULL;
	body = json_object();
	json_object_set_new_nocheck(body, "AttachStdin",
				    json_boolean(o->interactive && !o->detach));
	json_object_set_new_nocheck(body, "AttachStdout", json_boolean(!o->detach));
	json_object_set_new_nocheck(body, "AttachStderr", json_boolean(!o->detach));
	json_object_set_new_nocheck(body, "Tty", json_boolean(o->tty));
	json_object_set_new_nocheck(body, "Cmd", json_from_strv(call->args.v + 1));
	if (o->privileged)
		json_object_set_new_nocheck(body, "Privileged", json_true());
	if (o->user)
		json_object_set_new_nocheck(body, "User", json_string_nocheck(o->user));
	if (o->workdir)
		json_object_set_new_nocheck(body, "WorkingDir", json_string_nocheck(o->workdir));
	if (o->detach_keys)
		json_object_set_new_nocheck(body, "DetachKeys",
					    json_string_nocheck(o->detach_keys));
	if (env.n)
		json_object_set_new_nocheck(body, "Env", json_from_strlist(&env));
	return body;
}

static int create(struct call *call, char **id, struct error *err)
{
	autojson json_t *body = make_body(call, err), *reply = NULL;
	autobuf struct buf path = BUF_INIT(1 << 16);

	if (!body)
		return -1;
	api_path(&path, "/containers/", call->args.v[0], "/exec");
	if (api_call(call->client, "POST", buf_text(&path), body, &reply, err) < 0)
		return -1;
	*id = xstrdup(json_get_str(reply, "Id", ""));
	if (!**id)
		return error_set(err, ERR_INTERNAL, "exec ID empty");
	return 0;
}

/* The body of a start, with the size of our terminal where it matters. The caller frees it. */
static char *start_body(const struct client *c, const struct exec_opts *o)
{
	unsigned rows, columns;

	if (o->tty && !o->detach && api_at_least(c, 42) &&
	    term_size(STDOUT_FILENO, &rows, &columns) == 0)
		return xasprintf("{\"Detach\":false,\"Tty\":true,\"ConsoleSize\":[%u,%u]}", rows,
				 columns);
	return xasprintf("{\"Detach\":%s,\"Tty\":%s}", o->detach ? "true" : "false",
			 o->tty ? "true" : "false");
}

static int start_detached(struct call *call, const char *id, struct error *err)
{
	autofree char *text = start_body(call->client, call->opts);
	autojson json_t *body = json_parse(text, strlen(text), err);
	autobuf struct buf path = BUF_INIT(4096);

	api_path(&path, "/exec/", id, "/start");
	return api_call(call->client, "POST", buf_text(&path), body, NULL, err);
}

/* The streams may end a moment before the daemon has been told how the process ended. */
static int take_status(struct call *call, const char *id, struct error *err)
{
	autobuf struct buf path = BUF_INIT(4096);

	api_path(&path, "/exec/", id, "/json");
	for (int pause_ms = 1; pause_ms <= 4096; pause_ms *= 2) {
		autojson json_t *reply = NULL;

		if (api_get(call->client, buf_text(&path), &reply, err) < 0)
			return -1;
		call->client->status = (int)json_get_int(reply, "ExitCode", 0);
		if (!json_get_bool(reply, "Running", false))
			break;
		(void)poll(NULL, 0, pause_ms);
	}
	return 0;
}

static int converse(struct call *call, struct attached *a, const char *id, struct error *err)
{
	autofree char *body = start_body(call->client, call->opts);
	autobuf struct buf path = BUF_INIT(4096);

	api_path(&path, "/exec/", id, "/start");
	if (attached_ask(a, buf_text(&path), body, err) < 0 || attached_opened(a, err) < 0 ||
	    attached_run(a, err) < 0)
		return -1;
	return a->detached ? 0 : take_status(call, id, err);
}

static int start_attached(struct call *call, const char *id, struct error *err)
{
	const struct exec_opts *o = call->opts;
	autobuf struct buf resize = BUF_INIT(4096);
	struct attached *a = xcalloc(1, sizeof(*a));
	int rc;

	api_path(&resize, "/exec/", id, "/resize");
	a->call = call;
	a->tty = o->tty;
	a->stdin_open = o->interactive;
	a->resize_path = buf_text(&resize);
	rc = attached_init(a, o->detach_keys, err);
	if (rc == 0)
		rc = converse(call, a, id, err);
	attached_done(a);
	free(a);
	return rc;
}

static int run_exec(struct call *call)
{
	const struct exec_opts *o = call->opts;
	autofree char *id = NULL;
	struct error err;
	int rc;

	if (!o->detach && attached_check_tty(o->interactive, o->tty, &err) < 0)
		return call_complain(call, &err);
	rc = create(call, &id, &err);
	if (rc == 0)
		rc = o->detach ? start_detached(call, id, &err) : start_attached(call, id, &err);
	if (rc == 0)
		return 0;
	if (err.kind == ERR_CANCELLED) {
		call->client->status = 128 + 13;
		return -1;
	}
	return call_complain(call, &err);
}

const struct command_impl cmd_exec = { .run = run_exec,
				       .flags = flags,
				       .opts_size = sizeof(struct exec_opts),
				       .options = CMD_FLAGS_FIRST };
