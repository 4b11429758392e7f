/*
 * The btrfs driver: every layer is a subvolume <root>/btrfs/ID, a snapshot of its parent's, so that
 * what they have in common is on the disk once and a layer of any size is made and deleted at once.
 * The root must be on btrfs. Nothing is mounted here: a subvolume is a folder like any other.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "graphdriver/internal.h"
#include "pkg/fs.h"
#include "pkg/mem.h"

struct btrfs {
	struct layerdir dir;
};

/* Make a subvolume and a snapshot of it in the folder dir, and delete them. What could not be done. */
static const char *try_subvolumes(const char *dir)
{
	autoclose int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || subvol_create(fd, "base") < 0)
		return "cannot create a subvolume";
	if (subvol_snapshot(fd, "base", "child") < 0)
		return "cannot create a snapshot";
	if (subvol_destroy(fd, "child") < 0 || subvol_destroy(fd, "base") < 0)
		return "cannot delete a subvolume";
	return NULL;
}

/* What was half made of a trial is deleted as empty folders are. */
static int try_in(const char *root, struct error *err)
{
	autofree char *dir = layerdir_probe_name(root);
	const char *trouble;

	if (!dir || mkdir(dir, 0700) < 0)
		return error_sys(err, "cannot create %s", dir ? dir : root);
	trouble = try_subvolumes(dir);
	if (trouble)
		error_sys(err, "btrfs is not supported on %s: %s", root, trouble);
	(void)fs_remove_tree(AT_FDCWD, dir); /* hidden, and swept by the next trial */
	return trouble ? -1 : 0;
}

static int btrfs_probe(const char *root, struct error *err)
{
	int rc;

	if (fs_mkdir_p(root, 0711) < 0)
		return error_sys(err, "cannot create %s", root);
	if (strcmp(filesystem_name(root), "btrfs") == 0)
		rc = try_in(root, err);
	else
		rc = error_set(err, ERR_INTERNAL,
			       "prerequisites for driver not satisfied (wrong filesystem?): "
			       "btrfs is not supported over %s",
			       filesystem_name(root));
	if (rc < 0)
		(void)rmdir(root); /* if it is empty, so that nobody takes it for a choice */
	return rc;
}

static void *btrfs_open(const char *root, char *const *options, struct error *err)
{
	struct btrfs *b;

	if (options && *options) {
		error_set(err, ERR_BAD_REQUEST, "btrfs: unknown option \"%s\"", *options);
		return NULL;
	}
	b = xcalloc(1, sizeof(*b));
	if (layerdir_open(&b->dir, root, subvol_trash, err) < 0) {
		free(b);
		return NULL;
	}
	return b;
}

static void btrfs_close(void *self)
{
	struct btrfs *b = self;

	layerdir_close(&b->dir);
	free(b);
}

static int make_subvolume(const struct btrfs *b, const char *tmp, const char *parent)
{
	if (parent)
		return subvol_snapshot(b->dir.fd, parent, tmp);
	if (subvol_create(b->dir.fd, tmp) < 0)
		return -1;
	return fchmodat(b->dir.fd, tmp, 0755, 0);
}

static int btrfs_create(void *self, const char *id, const char *parent, bool rw, struct error *err)
{
	struct btrfs *b = self;
	char tmp[LAYERDIR_TMP_SIZE];

	(void)rw; /* every snapshot can be written to */
	if (parent && layerdir_check_id(parent, err) < 0)
		return -1;
	if (layerdir_begin_bare(&b->dir, id, tmp, err) < 0)
		return -1;
	if (make_subvolume(b, tmp, parent) < 0) {
		error_sys(err, "cannot create layer %s", id);
		layerdir_abort(&b->dir, tmp);
		return -1;
	}
	return layerdir_commit(&b->dir, tmp, id, err);
}

static int btrfs_remove(void *self, const char *id, struct error *err)
{
	struct btrfs *b = self;

	return layerdir_remove(&b->dir, id, err);
}

static bool btrfs_exists(void *self, const char *id)
{
	struct btrfs *b = self;

	return layerdir_exists(&b->dir, id);
}

static char *btrfs_diff_path(void *self, const char *id)
{
	struct btrfs *b = self;

	return xasprintf("%s/%s", b->dir.root, id);
}

static int btrfs_mount(void *self, const char *id, struct graphdriver_mount *out, struct error *err)
{
	struct btrfs *b = self;

	if (!layerdir_exists(&b->dir, id))
		return error_set(err, ERR_NOT_FOUND, "layer %s does not exist", id);
	*out = (struct graphdriver_mount){ .path = btrfs_diff_path(b, id) };
	return 0;
}

/* Docker has a row "Btrfs" with nothing in it; here it has whose code it is, which has no number. */
static json_t *btrfs_status(void *self)
{
	struct utsname u = { 0 };

	(void)self;
	uname(&u); /* fails for a bad pointer alone */
	return json_pack("[[s,s],[s,o]]", "Backing Filesystem", "btrfs", "Btrfs",
			 json_sprintf("%s %s", u.sysname, u.release));
}

static json_t *btrfs_metadata(void *self, const char *id)
{
	(void)self;
	(void)id;
	return json_null(); /* as Docker's: it has nothing to tell */
}

static int btrfs_list(void *self, struct strlist *ids, struct error *err)
{
	const struct btrfs *b = self;

	return layerdir_list(&b->dir, ids, err);
}

const struct graphdriver_ops btrfs_ops = {
	.name = "btrfs",
	.probe = btrfs_probe,
	.open = btrfs_open,
	.close = btrfs_close,
	.create = btrfs_create,
	.remove = btrfs_remove,
	.exists = btrfs_exists,
	.mount = btrfs_mount,
	.mount_readonly = btrfs_mount,
	.diff_path = btrfs_diff_path,
	.status = btrfs_status,
	.metadata = btrfs_metadata,
	.list = btrfs_list,
	.diff_is_whole = true,
};
