/*
 * Looking up paths in the folders below an overlay layer, as the kernel would: the nearest wins,
 * whiteouts and opaque folders hide what is under them. Nothing is mounted.
 */
#ifndef GRAPH_BELOW_H
#define GRAPH_BELOW_H

#include <stdbool.h>
#include <sys/stat.h>

#include "graphdriver/driver.h"

struct below;

/* upper: the layer's own folder, borrowed; its opaque folders hide as well. NULL with err. */
struct below *below_new(const struct graphdriver_ops *ops, void *self, const char *id, int upper,
			struct error *err);
void below_free(struct below *b);

/* 1 and *st when the path is there, 0 when not, -1 with errno. Quick for paths of one folder. */
int below_lookup(struct below *b, const char *path, struct stat *st);

bool below_is_opaque(int dir_fd);

#endif
