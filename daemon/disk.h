/*
 * Containers on disk: <dir>/config.v2.json (what it is and does) and <dir>/hostconfig.json (how it
 * is to run), each replaced atomically. Saving does not wait for the disk: disk_sync_later() sees to
 * that within a second or so, away from whoever is waiting for an answer; it also saves what only
 * the runtime record (record.h) has by then.
 */
#ifndef DAEMON_DISK_H
#define DAEMON_DISK_H

#include "pkg/error.h"

struct container;
struct daemon;

int disk_create(struct container *c, struct error *err); /* the folder, mode 0700 */
void disk_delete(struct container *c);                   /* all of it, at once */
int disk_save(struct container *c, struct error *err);   /* config.v2.json */
int disk_save_host_config(struct container *c, struct error *err);
void disk_sync_later(struct daemon *d, struct container *c);
void disk_sync_all(struct daemon *d); /* now, but for what is in the middle of an operation */

/* A container from its folder, or NULL: ERR_NOT_FOUND when it is half-written or damaged. */
struct container *disk_load(const char *containers_dir, const char *id, struct error *err);

/*
 * Set the folder aside, which marks the container as removed for good, and delete it. In between
 * the write layer goes. disk_put_back() undoes the first step.
 */
int disk_set_aside(struct container *c, struct error *err);
int disk_put_back(struct container *c, struct error *err);
void disk_delete_aside(struct container *c);
/* Delete what earlier daemons set aside or left half-written in the folder of containers. */
void disk_sweep(const char *containers_dir);

#endif
