/*
 * Loading archives of images. The archive is unpacked into a folder of its own; what is read from
 * there stays inside of it, whatever links it holds, and is checked against every digest that names it.
 */
#ifndef GRAPH_LOAD_H
#define GRAPH_LOAD_H

#include <stdbool.h>

#include "engine/job.h"
#include "graph/internal.h"

struct load {
	struct graph *g;
	struct job *job;
	int dir; /* the archive */
	bool quiet;
};

/* One image, as the archive describes it. */
struct load_image {
	const char *config; /* its bytes */
	size_t nconfig;
	struct strlist layers;  /* paths, base first */
	struct strlist digests; /* what the blobs must be; empty: not known */
	const char *parent;     /* id of an image, or NULL */
};

bool load_has(const struct load *l, const char *path);
/* Open a regular file of the archive; -1 with err. */
int load_open(const struct load *l, const char *path, struct error *err);
/* Append a file of at most CONFIG_MAX bytes. Names that are digests are checked. */
int load_read(const struct load *l, const char *path, struct buf *b, struct error *err);
json_t *load_read_json(const struct load *l, const char *path, struct error *err);

/* Put it into the store, with the layers that are not there yet. */
int load_add(struct load *l, const struct load_image *i, char id[DIGEST_SIZE], struct error *err);
/* Give it its names (an array of strings, or NULL), tell the client, and everybody. */
int load_name(struct load *l, const char *id, const json_t *names, struct error *err);

/* The three kinds of archive. */
int load_docker(struct load *l, struct error *err); /* manifest.json */
int load_oci(struct load *l, struct error *err);    /* index.json */
int load_legacy(struct load *l, struct error *err); /* repositories */

#endif
