/* One daemon at a time: see pidfile.h. */
#include "pkg/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/buf.h"
#include "pkg/fs.h"
#include "pkg/mem.h"

static int make_parent(const char *path, struct error *err)
{
	autofree char *parent = xstrdup(path);
	char *slash = strrchr(parent, '/');

	if (!slash || slash == parent)
		return 0;
	*slash = '\0';
	if (fs_mkdir_p(parent, 0755) < 0)
		return error_sys(err, "cannot create folder \"%s\"", parent);
	return 0;
}

/* Is path still the file behind fd? Its owner may have removed it before we had the lock. */
static bool is_same_file(const char *path, int fd)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && lstat(path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* A daemon that does not lock its file, such as dockerd, is known by its name. */
static bool is_foreign_daemon(int fd)
{
	char text[32] = "", path[64], name[32] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long pid = n > 0 ? strtol(text, NULL, 10) : 0;
	autoclose int comm = -1;

	if (pid <= 0 || pid == (long)getpid())
		return false;
	snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
	comm = open(path, O_RDONLY | O_CLOEXEC);
	return comm >= 0 && read(comm, name, sizeof(name) - 1) > 0 &&
	       strcmp(name, "dockerd\n") == 0;
}

static int in_use(const char *path, struct error *err)
{
	return error_set(err, ERR_CONFLICT,
			 "pid file found, ensure docker is not running or delete %s", path);
}

/*
 * A daemon that was killed while it forked has a child that holds its locks until it executes its
 * program: patience tells that moment from a daemon that works.
 */
#define PATIENCE_MS 1000
#define RETRY_MS 10

/* As flock() with LOCK_NB: -1 and EWOULDBLOCK when another has it. */
static int lock(int fd)
{
	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += RETRY_MS) {
		if (errno != EWOULDBLOCK || waited >= PATIENCE_MS)
			return -1;
		usleep(RETRY_MS * 1000);
	}
	return 0;
}

/* Open and lock; again when the file was removed in between. */
static int open_locked(const char *path, struct error *err)
{
	for (;;) {
		autoclose int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

		if (fd < 0)
			return error_sys(err, "cannot open pid file \"%s\"", path);
		if (lock(fd) < 0)
			return errno == EWOULDBLOCK
				       ? in_use(path, err)
				       : error_sys(err, "cannot lock pid file \"%s\"", path);
		if (is_same_file(path, fd))
			return take_fd(&fd);
	}
}

int pidfile_create(const char *path, struct error *err)
{
	autoclose int fd = -1;
	char text[32];
	int n;

	if (make_parent(path, err) < 0)
		return -1;
	fd = open_locked(path, err);
	if (fd < 0)
		return -1;
	if (is_foreign_daemon(fd))
		return in_use(path, err);
	n = snprintf(text, sizeof(text), "%ld", (long)getpid());
	if (ftruncate(fd, 0) < 0 || fs_write_all(fd, text, (size_t)n) < 0) {
		error_sys(err, "cannot write pid file \"%s\"", path);
		(void)unlink(path); /* it was ours, and the error tells more */
		return -1;
	}
	return take_fd(&fd);
}

void pidfile_remove(const char *path, int fd)
{
	if (fd < 0)
		return;
	if (is_same_file(path, fd))
		(void)unlink(path); /* nobody is left to tell; the lock ends anyway */
	close(fd);
}

int pidfile_lock_dir(const char *path, struct error *err)
{
	autoclose int fd = -1;

	if (fs_mkdir_p(path, 0711) < 0)
		return error_sys(err, "cannot create folder \"%s\"", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, "cannot open folder \"%s\"", path);
	if (lock(fd) == 0)
		return take_fd(&fd);
	if (errno != EWOULDBLOCK)
		return error_sys(err, "cannot lock folder \"%s\"", path);
	return error_set(err, ERR_CONFLICT, "another daemon works in \"%s\"", path);
}
