/*
 * What a write layer changed, found without mounting anything. With overlay its own folder is the
 * change, and each entry is looked up in the folders below it; with btrfs and vfs two whole trees are compared.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "graph/below.h"
#include "graph/internal.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/path.h"
#include "pkg/walk.h"
#include "pkg/xattr.h"

/* One walk; either below or other is used. */
struct compare {
	struct below *below;
	int other; /* btrfs, vfs: the tree that is compared with */
	change_fn *fn;
	void *arg;
};

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Content aside, which is compared by size and time. */
static bool is_same(const struct stat *a, const struct stat *b)
{
	if (a->st_mode != b->st_mode || a->st_uid != b->st_uid || a->st_gid != b->st_gid ||
	    a->st_rdev != b->st_rdev || !same_time(a->st_mtim, b->st_mtim))
		return false;
	return S_ISDIR(a->st_mode) || a->st_size == b->st_size;
}

static bool is_opaque(const struct walk_entry *e)
{
	autoclose int fd = openat(e->dir, e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 && below_is_opaque(fd);
}

static int see_overlay_entry(void *arg, const struct walk_entry *e)
{
	struct compare *c = arg;
	struct change found = { .path = e->path, .st = &e->st };
	struct stat st;
	int there = below_lookup(c->below, e->path, &st);

	if (there < 0)
		return -1;
	if (is_whiteout(&e->st)) {
		found.kind = CHANGE_DELETED;
		found.st = NULL;
		return there ? c->fn(c->arg, &found) : 0;
	}
	found.kind = there ? CHANGE_MODIFIED : CHANGE_ADDED;
	if (S_ISDIR(e->st.st_mode)) {
		found.unchanged = there && is_same(&e->st, &st);
		found.opaque = there && is_opaque(e);
	}
	return c->fn(c->arg, &found);
}

static int walk_overlay(struct graph *g, const char *id, struct compare *c, struct error *err)
{
	autofree char *dir = g->ops->diff_path(g->self, id);
	autoclose int upper = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (upper < 0)
		return error_sys(err, "cannot open layer %s", id);
	c->below = below_new(g->ops, g->self, id, upper, err);
	if (!c->below)
		return -1;
	rc = walk_tree(upper, see_overlay_entry, c);
	if (rc < 0)
		error_sys(err, "cannot read layer %s", id);
	below_free(c->below);
	return rc;
}

/* The same path in the other tree: 1, 0 when there is none, -1. */
static int stat_other(int root, const char *path, struct stat *st)
{
	autoclose int fd = path_open_beneath(root, path, O_PATH | O_NOFOLLOW, 0);

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -1;
	return fstat(fd, st) < 0 ? -1 : 1;
}

/*
 * A change of attributes leaves size and time as they are. A snapshot keeps number and change time of
 * what nobody touched; a copy has to be looked at. 1, 0, or -1 with errno.
 */
static int has_same_attributes(const struct compare *c, const struct walk_entry *e,
			       const struct stat *other)
{
	autoclose int mine = -1, theirs = -1;

	if (e->st.st_ino == other->st_ino && same_time(e->st.st_ctim, other->st_ctim))
		return 1;
	if (!S_ISREG(e->st.st_mode) && !S_ISDIR(e->st.st_mode))
		return 1;
	mine = openat(e->dir, e->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (mine >= 0)
		theirs =
			path_open_beneath(c->other, e->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (theirs < 0)
		return errno == ENOENT ? 1 : -1; /* gone meanwhile, like what a walk passes over */
	return xattr_same(mine, theirs);
}

static int see_whole_entry(void *arg, const struct walk_entry *e)
{
	struct compare *c = arg;
	struct change found = { .path = e->path, .st = &e->st };
	struct stat st;
	int there = stat_other(c->other, e->path, &st);

	if (there < 0)
		return -1;
	found.kind = there ? CHANGE_MODIFIED : CHANGE_ADDED;
	if (there && is_same(&e->st, &st)) {
		int same = has_same_attributes(c, e, &st);

		if (same < 0)
			return -1;
		found.unchanged = same;
	}
	if (found.unchanged && !S_ISDIR(e->st.st_mode))
		return 0;
	return c->fn(c->arg, &found);
}

static int see_lost_entry(void *arg, const struct walk_entry *e)
{
	struct compare *c = arg;
	struct change found = { .path = e->path, .kind = CHANGE_DELETED };
	struct stat st;
	int there = stat_other(c->other, e->path, &st);

	if (there != 0)
		/* Below what is no folder any more nothing is left to be missed. */
		return there < 0 ? -1 : !S_ISDIR(st.st_mode);
	return c->fn(c->arg, &found) < 0 ? -1 : 1;
}

static int walk_whole(struct graph *g, const char *id, const char *parent, struct compare *c,
		      struct error *err)
{
	autofree char *mine = g->ops->diff_path(g->self, id);
	autofree char *theirs = g->ops->diff_path(g->self, parent);
	autoclose int a = open(mine, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autoclose int b = open(theirs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (a < 0 || b < 0)
		return error_sys(err, "cannot open layer %s", id);
	c->other = b;
	if (walk_tree(a, see_whole_entry, c) < 0)
		return error_sys(err, "cannot read layer %s", id);
	c->other = a;
	if (walk_tree(b, see_lost_entry, c) < 0)
		return error_sys(err, "cannot read layer %s", parent);
	return 0;
}

int changes_walk(struct graph *g, const char *container_id, change_fn *fn, void *arg,
		 struct error *err)
{
	struct compare c = { .other = -1, .fn = fn, .arg = arg };
	autofree char *init = NULL;
	struct layer *l;

	pthread_mutex_lock(&g->lock);
	l = map_get(&g->mounts, container_id);
	if (l)
		init = init_name(l == &graph_no_layer ? NULL : l);
	pthread_mutex_unlock(&g->lock);
	if (!l)
		return error_set(err, ERR_NOT_FOUND, "container %s has no write layer",
				 container_id);
	return g->ops->diff_is_whole ? walk_whole(g, container_id, init, &c, err)
				     : walk_overlay(g, container_id, &c, err);
}

static int add_change(void *arg, const struct change *c)
{
	if (!c->unchanged)
		json_array_append_new(arg,
				      json_pack("{so si}", "Path", json_sprintf("/%s", c->path),
						"Kind", (int)c->kind));
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(json_get_str(*(json_t *const *)a, "Path", ""),
		      json_get_str(*(json_t *const *)b, "Path", ""));
}

static json_t *sorted(const json_t *list)
{
	size_t n = json_array_size(list);
	autofree json_t **all = xcalloc(n + 1, sizeof(json_t *));
	json_t *out = json_array();

	for (size_t i = 0; i < n; i++)
		all[i] = json_array_get(list, i);
	qsort(all, n, sizeof(json_t *), by_path);
	for (size_t i = 0; i < n; i++)
		json_array_append(out, all[i]);
	return out;
}

json_t *graph_rw_changes(struct graph *g, const char *container_id, struct error *err)
{
	autojson json_t *list = json_array();

	if (changes_walk(g, container_id, add_change, list, err) < 0)
		return NULL;
	return sorted(list);
}
