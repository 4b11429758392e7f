/* Layers that wait for what they stand on: see internal.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "graph/internal.h"
#include "graph/origin.h"
#include "pkg/fs.h"
#include "pkg/id.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"

#define KEEP_SECONDS (7 * 24 * 3600) /* nobody goes on with that pull */

/* In the map. busy: somebody is putting it on what it stands on. */
struct ready {
	char name[LAYER_NAME_SIZE];
	int64_t size; /* bytes of its files */
	bool busy;
};

static struct ready *ready_new(const char *name, int64_t size)
{
	struct ready *r = xcalloc(1, sizeof(*r));

	snprintf(r->name, sizeof(r->name), "%s", name);
	r->size = size;
	return r;
}

bool ready_is_supported(const struct graph *g)
{
	return g->ops->set_parent;
}

bool ready_has(struct graph *g, const char *diff_id)
{
	bool has;

	pthread_mutex_lock(&g->lock);
	has = map_get(&g->ready, diff_id);
	pthread_mutex_unlock(&g->lock);
	return has;
}

/* 1: it is ours now, 0: it was there already, -1. */
static int publish(struct graph *g, const struct making *m, struct error *err)
{
	int rc = 0;

	pthread_mutex_lock(&g->lock);
	if (!map_get(&g->ready, m->result.diff_id)) {
		rc = renameat(g->tmp_fd, m->scratch, g->ready_fd, digest_hex(m->result.diff_id)) < 0
			     ? error_sys(err, "cannot save layer %s", m->result.diff_id)
			     : 1;
		if (rc > 0)
			map_set(&g->ready, m->result.diff_id, ready_new(m->name, m->result.size));
	}
	pthread_mutex_unlock(&g->lock);
	return rc;
}

int ready_add(struct graph *g, const struct layer_source *src, const char *origin,
	      struct error *err)
{
	struct making m = { .dir = -1 };
	int rc = making_run(g, NULL, src, &m, err);

	if (rc == 0 && origin &&
	    fs_save_atomic(m.dir, ORIGIN_FILE, origin, strlen(origin), 0600, 0) < 0)
		rc = error_sys(err, "cannot save a layer");
	if (rc == 0)
		rc = publish(g, &m, err);
	if (rc <= 0) {
		making_drop(g, &m);
		return rc;
	}
	close(m.dir);
	sync_start(g);
	return 0;
}

static void discard(struct graph *g, const char *name)
{
	struct error err;

	if (g->ops->remove(g->self, name, &err) < 0)
		log_warn("%s, ignoring", err.text);
}

/*
 * Out of the folder of those that wait, for good: from here on it is a layer that is being made, and goes
 * at the next open if we do not come to the end. What it stands on is not on the disk yet: it is marked
 * again, also when the rest of it was synced long ago.
 */
static int take_out(struct graph *g, const char *diff_id, char scratch[SCRATCH_SIZE],
		    struct error *err)
{
	id_random_hex(scratch, (SCRATCH_SIZE - 1) / 2);
	if (renameat(g->ready_fd, digest_hex(diff_id), g->tmp_fd, scratch) < 0) {
		*scratch = '\0';
		return error_sys(err, "cannot take layer %s", diff_id);
	}
	return sync_mark(g->tmp_fd, scratch) < 0 ? error_sys(err, "cannot save layer %s", diff_id)
						 : 0;
}

/* Write down what it stands on. */
static int set_parent(struct graph *g, const char *scratch, const char *name,
		      const struct layer *parent, struct error *err)
{
	autofree char *path = xasprintf("%s/meta", scratch), *changed = NULL;
	autobuf struct buf text = BUF_INIT(4096);
	autojson json_t *meta = NULL;

	if (fs_read_file(g->tmp_fd, path, &text) < 0)
		return error_sys(err, "cannot read layer %s", name);
	meta = json_parse(buf_text(&text), text.len, err);
	if (!meta)
		return error_prefix(err, "layer %s", name);
	if (parent && g->ops->set_parent(g->self, name, parent->name,
					 !json_get_bool(meta, "root", true), err) < 0)
		return -1;
	json_object_set_new(meta, "parent", parent ? json_string(parent->chain) : json_null());
	changed = json_text(meta);
	if (fs_save_atomic(g->tmp_fd, path, changed, strlen(changed), 0600, 0) < 0)
		return error_sys(err, "cannot save layer %s", name);
	return 0;
}

/* Into the store, unless somebody was faster with the same one; then l is freed. */
static struct layer *publish_on(struct graph *g, struct layer *l, const char *scratch,
				struct layer *parent, struct error *err)
{
	struct layer *there;

	pthread_mutex_lock(&g->lock);
	there = map_get(&g->layers, l->chain);
	if (!there && renameat(g->tmp_fd, scratch, g->layers_fd, digest_hex(l->chain)) == 0) {
		l->parent = parent;
		l->refs = 1;
		if (parent)
			parent->refs++;
		map_set(&g->layers, l->chain, l);
		pthread_mutex_unlock(&g->lock);
		sync_start(g);
		return l;
	}
	if (there)
		there->refs++;
	else
		error_sys(err, "cannot save layer %s", l->chain);
	pthread_mutex_unlock(&g->lock);
	free(l);
	return there;
}

static struct layer *move(struct graph *g, const char *diff_id, const char *chain, const char *name,
			  struct layer *parent, struct error *err)
{
	char *unused = NULL, scratch[SCRATCH_SIZE] = "";
	struct layer *l = layer_read(g, g->ready_fd, digest_hex(diff_id), chain, &unused);
	bool whole = l;

	free(unused);
	if (take_out(g, diff_id, scratch, err) < 0 ||
	    set_parent(g, scratch, name, parent, err) < 0) {
		free(l);
		l = NULL;
	} else if (whole) {
		l = publish_on(g, l, scratch, parent, err);
	} else {
		error_set(err, ERR_INTERNAL, "layer %s is not whole", diff_id);
	}
	if (l && strcmp(l->name, name) == 0)
		return l;
	if (*scratch)
		scratch_remove(g, scratch);
	discard(g, name);
	return l;
}

/* Take it, for us alone: its driver's name, or "" when another has used it up meanwhile. */
static void claim(struct graph *g, const char *diff_id, char name[LAYER_NAME_SIZE])
{
	struct ready *r;

	*name = '\0';
	pthread_mutex_lock(&g->lock);
	while ((r = map_get(&g->ready, diff_id)) && r->busy)
		pthread_cond_wait(&g->changed, &g->lock);
	if (r) {
		r->busy = true;
		memcpy(name, r->name, LAYER_NAME_SIZE);
	}
	pthread_mutex_unlock(&g->lock);
}

static void forget(struct graph *g, const char *diff_id)
{
	pthread_mutex_lock(&g->lock);
	free(map_del(&g->ready, diff_id));
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

struct layer *ready_adopt(struct graph *g, struct layer *parent, const char *diff_id,
			  struct error *err)
{
	char chain[DIGEST_SIZE], name[LAYER_NAME_SIZE];
	struct layer *l = NULL;

	layer_chain_id(parent ? parent->chain : NULL, diff_id, chain);
	claim(g, diff_id, name);
	if (!*name) {
		l = layer_get(g, chain);
		if (!l)
			error_set(err, ERR_NOT_FOUND, "layer %s is not there", diff_id);
		return l;
	}
	l = move(g, diff_id, chain, name, parent, err);
	forget(g, diff_id);
	return l;
}

/* One that is claimed. */
static void throw_away(struct graph *g, const char *diff_id, const char *name)
{
	char aside[SCRATCH_SIZE];

	id_random_hex(aside, (SCRATCH_SIZE - 1) / 2);
	if (renameat(g->ready_fd, digest_hex(diff_id), g->tmp_fd, aside) == 0)
		scratch_remove(g, aside);
	discard(g, name);
	forget(g, diff_id);
}

void ready_drop(struct graph *g, const char *diff_id)
{
	char name[LAYER_NAME_SIZE];

	claim(g, diff_id, name);
	if (!*name)
		return;
	throw_away(g, diff_id, name);
}

/* Is it whole, and may somebody still come for it? NULL: no. */
static struct ready *read_one(struct graph *g, const char *hex)
{
	autofree char *diff = xasprintf(DIGEST_PREFIX "%.64s", hex);
	char *unused = NULL;
	struct ready *r;
	struct layer *l;
	struct stat st;

	if (!ready_is_supported(g) || fstatat(g->ready_fd, hex, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    time(NULL) - st.st_mtim.tv_sec > KEEP_SECONDS)
		return NULL;
	l = layer_read(g, g->ready_fd, hex, diff, &unused);
	free(unused);
	r = l && strcmp(l->diff, diff) == 0 ? ready_new(l->name, l->size) : NULL;
	free(l);
	return r;
}

int ready_load_all(struct graph *g, struct error *err)
{
	int fd = openat(g->ready_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return error_sys(err, "cannot read the layers that wait");
	}
	while ((e = readdir(d))) {
		autofree char *diff = xasprintf(DIGEST_PREFIX "%.64s", e->d_name);
		struct ready *r;

		if (e->d_name[0] == '.')
			continue;
		r = read_one(g, e->d_name);
		if (r)
			free(map_set(&g->ready, diff, r));
		else if (fs_remove_tree(g->ready_fd, e->d_name) < 0)
			log_warn("cannot remove layer %s: %s, ignoring", e->d_name,
				 error_words(errno));
	}
	closedir(d);
	return 0;
}

void ready_known(struct graph *g, struct strlist *names)
{
	void *value;
	size_t pos = 0;

	while (map_next(&g->ready, &pos, &value))
		strlist_add(names, ((struct ready *)value)->name);
}

/* One that nobody is at, claimed; false: there is none. */
static bool claim_any(struct graph *g, char diff_id[DIGEST_SIZE], struct ready *copy)
{
	const char *key;
	void *value;
	size_t pos = 0;
	bool found = false;

	pthread_mutex_lock(&g->lock);
	while (!found && (key = map_next(&g->ready, &pos, &value))) {
		struct ready *r = value;

		found = !r->busy;
		if (!found)
			continue;
		r->busy = true;
		*copy = *r;
		snprintf(diff_id, DIGEST_SIZE, "%s", key);
	}
	pthread_mutex_unlock(&g->lock);
	return found;
}

int64_t graph_prune_ready(struct graph *g)
{
	char diff_id[DIGEST_SIZE];
	struct ready r;
	int64_t bytes = 0;

	while (claim_any(g, diff_id, &r)) {
		throw_away(g, diff_id, r.name);
		bytes += r.size;
	}
	return bytes;
}
