/* Images made, moved and removed: commit, import, load, save, tag, rmi. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/client/internal.h"
#include "api/client/progress.h"
#include "pkg/mem.h"
#include "pkg/term.h"

/* "repo:tag" or "repo" as the queries repo and tag. */
static void query_name(struct buf *path, const char *name)
{
	const char *last = strrchr(name, '/'), *colon = strchr(last ? last : name, ':');
	autofree char *repo = xstrndup(name, colon ? (size_t)(colon - name) : strlen(name));

	api_query(path, "repo", repo);
	if (colon)
		api_query(path, "tag", colon + 1);
}

struct commit_opts {
	bool pause;
	const char *author, *message, *run;
	struct strlist change;
};

static const struct commit_opts commit_defaults = { .pause = true };

#define AT(m) offsetof(struct commit_opts, m)
static const struct mflag commit_flags[] = {
	{ "#author,a,-author", MFLAG_STRING, AT(author), NULL, "Who made it", NULL },
	{ "c,-change", MFLAG_LIST, AT(change), NULL, "Apply a Dockerfile instruction", NULL },
	{ "m,-message", MFLAG_STRING, AT(message), NULL, "What it is", NULL },
	{ "p,-pause", MFLAG_BOOL, AT(pause), NULL, "Pause it meanwhile (default true)", NULL },
	{ "#run,#-run", MFLAG_STRING, AT(run), NULL, NULL, NULL },
	{ 0 },
};

static int run_commit(struct call *call)
{
	const struct commit_opts *o = call->opts;
	autobuf struct buf path = BUF_INIT(1 << 20);
	autojson json_t *reply = NULL, *config = NULL;
	struct error err;

	if (o->run && !(config = json_parse(o->run, strlen(o->run), &err)))
		return call_complain(call, &err);
	buf_adds(&path, "/commit");
	api_query(&path, "container", call->args.v[0]);
	if (call->args.n > 1)
		query_name(&path, call->args.v[1]);
	if (o->message)
		api_query(&path, "comment", o->message);
	if (o->author)
		api_query(&path, "author", o->author);
	for (size_t i = 0; i < o->change.n; i++)
		api_query(&path, "changes", o->change.v[i]);
	if (!o->pause)
		api_query(&path, "pause", "0");
	if (api_call(call->client, "POST", buf_text(&path), config, &reply, &err) < 0)
		return call_complain(call, &err);
	job_printf(call->job, "%s\n", json_get_str(reply, "Id", ""));
	return 0;
}

const struct command_impl cmd_commit = { .run = run_commit,
					 .flags = commit_flags,
					 .opts_size = sizeof(struct commit_opts),
					 .defaults = &commit_defaults };

static ssize_t read_fd(void *from, void *p, size_t n)
{
	ssize_t got;

	do
		got = read(*(int *)from, p, n);
	while (got < 0 && errno == EINTR);
	return got;
}

/* POST with the bytes of fd as body (-1: none), then show the progress of the answer. */
static int upload(struct call *call, const char *path, int fd, bool quiet, struct error *err)
{
	struct httpc_request req = { .method = "POST", .path = path, .from = &fd };
	struct httpc_response resp;

	if (fd >= 0) {
		req.content_type = "application/x-tar";
		req.read_body = read_fd;
	}
	if (api_begin(call->client, NULL, &req, &resp, err) < 0)
		return -1;
	if (strncmp(resp.content_type, "application/json", 16) != 0)
		return quiet ? httpc_drain(call->client->conn, err)
			     : api_copy_out(call, call->client->conn, err);
	return progress_show(call->client->conn, job_out(call->job), term_is_tty(STDOUT_FILENO),
			     err);
}

struct import_opts {
	const char *message, *platform;
	struct strlist change;
};

#undef AT
#define AT(m) offsetof(struct import_opts, m)
static const struct mflag import_flags[] = {
	{ "c,-change", MFLAG_LIST, AT(change), NULL, "Apply a Dockerfile instruction", NULL },
	{ "m,-message", MFLAG_STRING, AT(message), NULL, "What it is", NULL },
	{ "-platform", MFLAG_STRING, AT(platform), NULL, "Platform of the image", NULL },
	{ 0 },
};

/* "-" and files are sent; what names a protocol is fetched by the daemon. */
static int open_source(const char *name, int *fd, struct error *err)
{
	if (strncmp(name, "http://", 7) == 0 || strncmp(name, "https://", 8) == 0)
		return 0;
	*fd = strcmp(name, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
				     : open(name, O_RDONLY | O_CLOEXEC);
	return *fd < 0 ? error_sys(err, "open %s", name) : 0;
}

static int run_import(struct call *call)
{
	const struct import_opts *o = call->opts;
	const char *source = call->args.v[0];
	autobuf struct buf path = BUF_INIT(1 << 20);
	autoclose int fd = -1;
	struct error err;

	if (open_source(source, &fd, &err) < 0)
		return call_complain(call, &err);
	buf_adds(&path, "/images/create");
	api_query(&path, "fromSrc", fd < 0 ? source : "-");
	if (call->args.n > 1)
		query_name(&path, call->args.v[1]);
	if (o->message)
		api_query(&path, "message", o->message);
	if (o->platform)
		api_query(&path, "platform", o->platform);
	for (size_t i = 0; i < o->change.n; i++)
		api_query(&path, "changes", o->change.v[i]);
	if (upload(call, buf_text(&path), fd, false, &err) < 0)
		return call_complain(call, &err);
	return 0;
}

const struct command_impl cmd_import = { .run = run_import,
					 .flags = import_flags,
					 .opts_size = sizeof(struct import_opts) };

struct load_opts {
	const char *input, *platform;
	bool quiet;
};

#undef AT
#define AT(m) offsetof(struct load_opts, m)
static const struct mflag load_flags[] = {
	{ "i,-input", MFLAG_STRING, AT(input), NULL, "Read from a file, instead of stdin", NULL },
	{ "-platform", MFLAG_STRING, AT(platform), NULL, "Load only this platform", NULL },
	{ "q,-quiet", MFLAG_BOOL, AT(quiet), NULL, "Show no progress", NULL },
	{ 0 },
};

static int run_load(struct call *call)
{
	const struct load_opts *o = call->opts;
	autobuf struct buf path = BUF_INIT(1 << 16);
	autoclose int fd = -1;
	struct error err;

	if (!o->input && term_is_tty(STDIN_FILENO))
		return call_fail(call, "requested load from stdin, but stdin is empty");
	if (open_source(o->input ? o->input : "-", &fd, &err) < 0)
		return call_complain(call, &err);
	buf_adds(&path, "/images/load");
	if (o->quiet || !term_is_tty(STDOUT_FILENO))
		api_query(&path, "quiet", "1");
	if (o->platform)
		api_query(&path, "platform", o->platform);
	if (upload(call, buf_text(&path), fd, false, &err) < 0)
		return call_complain(call, &err);
	return 0;
}

const struct command_impl cmd_load = { .run = run_load,
				       .flags = load_flags,
				       .opts_size = sizeof(struct load_opts) };

struct save_opts {
	const char *output, *platform;
};

#undef AT
#define AT(m) offsetof(struct save_opts, m)
static const struct mflag save_flags[] = {
	{ "o,-output", MFLAG_STRING, AT(output), NULL, "Write to a file, instead of stdout", NULL },
	{ "-platform", MFLAG_STRING, AT(platform), NULL, "Save only this platform", NULL },
	{ 0 },
};

static int run_save(struct call *call)
{
	const struct save_opts *o = call->opts;
	autobuf struct buf path = BUF_INIT(1 << 20);
	struct error err;

	buf_adds(&path, "/images/get");
	for (size_t i = 0; i < call->args.n; i++)
		api_query(&path, "names", call->args.v[i]);
	if (o->platform)
		api_query(&path, "platform", o->platform);
	if (call_download(call, buf_text(&path), o->output, &err) < 0)
		return call_complain(call, &err);
	return 0;
}

const struct command_impl cmd_save = { .run = run_save,
				       .flags = save_flags,
				       .opts_size = sizeof(struct save_opts) };

struct rmi_opts {
	bool force, no_prune;
};

#undef AT
#define AT(m) offsetof(struct rmi_opts, m)
static const struct mflag tag_flags[] = {
	{ "#f,#force,#-force", MFLAG_BOOL, AT(force), NULL, NULL, NULL },
	{ 0 },
};

static int run_tag(struct call *call)
{
	const struct rmi_opts *o = call->opts;
	autobuf struct buf path = BUF_INIT(1 << 16);
	struct error err;

	api_path(&path, "/images/", call->args.v[0], "/tag");
	query_name(&path, call->args.v[1]);
	if (o->force)
		api_query(&path, "force", "1");
	if (api_call(call->client, "POST", buf_text(&path), NULL, NULL, &err) < 0)
		return call_complain(call, &err);
	return 0;
}

const struct command_impl cmd_tag = { .run = run_tag,
				      .flags = tag_flags,
				      .opts_size = sizeof(struct rmi_opts) };

static const struct mflag rmi_flags[] = {
	{ "f,-force", MFLAG_BOOL, AT(force), NULL, "Remove it although it is used", NULL },
	{ "-no-prune", MFLAG_BOOL, AT(no_prune), NULL, "Keep its untagged parents", NULL },
	{ 0 },
};

static int remove_one(struct call *call, const char *name, struct error *err)
{
	const struct rmi_opts *o = call->opts;
	autobuf struct buf path = BUF_INIT(1 << 16);
	autojson json_t *reply = NULL;
	const json_t *entry;
	size_t i;

	api_path(&path, "/images/", name, "");
	if (o->force)
		api_query(&path, "force", "1");
	if (o->no_prune)
		api_query(&path, "noprune", "1");
	if (api_call(call->client, "DELETE", buf_text(&path), NULL, &reply, err) < 0)
		return -1;
	json_array_foreach(reply, i, entry) {
		const char *deleted = json_get_str(entry, "Deleted", NULL);

		job_printf(call->job, "%s: %s\n", deleted ? "Deleted" : "Untagged",
			   deleted ? deleted : json_get_str(entry, "Untagged", ""));
	}
	return 0;
}

static int run_rmi(struct call *call)
{
	const struct rmi_opts *o = call->opts;
	int rc = 0;

	for (size_t i = 0; i < call->args.n; i++) {
		struct error err;

		if (remove_one(call, call->args.v[i], &err) == 0)
			continue;
		call_complain(call, &err);
		if (!o->force || err.kind != ERR_NOT_FOUND)
			rc = -1;
	}
	return rc;
}

const struct command_impl cmd_rmi = { .run = run_rmi,
				      .flags = rmi_flags,
				      .opts_size = sizeof(struct rmi_opts) };
