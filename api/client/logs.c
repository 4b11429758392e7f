/* docker logs: what a container has printed, and goes on to print. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/client/internal.h"
#include "api/client/when.h"
#include "pkg/mem.h"
#include "pkg/stdcopy.h"

struct logs_opts {
	bool follow, timestamps, details;
	const char *tail, *since, *until;
};

static const struct logs_opts defaults = { .tail = "all" };

#define AT(m) offsetof(struct logs_opts, m)
static const struct mflag flags[] = {
	{ "-details", MFLAG_BOOL, AT(details), NULL, "Show more about each line", NULL },
	{ "f,-follow", MFLAG_BOOL, AT(follow), NULL, "Go on with what is printed from now on",
	  NULL },
	{ "-since", MFLAG_STRING, AT(since), NULL, "From this time on, or from so long ago", NULL },
	{ "n,-tail", MFLAG_STRING, AT(tail), NULL, "At most so many lines (default all)", NULL },
	{ "t,-timestamps", MFLAG_BOOL, AT(timestamps), NULL, "Show when each line was printed",
	  NULL },
	{ "-until", MFLAG_STRING, AT(until), NULL, "Up to this time, or until so long ago", NULL },
	{ 0 },
};

static int make_path(const struct logs_opts *o, const char *id, struct buf *path, struct error *err)
{
	autofree char *since = NULL, *until = NULL;

	if ((o->since && !(since = when_parse(o->since, err))) ||
	    (o->until && !(until = when_parse(o->until, err))))
		return -1;
	api_path(path, "/containers/", id, "/logs?stdout=1&stderr=1");
	if (o->follow)
		api_query(path, "follow", "1");
	if (o->timestamps)
		api_query(path, "timestamps", "1");
	if (o->details)
		api_query(path, "details", "1");
	if (since)
		api_query(path, "since", since);
	if (until)
		api_query(path, "until", until);
	api_query(path, "tail", o->tail);
	return 0;
}

static int pass_frame(void *to, enum stdcopy_stream stream, const char *p, size_t n)
{
	struct call *call = to;

	return stream == STDCOPY_STDERR || stream == STDCOPY_ERROR
		       ? output_write(job_err(call->job), p, n)
		       : call_out(call, p, n);
}

static int copy_frames(struct call *call, struct error *err)
{
	struct stdcopy frames = { 0 };
	autofree char *part = xmalloc(65536);
	struct error why = { .kind = ERR_NONE };
	ssize_t n;

	while ((n = httpc_read(call->client->conn, part, 65536, err)) > 0) {
		if (stdcopy_feed(&frames, part, (size_t)n, pass_frame, call, &why) == 0)
			continue;
		if (why.kind == ERR_NONE)
			error_set(&why, ERR_CANCELLED, "write: %s", strerror(EPIPE));
		*err = why;
		return -1;
	}
	return n < 0 ? -1 : 0;
}

/* Whether the container has a terminal decides how its log is framed. */
static int inspect(struct call *call, char **id, bool *tty, struct error *err)
{
	autobuf struct buf path = BUF_INIT(1 << 16);
	autojson json_t *reply = NULL;

	api_path(&path, "/containers/", call->args.v[0], "/json");
	if (api_get(call->client, buf_text(&path), &reply, err) < 0)
		return -1;
	*tty = json_get_bool(json_get_obj(reply, "Config"), "Tty", false);
	*id = xstrdup(json_get_str(reply, "Id", call->args.v[0]));
	return 0;
}

static int run_logs(struct call *call)
{
	const struct logs_opts *o = call->opts;
	autobuf struct buf path = BUF_INIT(1 << 16);
	autofree char *id = NULL;
	struct httpc_request req = { .method = "GET" };
	struct httpc_response resp;
	struct error err;
	bool tty;
	int rc;

	if (inspect(call, &id, &tty, &err) < 0 || make_path(o, id, &path, &err) < 0)
		return call_complain(call, &err);
	req.path = buf_text(&path);
	rc = api_begin(call->client, NULL, &req, &resp, &err);
	if (rc == 0)
		rc = tty ? api_copy_out(call, call->client->conn, &err) : copy_frames(call, &err);
	if (rc == 0)
		return 0;
	if (err.kind == ERR_CANCELLED) {
		call->client->status = 128 + 13;
		return -1;
	}
	return call_complain(call, &err);
}

const struct command_impl cmd_logs = { .run = run_logs,
				       .flags = flags,
				       .opts_size = sizeof(struct logs_opts),
				       .defaults = &defaults };
