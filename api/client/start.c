/* docker start and docker attach: connecting to containers that exist already. */
#include <string.h>

#include "api/client/container.h"
#include "api/client/internal.h"
#include "pkg/mem.h"

struct attach_opts {
	bool attach, interactive; /* of start */
	bool no_stdin;            /* of attach */
	bool sig_proxy;
	const char *detach_keys, *checkpoint;
};

static const struct attach_opts defaults = { .sig_proxy = true };

#define AT(m) offsetof(struct attach_opts, m)

static int inspect(struct call *call, const char *name, json_t **reply, struct error *err)
{
	autobuf struct buf path = BUF_INIT(1 << 16);

	api_path(&path, "/containers/", name, "/json");
	return api_get(call->client, buf_text(&path), reply, err);
}

/* Nobody reads our output any more: end as a filter does, without a word. */
static int fail(struct call *call, const struct error *err)
{
	if (err->kind != ERR_CANCELLED)
		return call_complain(call, err);
	call->client->status = 128 + 13;
	return -1;
}

struct session {
	struct attached a;
	struct buf resize, kill, path;
	const char *id;
	bool start;
	const char *condition;
};

static int converse(struct session *s, struct error *err)
{
	struct attached *a = &s->a;
	int status;

	if (attached_ask(a, buf_text(&s->path), NULL, err) < 0 ||
	    container_ask_wait(a, s->id, s->condition, err) < 0 || attached_opened(a, err) < 0 ||
	    container_waiting(a, err) < 0)
		return -1;
	if (s->start && api_container_post(a->call->client, s->id, "start", err) < 0) {
		a->call->client->status = start_failure_status(err);
		return -1;
	}
	if (attached_run(a, err) < 0)
		return -1;
	if (a->detached)
		return 0;
	if (container_exit_status(a, s->id, &status, err) < 0) {
		a->call->client->status = EXIT_DAEMON;
		return -1;
	}
	a->call->client->status = status;
	return 0;
}

/* Connect to a container that was inspected; start it too if start is set. */
static int connect_to(struct call *call, const json_t *container, int streams, bool start,
		      struct error *err)
{
	const struct attach_opts *o = call->opts;
	const json_t *config = json_get_obj(container, "Config");
	struct session *s = xcalloc(1, sizeof(*s));
	int rc;

	s->id = json_get_str(container, "Id", "");
	s->start = start;
	s->condition = !start ? NULL
		       : json_get_bool(json_get_obj(container, "HostConfig"), "AutoRemove", false)
			       ? "removed"
			       : "next-exit";
	s->resize = s->kill = s->path = BUF_INIT(1 << 16);
	api_path(&s->resize, "/containers/", s->id, "/resize");
	api_path(&s->kill, "/containers/", s->id, "/kill");
	container_attach_path(&s->path, s->id, streams, o->detach_keys);
	s->a.call = call;
	s->a.tty = json_get_bool(config, "Tty", false);
	s->a.stdin_open = streams & RUN_STDIN;
	s->a.resize_path = buf_text(&s->resize);
	s->a.kill_path = o->sig_proxy && !s->a.tty ? buf_text(&s->kill) : NULL;
	rc = attached_init(&s->a, o->detach_keys, err);
	if (rc == 0)
		rc = converse(s, err);
	attached_done(&s->a);
	buf_done(&s->resize);
	buf_done(&s->kill);
	buf_done(&s->path);
	free(s);
	return rc;
}

static const struct mflag start_flags[] = {
	{ "a,-attach", MFLAG_BOOL, AT(attach), NULL, "Show its output and pass signals on", NULL },
	{ "-detach-keys", MFLAG_STRING, AT(detach_keys), NULL, "Keys that leave the terminal",
	  NULL },
	{ "i,-interactive", MFLAG_BOOL, AT(interactive), NULL, "Pass stdin to it", NULL },
	{ "#sig-proxy,-sig-proxy", MFLAG_BOOL, AT(sig_proxy), NULL, NULL, NULL },
	{ "-checkpoint", MFLAG_STRING, AT(checkpoint), NULL, "Restore from this checkpoint", NULL },
	{ 0 },
};

static int start_one(struct call *call, const char *name, struct error *err)
{
	const struct attach_opts *o = call->opts;
	autobuf struct buf action = BUF_INIT(4096);

	buf_adds(&action, "start");
	if (o->checkpoint)
		api_query(&action, "checkpoint", o->checkpoint);
	if (api_container_post(call->client, name, buf_text(&action), err) < 0)
		return -1;
	job_printf(call->job, "%s\n", name);
	return 0;
}

static int start_all(struct call *call)
{
	autobuf struct buf failed = BUF_INIT(1 << 20);

	for (size_t i = 0; i < call->args.n; i++) {
		const char *name = call->args.v[i];
		struct error err;

		if (start_one(call, name, &err) == 0)
			continue;
		call_complain(call, &err);
		buf_addf(&failed, "%s%s", failed.len ? ", " : "", name);
	}
	if (!failed.len)
		return 0;
	call_warn(call, "Error: failed to start containers: %s", buf_text(&failed));
	return -1;
}

static int run_start(struct call *call)
{
	const struct attach_opts *o = call->opts;
	autojson json_t *container = NULL;
	struct error err;
	bool open_stdin;

	if (!o->attach && !o->interactive)
		return start_all(call);
	if (call->args.n > 1)
		return call_fail(call, "you cannot start and attach multiple containers at once");
	if (inspect(call, call->args.v[0], &container, &err) < 0)
		return call_complain(call, &err);
	open_stdin = o->interactive &&
		     json_get_bool(json_get_obj(container, "Config"), "OpenStdin", false);
	if (connect_to(call, container, RUN_STDOUT | RUN_STDERR | (open_stdin ? RUN_STDIN : 0),
		       true, &err) < 0)
		return fail(call, &err);
	return 0;
}

const struct command_impl cmd_start = { .run = run_start,
					.flags = start_flags,
					.opts_size = sizeof(struct attach_opts),
					.defaults = &defaults };

static const struct mflag attach_flags[] = {
	{ "-detach-keys", MFLAG_STRING, AT(detach_keys), NULL, "Keys that leave the terminal",
	  NULL },
	{ "#nostdin,-no-stdin", MFLAG_BOOL, AT(no_stdin), NULL, "Do not pass stdin to it", NULL },
	{ "#sig-proxy,-sig-proxy", MFLAG_BOOL, AT(sig_proxy), NULL,
	  "Pass signals on to the process (default true)", NULL },
	{ 0 },
};

static int check_state(const json_t *container, struct error *err)
{
	static const struct {
		const char *state, *text;
		bool bad;
	} rows[] = {
		{ "Running", "You cannot attach to a stopped container, start it first", false },
		{ "Paused", "You cannot attach to a paused container, unpause it first", true },
		{ "Restarting",
		  "You cannot attach to a restarting container, wait until it is running", true },
	};
	const json_t *state = json_get_obj(container, "State");

	for (size_t i = 0; i < array_size(rows); i++)
		if (json_get_bool(state, rows[i].state, false) == rows[i].bad)
			return error_set(err, ERR_CONFLICT, "%s", rows[i].text);
	return 0;
}

static int run_attach(struct call *call)
{
	const struct attach_opts *o = call->opts;
	autojson json_t *container = NULL;
	const json_t *config;
	struct error err;
	bool open_stdin;

	if (inspect(call, call->args.v[0], &container, &err) < 0 ||
	    check_state(container, &err) < 0)
		return call_complain(call, &err);
	config = json_get_obj(container, "Config");
	open_stdin = !o->no_stdin && json_get_bool(config, "OpenStdin", false);
	if (attached_check_tty(open_stdin, json_get_bool(config, "Tty", false), &err) < 0)
		return call_complain(call, &err);
	if (connect_to(call, container, RUN_STDOUT | RUN_STDERR | (open_stdin ? RUN_STDIN : 0),
		       false, &err) < 0)
		return fail(call, &err);
	return 0;
}

const struct command_impl cmd_attach = { .run = run_attach,
					 .flags = attach_flags,
					 .opts_size = sizeof(struct attach_opts),
					 .defaults = &defaults };
