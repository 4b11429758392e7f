/*
 * Where a layer can be had: graph/layers/HEX/origin, a JSON list of the blobs that hold it,
 * [{"digest": of the blob, "size": bytes, "mediaType": ..., "repository": "docker.io/library/busybox"}],
 * the newest first. A push asks the registry for them before it packs the layer anew.
 */
#ifndef GRAPH_ORIGIN_H
#define GRAPH_ORIGIN_H

#include <jansson.h>
#include <stdint.h>

#define ORIGIN_FILE "origin"

struct graph;
struct layer;

/* A new object. */
json_t *origin_new(const char *digest, int64_t size, const char *type, const char *repository);
/* A new list, empty when nothing is known. */
json_t *origin_read(struct graph *g, const struct layer *l);
/* Note one more (borrowed). That it cannot be written is logged: it is only a convenience. */
void origin_add(struct graph *g, const struct layer *l, json_t *origin);

#endif
