/*
 * The image store: images by id (sha256 of their config), layers by chain id, names and tags, and
 * the write layers of containers. What unpacks bytes from outside does so in a confined child.
 *
 * Thread-safe. Locks are held for memory work only.
 */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "graphdriver/driver.h"
#include "pkg/error.h"
#include "pkg/strlist.h"

struct engine;
struct graph;
struct registry;

/*
 * Opens (and repairs: half-written things are removed) the store under <root>. registry: where images
 * are pulled from, borrowed; NULL: nowhere.
 */
struct graph *graph_open(const char *root, struct graphdriver *driver,
			 const struct registry *registry, struct error *err);
void graph_close(struct graph *g);
/* Installs the jobs images, image_inspect, history, tag, import, load, ... */
int graph_install(struct graph *g, struct engine *e, struct error *err);

/* One image; a copy that the caller frees. */
struct image {
	char id[72];    /* "sha256:" and 64 hex digits */
	json_t *config; /* the whole image config: architecture, config, rootfs, history, ... */
	int64_t size;   /* bytes, all layers */
	struct strlist tags;    /* "busybox:latest", as users write them */
	struct strlist digests; /* "busybox@sha256:..." */
};
void image_free(struct image *i);

/*
 * name: "repo", "repo:tag", "repo@digest", "sha256:HEX", or a unique prefix of an id. ERR_NOT_FOUND
 * "No such image: repo:tag" (with the default tag), ERR_BAD_REQUEST for a malformed reference.
 */
struct image *graph_lookup(struct graph *g, const char *name, struct error *err);
size_t graph_count(struct graph *g);
/*
 * {"sha256:...": bytes} of all layers, by chain id; a new object. Counted are the bytes of regular
 * files as their lengths say (holes included), each once: no blocks, no folders. (Docker adds the
 * lengths of symbolic links.)
 */
json_t *graph_layer_sizes(struct graph *g);

/*
 * Untag or delete what `name` says, as `docker rmi`. Appends {"Untagged":...} and {"Deleted":...}
 * to the array done. The caller has checked that no container is in the way.
 */
int graph_delete(struct graph *g, const char *name, bool force, bool noprune, json_t *done,
		 struct error *err);

/*
 * Delete the layers that wait for a pull to be gone on with (one that is under way fetches them anew);
 * the bytes of their files.
 */
int64_t graph_prune_ready(struct graph *g);

/*
 * The write layer of a container on top of an image (NULL: on nothing). Between the two is a shared
 * layer, made once per image, with the mount points that every container needs (/dev, /proc, /sys,
 * /etc/hosts, /etc/hostname, /etc/resolv.conf, /.dockerenv ...), so that they are no change of the
 * container's own.
 */
int graph_rw_create(struct graph *g, const char *container_id, const char *image_id,
		    struct error *err);
int graph_rw_mount(struct graph *g, const char *container_id, struct graphdriver_mount *out,
		   struct error *err);
/* Quick: the layer is set aside, its files go later, on a thread of the store. ENOENT is success. */
int graph_rw_remove(struct graph *g, const char *container_id, struct error *err);
bool graph_rw_exists(struct graph *g, const char *container_id);
/* Remove write layers whose container is not in the (sorted) list. */
void graph_rw_sweep(struct graph *g, const struct strlist *known_ids);

/* [{"Path":"/x","Kind":0|1|2}], sorted by path: modified, added, deleted. */
json_t *graph_rw_changes(struct graph *g, const char *container_id, struct error *err);
/* Bytes of the write layer, and of the whole root filesystem. */
int graph_rw_size(struct graph *g, const char *container_id, int64_t *rw, int64_t *rootfs,
		  struct error *err);
/* Write a tar of the whole root filesystem to fd. */
int graph_rw_export(struct graph *g, const char *container_id, int fd, struct error *err);
/*
 * Make an image of a write layer: config is the image config without rootfs, history and created's
 * new entry (they are added); created_by, author, comment go to history. id gets "sha256:...".
 */
struct graph_commit {
	const char *container_id;
	const char *parent_id; /* image the container came from, or NULL */
	json_t *config;        /* borrowed: runtime Config for the new image */
	const char *author, *comment, *created_by;
	const char *repo_tag; /* "repo:tag" to name it, or NULL */
};
int graph_commit(struct graph *g, const struct graph_commit *c, char id[72], struct error *err);

#endif
