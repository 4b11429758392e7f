/* docker cp: files out of a container, or into one, as tar archives. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/client/internal.h"
#include "api/client/tar.h"
#include "pkg/base64.h"
#include "pkg/fs.h"
#include "pkg/mem.h"

#define GO_MODE_DIR (1LL << 31)

struct cp_opts {
	bool archive, follow, quiet;
};

#define AT(m) offsetof(struct cp_opts, m)
static const struct mflag flags[] = {
	{ "a,-archive", MFLAG_BOOL, AT(archive), NULL, "Keep owner and group", NULL },
	{ "L,-follow-link", MFLAG_BOOL, AT(follow), NULL, "Copy what a link in SRC points to",
	  NULL },
	{ "q,-quiet", MFLAG_BOOL, AT(quiet), NULL, NULL, NULL },
	{ 0 },
};

/* "CONTAINER:PATH" -> its container (caller frees) and path; NULL for a path here. */
static char *split(const char *arg, const char **path)
{
	size_t n = strcspn(arg, ":");

	*path = arg;
	if (!arg[n] || n == 0 || arg[0] == '.' || arg[0] == '/' || memchr(arg, '/', n))
		return NULL;
	*path = arg + n + 1;
	return xstrndup(arg, n);
}

/* folder and last name of a path; both are the caller's. A trailing slash does not count. */
static void split_path(const char *path, char **dir, char **name)
{
	size_t n = strlen(path);
	autofree char *trimmed = NULL;
	char *slash;

	while (n > 1 && path[n - 1] == '/')
		n--;
	trimmed = xstrndup(path, n);
	slash = strrchr(trimmed, '/');
	*name = xstrdup(slash ? slash + 1 : trimmed);
	*dir = !slash             ? xstrdup(".")
	       : slash == trimmed ? xstrdup("/")
				  : xstrndup(trimmed, (size_t)(slash - trimmed));
}

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int feed_tar(struct httpc *conn, struct tar *t, struct error *err)
{
	autofree char *part = xmalloc(65536);
	ssize_t n;

	while ((n = httpc_read(conn, part, 65536, err)) > 0)
		if (fs_write_all(t->fd, part, (size_t)n) < 0)
			return error_sys(err, "writing to tar");
	return n < 0 ? -1 : 0;
}

static int unpack(struct httpc *conn, const char *dir, struct error *err)
{
	struct error why;
	struct tar t;
	int rc;

	if (tar_unpack(&t, dir, err) < 0)
		return -1;
	rc = feed_tar(conn, &t, err);
	if (tar_finish(&t, &why) < 0 && rc == 0) {
		*err = why;
		rc = -1;
	}
	return rc;
}

/* The one thing that was unpacked into aside becomes target. */
static int take_from(const char *aside, const char *source, const char *target, struct error *err)
{
	autofree char *dir = NULL, *name = NULL, *from = NULL;

	split_path(source, &dir, &name);
	from = xasprintf("%s/%s", aside, name);
	if (rename(from, target) == 0)
		return 0;
	return error_sys(err, "rename %s to %s", from, target);
}

static int unpack_as(struct httpc *conn, const char *source, const char *target, struct error *err)
{
	autofree char *dir = NULL, *name = NULL, *aside = NULL;
	int rc;

	split_path(target, &dir, &name);
	if (!is_dir(dir))
		return error_set(err, ERR_NOT_FOUND,
				 "invalid output path: directory \"%s\" does not exist", dir);
	aside = xasprintf("%s/.docker-cp-XXXXXX", dir);
	if (!mkdtemp(aside))
		return error_sys(err, "mkdtemp %s", aside);
	rc = unpack(conn, aside, err);
	if (rc == 0)
		rc = take_from(aside, source, target, err);
	(void)fs_remove_tree(AT_FDCWD,
			     aside); /* a leftover of ours in the user's folder, at worst */
	return rc;
}

static int copy_from(struct call *call, const char *container, const char *source,
		     const char *target, struct error *err)
{
	autobuf struct buf path = BUF_INIT(1 << 16);
	struct httpc_request req = { .method = "GET" };
	struct httpc_response resp;

	api_path(&path, "/containers/", container, "/archive");
	api_query(&path, "path", source);
	req.path = buf_text(&path);
	if (api_begin(call->client, NULL, &req, &resp, err) < 0)
		return -1;
	if (strcmp(target, "-") == 0)
		return api_copy_out(call, call->client->conn, err);
	if (is_dir(target))
		return unpack(call->client->conn, target, err);
	return unpack_as(call->client->conn, source, target, err);
}

/* 1: a folder, 0: a file, -1: nothing there (or unknown). */
static int target_kind(struct call *call, const char *container, const char *target)
{
	autobuf struct buf path = BUF_INIT(1 << 16), text = BUF_INIT(1 << 16);
	autojson json_t *stat = NULL;
	struct httpc_request req = { .method = "HEAD" };
	struct httpc_response resp;
	const char *header;

	api_path(&path, "/containers/", container, "/archive");
	api_query(&path, "path", target);
	req.path = buf_text(&path);
	if (api_begin(call->client, NULL, &req, &resp, NULL) < 0)
		return -1;
	header = httpc_header(call->client->conn, "X-Docker-Container-Path-Stat");
	if (!header || base64_decode(&text, header) < 0)
		return -1;
	stat = json_parse(buf_text(&text), text.len, NULL);
	return (json_get_int(stat, "mode", 0) & GO_MODE_DIR) != 0;
}

static ssize_t read_stdin(void *from, void *p, size_t n)
{
	return input_read(from, p, n);
}

static int put(struct call *call, const char *container, const char *dir, struct httpc_request *req,
	       struct error *err)
{
	const struct cp_opts *o = call->opts;
	autobuf struct buf path = BUF_INIT(1 << 16);
	struct httpc_response resp;

	api_path(&path, "/containers/", container, "/archive");
	api_query(&path, "path", dir);
	api_query(&path, "noOverwriteDirNonDir", "true");
	if (o->archive)
		api_query(&path, "copyUIDGID", "true");
	req->method = "PUT";
	req->path = buf_text(&path);
	req->content_type = "application/x-tar";
	if (api_begin(call->client, NULL, req, &resp, err) < 0)
		return -1;
	return httpc_drain(call->client->conn, err);
}

static int put_tar(struct call *call, const char *container, const char *dir, const char *from,
		   const char *as, struct error *err)
{
	autofree char *parent = NULL, *name = NULL;
	struct error why;
	struct tar t;
	struct httpc_request req = { .read_body = tar_read, .from = &t };
	int rc;

	split_path(from, &parent, &name);
	if (tar_pack(&t, parent, name, as, err) < 0)
		return -1;
	rc = put(call, container, dir, &req, err);
	if (tar_finish(&t, &why) < 0 && rc == 0) {
		*err = why;
		rc = -1;
	}
	return rc;
}

static int copy_to(struct call *call, const char *source, const char *container, const char *target,
		   struct error *err)
{
	const struct cp_opts *o = call->opts;
	autofree char *dir = NULL, *name = NULL, *real = NULL;
	struct httpc_request req = { .read_body = read_stdin, .from = job_in(call->job) };

	if (strcmp(source, "-") == 0)
		return put(call, container, target, &req, err);
	if (access(source, F_OK) < 0)
		return error_sys(err, "%s", source);
	real = o->follow ? realpath(source, NULL) : xstrdup(source);
	if (!real)
		return error_sys(err, "%s", source);
	if (target_kind(call, container, target) == 1)
		return put_tar(call, container, target, real, NULL, err);
	split_path(target, &dir, &name);
	return put_tar(call, container, dir, real, name, err);
}

static int run_cp(struct call *call)
{
	const char *source, *target;
	autofree char *from = split(call->args.v[0], &source),
		      *to = split(call->args.v[1], &target);
	struct error err;
	int rc;

	if (from && to)
		return call_fail(call, "copying between containers is not supported");
	if (!from && !to)
		return call_fail(call, "must specify at least one container source");
	rc = from ? copy_from(call, from, source, target, &err)
		  : copy_to(call, source, to, target, &err);
	return rc < 0 ? call_complain(call, &err) : 0;
}

const struct command_impl cmd_cp = { .run = run_cp,
				     .flags = flags,
				     .opts_size = sizeof(struct cp_opts) };
