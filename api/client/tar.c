/* The system's tar: see tar.h. */
#include "api/client/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "pkg/buf.h"
#include "pkg/mem.h"
#include "pkg/proc.h"
#include "pkg/strlist.h"

static const char *program(void)
{
	static const char *const paths[] = { "/usr/bin/tar", "/bin/tar", "/usr/local/bin/tar" };

	for (size_t i = 0; i < array_size(paths); i++)
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	return NULL;
}

/* ours: our end of the pipe; theirs: the number of its other end in tar. */
static int spawn(struct tar *t, const struct strlist *argv, int theirs, struct error *err)
{
	int ends[2], mine = theirs == STDOUT_FILENO ? 0 : 1, rc;
	struct proc_fd fds[2] = { { .to = theirs }, { STDERR_FILENO, STDERR_FILENO } };
	struct proc_spec spec = { .path = program(), .argv = argv->v, .fds = fds, .nfds = 2 };

	*t = (struct tar){ .pid = -1, .fd = -1 };
	if (!spec.path)
		return error_set(err, ERR_INTERNAL, "this command needs tar, which is not here");
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(err, "pipe");
	fds[0].from = ends[!mine];
	rc = proc_spawn(&spec, &t->pid, NULL);
	close(ends[!mine]);
	if (rc < 0) {
		close(ends[mine]);
		t->pid = -1;
		return error_sys(err, "starting tar");
	}
	t->fd = ends[mine];
	return 0;
}

/* A sed expression that renames the first part of each name. */
static void add_rename(struct strlist *argv, const char *from, const char *to)
{
	autobuf struct buf b = BUF_INIT(1 << 16);

	buf_adds(&b, "--transform=flags=r;s|^");
	for (; *from; from++)
		buf_addf(&b, strchr("\\.*[]^$|/", *from) ? "\\%c" : "%c", *from);
	buf_adds(&b, "|");
	for (; *to; to++)
		buf_addf(&b, strchr("\\&|", *to) ? "\\%c" : "%c", *to);
	buf_adds(&b, "|");
	strlist_add(argv, buf_text(&b));
}

int tar_pack(struct tar *t, const char *dir, const char *entry, const char *as, struct error *err)
{
	autostrlist struct strlist argv = STRLIST_INIT;

	strlist_add(&argv, "tar");
	strlist_add(&argv, "-c");
	strlist_add(&argv, "--numeric-owner");
	strlist_addf(&argv, "--directory=%s", dir);
	if (as && strcmp(as, entry) != 0)
		add_rename(&argv, entry, as);
	strlist_add(&argv, "--");
	strlist_add(&argv, entry);
	return spawn(t, &argv, STDOUT_FILENO, err);
}

int tar_unpack(struct tar *t, const char *dir, struct error *err)
{
	autostrlist struct strlist argv = STRLIST_INIT;

	strlist_add(&argv, "tar");
	strlist_add(&argv, "-x");
	strlist_add(&argv, "--no-same-owner");
	strlist_addf(&argv, "--directory=%s", dir);
	return spawn(t, &argv, STDIN_FILENO, err);
}

int tar_finish(struct tar *t, struct error *err)
{
	int status = 0;

	if (t->fd >= 0)
		close(t->fd);
	if (t->pid > 0)
		status = proc_wait(t->pid);
	*t = (struct tar){ .pid = -1, .fd = -1 };
	return status == 0 ? 0 : error_set(err, ERR_INTERNAL, "tar failed with status %d", status);
}

ssize_t tar_read(void *from, void *p, size_t n)
{
	const struct tar *t = from;
	ssize_t got;

	do
		got = read(t->fd, p, n);
	while (got < 0 && errno == EINTR);
	return got;
}
