/* Composing the configs of images that are made here (OCI image specification, config.md). */
#ifndef GRAPH_CONFIG_H
#define GRAPH_CONFIG_H

#include <jansson.h>
#include <stdbool.h>

/* One step of an image's history. Members may be NULL or "". */
struct config_entry {
	const char *author, *comment, *created_by;
	bool empty_layer;
};

/* A config of nothing, for this machine: architecture, os, an empty rootfs. A new reference. */
json_t *config_new(void);

/* The architecture of this machine in Go's words: "amd64", "arm64". */
const char *config_architecture(void);

/* Append a step, made now, and its layer (NULL: none); sets created as well. */
void config_add_entry(json_t *config, const struct config_entry *e, const char *diff_id);

#endif
