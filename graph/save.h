/*
 * Saving images: which ones, under which names, and what an archive says about them. The archive is
 * an OCI image layout (image-layout.md of the OCI image specification) that has the manifest.json
 * and the repositories of `docker save` as well, as Docker has written it since 25.0.
 *
 * Life cycle: save_add() for each name, save_prepare() once, read, save_done().
 */
#ifndef GRAPH_SAVE_H
#define GRAPH_SAVE_H

#include "graph/internal.h"

/* One image. While it is here its layers stay, also when somebody deletes it. */
struct save_image {
	char id[DIGEST_SIZE];
	char parent[DIGEST_SIZE]; /* "" unless it is saved as well */
	size_t depth;             /* how many parents are above it */
	struct layer *top;        /* a reference; NULL: no layers */
	struct strlist tags;      /* sorted, each once */
	size_t config_size;       /* bytes */
	char *manifest;           /* OCI manifest, and its digest */
	char manifest_digest[DIGEST_SIZE];
};

/* A layer's blob, once for all images that have it. */
struct save_layer {
	struct layer *layer; /* borrowed from the images */
	int64_t size;        /* of its tar */
};

struct save {
	struct graph *g;
	struct save_image *images; /* after save_prepare(): parents first, then by id */
	size_t n;
	struct save_layer *layers; /* base first, in the order of the images */
	size_t nlayers;
	char *index, *docker_manifest, *repositories; /* the files of these names */
};
void save_done(struct save *s);

/*
 * Add what a user names: a repository alone is all of its names, a name with tag or digest is that
 * one, an id the image without any name. ERR_NOT_FOUND "No such image: ...", ERR_BAD_REQUEST for a
 * malformed name.
 */
int save_add(struct save *s, const char *name, struct error *err);

/*
 * Bring what was added into an order that does not depend on how it was asked for, and compose all
 * texts. 0, or -1 with ERR_INTERNAL: something of an image cannot be read, or was changed.
 */
int save_prepare(struct save *s, struct error *err);

/* The config of an image, byte for byte, appended to text; checked against its id. 0, or -1 with err. */
int save_read_config(const struct save *s, const char *id, struct buf *text, struct error *err);

/* save_text.c: the texts of save_prepare(), once images and layers stand. */
int save_compose(struct save *s, struct error *err);

#endif
