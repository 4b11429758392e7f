/*
 * The vfs driver, for kernels and file systems where nothing else works: every layer is a full copy
 * of its parent, in <root>/vfs/ID.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "graphdriver/internal.h"
#include "pkg/copytree.h"
#include "pkg/fs.h"
#include "pkg/mem.h"

struct vfs {
	struct layerdir dir;
};

static int vfs_probe(const char *root, struct error *err)
{
	(void)root, (void)err; /* folders work everywhere */
	return 0;
}

static void *vfs_open(const char *root, char *const *options, struct error *err)
{
	struct vfs *v;

	if (options && *options) {
		error_set(err, ERR_BAD_REQUEST, "vfs: unknown option \"%s\"", *options);
		return NULL;
	}
	v = xcalloc(1, sizeof(*v));
	if (layerdir_open(&v->dir, root, NULL, err) < 0) {
		free(v);
		return NULL;
	}
	return v;
}

static void vfs_close(void *self)
{
	struct vfs *v = self;

	layerdir_close(&v->dir);
	free(v);
}

static int open_folder(const struct vfs *v, const char *name)
{
	return openat(v->dir.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int fill_layer(const struct vfs *v, const char *tmp, const char *parent)
{
	autoclose int from = -1, to = open_folder(v, tmp);

	if (to < 0)
		return -1;
	if (!parent)
		return fchmod(to, 0755);
	from = open_folder(v, parent);
	return from < 0 ? -1 : copytree(from, to);
}

static int vfs_create(void *self, const char *id, const char *parent, bool rw, struct error *err)
{
	struct vfs *v = self;
	char tmp[LAYERDIR_TMP_SIZE];

	(void)rw; /* every copy can be written to */
	if (parent && layerdir_check_id(parent, err) < 0)
		return -1;
	if (layerdir_begin(&v->dir, id, tmp, err) < 0)
		return -1;
	if (fill_layer(v, tmp, parent) < 0) {
		error_sys(err, "cannot copy layer %s to %s", parent ? parent : "", id);
		layerdir_abort(&v->dir, tmp);
		return -1;
	}
	return layerdir_commit(&v->dir, tmp, id, err);
}

static int vfs_remove(void *self, const char *id, struct error *err)
{
	struct vfs *v = self;

	return layerdir_remove(&v->dir, id, err);
}

static bool vfs_exists(void *self, const char *id)
{
	struct vfs *v = self;

	return layerdir_exists(&v->dir, id);
}

static char *vfs_diff_path(void *self, const char *id)
{
	struct vfs *v = self;

	return xasprintf("%s/%s", v->dir.root, id);
}

static int vfs_mount(void *self, const char *id, struct graphdriver_mount *out, struct error *err)
{
	struct vfs *v = self;

	if (!layerdir_exists(&v->dir, id))
		return error_set(err, ERR_NOT_FOUND, "layer %s does not exist", id);
	*out = (struct graphdriver_mount){ .path = vfs_diff_path(v, id) };
	return 0;
}

static json_t *vfs_status(void *self)
{
	const struct vfs *v = self;

	return json_pack("[[ss]]", "Backing Filesystem", filesystem_name(v->dir.root));
}

static json_t *vfs_metadata(void *self, const char *id)
{
	(void)self;
	(void)id;
	return json_null(); /* as Docker's: it has nothing to tell */
}

static int vfs_list(void *self, struct strlist *ids, struct error *err)
{
	const struct vfs *v = self;

	return layerdir_list(&v->dir, ids, err);
}

const struct graphdriver_ops vfs_ops = {
	.name = "vfs",
	.probe = vfs_probe,
	.open = vfs_open,
	.close = vfs_close,
	.create = vfs_create,
	.remove = vfs_remove,
	.exists = vfs_exists,
	.mount = vfs_mount,
	.mount_readonly = vfs_mount,
	.diff_path = vfs_diff_path,
	.status = vfs_status,
	.metadata = vfs_metadata,
	.list = vfs_list,
	.diff_is_whole = true,
};
