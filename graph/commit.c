/* Making a tar or an image of a write layer: see graph.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "graph/config.h"
#include "graph/internal.h"
#include "graph/tarout.h"
#include "pkg/fs.h"
#include "pkg/json.h"
#include "pkg/mem.h"

#define LIST_MAX (1024 * 1024 * 1024)
/* The digest of a tar of nothing: two blocks of zeros. Docker keeps no layer for it. */
#define EMPTY_DIFF DIGEST_PREFIX "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"

int graph_rw_export(struct graph *g, const char *container_id, int fd, struct error *err)
{
	struct graphdriver_mount m = { 0 };
	struct tar_child c;
	int rc;

	if (!graph_rw_exists(g, container_id))
		return error_set(err, ERR_NOT_FOUND, "container %s has no write layer",
				 container_id);
	if (g->ops->mount_readonly(g->self, container_id, &m, err) < 0)
		return -1;
	rc = tar_child_start(m.path, m.options, -1, fd, &c, err);
	graphdriver_mount_done(&m);
	return rc < 0 ? -1 : tar_child_wait(&c, err);
}

/* A list for docker-tar in the making. */
struct listing {
	struct buf text;
	struct map folders; /* that are in it */
};

static int list_one(struct listing *l, char what, const char *path)
{
	if (buf_addc(&l->text, what) < 0)
		return -1;
	return buf_add(&l->text, path, strlen(path) + 1);
}

/* The folders above a path, for their owners and modes. */
static int list_above(struct listing *l, const char *path)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		autofree char *folder = xstrndup(path, (size_t)(slash - path));

		if (!map_set(&l->folders, folder, l) && list_one(l, TAR_LIST_FILE, folder) < 0)
			return -1;
	}
	return 0;
}

static int list_change(void *arg, const struct change *c)
{
	struct listing *l = arg;

	if (c->unchanged && !c->opaque)
		return 0;
	if (list_above(l, c->path) < 0)
		return -1;
	if (c->kind == CHANGE_DELETED)
		return list_one(l, TAR_LIST_WHITEOUT, c->path);
	if (!(S_ISDIR(c->st->st_mode) && map_set(&l->folders, c->path, l)) &&
	    list_one(l, TAR_LIST_FILE, c->path) < 0)
		return -1;
	return c->opaque ? list_one(l, TAR_LIST_OPAQUE, c->path) : 0;
}

/* The changes of a write layer as a list for docker-tar, in a memory file at its start; -1. */
static int list_changes(struct graph *g, const char *container_id, struct error *err)
{
	autoclose int fd = memfd_create("list", MFD_CLOEXEC);
	struct listing l = { .text = BUF_INIT(LIST_MAX) };
	int rc = changes_walk(g, container_id, list_change, &l, err);

	if (rc == 0 &&
	    (fd < 0 || fs_write_all(fd, l.text.p, l.text.len) < 0 || lseek(fd, 0, SEEK_SET) < 0))
		rc = error_sys(err, "cannot list the changes of %s", container_id);
	buf_done(&l.text);
	map_done(&l.folders);
	return rc < 0 ? -1 : take_fd(&fd);
}

static ssize_t read_fd(void *from, void *p, size_t n)
{
	ssize_t got;

	do
		got = read(*(int *)from, p, n);
	while (got < 0 && errno == EINTR);
	return got;
}

/* Start docker-tar on the changes; its tar comes from *from. */
static int start_diff(struct graph *g, const char *container_id, struct tar_child *c, int *from,
		      struct error *err)
{
	autofree char *dir = g->ops->diff_path(g->self, container_id);
	autoclose int list = list_changes(g, container_id, err);
	int pipefd[2], rc;

	if (list < 0)
		return -1;
	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return error_sys(err, "cannot make a pipe");
	rc = tar_child_start(dir, "", list, pipefd[1], c, err);
	close(pipefd[1]);
	if (rc < 0)
		close(pipefd[0]);
	*from = pipefd[0];
	return rc;
}

/* The changes as a layer on top of parent, which may be NULL; a reference. */
static struct layer *diff_layer(struct graph *g, const char *container_id, struct layer *parent,
				struct error *err)
{
	struct layer_source src = { .read = read_fd };
	struct error why = { 0 };
	struct tar_child c;
	struct layer *l;
	int from;

	if (start_diff(g, container_id, &c, &from, err) < 0)
		return NULL;
	src.from = &from;
	l = layer_add(g, parent, &src, err);
	close(from);
	if (tar_child_wait(&c, &why) == 0 || !l)
		return l;
	layer_release(g, l); /* half a tar made it */
	if (err)
		*err = why;
	return NULL;
}

static json_t *base_config(struct graph *g, const struct graph_commit *c, struct error *err)
{
	json_t *base;

	if (!c->parent_id)
		return config_new();
	base = image_config(g, c->parent_id, err);
	if (base) /* what belongs to the parent alone */
		json_object_del(base, "container_config");
	return base;
}

static json_t *compose(struct graph *g, const struct graph_commit *c, const struct layer *l,
		       bool is_empty, struct error *err)
{
	struct config_entry entry = {
		.author = c->author,
		.comment = c->comment,
		.created_by = c->created_by,
		.empty_layer = is_empty,
	};
	json_t *config = base_config(g, c, err);

	if (!config)
		return NULL;
	json_object_set(config, "config", c->config);
	json_object_set_new(config, "container", json_string(c->container_id));
	if (c->author && *c->author)
		json_object_set_new(config, "author", json_string(c->author));
	else
		json_object_del(config, "author");
	json_object_set_new(config, "comment", json_string(c->comment ? c->comment : ""));
	config_add_entry(config, &entry, is_empty ? NULL : l->diff);
	return config;
}

static int name_image(struct graph *g, const char *repo_tag, const char *id, struct error *err)
{
	autoreference struct reference ref = REFERENCE_INIT;
	char old[DIGEST_SIZE];

	if (reference_parse(repo_tag, &ref, err) < 0)
		return -1;
	reference_default_tag(&ref);
	return names_set(g, &ref, id, old, err);
}

static int check_name(const char *repo_tag, struct error *err)
{
	autoreference struct reference ref = REFERENCE_INIT;

	return repo_tag ? reference_parse(repo_tag, &ref, err) : 0;
}

/* The top layer of the image that the container came from, as a reference. */
static int parent_layer(struct graph *g, const char *parent_id, struct layer **l, struct error *err)
{
	struct img *i = NULL;

	*l = NULL;
	if (!parent_id)
		return 0;
	pthread_mutex_lock(&g->lock);
	i = image_get(g, parent_id);
	if (i && i->top) {
		*l = i->top;
		i->top->refs++;
	}
	pthread_mutex_unlock(&g->lock);
	return i ? 0 : error_set(err, ERR_NOT_FOUND, "No such image: %s", parent_id);
}

static int save_image(struct graph *g, const struct graph_commit *c, struct layer *parent,
		      struct layer *l, char id[72], struct error *err)
{
	bool is_empty = strcmp(l->diff, EMPTY_DIFF) == 0;
	autojson json_t *config = compose(g, c, l, is_empty, err);
	autofree char *text = config ? json_text(config) : NULL;

	if (!text)
		return -1;
	return image_add(g, text, strlen(text), c->parent_id, is_empty ? parent : l, id, err);
}

int graph_commit(struct graph *g, const struct graph_commit *c, char id[72], struct error *err)
{
	struct layer *parent, *l;
	int rc = -1;

	if (check_name(c->repo_tag, err) < 0 || parent_layer(g, c->parent_id, &parent, err) < 0)
		return -1;
	l = diff_layer(g, c->container_id, parent, err);
	if (l)
		rc = save_image(g, c, parent, l, id, err);
	layer_release(g, l);
	layer_release(g, parent);
	if (rc == 0 && c->repo_tag)
		rc = name_image(g, c->repo_tag, id, err);
	return rc;
}
