/* What the files of the role docker-untar share. */
#ifndef GRAPH_UNTAR_INTERNAL_H
#define GRAPH_UNTAR_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "graph/record.h"
#include "pkg/error.h"
#include "pkg/map.h"
#include "pkg/tar.h"

enum untar_kind { KIND_OVERLAY, KIND_WHOLE, KIND_FILES };

/* What this archive has made at a path. */
struct made {
	enum tar_type type;
	struct timespec mtime; /* of a folder, set when all is there */
};

struct untar {
	enum untar_kind kind;
	int root; /* "/" of the chroot */
	struct record *record;
	struct map made; /* cleaned path -> struct made */
	char *parent;    /* the folder of the last entry and its descriptor, or NULL and -1 */
	int parent_fd;
	bool parent_stale;
	int64_t size;
	bool has_root; /* the archive had an entry for it */
};

/* One entry on its way to the disk: path is cleaned, base is its last part. */
struct target {
	const char *path, *base;
	int dir;
};

/* Open the folder of path, made if missing, and find the last part. */
int untar_locate(struct untar *u, const char *path, struct target *t, struct error *err);

/* Remove what is at the target, and record the content of this archive's files in it. */
int untar_remove(struct untar *u, const struct target *t, struct error *err);
/* Remove what is in a folder and not from this archive. */
int untar_empty(struct untar *u, const char *path, struct error *err);

/* Make the entry at the target, in place of what is there. */
int untar_make(struct untar *u, struct tar_reader *r, const struct tar_entry *e,
	       const struct target *t, struct error *err);

#endif
