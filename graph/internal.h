/*
 * What the files of the image store share. On disk, under <root>:
 *
 *	graph/driver                            the graph driver whose store this is; see owner.c
 *	graph/images/HEX/{config,meta}          an image: its config verbatim, and parent, last tag time
 *	graph/layers/HEX/{meta,record[,unsynced]}  a layer, by chain id; its files are the driver's
 *	graph/ready/HEX/...                     the same, by diff id, before its parent is known
 *	graph/mounts/ID -> LAYER                a write layer and the driver's name of what is below it
 *	graph/inits/NAME                        marks of init layers that are complete
 *	graph/_tmp/                             what is being made or deleted: emptied at open
 *	graph/_trash/                           what is deleted on a thread; see graphdriver/trash.h
 *	repositories-DRIVER                     names and tags
 *	tmp/                                    archives that are being loaded: emptied at open
 *
 * Nothing on disk says how often a layer is used: that is counted at open.
 */
#ifndef GRAPH_INTERNAL_H
#define GRAPH_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "engine/engine.h"
#include "graph/graph.h"
#include "graph/unpack.h"
#include "graphdriver/trash.h"
#include "pkg/buf.h"
#include "pkg/digest.h"
#include "pkg/map.h"
#include "pkg/reference.h"

#define CONFIG_MAX (8 * 1024 * 1024) /* bytes of an image's config, and of a manifest */
#define LAYER_NAME_SIZE 16

enum init_state { INIT_NONE, INIT_BUSY, INIT_READY };

/* Shared; freed when nothing refers to it any more, see layer_release(). */
struct layer {
	char chain[DIGEST_SIZE], diff[DIGEST_SIZE]; /* constant, as are the next three */
	char name[LAYER_NAME_SIZE];                 /* the driver's */
	struct layer *parent;                       /* NULL for a base; a reference */
	int64_t size;
	int64_t tar_size;     /* bytes of its tar; -1: not known yet, see layertar.h */
	unsigned refs;        /* images, children, write layers, and who works with it */
	enum init_state init; /* of NAME-init */
};

/* What is known of an image without reading its config. */
struct img {
	char id[DIGEST_SIZE], parent[DIGEST_SIZE]; /* constant; parent "" when there is none */
	struct layer *top;                         /* constant; a reference; NULL: no layers */
	struct timespec created;                   /* constant */
	struct timespec tagged;
	unsigned children;
};

struct graph {
	char *root;
	int fd, tmp_fd, images_fd, layers_fd, ready_fd; /* constant, as are the next */
	int mounts_fd, inits_fd;
	char *names_path;
	struct graphdriver *driver;
	const struct graphdriver_ops *ops;
	void *self;
	struct trash *trash;
	struct engine *engine; /* NULL until graph_install() */
	const struct registry *registry;
	struct transfers *transfers;

	pthread_mutex_t lock;   /* guards all below, and the members above that are not constant */
	pthread_cond_t changed; /* an init layer is ready, or will not be; the sync thread ended */
	struct map images;      /* id -> struct img */
	struct map layers;      /* chain id -> struct layer */
	struct map ready;       /* diff id -> struct ready, of layers that wait */
	struct map mounts;      /* container id -> struct layer, NULL_LAYER for none */
	json_t *names;          /* {"busybox": {"busybox:latest": "sha256:..."}} */
	enum init_state base_init;
	bool syncing, sync_again;

	pthread_mutex_t
		save_lock; /* held while the names are written: the last writer has the last word */
};

/* The value of a write layer that stands on nothing: a map cannot hold NULL. */
extern struct layer graph_no_layer;

/* owner.c: put the store of that driver at graph/, and another's aside. 0, or -1 with err. */
int owner_take(const char *root, const char *driver, struct error *err);

/* store.c: scratch folders under graph/_tmp. */
#define SCRATCH_SIZE 24
int scratch_make(struct graph *g, char name[SCRATCH_SIZE], struct error *err);
void scratch_remove(struct graph *g, const char *name);

/* layer.c. A layer that is returned is a reference: layer_release(). */
struct layer *layer_get(struct graph *g, const char *chain);
struct layer *layer_ref(struct graph *g, struct layer *l); /* NULL is fine */
void layer_release(struct graph *g, struct layer *l);      /* deletes it if it was the last */
/* The same, and {"Deleted": CHAIN-ID} is appended to done (may be NULL) for each that went. */
void layer_release_reporting(struct graph *g, struct layer *l, json_t *done);
struct layer_source {
	decompress_source *read;
	void *from;
	const char *diff_id; /* what it must be, or NULL */
	/* Called when all was unpacked, before it counts: 0, or -1 with err. NULL: nothing to check. */
	int (*check)(void *from, struct error *err);
	void (*progress)(void *arg, int64_t bytes);
	void *progress_arg;
};
/* Unpack a new layer on parent (NULL: a base), or find it there already. NULL with err. */
struct layer *layer_add(struct graph *g, struct layer *parent, const struct layer_source *src,
			struct error *err);
/*
 * ready.c: layers that came in on their own, side by side with others, and wait for what they stand on
 * (graph/ready). Only with drivers that can put a layer on another later. They outlive a pull that
 * fails, so that the next one goes on where it was.
 */
bool ready_is_supported(const struct graph *g);
bool ready_has(struct graph *g, const char *diff_id);
/* Unpack one; origin: JSON text that is kept with it, see origin.h. 0 also when it is there. */
int ready_add(struct graph *g, const struct layer_source *src, const char *origin,
	      struct error *err);
/* Make a layer of it, on parent (NULL: a base). ERR_NOT_FOUND: it is not there (any more). */
struct layer *ready_adopt(struct graph *g, struct layer *parent, const char *diff_id,
			  struct error *err);
/* One that is not needed after all: who was faster has made the layer of another copy. */
void ready_drop(struct graph *g, const char *diff_id);
int ready_load_all(struct graph *g, struct error *err);
void ready_known(struct graph *g, struct strlist *names); /* of the driver's folders */

void layer_chain_id(const char *parent_chain, const char *diff_id, char out[DIGEST_SIZE]);
int64_t layer_total_size(const struct layer *l); /* with all parents */
/* The chain ids of a config's rootfs, base first; ERR_BAD_REQUEST when there is none. */
int layer_chain_of_config(const json_t *config, struct strlist *chains, struct error *err);
int layer_load_all(struct graph *g, struct error *err);
void layer_sweep(struct graph *g); /* at open: delete what nothing refers to */

/* What the making of a layer consists of: layer.c, for ready.c. */
struct making {
	char scratch[SCRATCH_SIZE];
	char name[LAYER_NAME_SIZE];
	int dir; /* of the scratch folder; -1: none yet */
	struct unpacked result;
};
int making_run(struct graph *g, struct layer *parent, const struct layer_source *src,
	       struct making *m, struct error *err);
void making_drop(struct graph *g, struct making *m);
/* The layer of a folder under dir, with its parent's chain id (freed by the caller); NULL: not whole. */
struct layer *layer_read(struct graph *g, int dir, const char *hex, const char *chain,
			 char **parent);
/* Was all of it on the disk before the machine last went down? */
bool layer_is_synced(int dir, const char *hex);

/* sync.c: write to the disk in the background, then take away the marks of layers that were not. */
#define UNSYNCED "unsynced"
bool sync_boot_id(struct buf *b);
int sync_mark(int dir, const char *folder); /* 0, or -1 with errno */
void sync_start(struct graph *g);
void sync_wait(struct graph *g);

/* image.c */
struct img *image_get(struct graph *g, const char *id); /* under the lock; borrowed */
int image_add(struct graph *g, const char *config, size_t n, const char *parent, struct layer *top,
	      char id[DIGEST_SIZE], struct error *err);
/* Append an image's config as it came. */
int image_text(struct graph *g, const char *id, struct buf *text, struct error *err);
json_t *image_config(struct graph *g, const char *id, struct error *err); /* a new reference */
int image_remove(struct graph *g, const char *id, json_t *done, struct error *err);
int image_load_all(struct graph *g, struct error *err);
int image_save_meta(struct graph *g, const char *id, struct error *err);
/* The ids of all images, newest first. */
void image_ids(struct graph *g, struct strlist *ids);

/* names.c */
int names_load(struct graph *g, struct error *err);
/* Point a name (tag or digest, complete) at an image; "" in old: it is new. */
int names_set(struct graph *g, const struct reference *ref, const char *id, char old[DIGEST_SIZE],
	      struct error *err);
int names_unset(struct graph *g, const char *text, struct error *err);
/* The id that a name points at: under the lock, borrowed; NULL when there is none. */
const char *names_find(struct graph *g, const struct reference *ref);
/* The tags of a repository, sorted. */
void names_tags(struct graph *g, const struct reference *repository, struct strlist *tags);
/* All names of an image, sorted: tags and digests. Under the lock. */
void names_of(struct graph *g, const char *id, struct strlist *tags, struct strlist *digests);

/* lookup.c: the id that `name` says, without reading the image. */
int lookup_id(struct graph *g, const char *name, char id[DIGEST_SIZE], struct error *err);
bool lookup_is_id_prefix(const char *id, const char *name);

/* rw.c */
int rw_load_all(struct graph *g, struct error *err);
/* The names of all folders of the driver that belong to somebody. */
void rw_known(struct graph *g, struct strlist *names);
bool rw_uses(struct graph *g, const struct layer *l); /* under the lock */

/* init.c: make the init layer on top of l (NULL: on nothing), once; its name, which caller frees. */
char *init_ensure(struct graph *g, struct layer *l, struct error *err);
char *init_name(const struct layer *l);
void init_load(struct graph *g);
void init_forget(struct graph *g, const char *layer_name);

/* changes.c: what a write layer changed. */
enum change_kind { CHANGE_MODIFIED, CHANGE_ADDED, CHANGE_DELETED };
struct change {
	const char *path; /* without a slash at the front */
	enum change_kind kind;
	bool unchanged;        /* a folder that is there only for what is in it */
	bool opaque;           /* a folder that hides what was below it */
	const struct stat *st; /* NULL when deleted */
};
typedef int change_fn(void *arg, const struct change *c);
int changes_walk(struct graph *g, const char *container_id, change_fn *fn, void *arg,
		 struct error *err);

/* event.c: tell the job `log`, when there is one. */
void graph_event(struct graph *g, const char *action, const char *id, const char *name);
/* The same of a pull or push, which is told by what was named; repository: all of it. */
void graph_event_named(struct graph *g, const char *action, const char *reference,
		       const char *repository);
/* In two steps, for images that are gone by then: labels and name, and the telling, which takes them. */
json_t *graph_event_attributes(struct graph *g, const char *id, const char *name);
void graph_event_send(struct graph *g, const char *action, const char *id, json_t *attributes);

/* jobs.c */
extern const struct handler graph_handlers[];

#endif
