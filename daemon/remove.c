/*
 * Removing a container: it is claimed, ended if need be, set aside on disk, and gone; its files are
 * deleted last. A crash in between is finished by the next daemon (restore.c).
 */
#include <stdio.h>

#include "daemon/disk.h"
#include "daemon/execs.h"
#include "daemon/internal.h"
#include "daemon/mounts.h"
#include "daemon/pending.h"
#include "daemon/record.h"
#include "graph/graph.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"

/* Only one removal at a time, and only one that is allowed. */
static int claim(struct container *c, unsigned flags, struct error *err)
{
	const struct container_state *s = &c->state;
	int rc = 0;

	pthread_mutex_lock(&c->lock);
	if (c->removed)
		rc = error_set(err, ERR_NOT_FOUND, "No such container: %s", c->id);
	else if (s->removing)
		rc = error_set(err, ERR_CONFLICT, "removal of container %s is already in progress",
			       c->id);
	else if (s->running && !(flags & REMOVE_FORCE) && s->paused)
		rc = error_set(err, ERR_CONFLICT,
			       "cannot remove container \"%s\": container is paused and must be "
			       "unpaused first",
			       c->name);
	else if (s->running && !(flags & REMOVE_FORCE))
		rc = error_set(err, ERR_CONFLICT,
			       "cannot remove container \"%s\": container is %s: stop the "
			       "container before removing or force remove",
			       c->name, state_status(s));
	else
		c->state.removing = true;
	pthread_mutex_unlock(&c->lock);
	return rc;
}

static void set_dead(struct container *c, bool dead)
{
	pthread_mutex_lock(&c->lock);
	c->state.removing = false;
	c->state.dead |= dead;
	container_changed_locked(c, false);
	pthread_mutex_unlock(&c->lock);
}

static int remove_layer(struct daemon *d, struct container *c, struct error *err)
{
	struct error e;

	if (disk_set_aside(c, err) < 0)
		return -1;
	if (graph_rw_remove(d->graph, c->id, err) == 0)
		return 0;
	if (disk_put_back(c, &e) < 0)
		log_error("%s", e.text);
	return error_prefix(err, "container %s: failed to remove its root filesystem", c->id);
}

static void forget(struct daemon *d, struct container *c)
{
	store_remove(d->store, c);
	container_event(d, c, "destroy", NULL);
	pthread_mutex_lock(&c->lock);
	c->removed = true;
	container_changed_locked(c, false);
	pthread_mutex_unlock(&c->lock);
	pending_drop_all(c);
	execs_forget_container(d->execs, c->id);
}

int container_remove_now(struct daemon *d, struct container *c, unsigned flags, struct error *err)
{
	autojson json_t *mounts = container_mounts(c);

	pthread_mutex_lock(&c->lock);
	c->state.removing = true;
	pthread_mutex_unlock(&c->lock);
	if (remove_layer(d, c, err) < 0) {
		set_dead(c, true);
		return -1;
	}
	forget(d, c);
	if (flags & REMOVE_VOLUMES)
		mounts_remove_anonymous(d, mounts);
	record_remove(d, c);
	disk_delete_aside(c);
	return 0;
}

int container_remove(struct daemon *d, struct container *c, struct job *job, unsigned flags,
		     struct error *err)
{
	int rc;

	if (claim(c, flags, err) < 0)
		return -1;
	if (flags & REMOVE_FORCE && container_kill(d, c, job, err) < 0) {
		set_dead(c, false);
		return error_prefix(err, "cannot remove container %s", c->id);
	}
	if (container_begin(c, OP_REMOVE, job, err) < 0) {
		set_dead(c, false);
		return -1;
	}
	rc = container_remove_now(d, c, flags, err);
	container_end(c);
	return rc;
}
