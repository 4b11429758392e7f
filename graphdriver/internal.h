/* What the drivers share. Not for other folders. */
#ifndef GRAPHDRIVER_INTERNAL_H
#define GRAPHDRIVER_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "graphdriver/driver.h"
#include "graphdriver/trash.h"

extern const struct graphdriver_ops overlay_ops, btrfs_ops, vfs_ops;

/* Overlay with at least one writable layer, really mounted, in a child: see ops->probe. */
int overlay_probe(const char *root, struct error *err);

/*
 * The driver whose layers are in root already: its name, borrowed; "" when there is none. names: our
 * drivers, the preferred ones first, ends with NULL; the last one only counts when no other does. NULL
 * with err: see graphdriver_open().
 */
const char *prior_driver(const char *root, const char *const *names, struct error *err);
/* ERR_CONFLICT when the driver's folder dir has another engine's layout: its layers would be swept. */
int prior_check_layout(const char *dir, const char *driver, struct error *err);
/* Does the kernel know that file system, after it was given the chance to load a module? */
bool kernel_has_filesystem(const char *name);
/* Why a name that users know is no driver of ours, or NULL when it is just unknown; caller frees. */
char *unsupported_reason(const char *name);

/* A folder of folders by id: what the drivers stand on. */
struct layerdir {
	char *root;
	int fd;
	struct trash *trash;
};
/* deleter: NULL, or see trash.h. */
int layerdir_open(struct layerdir *l, const char *root, trash_deleter *deleter, struct error *err);
void layerdir_close(struct layerdir *l);
bool layerdir_exists(const struct layerdir *l, const char *id);
int layerdir_remove(struct layerdir *l, const char *id, struct error *err);
int layerdir_list(const struct layerdir *l, struct strlist *ids, struct error *err);
/* Ids are names of files: no slash, no dot at the front. */
int layerdir_check_id(const char *id, struct error *err);

/*
 * A new layer is made under another name and renamed when it is whole: begin gives that name, and
 * commit or abort ends it.
 */
#define LAYERDIR_TMP_SIZE 24
#define LAYERDIR_TRASH ".trash"
int layerdir_begin(const struct layerdir *l, const char *id, char tmp[LAYERDIR_TMP_SIZE],
		   struct error *err);
/* The same without the folder, for who makes it another way. */
int layerdir_begin_bare(const struct layerdir *l, const char *id, char tmp[LAYERDIR_TMP_SIZE],
			struct error *err);
int layerdir_commit(struct layerdir *l, const char *tmp, const char *id, struct error *err);
void layerdir_abort(struct layerdir *l, const char *tmp);

/* Give folder `to` the mode and the owner of folder `from`. 0, or -1 with errno. */
int layerdir_copy_owner(int dirfd, const char *from, const char *to);

/* A name for a trial's hidden folder in root, which is made if missing; earlier ones are removed.
 * Caller frees. NULL with errno. */
char *layerdir_probe_name(const char *root);

/* "extfs", "xfs", "btrfs", ... of the folder, as Docker names them; never NULL. */
const char *filesystem_name(const char *path);

/*
 * subvol.c: btrfs' subvolumes, by name in a folder. 0, or -1 with errno. A snapshot is writable, and
 * holds empty folders where the original has subvolumes.
 */
int subvol_create(int dirfd, const char *name);
int subvol_snapshot(int dirfd, const char *from, const char *name);
int subvol_destroy(int dirfd, const char *name); /* ENOTEMPTY when there are subvolumes in it */
/* A trash_deleter: deletes subvolumes whole, after those in them were moved to the trash as well. */
int subvol_trash(int trash_fd, const char *name);

#endif
