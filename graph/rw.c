/* The write layers of containers: see graph.h. Each is a reference to the layer below it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "graph/internal.h"
#include "pkg/log.h"
#include "pkg/mem.h"

#define NOTHING "-" /* in place of the name of a layer */

static struct layer *real(struct layer *l)
{
	return l == &graph_no_layer ? NULL : l;
}

/* A new reference to the top layer of an image; NULL with *ok for an image of nothing. */
static struct layer *top_of(struct graph *g, const char *image_id, bool *ok, struct error *err)
{
	struct layer *l = NULL;
	struct img *i;

	*ok = !image_id;
	if (!image_id)
		return NULL;
	pthread_mutex_lock(&g->lock);
	i = image_get(g, image_id);
	if (i) {
		*ok = true;
		l = i->top;
		if (l)
			l->refs++;
	}
	pthread_mutex_unlock(&g->lock);
	if (!*ok)
		error_set(err, ERR_NOT_FOUND, "No such image: %s", image_id);
	return l;
}

/* Tie the container to what is below it, on the disk by one link, and in memory. */
static int enlist(struct graph *g, const char *container_id, struct layer *l, struct error *err)
{
	if (symlinkat(l ? l->name : NOTHING, g->mounts_fd, container_id) < 0)
		return error_sys(err, "cannot save the write layer of %s", container_id);
	pthread_mutex_lock(&g->lock);
	map_set(&g->mounts, container_id, l ? l : &graph_no_layer);
	pthread_mutex_unlock(&g->lock);
	return 0;
}

int graph_rw_create(struct graph *g, const char *container_id, const char *image_id,
		    struct error *err)
{
	autofree char *init = NULL;
	struct layer *l;
	bool ok;

	l = top_of(g, image_id, &ok, err);
	if (!ok)
		return -1;
	init = init_ensure(g, l, err);
	if (init && g->ops->create(g->self, container_id, init, true, err) == 0) {
		if (enlist(g, container_id, l, err) == 0)
			return 0;
		(void)g->ops->remove(g->self, container_id, NULL); /* else at the next open */
	}
	layer_release(g, l);
	return -1;
}

static struct layer *find(struct graph *g, const char *container_id)
{
	struct layer *l;

	pthread_mutex_lock(&g->lock);
	l = map_get(&g->mounts, container_id);
	pthread_mutex_unlock(&g->lock);
	return l;
}

static int no_write_layer(const char *container_id, struct error *err)
{
	return error_set(err, ERR_NOT_FOUND, "container %s has no write layer", container_id);
}

int graph_rw_mount(struct graph *g, const char *container_id, struct graphdriver_mount *out,
		   struct error *err)
{
	if (!find(g, container_id))
		return no_write_layer(container_id, err);
	return g->ops->mount(g->self, container_id, out, err);
}

bool graph_rw_exists(struct graph *g, const char *container_id)
{
	return find(g, container_id) && g->ops->exists(g->self, container_id);
}

int graph_rw_remove(struct graph *g, const char *container_id, struct error *err)
{
	struct layer *l;

	pthread_mutex_lock(&g->lock);
	l = map_del(&g->mounts, container_id);
	pthread_mutex_unlock(&g->lock);
	if (!l)
		return 0;
	if (unlinkat(g->mounts_fd, container_id, 0) < 0 && errno != ENOENT) {
		error_sys(err, "cannot remove the write layer of %s", container_id);
		pthread_mutex_lock(&g->lock);
		map_set(&g->mounts, container_id, l);
		pthread_mutex_unlock(&g->lock);
		return -1;
	}
	layer_release(g, real(l));
	return g->ops->remove(g->self, container_id,
			      err); /* if this fails, the next open does it */
}

void graph_rw_sweep(struct graph *g, const struct strlist *known_ids)
{
	autostrlist struct strlist gone = STRLIST_INIT;
	struct error err;
	const char *id;
	void *value;
	size_t pos = 0;

	pthread_mutex_lock(&g->lock);
	while ((id = map_next(&g->mounts, &pos, &value)))
		if (!strlist_has(known_ids, id))
			strlist_add(&gone, id);
	pthread_mutex_unlock(&g->lock);
	for (size_t i = 0; i < gone.n; i++) {
		log_info("removing the write layer of %s, which is no container", gone.v[i]);
		if (graph_rw_remove(g, gone.v[i], &err) < 0)
			log_warn("%s, ignoring", err.text);
	}
}

static struct layer *layer_by_name(struct graph *g, const char *name)
{
	void *value;
	size_t pos = 0;

	if (strcmp(name, NOTHING) == 0)
		return &graph_no_layer;
	while (map_next(&g->layers, &pos, &value))
		if (strcmp(((struct layer *)value)->name, name) == 0)
			return value;
	return NULL;
}

static void load_one(struct graph *g, const char *container_id)
{
	char name[LAYER_NAME_SIZE + 1];
	ssize_t n = readlinkat(g->mounts_fd, container_id, name, sizeof(name) - 1);
	struct layer *l = NULL;

	if (n > 0) {
		name[n] = '\0';
		l = layer_by_name(g, name);
	}
	if (l && g->ops->exists(g->self, container_id)) {
		map_set(&g->mounts, container_id, l);
		l->refs++;
		return;
	}
	log_warn("the write layer of %s is incomplete, removing it", container_id);
	if (unlinkat(g->mounts_fd, container_id, 0) < 0)
		log_warn("cannot remove it: %s, ignoring", error_words(errno));
}

int rw_load_all(struct graph *g, struct error *err)
{
	int fd = openat(g->mounts_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return error_sys(err, "cannot read the write layers");
	}
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			load_one(g, e->d_name);
	closedir(d);
	return 0;
}

void rw_known(struct graph *g, struct strlist *names)
{
	const char *id;
	void *value;
	size_t pos = 0;

	if (g->base_init == INIT_READY)
		strlist_take(names, init_name(NULL));
	while (map_next(&g->layers, &pos, &value)) {
		const struct layer *l = value;

		strlist_add(names, l->name);
		if (l->init == INIT_READY)
			strlist_take(names, init_name(l));
	}
	ready_known(g, names);
	for (pos = 0; (id = map_next(&g->mounts, &pos, &value));)
		strlist_add(names, id);
}

bool rw_uses(struct graph *g, const struct layer *l)
{
	void *value;
	size_t pos = 0;

	while (map_next(&g->mounts, &pos, &value))
		if (value == l)
			return true;
	return false;
}

/* Sums up what a write layer holds; a file with several names counts once. */
struct sum {
	int64_t bytes;
	struct map seen; /* "dev:ino" of those files */
};

static int add_size(void *arg, const struct change *c)
{
	struct sum *s = arg;
	char key[48];

	if (!c->st || !S_ISREG(c->st->st_mode))
		return 0;
	if (c->st->st_nlink > 1) {
		snprintf(key, sizeof(key), "%ju:%ju", (uintmax_t)c->st->st_dev,
			 (uintmax_t)c->st->st_ino);
		if (map_set(&s->seen, key, s))
			return 0;
	}
	s->bytes += c->st->st_size;
	return 0;
}

int graph_rw_size(struct graph *g, const char *container_id, int64_t *rw, int64_t *rootfs,
		  struct error *err)
{
	struct sum s = { 0 };
	int64_t image = 0;
	struct layer *l;
	int rc;

	pthread_mutex_lock(&g->lock);
	l = map_get(&g->mounts, container_id);
	if (l)
		image = layer_total_size(real(l));
	pthread_mutex_unlock(&g->lock);
	if (!l)
		return no_write_layer(container_id, err);
	rc = changes_walk(g, container_id, add_size, &s, err);
	map_done(&s.seen);
	if (rc < 0)
		return -1;
	*rw = s.bytes;
	*rootfs = s.bytes + image;
	return 0;
}
