/*
 * A container: what was asked for, what it is doing, and who waits for it.
 *
 * Life cycle: container_new() (or loaded from disk), in the store, container_unref() by everyone
 * who got a reference. The object outlives its removal as long as somebody holds one.
 *
 * Locks: store -> container. Under a container's lock there is memory work only: no job, mount,
 * spawn, disk write or client write. Slow work that must not overlap is fenced by the operation
 * token instead (container_begin), which is waited for on a descriptor.
 *
 * JSON members are replaced, never changed in place: take them with container_json_ref() and
 * friends under the lock, read without it.
 */
#ifndef DAEMON_CONTAINER_H
#define DAEMON_CONTAINER_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "daemon/state.h"
#include "pkg/buf.h"
#include "pkg/error.h"
#include "pkg/id.h"
#include "pkg/list.h"

struct job;

/* Slow work on a container, one at a time. */
enum container_op { OP_NONE, OP_START, OP_CLEANUP, OP_REMOVE, OP_CHANGE };

struct container {
	char id[ID_SIZE]; /* these are set at birth */
	struct timespec created;
	char *image_id; /* "sha256:...", or "" for an empty root */
	char *dir;      /* <root>/containers/<id> */
	char *log_path;
	atomic_int refs;

	pthread_mutex_t lock; /* guards all below */
	char *name;           /* with its leading slash */
	json_t *config, *host_config, *networking_config;
	json_t *mounts;  /* array of mount points, see mounts.h */
	json_t *network; /* what it has while it runs, see network.h; or NULL */
	struct container_state state;
	int restart_count, restart_delay_ms;
	unsigned restart_serial; /* a pending restart of an older serial is void */
	enum container_op op;
	bool cleanup_due; /* an exit was seen and its clean-up has not begun */
	bool early_exit;  /* the exit was seen before the start had ended */
	int early_status; /* and what it said */
	bool early_oom;
	struct timespec early_finished;
	char early_error[256];
	bool keep;           /* a `restart` is under way: AutoRemove must wait */
	bool removed;        /* gone from the store and the disk */
	bool unsynced;       /* on disk, but perhaps not yet through a power cut */
	struct list watches; /* struct container_watch */
	struct list pending; /* struct pending_attach: clients that wait for the start */
	size_t npending;
	unsigned attaching; /* clients on their way into that list */
	int attached_fd;    /* eventfd of the start that awaits them; -1: none does */
};

/* Both take over the JSON values. */
struct container *container_new(const char *id, const char *containers_dir);
struct container *container_ref(struct container *c);
void container_unref(struct container *c);

/* Copies under the lock; the caller frees or drops them. */
struct container_state container_state(struct container *c);
char *container_name(struct container *c);
json_t *container_config(struct container *c);
json_t *container_host_config(struct container *c);
json_t *container_mounts(struct container *c);
json_t *container_network(struct container *c); /* NULL when there is none */
json_t *container_networking(struct container *c);
void container_set_json(struct container *c, json_t **member, json_t *value); /* taken */

int container_restart_count(struct container *c);
bool container_has_tty(struct container *c);
bool container_is_auto_remove(struct container *c);

/*
 * The operation token. Waits until no other operation runs, and for all but OP_CLEANUP until the
 * clean-up of the last run is done. With a job the wait is ended by its cancellation
 * (ERR_CANCELLED); without one it is not ended.
 */
int container_begin(struct container *c, enum container_op op, struct job *job, struct error *err);
bool container_try_begin(struct container *c, enum container_op op); /* without waiting */
void container_end(struct container *c);

/*
 * Watching for changes of state. The descriptor is readable after any change; what the watch saw
 * is read with container_watch_read(). The first exit after container_watch() is kept.
 */
struct container_watch {
	struct list link;
	int fd;
	bool exited, removed;
	int exit_code;
	char error[512];
};
int container_watch(struct container *c, struct container_watch *w, struct error *err);
void container_unwatch(struct container *c, struct container_watch *w);
/* Drain the descriptor and copy what was seen; true when something happened. */
void container_watch_read(struct container *c, struct container_watch *w,
			  struct container_watch *seen);
/* With the lock held: tell every watch. exited: the state says how the run ended. */
void container_changed_locked(struct container *c, bool exited);

#endif
