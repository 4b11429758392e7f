/* Files: whole reads, atomic replacement, trees. See fs.h. */
#include "pkg/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/mem.h"

int fs_read_file(int dirfd, const char *path, struct buf *b)
{
	autoclose int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	while ((n = buf_read(b, fd, 16384)) > 0)
		;
	return n < 0 ? -1 : 0;
}

int fs_write_all(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n) {
		ssize_t put = write(fd, at, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		at += put;
		n -= (size_t)put;
	}
	return 0;
}

int fs_write_str(int dirfd, const char *path, const char *s)
{
	autoclose int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	return write(fd, s, strlen(s)) < 0 ? -1 : 0;
}

/* fsync the folder that holds path, so that the rename itself is durable. */
static int sync_folder_of(int dirfd, const char *path)
{
	const char *slash = strrchr(path, '/');
	autofree char *dir =
		slash ? xstrndup(path, slash == path ? 1 : (size_t)(slash - path)) : xstrdup(".");
	autoclose int fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -1 : fsync(fd);
}

int fs_save_atomic(int dirfd, const char *path, const void *p, size_t n, mode_t mode, int flags)
{
	static atomic_uint serial;
	autofree char *aside = xasprintf("%s.%d-%u.tmp", path, getpid(), serial++);
	autoclose int fd = openat(dirfd, aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	int sys;

	if (fd < 0)
		return -1;
	if (fs_write_all(fd, p, n) == 0 && fchmod(fd, mode) == 0 &&
	    (!(flags & FS_SAVE_SYNC) || fsync(fd) == 0) && renameat(dirfd, aside, dirfd, path) == 0)
		return flags & FS_SAVE_SYNC ? sync_folder_of(dirfd, path) : 0;
	sys = errno;
	unlinkat(dirfd, aside, 0);
	errno = sys;
	return -1;
}

int fs_mkdir_p(const char *path, mode_t mode)
{
	autofree char *part = xstrdup(path);
	struct stat st;

	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return -1;
		*slash = '/';
	}
	if (mkdir(part, mode) == 0)
		return 0;
	if (errno != EEXIST || stat(part, &st) < 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		return 0;
	errno = ENOTDIR;
	return -1;
}

static int remove_children(int fd, dev_t dev);

/* Remove one entry of the folder dirfd. A folder on another device is a mount: EBUSY. */
static int remove_entry(int dirfd, const char *name, dev_t dev)
{
	autoclose int fd = -1;
	struct stat st;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -1;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (st.st_dev != dev) {
		errno = EBUSY;
		return -1;
	}
	if (remove_children(fd, dev) < 0)
		return -1;
	return unlinkat(dirfd, name, AT_REMOVEDIR);
}

static int remove_children(int fd, dev_t dev)
{
	int own = dup(fd), rc = 0;
	struct dirent *e;
	DIR *d = own < 0 ? NULL : fdopendir(own);

	if (!d) {
		if (own >= 0)
			close(own);
		return -1;
	}
	while (rc == 0 && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = remove_entry(fd, e->d_name, dev);
	closedir(d);
	return rc;
}

int fs_remove_tree(int dirfd, const char *path)
{
	struct stat st;

	if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	return remove_entry(dirfd, path, st.st_dev);
}

bool fs_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}
