/*
 * The tar of a layer, as it came in: how long it is, and its bytes. They are made from the layer's
 * record and its files (record.h), and checked against the digest that names the layer.
 *
 * The caller holds a reference on the layer.
 */
#ifndef GRAPH_LAYERTAR_H
#define GRAPH_LAYERTAR_H

#include <stdint.h>

#include "graph/record.h"
#include "pkg/error.h"

struct graph;
struct layer;

/*
 * Its length in bytes. Known since the layer was made; for one that an earlier version made it is
 * counted once. 0, or -1 with ERR_INTERNAL when the record cannot be read.
 */
int layertar_size(struct graph *g, struct layer *l, int64_t *size, struct error *err);

/*
 * Hand all of it to write, in large pieces, and never more than size bytes. 0, or -1 with
 * ERR_INTERNAL: the layer was changed on the disk or cannot be read, or write failed. What was
 * handed on until then is of no use.
 */
int layertar_write(struct graph *g, const struct layer *l, int64_t size, record_sink *write,
		   void *to, struct error *err);

#endif
