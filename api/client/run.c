/*
 * docker run and docker create. The course of an attached run: create; ask for the streams and for the
 * exit, each on a connection of its own, before anything is started, so that nothing is missed; start;
 * copy until the end; exit as the process did.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "api/client/container.h"
#include "api/client/internal.h"
#include "pkg/mem.h"

/* `docker run` alone is early Docker's greeting: an interactive shell in the image `base`. */
static void fill_defaults(struct call *call, struct run_opts *o)
{
	if (call->args.n)
		return;
	strlist_add(&call->args, "base");
	strlist_add(&call->args, "/bin/bash");
	strlist_add(&call->args, "-i");
	o->tty = o->stdin_open = !o->detach;
}

static int start(struct call *call, const char *id, struct error *err)
{
	if (api_container_post(call->client, id, "start", err) == 0)
		return 0;
	call->client->status = start_failure_status(err);
	return -1;
}

/* A container that is removed by the daemon is given the time for it before its name is used again. */
static void wait_for_removal(const struct attached *a)
{
	struct pollfd p = { .fd = httpc_fd(a->wait), .events = POLLIN };

	(void)poll(&p, 1, 5000);
}

static int fail(struct call *call, const struct error *err)
{
	int status = call->client->status;

	if (err->kind == ERR_CANCELLED) { /* nobody reads our output: end as a filter does */
		call->client->status = 128 + 13;
		return -1;
	}
	call_complain(call, err);
	call->client->status = status ? status : EXIT_DAEMON;
	return -1;
}

static int run_attached(struct attached *a, const struct run_opts *o, const char *id, int streams,
			struct error *err)
{
	autobuf struct buf path = BUF_INIT(1 << 16);
	int status;

	container_attach_path(&path, id, streams, o->detach_keys);
	if (attached_ask(a, buf_text(&path), NULL, err) < 0 ||
	    container_ask_wait(a, id, o->rm ? "removed" : "next-exit", err) < 0 ||
	    attached_opened(a, err) < 0 || container_waiting(a, err) < 0)
		return -1;
	if (start(a->call, id, err) < 0) {
		if (o->rm && err->kind != ERR_UNAVAILABLE)
			wait_for_removal(a);
		return -1;
	}
	if (attached_run(a, err) < 0)
		return -1;
	if (a->detached)
		return 0;
	if (container_exit_status(a, id, &status, err) < 0)
		return -1;
	a->call->client->status = status;
	return 0;
}

static int attach_and_start(struct call *call, const struct run_opts *o, const char *id,
			    struct error *err)
{
	int streams = run_streams(o, err), rc;
	autobuf struct buf resize = BUF_INIT(4096), kill = BUF_INIT(4096);
	struct attached *a = xcalloc(1, sizeof(*a));

	api_path(&resize, "/containers/", id, "/resize");
	api_path(&kill, "/containers/", id, "/kill");
	a->call = call;
	a->tty = o->tty;
	a->stdin_open = streams & RUN_STDIN;
	a->resize_path = buf_text(&resize);
	a->kill_path = o->sig_proxy && !o->tty ? buf_text(&kill) : NULL;
	rc = attached_init(a, o->detach_keys, err);
	if (rc == 0)
		rc = run_attached(a, o, id, streams, err);
	attached_done(a);
	free(a);
	return rc;
}

static int run_detached(struct call *call, const char *id, struct error *err)
{
	if (start(call, id, err) < 0)
		return -1;
	job_printf(call->job, "%s\n", id);
	return 0;
}

static int run_run(struct call *call)
{
	struct run_opts *o = call->opts;
	autojson json_t *body = NULL;
	autofree char *id = NULL;
	struct error err;
	int streams, rc;

	fill_defaults(call, o);
	streams = run_streams(o, &err);
	if (streams < 0)
		return fail(call, &err);
	if (o->detach && o->attach.n) {
		call_warn(call, "conflicting options: cannot specify both --attach and --detach");
		call->client->status = EXIT_DAEMON;
		return -1;
	}
	if (attached_check_tty(streams & RUN_STDIN, o->tty, &err) < 0) {
		call_warn(call, "%s", err.text);
		return -1;
	}
	body = container_body(call, o, &err);
	rc = body ? container_create(call, o, body, &id, &err) : -1;
	if (rc == 0)
		rc = o->detach ? run_detached(call, id, &err) : attach_and_start(call, o, id, &err);
	return rc < 0 ? fail(call, &err) : 0;
}

const struct command_impl cmd_run = { .run = run_run,
				      .flags = run_flags,
				      .opts_size = sizeof(struct run_opts),
				      .defaults = &run_defaults,
				      .options = CMD_FLAGS_FIRST | CMD_RUNS };

static int run_create(struct call *call)
{
	struct run_opts *o = call->opts;
	autojson json_t *body = NULL;
	autofree char *id = NULL;
	struct error err;

	body = container_body(call, o, &err);
	if (!body)
		return call_refuse(call, &err);
	if (container_create(call, o, body, &id, &err) < 0)
		return call_complain(call, &err);
	job_printf(call->job, "%s\n", id);
	return 0;
}

const struct command_impl cmd_create = { .run = run_create,
					 .flags = run_flags + RUN_ONLY_FLAGS,
					 .opts_size = sizeof(struct run_opts),
					 .defaults = &run_defaults,
					 .options = CMD_FLAGS_FIRST };
