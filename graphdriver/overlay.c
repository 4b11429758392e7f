/*
 * The overlay driver. On disk, under <root>/overlay:
 *
 *	ID/diff    the layer's own content, with overlay whiteouts
 *	ID/work    for the kernel, in layers that may be mounted writable
 *	ID/lower   the folders below, nearest first: "a1b2c3d4/diff:e5f6a7b8/diff"
 *	.trash/    see trash.h
 *
 * Nothing is mounted here: who needs a mount gets folder and options, and makes it in a mount
 * namespace of its own. Options are relative to the driver's folder, so that a deep stack fits into
 * the one page that mount(2) takes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "graphdriver/internal.h"
#include "pkg/fs.h"
#include "pkg/mem.h"

#define OPTIONS_MAX 4095 /* one page with its NUL */
#define PARAMETERS "/sys/module/overlay/parameters/"

struct overlay {
	struct layerdir dir;
	char *extra_options; /* switches off what would hide a change from the other layers */
	const char *backing;
};

/* Is a parameter of the kernel's module on by default? */
static bool parameter_is_on(const char *name)
{
	autofree char *path = xasprintf(PARAMETERS "%s", name);
	autobuf struct buf value = BUF_INIT(16);

	return fs_read_file(AT_FDCWD, path, &value) == 0 && buf_text(&value)[0] == 'Y';
}

/* A layer must be readable on its own, so folders are copied up rather than redirected. */
static char *default_options(void)
{
	return xasprintf("%s%s%s", parameter_is_on("redirect_dir") ? ",redirect_dir=off" : "",
			 parameter_is_on("metacopy") ? ",metacopy=off" : "",
			 parameter_is_on("index") ? ",index=off" : "");
}

static void overlay_close(void *self)
{
	struct overlay *o = self;

	layerdir_close(&o->dir);
	free(o->extra_options);
	free(o);
}

static void *overlay_open(const char *root, char *const *options, struct error *err)
{
	struct overlay *o;

	if (options && *options) {
		error_set(err, ERR_BAD_REQUEST, "overlay: unknown option \"%s\"", *options);
		return NULL;
	}
	o = xcalloc(1, sizeof(*o));
	if (layerdir_open(&o->dir, root, NULL, err) < 0) {
		free(o);
		return NULL;
	}
	o->extra_options = default_options();
	o->backing = filesystem_name(root);
	return o;
}

static char *in_layer(const char *id, const char *what)
{
	return xasprintf("%s/%s", id, what);
}

/* The folders below a layer as they stand in its file, "" for a base; NULL with err. */
static char *read_lower(const struct overlay *o, const char *id, struct error *err)
{
	autofree char *path = in_layer(id, "lower");
	autobuf struct buf text = BUF_INIT(OPTIONS_MAX);

	if (layerdir_check_id(id, err) < 0)
		return NULL;
	if (fs_read_file(o->dir.fd, path, &text) < 0) {
		error_sys(err, "cannot read what is below layer %s", id);
		if (err && err->sys == ENOENT)
			err->kind = ERR_NOT_FOUND;
		return NULL;
	}
	return xstrdup(buf_text(&text));
}

/* What is below a new child of parent. */
static char *child_lower(const struct overlay *o, const char *parent, struct error *err)
{
	autofree char *lower = NULL;

	if (!parent)
		return xstrdup("");
	lower = read_lower(o, parent, err);
	if (!lower)
		return NULL;
	return xasprintf("%s/diff%s%s", parent, *lower ? ":" : "", lower);
}

static int fill_layer(const struct overlay *o, const char *tmp, const char *parent, bool rw,
		      const char *lower)
{
	autofree char *diff = in_layer(tmp, "diff"), *work = in_layer(tmp, "work");
	autofree char *file = in_layer(tmp, "lower");
	autofree char *parent_diff = parent ? in_layer(parent, "diff") : NULL;
	autoclose int fd = -1;

	if (mkdirat(o->dir.fd, diff, 0755) < 0 || fchmodat(o->dir.fd, diff, 0755, 0) < 0)
		return -1;
	if (parent && layerdir_copy_owner(o->dir.fd, parent_diff, diff) < 0)
		return -1;
	if (rw && mkdirat(o->dir.fd, work, 0700) < 0)
		return -1;
	fd = openat(o->dir.fd, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? -1 : fs_write_all(fd, lower, strlen(lower));
}

static int overlay_create(void *self, const char *id, const char *parent, bool rw,
			  struct error *err)
{
	struct overlay *o = self;
	autofree char *lower = child_lower(o, parent, err);
	char tmp[LAYERDIR_TMP_SIZE];

	if (!lower)
		return -1;
	if (strlen(lower) + 2 * strlen(id) + 64 > OPTIONS_MAX)
		return error_set(err, ERR_BAD_REQUEST, "layer %s: too many layers below it", id);
	if (layerdir_begin(&o->dir, id, tmp, err) < 0)
		return -1;
	if (fill_layer(o, tmp, parent, rw, lower) < 0) {
		error_sys(err, "cannot create layer %s", id);
		layerdir_abort(&o->dir, tmp);
		return -1;
	}
	return layerdir_commit(&o->dir, tmp, id, err);
}

static int overlay_set_parent(void *self, const char *id, const char *parent, bool owner,
			      struct error *err)
{
	struct overlay *o = self;
	autofree char *lower = child_lower(o, parent, err), *file = in_layer(id, "lower");
	autofree char *diff = in_layer(id, "diff"), *parent_diff = in_layer(parent, "diff");

	if (!lower || layerdir_check_id(id, err) < 0)
		return -1;
	if (strlen(lower) + 2 * strlen(id) + 64 > OPTIONS_MAX)
		return error_set(err, ERR_BAD_REQUEST, "layer %s: too many layers below it", id);
	if ((owner && layerdir_copy_owner(o->dir.fd, parent_diff, diff) < 0) ||
	    fs_save_atomic(o->dir.fd, file, lower, strlen(lower), 0600, 0) < 0)
		return error_sys(err, "cannot put layer %s on another", id);
	return 0;
}

static int overlay_remove(void *self, const char *id, struct error *err)
{
	struct overlay *o = self;

	return layerdir_remove(&o->dir, id, err);
}

static bool overlay_exists(void *self, const char *id)
{
	struct overlay *o = self;

	return layerdir_exists(&o->dir, id);
}

static bool has_work(const struct overlay *o, const char *id)
{
	autofree char *work = in_layer(id, "work");

	return faccessat(o->dir.fd, work, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* options: NULL for the folder itself; taken. overlayfs wants something below a layer. */
static void set_mount(const struct overlay *o, const char *id, char *options,
		      struct graphdriver_mount *out)
{
	*out = (struct graphdriver_mount){ .overlay = options, .options = options };
	out->path = options ? xstrdup(o->dir.root) : xasprintf("%s/%s/diff", o->dir.root, id);
}

static int overlay_mount_readonly(void *self, const char *id, struct graphdriver_mount *out,
				  struct error *err)
{
	struct overlay *o = self;
	autofree char *lower = read_lower(o, id, err);
	char *options = NULL;

	if (!lower)
		return -1;
	if (*lower)
		options = xasprintf("lowerdir=%s/diff:%s%s", id, lower, o->extra_options);
	set_mount(o, id, options, out);
	return 0;
}

static int overlay_mount(void *self, const char *id, struct graphdriver_mount *out,
			 struct error *err)
{
	struct overlay *o = self;
	autofree char *lower = NULL;

	if (layerdir_check_id(id, err) == 0 && !has_work(o, id))
		return overlay_mount_readonly(self, id, out, err);
	lower = read_lower(o, id, err);
	if (!lower)
		return -1;
	set_mount(o, id,
		  *lower ? xasprintf("lowerdir=%s,upperdir=%s/diff,workdir=%s/work%s", lower, id,
				     id, o->extra_options)
			 : NULL,
		  out);
	return 0;
}

static char *overlay_diff_path(void *self, const char *id)
{
	struct overlay *o = self;

	return xasprintf("%s/%s/diff", o->dir.root, id);
}

static json_t *overlay_status(void *self)
{
	const struct overlay *o = self;

	return json_pack("[[ss],[ss],[ss]]", "Backing Filesystem", o->backing, "Supports d_type",
			 "true", "Native Overlay Diff", "true");
}

/* "a/diff:b/diff" with the driver's folder before each part. */
static char *absolute_lower(const struct overlay *o, const char *lower)
{
	autostrlist struct strlist parts = STRLIST_INIT;
	char *all = xstrdup("");

	strlist_split(&parts, lower, ':');
	for (size_t i = 0; i < parts.n; i++) {
		char *longer = xasprintf("%s%s%s/%s", all, i ? ":" : "", o->dir.root, parts.v[i]);

		free(all);
		all = longer;
	}
	return all;
}

static json_t *overlay_metadata(void *self, const char *id)
{
	const struct overlay *o = self;
	autofree char *lower = read_lower(o, id, NULL);
	autofree char *all = lower && *lower ? absolute_lower(o, lower) : NULL;
	json_t *j = json_object();

	if (all)
		json_object_set_new(j, "LowerDir", json_string(all));
	json_object_set_new(j, "UpperDir", json_sprintf("%s/%s/diff", o->dir.root, id));
	if (has_work(o, id))
		json_object_set_new(j, "WorkDir", json_sprintf("%s/%s/work", o->dir.root, id));
	return j;
}

static int overlay_list(void *self, struct strlist *ids, struct error *err)
{
	const struct overlay *o = self;

	return layerdir_list(&o->dir, ids, err);
}

const struct graphdriver_ops overlay_ops = {
	.name = "overlay",
	.probe = overlay_probe,
	.open = overlay_open,
	.close = overlay_close,
	.create = overlay_create,
	.set_parent = overlay_set_parent,
	.remove = overlay_remove,
	.exists = overlay_exists,
	.mount = overlay_mount,
	.mount_readonly = overlay_mount_readonly,
	.diff_path = overlay_diff_path,
	.status = overlay_status,
	.metadata = overlay_metadata,
	.list = overlay_list,
};
