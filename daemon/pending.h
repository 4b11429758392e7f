/*
 * Clients that attached to a container which does not run yet: their connections are kept until
 * the next start, and dropped when they hung up meanwhile or the container goes.
 */
#ifndef DAEMON_PENDING_H
#define DAEMON_PENDING_H

#include <stdbool.h>

#include "execdriver/driver.h"
#include "pkg/buf.h"
#include "pkg/detachkeys.h"
#include "pkg/error.h"
#include "pkg/list.h"

struct container;

#define PENDING_KEYS_SIZE (DETACHKEYS_MAX + 1)

enum {
	PENDING_MAX = 64,              /* clients that may wait for one container */
	PENDING_INPUT_MAX = 64 * 1024, /* bytes of stdin that came with the request */
};

struct pending_attach {
	struct list link;
	struct exec_attach attach; /* pending points into input, detach_keys to keys */
	struct buf input;
	char *keys;
};

/* Takes a over, list element or not. ERR_CONFLICT when too many wait already. */
int pending_add_locked(struct container *c, struct pending_attach *a, struct error *err);

/*
 * All that wait and are still there, in order, as an array for execdriver_run(), which takes their
 * descriptors. *n is their number. Free with pending_taken_free(), which closes no descriptor.
 */
struct pending_taken {
	struct exec_attach *v;
	size_t n;
	struct list owners;
};
void pending_take_locked(struct container *c, struct pending_taken *out);
void pending_taken_free(struct pending_taken *t);
void pending_taken_close(struct pending_taken *t); /* descriptors too: nobody took them */

/*
 * A client that is told to go ahead must not miss the start that it asks for next: attach begins
 * before the head of its answer goes out and ends once the client is in the list; a start awaits
 * those under way, a second at most.
 */
void pending_begin(struct container *c);
void pending_end(struct container *c);
void pending_await(struct container *c);

void pending_drop_all(struct container *c); /* locks the container itself */

struct pending_attach *pending_new(void);
void pending_free(struct pending_attach *a); /* closes the descriptor */
bool pending_is_hung_up(int fd);

/*
 * "ctrl-x,y" as the bytes and the NUL that struct exec_attach takes: "" for "", which leaves it to
 * the driver. -1 for what is no such list, or has a key that cannot be told from the end.
 */
int pending_detach_keys(const char *text, char out[PENDING_KEYS_SIZE]);

#endif
