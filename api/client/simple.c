/*
 * The commands that are one request for each container they are given: pause, unpause, kill, stop,
 * restart, rm, rename, wait; and those that print one answer as it comes: diff, top, export.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/client/internal.h"
#include "pkg/mem.h"
#include "pkg/tabwriter.h"

static void print_name(struct call *call, const char *name)
{
	job_printf(call->job, "%s\n", name);
}

/* POST, then the name as it was given. */
static int post_and_print(struct call *call, const char *name, const char *action,
			  struct error *err)
{
	if (api_container_post(call->client, name, action, err) < 0)
		return -1;
	print_name(call, name);
	return 0;
}

static int pause_one(struct call *call, const char *name, struct error *err)
{
	return post_and_print(call, name, "pause", err);
}

static int run_pause(struct call *call)
{
	return call_each(call, pause_one);
}

const struct command_impl cmd_pause = { .run = run_pause };

static int unpause_one(struct call *call, const char *name, struct error *err)
{
	return post_and_print(call, name, "unpause", err);
}

static int run_unpause(struct call *call)
{
	return call_each(call, unpause_one);
}

const struct command_impl cmd_unpause = { .run = run_unpause };

struct kill_opts {
	const char *signal;
};

static const struct mflag kill_flags[] = {
	{ "s,-signal", MFLAG_STRING, offsetof(struct kill_opts, signal), NULL,
	  "Signal to send, by name or number (default KILL)", NULL },
	{ 0 },
};

static int kill_one(struct call *call, const char *name, struct error *err)
{
	const struct kill_opts *o = call->opts;
	autobuf struct buf action = BUF_INIT(4096);

	buf_adds(&action, "kill");
	api_query(&action, "signal", o->signal ? o->signal : "KILL");
	return post_and_print(call, name, buf_text(&action), err);
}

static int run_kill(struct call *call)
{
	return call_each(call, kill_one);
}

const struct command_impl cmd_kill = { .run = run_kill,
				       .flags = kill_flags,
				       .opts_size = sizeof(struct kill_opts) };

#define NO_TIME INT64_MIN

struct stop_opts {
	int64_t time;
	const char *signal;
};

static const struct stop_opts stop_defaults = { .time = NO_TIME };

static const struct mflag stop_flags[] = {
	{ "t,-timeout,-time", MFLAG_INT, offsetof(struct stop_opts, time), NULL,
	  "Seconds to wait before killing (default 10, -1: for ever)", NULL },
	{ "s,-signal", MFLAG_STRING, offsetof(struct stop_opts, signal), NULL,
	  "Signal to end it with (default: the container's stop signal)", NULL },
	{ 0 },
};

static int end_one(struct call *call, const char *name, const char *verb, struct error *err)
{
	const struct stop_opts *o = call->opts;
	autobuf struct buf action = BUF_INIT(4096);
	char seconds[24];

	buf_adds(&action, verb);
	snprintf(seconds, sizeof(seconds), "%lld", (long long)o->time);
	if (o->time != NO_TIME)
		api_query(&action, "t", seconds);
	if (o->signal)
		api_query(&action, "signal", o->signal);
	return post_and_print(call, name, buf_text(&action), err);
}

static int stop_one(struct call *call, const char *name, struct error *err)
{
	return end_one(call, name, "stop", err);
}

static int run_stop(struct call *call)
{
	return call_each(call, stop_one);
}

const struct command_impl cmd_stop = { .run = run_stop,
				       .flags = stop_flags,
				       .opts_size = sizeof(struct stop_opts),
				       .defaults = &stop_defaults };

static int restart_one(struct call *call, const char *name, struct error *err)
{
	return end_one(call, name, "restart", err);
}

static int run_restart(struct call *call)
{
	return call_each(call, restart_one);
}

const struct command_impl cmd_restart = { .run = run_restart,
					  .flags = stop_flags,
					  .opts_size = sizeof(struct stop_opts),
					  .defaults = &stop_defaults };

struct rm_opts {
	bool force, volumes, link;
};

static const struct mflag rm_flags[] = {
	{ "f,-force", MFLAG_BOOL, offsetof(struct rm_opts, force), NULL,
	  "Remove it although it runs (it is killed)", NULL },
	{ "#link,l,-link", MFLAG_BOOL, offsetof(struct rm_opts, link), NULL,
	  "Remove the link and not the container", NULL },
	{ "v,-volumes", MFLAG_BOOL, offsetof(struct rm_opts, volumes), NULL,
	  "Remove its anonymous volumes too", NULL },
	{ 0 },
};

static int rm_one(struct call *call, const char *name, struct error *err)
{
	const struct rm_opts *o = call->opts;
	autobuf struct buf path = BUF_INIT(1 << 16);

	api_path(&path, "/containers/", name, "");
	if (o->force)
		api_query(&path, "force", "1");
	if (o->volumes)
		api_query(&path, "v", "1");
	if (o->link)
		api_query(&path, "link", "1");
	if (api_call(call->client, "DELETE", buf_text(&path), NULL, NULL, err) < 0)
		return -1;
	print_name(call, name);
	return 0;
}

static int run_rm(struct call *call)
{
	const struct rm_opts *o = call->opts;
	int rc = 0;

	for (size_t i = 0; i < call->args.n; i++) {
		struct error err;

		if (rm_one(call, call->args.v[i], &err) == 0)
			continue;
		call_complain(call, &err);
		/* With --force what is not there needs no removal, as Docker sees it. */
		if (!o->force || err.kind != ERR_NOT_FOUND)
			rc = -1;
	}
	return rc;
}

const struct command_impl cmd_rm = { .run = run_rm,
				     .flags = rm_flags,
				     .opts_size = sizeof(struct rm_opts) };

static int run_rename(struct call *call)
{
	autobuf struct buf action = BUF_INIT(1 << 16);
	struct error err;

	buf_adds(&action, "rename");
	api_query(&action, "name", call->args.v[1]);
	if (api_container_post(call->client, call->args.v[0], buf_text(&action), &err) == 0)
		return 0;
	call_complain(call, &err);
	call_warn(call, "Error: failed to rename container named %s", call->args.v[0]);
	return -1;
}

const struct command_impl cmd_rename = { .run = run_rename };

static int wait_one(struct call *call, const char *name, struct error *err)
{
	autobuf struct buf path = BUF_INIT(1 << 16);
	autojson json_t *reply = NULL;
	const char *trouble;

	api_path(&path, "/containers/", name, "/wait");
	if (api_call(call->client, "POST", buf_text(&path), NULL, &reply, err) < 0)
		return -1;
	trouble = json_get_str(json_get_obj(reply, "Error"), "Message", NULL);
	if (trouble)
		return error_set(err, ERR_INTERNAL, "%s", trouble);
	job_printf(call->job, "%lld\n", json_get_int(reply, "StatusCode", 0));
	return 0;
}

static int run_wait(struct call *call)
{
	return call_each(call, wait_one);
}

const struct command_impl cmd_wait = { .run = run_wait };

static int run_diff(struct call *call)
{
	static const char kinds[] = "CAD";
	autobuf struct buf path = BUF_INIT(1 << 16), out = BUF_INIT(256 << 20);
	autojson json_t *changes = NULL;
	const json_t *change;
	struct error err;
	size_t i;

	api_path(&path, "/containers/", call->args.v[0], "/changes");
	if (api_get(call->client, buf_text(&path), &changes, &err) < 0)
		return call_complain(call, &err);
	json_array_foreach(changes, i, change) {
		long long kind = json_get_int(change, "Kind", 0);

		buf_addf(&out, "%c %s\n", kind >= 0 && kind < 3 ? kinds[kind] : '?',
			 json_get_str(change, "Path", ""));
	}
	return call_out(call, out.p, out.len);
}

const struct command_impl cmd_diff = { .run = run_diff };

static void add_row(struct buf *b, const json_t *row)
{
	const json_t *cell;
	size_t i;

	json_array_foreach(row, i, cell)
		buf_addf(b, "%s%s", i ? "\t" : "",
			 json_is_string(cell) ? json_string_value(cell) : "");
	buf_addc(b, '\n');
}

static int run_top(struct call *call)
{
	autobuf struct buf path = BUF_INIT(1 << 16), args = BUF_INIT(1 << 16),
			   text = BUF_INIT(64 << 20), out = BUF_INIT(64 << 20);
	autojson json_t *reply = NULL;
	const json_t *row;
	struct error err;
	size_t i;

	api_path(&path, "/containers/", call->args.v[0], "/top");
	for (i = 1; i < call->args.n; i++)
		buf_addf(&args, "%s%s", i > 1 ? " " : "", call->args.v[i]);
	if (args.len)
		api_query(&path, "ps_args", buf_text(&args));
	if (api_get(call->client, buf_text(&path), &reply, &err) < 0)
		return call_complain(call, &err);
	add_row(&text, json_object_get(reply, "Titles"));
	json_array_foreach(json_object_get(reply, "Processes"), i, row)
		add_row(&text, row);
	tabwriter_format(buf_text(&text), 20, 3, &out);
	return call_out(call, out.p, out.len);
}

const struct command_impl cmd_top = { .run = run_top, .options = CMD_FLAGS_FIRST };

struct export_opts {
	const char *output;
};

static const struct mflag export_flags[] = {
	{ "o,-output", MFLAG_STRING, offsetof(struct export_opts, output), NULL,
	  "Write to a file, instead of stdout", NULL },
	{ 0 },
};

static int run_export(struct call *call)
{
	const struct export_opts *o = call->opts;
	autobuf struct buf path = BUF_INIT(1 << 16);
	struct error err;

	api_path(&path, "/containers/", call->args.v[0], "/export");
	if (call_download(call, buf_text(&path), o->output, &err) < 0)
		return call_complain(call, &err);
	return 0;
}

const struct command_impl cmd_export = { .run = run_export,
					 .flags = export_flags,
					 .opts_size = sizeof(struct export_opts) };
