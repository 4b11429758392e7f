/* Copying folders: see copytree.h. */
#include "pkg/copytree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "pkg/fs.h"
#include "pkg/map.h"
#include "pkg/mem.h"

#define DEPTH_MAX 128 /* each takes half a kilobyte of a stack that may be small */
#define PART_SIZE 65536

struct copy {
	int root;         /* the target's top */
	struct map links; /* "dev:ino" -> path of the first copy below root, the map's own */
	char *path;       /* of the folder that is copied, below root; "" at the top */
	unsigned depth;
};

int copytree_data(int from, int to)
{
	autofree char *part = NULL;
	ssize_t n;

	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	while ((n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0)) > 0)
		;
	if (n == 0)
		return 0;
	if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
		return -1;
	part = xmalloc(PART_SIZE);
	while ((n = read(from, part, PART_SIZE)) > 0)
		if (fs_write_all(to, part, (size_t)n) < 0)
			return -1;
	return n < 0 ? -1 : 0;
}

static int copy_xattr(int from, int to, const char *name)
{
	ssize_t n = fgetxattr(from, name, NULL, 0);
	autofree char *value = n < 0 ? NULL : xmalloc((size_t)n + 1);

	if (n >= 0)
		n = fgetxattr(from, name, value, (size_t)n);
	if (n < 0)
		return errno == ENODATA ? 0 : -1;
	if (fsetxattr(to, name, value, (size_t)n, 0) == 0)
		return 0;
	return errno == EOPNOTSUPP || errno == EPERM ? 0 : -1;
}

int copytree_xattrs(int from, int to)
{
	ssize_t n = flistxattr(from, NULL, 0);
	autofree char *names = n > 0 ? xmalloc((size_t)n) : NULL;

	if (n > 0)
		n = flistxattr(from, names, (size_t)n);
	if (n < 0)
		return errno == EOPNOTSUPP ? 0 : -1;
	for (const char *name = names; name && name < names + n; name += strlen(name) + 1)
		if (copy_xattr(from, to, name) < 0)
			return -1;
	return 0;
}

static int copy_meta(int from, int to, const struct stat *st)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0 ||
	    copytree_xattrs(from, to) < 0)
		return -1;
	return futimens(to, times);
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	autoclose int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	autoclose int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (from < 0 || to < 0 || copytree_data(from, to) < 0)
		return -1;
	return copy_meta(from, to, st);
}

static int copy_symlink(int from_dir, int to_dir, const char *name)
{
	char target[4096];
	ssize_t n = readlinkat(from_dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return -1;
	target[n] = '\0';
	return symlinkat(target, to_dir, name);
}

/* Owner, mode and times of what cannot be opened. */
static int copy_plain_meta(int to_dir, const char *name, const struct stat *st)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	if (!S_ISLNK(st->st_mode) && fchmodat(to_dir, name, st->st_mode & 07777, 0) < 0)
		return -1;
	return utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW);
}

static int copy_folder(struct copy *c, int from, int to);

static int copy_subfolder(struct copy *c, int from_dir, int to_dir, const char *name)
{
	autoclose int from =
		openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	autoclose int to = -1;
	char *outer = c->path;
	int rc;

	if (from < 0 || mkdirat(to_dir, name, 0700) < 0)
		return -1;
	to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return -1;
	if (++c->depth > DEPTH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	c->path = xasprintf("%s%s%s", outer, *outer ? "/" : "", name);
	rc = copy_folder(c, from, to);
	free(c->path);
	c->path = outer;
	c->depth--;
	return rc;
}

/* A file with several names: 1 when it was linked to its first copy, 0 when this is the first. */
static int copy_link(struct copy *c, int to_dir, const char *name, const struct stat *st)
{
	char key[48];
	const char *first;

	snprintf(key, sizeof(key), "%ju:%ju", (uintmax_t)st->st_dev, (uintmax_t)st->st_ino);
	first = map_get(&c->links, key);
	if (first)
		return linkat(c->root, first, to_dir, name, 0) < 0 ? -1 : 1;
	map_set(&c->links, key, xasprintf("%s%s%s", c->path, *c->path ? "/" : "", name));
	return 0;
}

static int copy_entry(struct copy *c, int from_dir, int to_dir, const char *name)
{
	struct stat st;
	int rc;

	if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		return copy_subfolder(c, from_dir, to_dir, name);
	if (S_ISSOCK(st.st_mode))
		return 0;
	if (st.st_nlink > 1) {
		rc = copy_link(c, to_dir, name, &st);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	if (S_ISREG(st.st_mode))
		return copy_file(from_dir, to_dir, name, &st);
	rc = S_ISLNK(st.st_mode) ? copy_symlink(from_dir, to_dir, name)
				 : mknodat(to_dir, name, st.st_mode, st.st_rdev);
	return rc < 0 ? -1 : copy_plain_meta(to_dir, name, &st);
}

static int copy_folder(struct copy *c, int from, int to)
{
	int fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	struct stat st;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (rc == 0 && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = copy_entry(c, from, to, e->d_name);
	closedir(d);
	if (rc < 0 || fstat(from, &st) < 0)
		return -1;
	return copy_meta(from, to, &st); /* last: filling it changed its times */
}

int copytree(int from, int to)
{
	struct copy c = { .root = to, .path = xstrdup("") };
	void *path;
	size_t pos = 0;
	int rc = copy_folder(&c, from, to), sys = errno;

	while (map_next(&c.links, &pos, &path))
		free(path);
	map_done(&c.links);
	free(c.path);
	errno = sys;
	return rc;
}
