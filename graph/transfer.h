/*
 * Layers on their way from a registry, shared by all pulls that want them from there: whoever comes
 * second watches the first one's. A registry that is slow, or lies, keeps nobody from getting them
 * elsewhere. A transfer that nobody watches any more is given up.
 *
 * Life cycle: transfer_start(), transfer_look() now and then, transfer_leave(). Thread-safe.
 */
#ifndef GRAPH_TRANSFER_H
#define GRAPH_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "pkg/digest.h"
#include "pkg/error.h"

struct graph;
struct layer;
struct session;
struct transfer;
struct transfers;

enum transfer_state { TRANSFER_WAITING, TRANSFER_RUNNING, TRANSFER_DONE, TRANSFER_FAILED };

struct transfer_view {
	enum transfer_state state;
	int64_t bytes;    /* of the blob, so far */
	struct error err; /* when it failed */
};

/* A blob that holds a layer. */
struct transfer_blob {
	const char *digest, *diff_id, *type;
	const char *repository; /* "docker.io/library/busybox" */
	int64_t size;           /* bytes; -1: not known */
};

struct transfers *transfers_new(struct graph *g);
void transfers_free(struct transfers *t); /* when nobody watches one; waits for their ends */

/*
 * Have it come, onto parent (a reference is taken) if the driver needs to know that first. Both texts
 * and the session are copied or referenced. *joined: it was under way already, from wherever another pull
 * has it.
 */
struct transfer *transfer_start(struct transfers *t, struct session *s, struct layer *parent,
				const struct transfer_blob *blob, bool *joined);
struct transfer_view transfer_look(struct transfer *t);
/*
 * With the result, after it is done: the layer on parent, a reference. ERR_NOT_FOUND: somebody else
 * has used it up, start again.
 */
struct layer *transfer_take(struct transfer *t, struct layer *parent, struct error *err);
void transfer_leave(struct transfer *t);
/* Wait for any change of any transfer, at most so long. */
void transfers_wait(struct transfers *t, int ms);

#endif
