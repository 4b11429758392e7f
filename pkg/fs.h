/*
 * Files: whole reads, atomic replacement, trees. Helpers in the manner of libc: -1 and errno.
 */
#ifndef PKG_FS_H
#define PKG_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "pkg/buf.h"

/* Append the whole file to b, whose ceiling bounds it (EFBIG). dirfd as in openat(2). */
int fs_read_file(int dirfd, const char *path, struct buf *b);

/* Write all n bytes, over short writes and EINTR. */
int fs_write_all(int fd, const void *p, size_t n);

/* Write a string to an existing file, such as one of /proc, /sys or a cgroup, in one write(2). */
int fs_write_str(int dirfd, const char *path, const char *s);

enum fs_save_flags {
	FS_SAVE_SYNC = 1, /* survives a power cut: fsync of file and folder */
};

/*
 * Replace the file: write aside, (fsync,) rename, (fsync the folder). Readers see the old bytes or
 * the new ones, never a mixture. On failure the old file is untouched and nothing is left aside.
 */
int fs_save_atomic(int dirfd, const char *path, const void *p, size_t n, mode_t mode, int flags);

/* Create path and its missing parents. Existing folders are fine. */
int fs_mkdir_p(const char *path, mode_t mode);

/* Remove path and everything in it, without following links or crossing into mounts. ENOENT is 0. */
int fs_remove_tree(int dirfd, const char *path);

bool fs_exists(const char *path);

#endif
