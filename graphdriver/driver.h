/*
 * Graph drivers: how stacked folders are stored. A driver knows nothing of images; it keeps folders
 * by id, each a change on top of a parent, and says how a container can mount one.
 *
 * To add a driver: fill a const struct graphdriver_ops in a file of its own and add it to the table
 * in driver.c, in the order in which drivers are probed.
 */
#ifndef GRAPHDRIVER_DRIVER_H
#define GRAPHDRIVER_DRIVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pkg/error.h"
#include "pkg/reexec.h"
#include "pkg/strlist.h"

struct graphdriver;

/* How to mount a layer with all its parents; for whoever sets up a mount namespace. */
struct graphdriver_mount {
	bool overlay; /* else: path is the folder itself */
	char *path;   /* absolute; for overlay the folder that the options are relative to */
	char *options; /* overlay: "lowerdir=...,upperdir=...,workdir=..."; read-only layers have no upper */
};
void graphdriver_mount_done(struct graphdriver_mount *m);

enum graphdriver_mount_flags {
	GRAPHDRIVER_MOUNT_READONLY = 1,
	GRAPHDRIVER_MOUNT_VOLATILE = 2, /* no sync at the end, where the kernel knows that */
};
/*
 * Mount at target what path and options ("": none) of a struct graphdriver_mount say. Only for
 * single-threaded helpers in a mount namespace of their own; changes the working directory. 0, or
 * -1 with errno.
 */
int graphdriver_mount_at(const char *path, const char *options, const char *target, unsigned flags);

struct graphdriver_ops {
	const char *name;
	/* Can this driver work on that folder, which need not exist? Answered by trying it. 0, or -1
	 * with a sentence that says why not; what was made for the trial is gone then. */
	int (*probe)(const char *root, struct error *err);
	void *(*open)(const char *root, char *const *options, struct error *err);
	void (*close)(void *self);
	/* A new empty layer; parent NULL for a base. rw: a container's, which may be mounted writable. */
	int (*create)(void *self, const char *id, const char *parent, bool rw, struct error *err);
	/*
	 * Put a layer that was created without a parent on top of one; owner: its root folder becomes
	 * like the parent's. NULL where a layer is made of its parent, so that it must come second.
	 */
	int (*set_parent)(void *self, const char *id, const char *parent, bool owner,
			  struct error *err);
	/* Quick: renamed aside, deleted later on a thread. An unknown id is fine. */
	int (*remove)(void *self, const char *id, struct error *err);
	bool (*exists)(void *self, const char *id);
	int (*mount)(void *self, const char *id, struct graphdriver_mount *out, struct error *err);
	/* The same, but read-only, even while the layer is mounted writable elsewhere. */
	int (*mount_readonly)(void *self, const char *id, struct graphdriver_mount *out,
			      struct error *err);
	/* The folder that holds this layer's own content; caller frees. overlay: only the change itself,
	 * with overlay whiteouts; btrfs and vfs: the whole file system. */
	char *(*diff_path)(void *self, const char *id);
	/* [["Backing Filesystem","extfs"], ...] for /info, and GraphDriver.Data for inspect; new references. */
	json_t *(*status)(void *self);
	json_t *(*metadata)(void *self, const char *id);
	/* The ids of all layers, appended; 0, or -1 with err. */
	int (*list)(void *self, struct strlist *ids, struct error *err);
	bool diff_is_whole; /* btrfs, vfs: so is diff_path; a change is found by comparing two of them */
};

/*
 * Open a driver on <root>/<name>. name NULL or "": the one that made layers in root already, else
 * the first that can work. options: "name=value" texts, ends with NULL, may be NULL. The caller
 * frees with graphdriver_close(). NULL with err: ERR_BAD_REQUEST for a name that is no driver of
 * ours, ERR_CONFLICT when root holds the layers of several drivers, or of none but another engine's,
 * ERR_INTERNAL with the reason when the driver that was asked for, or was used before, cannot work.
 */
struct graphdriver *graphdriver_open(const char *root, const char *name, char *const *options,
				     struct error *err);
void graphdriver_close(struct graphdriver *d);
const char *graphdriver_name(const struct graphdriver *d);
const struct graphdriver_ops *graphdriver_ops(const struct graphdriver *d);
void *graphdriver_self(const struct graphdriver *d);
/* Why it is vfs, where nobody asked for that: one sentence, borrowed; else NULL. */
const char *graphdriver_note(const struct graphdriver *d);

/* For main(): the probe of overlay mounts something in a mount namespace of its own. */
extern const struct reexec_role graphdriver_probe_role;

#endif
