/* A tar archive from the daemon to a file or to stdout: export, save. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "api/client/internal.h"
#include "pkg/fs.h"
#include "pkg/mem.h"
#include "pkg/term.h"

#define PART 65536

static int copy_to_fd(struct httpc *conn, int fd, const char *name, struct error *err)
{
	autofree char *part = xmalloc(PART);
	ssize_t n;

	while ((n = httpc_read(conn, part, PART, err)) > 0)
		if (fs_write_all(fd, part, (size_t)n) < 0)
			return error_sys(err, "write %s", name);
	return n < 0 ? -1 : 0;
}

/* Written aside and renamed, so that a broken download leaves no file that looks whole. */
static int copy_to_file(struct httpc *conn, const char *name, struct error *err)
{
	autofree char *aside = xasprintf("%s.part-%d", name, (int)getpid());
	autoclose int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	int rc;

	if (fd < 0)
		return error_sys(err, "open %s", aside);
	rc = copy_to_fd(conn, fd, name, err);
	if (rc == 0 && rename(aside, name) < 0)
		rc = error_sys(err, "rename %s", aside);
	if (rc < 0)
		unlink(aside);
	return rc;
}

int call_download(struct call *call, const char *path, const char *file, struct error *err)
{
	struct httpc_request req = { .method = "GET", .path = path };
	struct httpc_response resp;

	if (!file && term_is_tty(STDOUT_FILENO))
		return error_set(err, ERR_BAD_REQUEST,
				 "cowardly refusing to save to a terminal. Use the -o flag or "
				 "redirect");
	if (api_begin(call->client, NULL, &req, &resp, err) < 0)
		return -1;
	return file ? copy_to_file(call->client->conn, file, err)
		    : api_copy_out(call, call->client->conn, err);
}
