/* What the drivers share. Not for other folders. */
#ifndef GRAPHDRIVER_INTERNAL_H
#define GRAPHDRIVER_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "graphdriver/driver.h"
#include "graphdriver/trash.h"

extern const struct graphdriver_ops overlay_ops, vfs_ops;

/* Overlay with at least one writable layer, really mounted, in a child. */
bool overlay_probe(const char *root);

/* A folder of folders by id: what both drivers stand on. */
struct layerdir {
	char *root;
	int fd;
	struct trash *trash;
};
int layerdir_open(struct layerdir *l, const char *root, struct error *err);
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
int layerdir_begin(const struct layerdir *l, const char *id, char tmp[LAYERDIR_TMP_SIZE],
		   struct error *err);
int layerdir_commit(struct layerdir *l, const char *tmp, const char *id, struct error *err);
void layerdir_abort(struct layerdir *l, const char *tmp);

/* Give folder `to` the mode and the owner of folder `from`. 0, or -1 with errno. */
int layerdir_copy_owner(int dirfd, const char *from, const char *to);

/* "extfs", "xfs", "btrfs", ... of the folder, as Docker names them. */
const char *layerdir_filesystem(const char *path);

#endif
