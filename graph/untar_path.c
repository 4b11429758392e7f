/* Where entries of a tar go, and what must give way to them: see untar_internal.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "graph/untar_internal.h"
#include "pkg/mem.h"
#include "pkg/path.h"

#define DEPTH_MAX 256 /* of a folder that another entry replaces */

static void forget_parent(struct untar *u)
{
	if (u->parent_fd >= 0)
		close(u->parent_fd);
	u->parent_fd = -1;
	free(u->parent);
	u->parent = NULL;
	u->parent_stale = false;
}

static int open_folder(struct untar *u, const char *path)
{
	return path_open_in_root(u->root, path, O_PATH | O_DIRECTORY, 0);
}

/* Make path and what is missing above it; folders that archives do not name are root's, 0755. */
static int make_folders(struct untar *u, const char *path)
{
	for (const char *part = path; *part; part += *part == '/') {
		autofree char *above = xstrndup(path, part > path ? (size_t)(part - path - 1) : 0);
		autofree char *name = xstrndup(part, strcspn(part, "/"));
		autoclose int dir = open_folder(u, above);

		if (dir < 0 || (mkdirat(dir, name, 0755) < 0 && errno != EEXIST))
			return -1;
		part += strlen(name);
	}
	return 0;
}

int untar_locate(struct untar *u, const char *path, struct target *t, struct error *err)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	autofree char *parent = NULL;

	t->path = path;
	t->base = slash ? slash + 1 : path;
	if (u->parent && !u->parent_stale && strncmp(u->parent, path, n) == 0 && !u->parent[n]) {
		t->dir = u->parent_fd;
		return 0;
	}
	forget_parent(u);
	parent = xstrndup(path, n);
	t->dir = open_folder(u, parent);
	if (t->dir < 0 && errno == ENOENT && make_folders(u, parent) == 0)
		t->dir = open_folder(u, parent);
	if (t->dir < 0)
		return error_sys(err, "cannot create folder %s", parent);
	u->parent = take_ptr(&parent);
	u->parent_fd = t->dir;
	return 0;
}

/* A file that this archive has made. */
static bool is_ours(const struct untar *u, const char *path)
{
	const struct made *m = map_get(&u->made, path);

	return m && m->type == TAR_FILE;
}

/* This archive's content of a file that is about to go is needed to make the tar again. */
static int save_content(struct untar *u, int dir, const char *base, const char *path)
{
	autoclose int fd = -1;
	struct stat st;

	if (!u->record || !is_ours(u, path))
		return 0;
	fd = openat(dir, base, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	return record_lost(u->record, path, st.st_size, fd);
}

static void forget(struct untar *u, const char *path)
{
	free(map_del(&u->made, path));
}

static int remove_path(struct untar *u, int dir, const char *base, const char *path, bool ours_too,
		       unsigned depth);

/* ours_too: also what this archive has made. */
static int remove_children(struct untar *u, int dir, const char *base, const char *path,
			   bool ours_too, unsigned depth)
{
	int fd = openat(dir, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d)
		return -1;
	if (depth == DEPTH_MAX) {
		errno = ENAMETOOLONG;
		rc = -1;
	}
	while (rc == 0 && (e = readdir(d))) {
		autofree char *inner = xasprintf("%s%s%s", path, *path ? "/" : "", e->d_name);

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		rc = remove_path(u, dirfd(d), e->d_name, inner, ours_too, depth + 1);
	}
	closedir(d);
	return rc;
}

static int remove_path(struct untar *u, int dir, const char *base, const char *path, bool ours_too,
		       unsigned depth)
{
	bool keep = !ours_too && map_get(&u->made, path);
	struct stat st;

	if (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	/* What a path leads to may change with a folder or a link. */
	u->parent_stale |= S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode);
	if (S_ISDIR(st.st_mode)) {
		if (remove_children(u, dir, base, path, ours_too, depth) < 0)
			return -1;
		if (keep)
			return 0;
		forget(u, path);
		if (unlinkat(dir, base, AT_REMOVEDIR) == 0)
			return 0;
		return errno == ENOTEMPTY && !ours_too ? 0 : -1; /* something of ours is in it */
	}
	if (keep)
		return 0;
	if (save_content(u, dir, base, path) < 0)
		return -1;
	if (is_ours(u, path) && st.st_nlink == 1)
		u->size -= st.st_size; /* it was counted when it was made */
	forget(u, path);
	return unlinkat(dir, base, 0);
}

int untar_remove(struct untar *u, const struct target *t, struct error *err)
{
	if (remove_path(u, t->dir, t->base, t->path, true, 0) < 0)
		return error_sys(err, "cannot replace %s", t->path);
	return 0;
}

int untar_empty(struct untar *u, const char *path, struct error *err)
{
	autoclose int fd = path_open_in_root(u->root, path, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return error_sys(err, "cannot open folder %s", path);
	if (remove_children(u, fd, ".", path, false, 0) < 0)
		return error_sys(err, "cannot empty folder %s", path);
	return 0;
}
