/*
 * The role docker-tar and its parent's side: see tarout.h. The child mounts the stack read-only in
 * a mount namespace of its own, makes it its root, and writes the tar to its stdout.
 */
#include "graph/tarout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <linux/capability.h>

#include "graphdriver/driver.h"
#include "pkg/buf.h"
#include "pkg/confine.h"
#include "pkg/fs.h"
#include "pkg/map.h"
#include "pkg/mem.h"
#include "pkg/path.h"
#include "pkg/tar.h"
#include "pkg/walk.h"

#define ROLE "docker-tar"
#define LIST_FD 3
#define PART_SIZE (256 * 1024)
#define LIST_MAX (1024 * 1024 * 1024)

struct out {
	struct tar_writer *w;
	struct map links; /* "dev:ino" -> name of the first one */
	char *part;
};

static int write_stdout(void *to, const void *p, size_t n)
{
	(void)to;
	return fs_write_all(STDOUT_FILENO, p, n);
}

static enum tar_type type_of(const struct stat *st)
{
	switch (st->st_mode & S_IFMT) {
	case S_IFDIR:
		return TAR_DIR;
	case S_IFLNK:
		return TAR_SYMLINK;
	case S_IFCHR:
		return TAR_CHARDEV;
	case S_IFBLK:
		return TAR_BLOCKDEV;
	case S_IFIFO:
		return TAR_FIFO;
	case S_IFREG:
		return TAR_FILE;
	}
	return TAR_OTHER;
}

/* Turn a file that was written already under another name into a link to it. */
static void find_link(struct out *o, const struct stat *st, struct tar_entry *e)
{
	char key[48];
	const char *first;

	if (st->st_nlink < 2 || e->type == TAR_DIR)
		return;
	snprintf(key, sizeof(key), "%ju:%ju", (uintmax_t)st->st_dev, (uintmax_t)st->st_ino);
	first = map_get(&o->links, key);
	if (first) {
		e->type = TAR_HARDLINK;
		free(e->link);
		e->link = xstrdup(first);
		e->size = 0;
	} else {
		map_set(&o->links, key, xstrdup(e->name));
	}
}

/* What an image can hold: file capabilities, access lists, and what users set. */
static bool is_wanted_xattr(const char *name)
{
	return strcmp(name, "security.capability") == 0 || strncmp(name, "user.", 5) == 0 ||
	       strncmp(name, "system.posix_acl_", 17) == 0;
}

static void add_xattr(struct tar_entry *e, int fd, const char *name)
{
	autofree char *value = xmalloc(65536);
	ssize_t n = fgetxattr(fd, name, value, 65536);

	if (n >= 0)
		tar_entry_add_xattr(e, name, value, (size_t)n);
}

static void add_xattrs(struct tar_entry *e, int fd)
{
	ssize_t n = flistxattr(fd, NULL, 0);
	autofree char *names = n > 0 ? xmalloc((size_t)n) : NULL;

	if (n > 0)
		n = flistxattr(fd, names, (size_t)n);
	for (const char *name = names; name && name < names + n; name += strlen(name) + 1)
		if (is_wanted_xattr(name))
			add_xattr(e, fd, name);
}

/* Exactly size bytes: a file that shrinks meanwhile is filled up with zeros, as tar does. */
static int write_content(struct out *o, int fd, int64_t size)
{
	while (size > 0) {
		size_t want = size < PART_SIZE ? (size_t)size : PART_SIZE;
		ssize_t n = read(fd, o->part, want);

		if (n < 0)
			return -1;
		if (n == 0) {
			memset(o->part, 0, want);
			n = (ssize_t)want;
		}
		if (tar_write_data(o->w, o->part, (size_t)n) < 0)
			return -1;
		size -= n;
	}
	return 0;
}

static int read_target(const struct walk_entry *we, struct tar_entry *e)
{
	char target[4096];
	ssize_t n = readlinkat(we->dir, we->name, target, sizeof(target) - 1);

	if (n < 0)
		return -1;
	free(e->link);
	e->link = xstrndup(target, (size_t)n);
	return 0;
}

static void fill_entry(const struct walk_entry *we, enum tar_type type, struct tar_entry *e)
{
	e->type = type;
	e->name = xasprintf("%s%s", we->path, type == TAR_DIR ? "/" : "");
	e->mode = we->st.st_mode & 07777;
	e->uid = we->st.st_uid;
	e->gid = we->st.st_gid;
	e->size = type == TAR_FILE ? we->st.st_size : 0;
	e->mtime.tv_sec = we->st.st_mtim.tv_sec; /* whole seconds, as Docker's tars have them */
	e->dev_major = major(we->st.st_rdev);
	e->dev_minor = minor(we->st.st_rdev);
}

static int put_entry(struct out *o, const struct walk_entry *we)
{
	enum tar_type type = type_of(&we->st);
	struct tar_entry e = { 0 };
	autoclose int fd = -1;
	int rc = 0;

	if (type == TAR_OTHER)
		return 0; /* sockets: nothing that a tar could hold */
	if (type == TAR_FILE || type == TAR_DIR) {
		fd = openat(we->dir, we->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			return errno == ENOENT || errno == ELOOP ? 0 : -1; /* replaced meanwhile */
	}
	fill_entry(we, type, &e);
	if (fd >= 0)
		add_xattrs(&e, fd);
	if (type == TAR_SYMLINK)
		rc = read_target(we, &e);
	find_link(o, &we->st, &e);
	if (rc == 0)
		rc = tar_write_entry(o->w, &e);
	if (rc == 0 && e.type == TAR_FILE)
		rc = write_content(o, fd, e.size);
	tar_entry_done(&e);
	return rc;
}

static int put_walked(void *arg, const struct walk_entry *we)
{
	return put_entry(arg, we);
}

/* An empty file whose name says what is gone. */
static int put_mark(struct out *o, const char *path, const char *prefix)
{
	const char *slash = strrchr(path, '/');
	struct tar_entry e = { .type = TAR_FILE };
	int rc;

	e.name = xasprintf("%.*s%s%s", slash ? (int)(slash - path) + 1 : 0, path, prefix,
			   slash ? slash + 1 : path);
	rc = tar_write_entry(o->w, &e);
	free(e.name);
	return rc;
}

static int put_listed(struct out *o, int root, const char *path)
{
	const char *slash = strrchr(path, '/');
	autofree char *folder = xstrndup(path, slash ? (size_t)(slash - path) : 0);
	autoclose int dir = path_open_beneath(root, folder, O_PATH | O_DIRECTORY, 0);
	struct walk_entry we = { .dir = dir, .name = slash ? slash + 1 : path, .path = path };

	if (dir < 0 || fstatat(dir, we.name, &we.st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1; /* gone meanwhile */
	return put_entry(o, &we);
}

static int put_list_line(struct out *o, int root, const char *line)
{
	autofree char *inside = NULL;

	switch (*line) {
	case TAR_LIST_FILE:
		return put_listed(o, root, line + 1);
	case TAR_LIST_WHITEOUT:
		return put_mark(o, line + 1, ".wh.");
	case TAR_LIST_OPAQUE:
		inside = xasprintf("%s/.wh..opq", line + 1);
		return put_mark(o, inside, ".wh.");
	}
	errno = EINVAL;
	return -1;
}

static int put_list(struct out *o, int root)
{
	autobuf struct buf list = BUF_INIT(LIST_MAX);
	ssize_t n;

	while ((n = buf_read(&list, LIST_FD, PART_SIZE)) > 0)
		;
	if (n < 0)
		return -1;
	for (size_t at = 0; at < list.len; at += strlen(list.p + at) + 1)
		if (put_list_line(o, root, list.p + at) < 0)
			return -1;
	return 0;
}

static int complain(const char *what)
{
	dprintf(STDERR_FILENO, "%s: %s", what, error_words(errno));
	return 1;
}

/* argv: role, path, options, "list" when LIST_FD has one. */
static int write_tar(int argc, char **argv)
{
	struct out o = { 0 };
	int root, rc;

	if (argc < 3)
		return 2;
	if (*argv[2] &&
	    (confine_unshare_mounts() < 0 ||
	     graphdriver_mount_at(argv[1], argv[2], argv[1], GRAPHDRIVER_MOUNT_READONLY) < 0))
		return complain("cannot mount the layers");
	if (confine_enter(argv[1], CONFINE_CAP(CAP_DAC_READ_SEARCH)) < 0)
		return complain("cannot give up privileges");
	root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	o.w = tar_writer_new(write_stdout, NULL);
	o.part = xmalloc(PART_SIZE);
	rc = root < 0 ? -1 : argc > 3 ? put_list(&o, root) : walk_tree(root, put_walked, &o);
	if (rc < 0 || tar_write_end(o.w) < 0)
		return complain("cannot write the tar");
	return 0; /* memory goes with the process */
}

/* Without the exit handlers of a program that this process is no whole one of. */
static int run_tar(int argc, char **argv)
{
	_exit(write_tar(argc, argv));
}

const struct reexec_role tar_role = { ROLE, run_tar };

int tar_child_start(const char *path, const char *options, int list_fd, int out_fd,
		    struct tar_child *c, struct error *err)
{
	autofree char *dir = xstrdup(path), *opts = xstrdup(options ? options : "");
	char role[] = ROLE, list[] = "list", *argv[] = { role, dir, opts, NULL, NULL };
	int pipefd[2], rc;

	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return error_sys(err, "cannot make a pipe");
	const struct proc_fd fds[] = { { out_fd, STDOUT_FILENO },
				       { pipefd[1], STDERR_FILENO },
				       { list_fd, LIST_FD } };
	if (list_fd >= 0)
		argv[3] = list;
	rc = reexec_spawn(argv, fds, list_fd >= 0 ? 3 : 2, &c->pid, NULL);
	close(pipefd[1]);
	if (rc < 0) {
		error_sys(err, "cannot start " ROLE);
		close(pipefd[0]);
		return -1;
	}
	c->said = pipefd[0];
	return 0;
}

int tar_child_wait(struct tar_child *c, struct error *err)
{
	autobuf struct buf said = BUF_INIT(4096);
	int status;

	while (buf_read(&said, c->said, 1024) > 0)
		;
	close(c->said);
	status = proc_wait(c->pid);
	if (status == 0)
		return 0;
	return error_set(err, ERR_INTERNAL, "%s",
			 said.len ? buf_text(&said) : ROLE " ended without a word");
}
