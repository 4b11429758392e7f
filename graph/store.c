/* Opening and closing the image store, and its scratch space: see internal.h for the layout. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/engine.h"
#include "graph/internal.h"
#include "graph/transfer.h"
#include "pkg/fs.h"
#include "pkg/id.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"

struct layer graph_no_layer;

static int open_folder(const char *root, const char *name, int *fd, struct error *err)
{
	autofree char *path = xasprintf("%s/%s", root, name);

	if (fs_mkdir_p(path, 0700) < 0)
		return error_sys(err, "cannot create %s", path);
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *fd < 0 ? error_sys(err, "cannot open %s", path) : 0;
}

static int open_folders(struct graph *g, struct error *err)
{
	const struct {
		const char *name;
		int *fd;
	} folders[] = {
		{ "graph", &g->fd },
		{ "graph/_tmp", &g->tmp_fd },
		{ "graph/images", &g->images_fd },
		{ "graph/layers", &g->layers_fd },
		{ "graph/ready", &g->ready_fd },
		{ "graph/mounts", &g->mounts_fd },
		{ "graph/inits", &g->inits_fd },
	};

	for (size_t i = 0; i < array_size(folders); i++)
		if (open_folder(g->root, folders[i].name, folders[i].fd, err) < 0)
			return -1;
	return 0;
}

/*
 * Whatever is in a scratch folder at open was half made, or half deleted. It can be as large and as
 * deep as an archive made it, so it is moved aside.
 */
static int empty_folder(struct graph *g, int fd, struct error *err)
{
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *d = own < 0 ? NULL : fdopendir(own);
	struct dirent *e;

	if (!d) {
		if (own >= 0)
			close(own);
		return error_sys(err, "cannot read the scratch folder");
	}
	while (rc == 0 && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = trash_put(g->trash, fd, e->d_name);
	closedir(d);
	return rc < 0 ? error_sys(err, "cannot empty the scratch folder") : 0;
}

static int empty_scratch(struct graph *g, struct error *err)
{
	autofree char *trash = xasprintf("%s/graph/_trash", g->root);
	autoclose int loads = -1;

	g->trash = trash_open(trash, NULL, err);
	if (!g->trash || open_folder(g->root, "tmp", &loads, err) < 0 ||
	    empty_folder(g, loads, err) < 0)
		return -1;
	return empty_folder(g, g->tmp_fd, err);
}

/* Folders of the driver that belong to nobody: a write layer or a layer that was being made. */
static int sweep_driver(struct graph *g, struct error *err)
{
	autostrlist struct strlist there = STRLIST_INIT, known = STRLIST_INIT;

	if (g->ops->list(g->self, &there, err) < 0)
		return -1;
	rw_known(g, &known);
	for (size_t i = 0; i < there.n; i++) {
		struct error why;

		if (strlist_has(&known, there.v[i]))
			continue;
		log_info("removing the unfinished layer %s", there.v[i]);
		if (g->ops->remove(g->self, there.v[i], &why) < 0)
			log_warn("%s, ignoring", why.text);
	}
	return 0;
}

static int load(struct graph *g, struct error *err)
{
	if (owner_take(g->root, g->ops->name, err) < 0 || open_folders(g, err) < 0 ||
	    empty_scratch(g, err) < 0 || layer_load_all(g, err) < 0 || ready_load_all(g, err) < 0 ||
	    image_load_all(g, err) < 0 || rw_load_all(g, err) < 0 || names_load(g, err) < 0)
		return -1;
	init_load(g);
	layer_sweep(g);
	return sweep_driver(g, err);
}

struct graph *graph_open(const char *root, struct graphdriver *driver,
			 const struct registry *registry, struct error *err)
{
	struct graph *g = xcalloc(1, sizeof(*g));

	g->root = xstrdup(root);
	g->fd = g->tmp_fd = g->images_fd = g->layers_fd = g->ready_fd = -1;
	g->mounts_fd = g->inits_fd = -1;
	g->driver = driver;
	g->ops = graphdriver_ops(driver);
	g->self = graphdriver_self(driver);
	g->names_path = xasprintf("%s/repositories-%s", root, g->ops->name);
	g->names = json_object();
	g->registry = registry;
	g->transfers = transfers_new(g);
	pthread_mutex_init(&g->lock, NULL);
	pthread_mutex_init(&g->save_lock, NULL);
	pthread_cond_init(&g->changed, NULL);
	if (load(g, err) < 0) {
		error_prefix(err, "cannot open the image store");
		graph_close(g);
		return NULL;
	}
	sync_start(g);
	return g;
}

static void free_values(struct map *m)
{
	void *value;
	size_t pos = 0;

	while (map_next(m, &pos, &value))
		free(value);
	map_done(m);
}

void graph_close(struct graph *g)
{
	if (!g)
		return;
	const int fds[] = { g->fd,       g->tmp_fd,    g->images_fd, g->layers_fd,
			    g->ready_fd, g->mounts_fd, g->inits_fd };

	transfers_free(g->transfers);
	sync_wait(g);
	trash_close(g->trash);
	for (size_t i = 0; i < array_size(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free_values(&g->images);
	free_values(&g->layers);
	free_values(&g->ready);
	map_done(&g->mounts);
	json_decref(g->names);
	pthread_mutex_destroy(&g->lock);
	pthread_mutex_destroy(&g->save_lock);
	pthread_cond_destroy(&g->changed);
	free(g->names_path);
	free(g->root);
	free(g);
}

int graph_install(struct graph *g, struct engine *e, struct error *err)
{
	if (engine_install(e, graph_handlers, g, err) < 0)
		return -1;
	g->engine = e;
	return 0;
}

int scratch_make(struct graph *g, char name[SCRATCH_SIZE], struct error *err)
{
	id_random_hex(name, (SCRATCH_SIZE - 1) / 2);
	if (mkdirat(g->tmp_fd, name, 0700) < 0)
		return error_sys(err, "cannot make a scratch folder");
	return 0;
}

void scratch_remove(struct graph *g, const char *name)
{
	if (fs_remove_tree(g->tmp_fd, name) < 0)
		log_warn("cannot remove the scratch folder %s: %s, ignoring", name,
			 error_words(errno));
}
