/* Making one entry of a tar on the disk: see untar_internal.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "graph/untar_internal.h"
#include "pkg/mem.h"
#include "pkg/path.h"

/* How an attempt to make something fared: -1 with errno. EEXIST: remove, and try again. */
typedef int make_fn(struct untar *u, const struct tar_entry *e, const struct target *t);

static void note(struct untar *u, const struct tar_entry *e, const char *path)
{
	struct made *m = map_get(&u->made, path);

	if (!m) {
		m = xcalloc(1, sizeof(*m));
		map_set(&u->made, path, m);
	}
	m->type = e->type;
	m->mtime = e->mtime;
}

/* trusted.* is the host's own, not an image's: there overlayfs keeps its marks. */
static bool is_wanted_xattr(const char *name)
{
	return strncmp(name, "trusted.", 8) != 0;
}

static int xattr_result(const struct tar_xattr *x, int rc)
{
	if (rc == 0 || errno == EOPNOTSUPP)
		return 0;
	/* Labels of security modules are refused where there is none; file capabilities matter. */
	return errno == EPERM && strcmp(x->name, "security.capability") != 0 ? 0 : -1;
}

/* fd: the entry itself, or -1: then by name, in the folder. */
static int set_xattrs(const struct tar_entry *e, const struct target *t, int fd)
{
	for (size_t i = 0; i < e->nxattrs; i++) {
		const struct tar_xattr *x = &e->xattrs[i];
		int rc;

		if (!is_wanted_xattr(x->name))
			continue;
		if (fd < 0 && fchdir(t->dir) < 0)
			return -1;
		rc = fd < 0 ? lsetxattr(t->base, x->name, x->value, x->size, 0)
			    : fsetxattr(fd, x->name, x->value, x->size, 0);
		if (xattr_result(x, rc) < 0)
			return -1;
	}
	return 0;
}

/* Owner, mode, xattrs and times of a file that is open. */
static int set_file_meta(const struct untar *u, const struct tar_entry *e, const struct target *t,
			 int fd)
{
	struct timespec times[2] = { e->mtime, e->mtime };
	bool owned = e->uid || e->gid;

	if (u->kind == KIND_FILES)
		return 0;
	if (owned && fchown(fd, e->uid, e->gid) < 0)
		return -1;
	if ((owned || e->mode & 07000) && fchmod(fd, e->mode) < 0)
		return -1;
	if (e->nxattrs && set_xattrs(e, t, fd) < 0)
		return -1;
	return futimens(fd, times);
}

/* The same for what cannot be opened without side effects. */
static int set_node_meta(const struct untar *u, const struct tar_entry *e, const struct target *t)
{
	struct timespec times[2] = { e->mtime, e->mtime };

	if (u->kind == KIND_FILES)
		return 0;
	if ((e->uid || e->gid) &&
	    fchownat(t->dir, t->base, e->uid, e->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	if (e->type != TAR_SYMLINK && fchmodat(t->dir, t->base, e->mode, 0) < 0)
		return -1;
	if (e->nxattrs && set_xattrs(e, t, -1) < 0)
		return -1;
	return utimensat(t->dir, t->base, times, AT_SYMLINK_NOFOLLOW);
}

static int make_folder(struct untar *u, const struct tar_entry *e, const struct target *t)
{
	mode_t mode = u->kind == KIND_FILES ? 0700 : e->mode;
	const char *base = *t->base ? t->base : ".";
	autoclose int fd = -1;

	if (mkdirat(t->dir, base, mode) < 0) {
		struct stat st;

		if (errno != EEXIST || fstatat(t->dir, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -1;
		if (!S_ISDIR(st.st_mode)) {
			errno = EEXIST;
			return -1;
		}
	} else if (!e->uid && !e->gid && !e->nxattrs && !(mode & 07000)) {
		return 0;
	}
	if (u->kind == KIND_FILES)
		return 0;
	fd = openat(t->dir, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchown(fd, e->uid, e->gid) < 0 || fchmod(fd, mode) < 0)
		return -1;
	return set_xattrs(e, t, fd);
}

static int make_link(struct untar *u, const struct tar_entry *e, const struct target *t)
{
	autofree char *path = xstrdup(e->link);
	autoclose int dir = -1;
	char *slash;

	path_clean(path);
	slash = strrchr(path, '/');
	if (slash)
		*slash = '\0';
	dir = path_open_in_root(u->root, slash ? path : "", O_PATH | O_DIRECTORY, 0);
	if (dir < 0)
		return -1;
	return linkat(dir, slash ? slash + 1 : path, t->dir, t->base, 0);
}

static int make_symlink(struct untar *u, const struct tar_entry *e, const struct target *t)
{
	if (symlinkat(e->link, t->dir, t->base) < 0)
		return -1;
	return set_node_meta(u, e, t);
}

static int make_node(struct untar *u, const struct tar_entry *e, const struct target *t)
{
	mode_t type = e->type == TAR_CHARDEV    ? S_IFCHR
		      : e->type == TAR_BLOCKDEV ? S_IFBLK
						: S_IFIFO;

	if (u->kind == KIND_FILES)
		return 0;
	if (mknodat(t->dir, t->base, type | e->mode, makedev(e->dev_major, e->dev_minor)) < 0)
		return -1;
	return set_node_meta(u, e, t);
}

/* Try, and if something is in the way remove it and try again. */
static int make_over(struct untar *u, make_fn *make, const struct tar_entry *e,
		     const struct target *t, struct error *err)
{
	int rc = *t->base || e->type == TAR_DIR ? make(u, e, t) : -1;

	if (!*t->base && e->type != TAR_DIR)
		return error_set(err, ERR_BAD_REQUEST, "the root is no folder in this archive");
	if (rc < 0 && errno == EEXIST) {
		if (untar_remove(u, t, err) < 0)
			return -1;
		rc = make(u, e, t);
	}
	return rc < 0 ? error_sys(err, "cannot create %s", t->path) : 0;
}

static int write_at(int fd, const char *p, size_t n, int64_t offset)
{
	while (n) {
		ssize_t put = pwrite(fd, p, n, offset);

		if (put < 0)
			return -1;
		p += put;
		n -= (size_t)put;
		offset += put;
	}
	return 0;
}

/* Pieces of a sparse file are no reference that could be read back in one go: they are kept raw. */
static int record_content(struct untar *u, const struct tar_entry *e, const void *p, size_t n)
{
	return u->record && e->is_sparse ? record_raw(u->record, p, n) : 0;
}

static int write_content(struct untar *u, struct tar_reader *r, const struct tar_entry *e,
			 const struct target *t, int fd, struct error *err)
{
	const void *p;
	int64_t offset;
	ssize_t n;

	if (u->record && !e->is_sparse && record_file(u->record, t->path, e->size) < 0)
		return error_sys(err, "cannot record the archive");
	while ((n = tar_data(r, &p, &offset, err)) > 0) {
		if (write_at(fd, p, (size_t)n, offset) < 0)
			return error_sys(err, "write /%s", t->path);
		if (record_content(u, e, p, (size_t)n) < 0)
			return error_sys(err, "cannot record the archive");
	}
	if (n < 0)
		return -1;
	if (e->is_sparse && ftruncate(fd, e->size) < 0)
		return error_sys(err, "write /%s", t->path);
	return 0;
}

static int open_new(const struct untar *u, const struct tar_entry *e, const struct target *t)
{
	mode_t mode = u->kind == KIND_FILES ? 0600 : e->mode & 0777;

	return openat(t->dir, t->base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
}

static int make_file(struct untar *u, struct tar_reader *r, const struct tar_entry *e,
		     const struct target *t, struct error *err)
{
	autoclose int fd = -1;

	if (!*t->base)
		return error_set(err, ERR_BAD_REQUEST, "the root is no folder in this archive");
	fd = open_new(u, e, t);
	if (fd < 0 && errno == EEXIST) {
		if (untar_remove(u, t, err) < 0)
			return -1;
		fd = open_new(u, e, t);
	}
	if (fd < 0)
		return error_sys(err, "cannot create %s", t->path);
	note(u, e, t->path);
	if (write_content(u, r, e, t, fd, err) < 0)
		return -1;
	if (set_file_meta(u, e, t, fd) < 0)
		return error_sys(err, "cannot set owner, mode and times of %s", t->path);
	if (__builtin_add_overflow(u->size, e->size, &u->size))
		u->size = INT64_MAX;
	return 0;
}

int untar_make(struct untar *u, struct tar_reader *r, const struct tar_entry *e,
	       const struct target *t, struct error *err)
{
	static make_fn *const makers[] = {
		[TAR_HARDLINK] = make_link, [TAR_SYMLINK] = make_symlink, [TAR_CHARDEV] = make_node,
		[TAR_BLOCKDEV] = make_node, [TAR_DIR] = make_folder,      [TAR_FIFO] = make_node,
	};

	if (e->type == TAR_FILE)
		return make_file(u, r, e, t, err);
	if (e->type == TAR_OTHER)
		return error_set(err, ERR_BAD_REQUEST, "unhandled tar header type %d", e->flag);
	if (make_over(u, makers[e->type], e, t, err) < 0)
		return -1;
	u->has_root |= !*t->base;
	note(u, e, t->path);
	return 0;
}
