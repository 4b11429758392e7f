/*
 * Subvolumes of btrfs, by its ioctls: see internal.h. Whoever may write to a folder may make a
 * subvolume in it, a container as well, but not delete it; and one with others in it cannot be
 * deleted at all. So those are moved out first, whatever their depth.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "graphdriver/internal.h"
#include "pkg/id.h"
#include "pkg/mem.h"

#define SUBVOL_INODE 256 /* BTRFS_FIRST_FREE_OBJECTID: of the root of every subvolume */
#define DEPTH_MAX 64     /* folders that are open at a time */

static int open_folder(int dirfd, const char *name)
{
	return openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int set_name(char *to, size_t size, const char *name)
{
	int n = snprintf(to, size, "%s", name);

	if (n >= 0 && (size_t)n < size)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

int subvol_create(int dirfd, const char *name)
{
	struct btrfs_ioctl_vol_args args = { 0 };

	if (set_name(args.name, sizeof(args.name), name) < 0)
		return -1;
	return ioctl(dirfd, BTRFS_IOC_SUBVOL_CREATE, &args) < 0 ? -1 : 0;
}

int subvol_snapshot(int dirfd, const char *from, const char *name)
{
	struct btrfs_ioctl_vol_args_v2 args = { 0 };
	autoclose int fd = open_folder(dirfd, from);

	if (fd < 0 || set_name(args.name, sizeof(args.name), name) < 0)
		return -1;
	args.fd = fd;
	return ioctl(dirfd, BTRFS_IOC_SNAP_CREATE_V2, &args) < 0 ? -1 : 0;
}

int subvol_destroy(int dirfd, const char *name)
{
	struct btrfs_ioctl_vol_args args = { 0 };

	if (set_name(args.name, sizeof(args.name), name) < 0)
		return -1;
	return ioctl(dirfd, BTRFS_IOC_SNAP_DESTROY, &args) < 0 ? -1 : 0;
}

static bool is_subvol(int fd)
{
	struct statfs fs;
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_ino == SUBVOL_INODE && fstatfs(fd, &fs) == 0 &&
	       (unsigned long)fs.f_type == BTRFS_SUPER_MAGIC;
}

/* A read-only subvolume can neither be moved nor lose what is in it. */
static int make_writable(int fd)
{
	__u64 flags;

	if (ioctl(fd, BTRFS_IOC_SUBVOL_GETFLAGS, &flags) < 0)
		return -1;
	if (!(flags & BTRFS_SUBVOL_RDONLY))
		return 0;
	flags &= ~(__u64)BTRFS_SUBVOL_RDONLY;
	return ioctl(fd, BTRFS_IOC_SUBVOL_SETFLAGS, &flags) < 0 ? -1 : 0;
}

static int move_aside(int dirfd, const char *name, int to)
{
	char aside[33];

	id_random_hex(aside, 16);
	return renameat(dirfd, name, to, aside);
}

/* Moving the subvolumes that are in one out of it. */
struct emptying {
	int trash, top; /* the trash, and the root of the subvolume */
	bool again;     /* something was moved to the top and is yet to be looked into */
};

static int look_into(struct emptying *m, int fd, unsigned depth);

static int look_at(struct emptying *m, int dirfd, const char *name, unsigned depth)
{
	autoclose int fd = open_folder(dirfd, name);

	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP || errno == ENOENT ? 0 : -1;
	if (is_subvol(fd))
		return make_writable(fd) < 0 ? -1 : move_aside(dirfd, name, m->trash);
	if (depth < DEPTH_MAX)
		return look_into(m, take_fd(&fd), depth + 1);
	m->again = true;
	return move_aside(dirfd, name, m->top);
}

/* Takes fd. */
static int look_into(struct emptying *m, int fd, unsigned depth)
{
	DIR *d = fdopendir(fd);
	struct dirent *e;
	int rc = 0;

	if (!d) {
		close(fd);
		return -1;
	}
	while (rc == 0 && (e = readdir(d)))
		if (e->d_type == DT_DIR && strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0)
			rc = look_at(m, dirfd(d), e->d_name, depth);
	closedir(d);
	return rc;
}

static int move_nested_out(int trash_fd, int fd)
{
	struct emptying m = { .trash = trash_fd, .top = fd };

	do {
		int top = open_folder(fd, ".");

		m.again = false;
		if (top < 0 || look_into(&m, top, 0) < 0)
			return -1;
	} while (m.again);
	return 0;
}

int subvol_trash(int trash_fd, const char *name)
{
	autoclose int fd = open_folder(trash_fd, name);

	if (fd < 0 || !is_subvol(fd))
		return 1;
	if (subvol_destroy(trash_fd, name) == 0)
		return 0;
	if (errno != ENOTEMPTY || make_writable(fd) < 0 || move_nested_out(trash_fd, fd) < 0)
		return 1; /* deleting file by file may still work, or says why not */
	return subvol_destroy(trash_fd, name) < 0;
}
