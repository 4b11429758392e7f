/* Layers by chain id: adding, sharing, deleting, finding again at open. See internal.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "graph/internal.h"
#include "graph/untar.h"
#include "pkg/fs.h"
#include "pkg/id.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"

void layer_chain_id(const char *parent_chain, const char *diff_id, char out[DIGEST_SIZE])
{
	autofree char *text = NULL;

	if (!parent_chain) {
		snprintf(out, DIGEST_SIZE, "%s", diff_id);
		return;
	}
	text = xasprintf("%s %s", parent_chain, diff_id);
	digest_of(text, strlen(text), out);
}

int layer_chain_of_config(const json_t *config, struct strlist *chains, struct error *err)
{
	const json_t *diffs = json_get_arr(json_get_obj(config, "rootfs"), "diff_ids"), *v;
	char chain[DIGEST_SIZE];
	size_t i;

	json_array_foreach(diffs, i, v) {
		const char *diff = json_string_value(v);

		if (!diff || !digest_is_valid(diff))
			return error_set(err, ERR_BAD_REQUEST, "invalid rootfs in image config");
		layer_chain_id(i ? chain : NULL, diff, chain);
		strlist_add(chains, chain);
	}
	return 0;
}

int64_t layer_total_size(const struct layer *l)
{
	int64_t sum = 0;

	for (; l; l = l->parent)
		if (__builtin_add_overflow(sum, l->size, &sum))
			return INT64_MAX;
	return sum;
}

json_t *graph_layer_sizes(struct graph *g)
{
	json_t *sizes = json_object();
	const char *chain;
	void *value;
	size_t pos = 0;

	pthread_mutex_lock(&g->lock);
	while ((chain = map_next(&g->layers, &pos, &value)))
		json_object_set_new(sizes, chain, json_integer(((struct layer *)value)->size));
	pthread_mutex_unlock(&g->lock);
	return sizes;
}

struct layer *layer_ref(struct graph *g, struct layer *l)
{
	if (!l)
		return NULL;
	pthread_mutex_lock(&g->lock);
	l->refs++;
	pthread_mutex_unlock(&g->lock);
	return l;
}

struct layer *layer_get(struct graph *g, const char *chain)
{
	struct layer *l;

	pthread_mutex_lock(&g->lock);
	l = map_get(&g->layers, chain);
	if (l)
		l->refs++;
	pthread_mutex_unlock(&g->lock);
	return l;
}

/*
 * Take a layer that nothing refers to out of the store: it is gone from the map and, by one rename,
 * from the disk. Under the lock, so that the same layer can come in again at once.
 */
static void unpublish(struct graph *g, struct layer *l, char aside[SCRATCH_SIZE])
{
	map_del(&g->layers, l->chain);
	id_random_hex(aside, (SCRATCH_SIZE - 1) / 2);
	if (renameat(g->layers_fd, digest_hex(l->chain), g->tmp_fd, aside) < 0)
		log_warn("cannot remove layer %s: %s, ignoring", l->chain, error_words(errno));
}

static void delete_files(struct graph *g, const struct layer *l, const char *aside)
{
	struct error err;

	init_forget(g, l->name);
	if (g->ops->remove(g->self, l->name, &err) < 0)
		log_warn("%s, ignoring", err.text); /* the next start finds it */
	scratch_remove(g, aside);
}

void layer_release_reporting(struct graph *g, struct layer *l, json_t *done)
{
	while (l) {
		struct layer *parent = l->parent;
		char aside[SCRATCH_SIZE];
		bool last;

		pthread_mutex_lock(&g->lock);
		last = --l->refs == 0;
		if (last)
			unpublish(g, l, aside);
		pthread_mutex_unlock(&g->lock);
		if (!last)
			return;
		delete_files(g, l, aside);
		if (done)
			json_array_append_new(done, json_pack("{ss}", "Deleted", l->chain));
		free(l);
		l = parent; /* the reference that the child held */
	}
}

void layer_release(struct graph *g, struct layer *l)
{
	layer_release_reporting(g, l, NULL);
}

/* A short name: 127 of them must fit into one page of mount options. */
static void make_name(char out[LAYER_NAME_SIZE])
{
	out[0] = 'l';
	id_random_hex(out + 1, 5);
}

void making_drop(struct graph *g, struct making *m)
{
	struct error err;

	if (m->dir >= 0)
		close(m->dir);
	if (*m->name && g->ops->remove(g->self, m->name, &err) < 0)
		log_warn("%s, ignoring", err.text); /* the next start finds it */
	if (*m->scratch)
		scratch_remove(g, m->scratch);
}

static int begin_making(struct graph *g, struct layer *parent, struct making *m, struct error *err)
{
	if (scratch_make(g, m->scratch, err) < 0) {
		*m->scratch = '\0';
		return -1;
	}
	m->dir = openat(g->tmp_fd, m->scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->dir < 0)
		return error_sys(err, "cannot open a scratch folder");
	make_name(m->name);
	return g->ops->create(g->self, m->name, parent ? parent->name : NULL, false, err);
}

static int unpack_into(struct graph *g, struct making *m, const struct layer_source *src,
		       struct error *err)
{
	autofree char *dir = g->ops->diff_path(g->self, m->name);
	autoclose int record =
		openat(m->dir, "record", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct unpack u = {
		.kind = g->ops->diff_is_whole ? UNTAR_WHOLE : UNTAR_OVERLAY,
		.dir = dir,
		.record_fd = record,
		.read = src->read,
		.from = src->from,
		.progress = src->progress,
		.progress_arg = src->progress_arg,
	};

	if (record < 0)
		return error_sys(err, "cannot record a layer");
	if (unpack(&u, &m->result, err) < 0)
		return -1;
	if (src->diff_id && strcmp(src->diff_id, m->result.diff_id) != 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid diffID for layer: expected \"%s\", got \"%s\"",
				 src->diff_id, m->result.diff_id);
	return src->check ? src->check(src->from, err) : 0;
}

static int save_meta(struct making *m, const struct layer *parent, struct error *err)
{
	autojson json_t *j = json_pack("{ss ss ss? sI sI sb}", "diff", m->result.diff_id, "name",
				       m->name, "parent", parent ? parent->chain : NULL, "size",
				       (json_int_t)m->result.size, "tarsize",
				       (json_int_t)m->result.tar_size, "root", m->result.has_root);
	autofree char *text = json_text(j);

	if (fs_save_atomic(m->dir, "meta", text, strlen(text), 0600, 0) < 0)
		return error_sys(err, "cannot save a layer");
	if (sync_mark(m->dir, ".") < 0)
		return error_sys(err, "cannot save a layer");
	return 0;
}

static struct layer *new_layer(const struct making *m, struct layer *parent, const char *chain)
{
	struct layer *l = xcalloc(1, sizeof(*l));

	snprintf(l->chain, sizeof(l->chain), "%s", chain);
	snprintf(l->diff, sizeof(l->diff), "%s", m->result.diff_id);
	snprintf(l->name, sizeof(l->name), "%s", m->name);
	l->parent = parent;
	l->size = m->result.size;
	l->tar_size = m->result.tar_size;
	l->refs = 1;
	return l;
}

/* Make the layer known, unless somebody was faster with the same one; *ours says which. */
static struct layer *publish(struct graph *g, struct making *m, struct layer *parent, bool *ours,
			     struct error *err)
{
	char chain[DIGEST_SIZE];
	struct layer *l;

	*ours = false;
	layer_chain_id(parent ? parent->chain : NULL, m->result.diff_id, chain);
	pthread_mutex_lock(&g->lock);
	l = map_get(&g->layers, chain);
	if (l) {
		l->refs++;
	} else if (renameat(g->tmp_fd, m->scratch, g->layers_fd, digest_hex(chain)) == 0) {
		l = new_layer(m, parent, chain);
		map_set(&g->layers, chain, l);
		if (parent)
			parent->refs++;
		*ours = true;
	} else {
		error_sys(err, "cannot save layer %s", chain);
	}
	pthread_mutex_unlock(&g->lock);
	return l;
}

int making_run(struct graph *g, struct layer *parent, const struct layer_source *src,
	       struct making *m, struct error *err)
{
	if (begin_making(g, parent, m, err) < 0 || unpack_into(g, m, src, err) < 0)
		return -1;
	return save_meta(m, parent, err);
}

struct layer *layer_add(struct graph *g, struct layer *parent, const struct layer_source *src,
			struct error *err)
{
	struct making m = { .dir = -1 };
	struct layer *l = NULL;
	bool ours = false;

	if (making_run(g, parent, src, &m, err) == 0)
		l = publish(g, &m, parent, &ours, err);
	if (!ours) {
		making_drop(g, &m);
		return l;
	}
	close(m.dir);
	sync_start(g);
	return l;
}

bool layer_is_synced(int dir, const char *hex)
{
	autofree char *path = xasprintf("%s/" UNSYNCED, hex);
	autobuf struct buf made = BUF_INIT(256), now = BUF_INIT(256);

	if (fs_read_file(dir, path, &made) < 0)
		return errno == ENOENT;
	return sync_boot_id(&now) && strcmp(buf_text(&made), buf_text(&now)) == 0;
}

struct layer *layer_read(struct graph *g, int dir, const char *hex, const char *chain,
			 char **parent)
{
	autofree char *path = xasprintf("%s/meta", hex);
	autobuf struct buf text = BUF_INIT(4096);
	autojson json_t *meta = NULL;
	const char *diff, *name, *up;
	struct layer *l;

	if (!id_is_full(hex) || !layer_is_synced(dir, hex) || fs_read_file(dir, path, &text) < 0)
		return NULL;
	meta = json_parse(buf_text(&text), text.len, NULL);
	diff = json_get_str(meta, "diff", "");
	name = json_get_str(meta, "name", "");
	up = json_get_str(meta, "parent", NULL);
	if (!digest_is_valid(diff) || (up && !digest_is_valid(up)) ||
	    strlen(name) >= LAYER_NAME_SIZE || !g->ops->exists(g->self, name))
		return NULL;
	l = xcalloc(1, sizeof(*l));
	snprintf(l->chain, sizeof(l->chain), "%s", chain);
	snprintf(l->diff, sizeof(l->diff), "%s", diff);
	snprintf(l->name, sizeof(l->name), "%s", name);
	l->size = json_get_int(meta, "size", 0);
	l->tar_size = json_get_int(meta, "tarsize", -1);
	*parent = up ? xstrdup(up) : NULL;
	return l;
}

/* Remove what is not a whole layer. */
static void discard(struct graph *g, const char *name)
{
	log_warn("removing the incomplete layer %s", name);
	if (fs_remove_tree(g->layers_fd, name) < 0)
		log_warn("cannot remove layer %s: %s, ignoring", name, error_words(errno));
}

/* Tie layers to their parents. A layer without its parent goes, and then those on top of it. */
static void link_parents(struct graph *g, struct map *parents)
{
	const char *chain;
	void *value;
	size_t pos = 0;

	while ((chain = map_next(&g->layers, &pos, &value))) {
		struct layer *l = value, *up;
		const char *wanted = map_get(parents, chain);
		char expect[DIGEST_SIZE];

		if (!wanted || l->parent)
			continue;
		up = map_get(&g->layers, wanted);
		layer_chain_id(wanted, l->diff, expect);
		if (up && strcmp(expect, l->chain) == 0) {
			l->parent = up;
			up->refs++;
			continue;
		}
		discard(g, digest_hex(l->chain));
		map_del(&g->layers, l->chain);
		for (size_t i = 0; map_next(&g->layers, &i, &value);)
			if (((struct layer *)value)->parent == l)
				((struct layer *)value)->parent = NULL;
		free(l);
		pos = 0; /* the map has changed */
	}
}

int layer_load_all(struct graph *g, struct error *err)
{
	int fd = openat(g->layers_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct map parents = MAP_INIT;
	struct dirent *e;
	void *value;
	size_t pos = 0;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return error_sys(err, "cannot read the layers");
	}
	while ((e = readdir(d))) {
		autofree char *chain = xasprintf(DIGEST_PREFIX "%.64s", e->d_name);
		char *parent = NULL;
		struct layer *l;

		if (e->d_name[0] == '.')
			continue;
		l = layer_read(g, g->layers_fd, e->d_name, chain, &parent);
		if (l)
			map_set(&g->layers, l->chain, l);
		else
			discard(g, e->d_name);
		if (parent)
			map_set(&parents, l->chain, parent);
	}
	closedir(d);
	link_parents(g, &parents);
	while (map_next(&parents, &pos, &value))
		free(value);
	map_done(&parents);
	return 0;
}

void layer_sweep(struct graph *g)
{
	void *value;
	size_t pos = 0;

	while (map_next(&g->layers, &pos, &value)) {
		struct layer *l = value;

		if (l->refs)
			continue;
		l->refs = 1;
		layer_release(g, l); /* and its parents, if they were only its own */
		pos = 0;
	}
}
