/*
 * Feeding docker-untar. The calling thread reads, decompresses, digests and writes into a pipe; the
 * child unpacks on the other end of it and leaves a report in a memory file, which is read when it
 * has ended. The child is told the end by the end of the pipe; if the source fails it is killed, so
 * that half an archive is never taken for a whole one.
 */
#include "graph/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "graph/untar.h"
#include "pkg/fs.h"
#include "pkg/mem.h"
#include "pkg/parse.h"
#include "pkg/path.h"

#define PART_SIZE (256 * 1024)
#define PIPE_SIZE (1024 * 1024)
#define FAILED "Error processing tar file(exit status 1): " /* as Docker says it */
#define BOMB_BYTES (4LL << 30)
#define BOMB_RATIO 200
#define REPORT_MAX (64 * 1024 * 1024)

struct child {
	pid_t pid;
	int in, report;
};

static int start_child(const struct unpack *u, struct child *c, struct error *err)
{
	autoclose int report = memfd_create("report", MFD_CLOEXEC);
	autofree char *role = xstrdup(UNTAR_ROLE), *kind = xstrdup(u->kind), *dir = xstrdup(u->dir);
	char record[] = "record", *argv[] = { role, kind, dir, NULL, NULL };
	int pipefd[2], rc;

	if (report < 0 || pipe2(pipefd, O_CLOEXEC) < 0)
		return error_sys(err, "cannot make a pipe");
	(void)fcntl(pipefd[1], F_SETPIPE_SZ, PIPE_SIZE); /* a smaller one is only slower */
	const struct proc_fd fds[] = { { pipefd[0], STDIN_FILENO },
				       { report, UNTAR_REPORT_FD },
				       { u->record_fd, UNTAR_RECORD_FD } };
	if (u->record_fd >= 0)
		argv[3] = record;
	rc = reexec_spawn(argv, fds, u->record_fd >= 0 ? 3 : 2, &c->pid, NULL);
	close(pipefd[0]);
	if (rc < 0) {
		error_sys(err, "cannot start " UNTAR_ROLE);
		close(pipefd[1]);
		return -1;
	}
	c->in = pipefd[1];
	c->report = take_fd(&report);
	return 0;
}

/* A source that counts. */
struct counter {
	const struct unpack *u;
	int64_t bytes;
};

static ssize_t counted_read(void *from, void *p, size_t n)
{
	struct counter *c = from;
	ssize_t got = c->u->read(c->u->from, p, n);

	if (got > 0)
		c->bytes += got;
	if (c->u->progress)
		c->u->progress(c->u->progress_arg, c->bytes);
	return got;
}

bool unpack_is_bomb(int64_t packed, int64_t plain)
{
	return plain > BOMB_BYTES && plain / BOMB_RATIO > packed;
}

/* The whole stream goes through: 0. -1: the source failed. A child that ended early stops it: 0. */
static int feed(const struct unpack *u, const struct child *c, struct unpacked *out,
		struct error *err)
{
	struct counter counter = { .u = u };
	struct decompress *d = decompress_new(counted_read, &counter);
	autofree char *part = xmalloc(PART_SIZE);
	struct digest digest;
	ssize_t n;

	digest_init(&digest);
	while ((n = decompress_read(d, part, PART_SIZE, err)) > 0) {
		digest_add(&digest, part, (size_t)n);
		out->tar_size += n;
		if (unpack_is_bomb(counter.bytes, out->tar_size)) {
			n = error_set(err, ERR_BAD_REQUEST,
				      "refusing an archive that is more than %d times its size "
				      "unpacked",
				      BOMB_RATIO);
			break;
		}
		if (fs_write_all(c->in, part, (size_t)n) < 0)
			break; /* its report says why */
	}
	decompress_free(d);
	digest_end(&digest, out->diff_id);
	return n < 0 ? -1 : 0;
}

/* overlayfs keeps this mark where only the host's root may set it, so the child could not. */
static int set_opaque(const char *dir, const char *path, struct error *err)
{
	autoclose int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autoclose int fd = root < 0 ? -1 : path_open_in_root(root, path, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0; /* replaced later in the archive */
	if (fd < 0 || fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) < 0)
		return error_sys(err, "cannot mark folder %s as opaque", path);
	return 0;
}

static int read_line(const struct unpack *u, const char *line, struct unpacked *out, bool *done,
		     struct error *err)
{
	switch (*line) {
	case UNTAR_SAYS_OPAQUE:
		return set_opaque(u->dir, line + 1, err);
	case UNTAR_SAYS_ROOT:
		out->has_root = true;
		return 0;
	case UNTAR_SAYS_SIZE:
		*done = parse_i64(line + 1, &out->size) == 0;
		return 0;
	case UNTAR_SAYS_BAD:
		return error_set(err, ERR_BAD_REQUEST, FAILED "%s", line + 1);
	}
	return error_set(err, ERR_INTERNAL, FAILED "%s", line + 1);
}

static int read_report(const struct unpack *u, int fd, int status, struct unpacked *out,
		       struct error *err)
{
	autobuf struct buf text = BUF_INIT(REPORT_MAX);
	bool done = false;
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return error_sys(err, "cannot read the report of " UNTAR_ROLE);
	while ((n = buf_read(&text, fd, PART_SIZE)) > 0)
		;
	if (n < 0)
		return error_sys(err, "cannot read the report of " UNTAR_ROLE);
	for (size_t at = 0; at < text.len; at += strlen(text.p + at) + 1)
		if (read_line(u, text.p + at, out, &done, err) < 0)
			return -1;
	if (status || !done)
		return error_set(err, ERR_INTERNAL, UNTAR_ROLE " ended with status %d", status);
	return 0;
}

int unpack(const struct unpack *u, struct unpacked *out, struct error *err)
{
	struct unpacked result = { .size = 0 };
	struct child c;
	int fed, status, rc;

	if (start_child(u, &c, err) < 0)
		return -1;
	fed = feed(u, &c, &result, err);
	if (fed < 0)
		kill(c.pid, SIGKILL);
	close(c.in);
	status = proc_wait(c.pid);
	rc = fed < 0 ? -1 : read_report(u, c.report, status, &result, err);
	close(c.report);
	if (rc == 0)
		*out = result;
	return rc;
}
