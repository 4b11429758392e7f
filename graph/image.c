/* Images by id: adding, reading, deleting, finding again at open. See internal.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "graph/internal.h"
#include "pkg/fs.h"
#include "pkg/id.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/timefmt.h"

struct img *image_get(struct graph *g, const char *id)
{
	return map_get(&g->images, id);
}

static char *meta_text(const struct img *i)
{
	autojson json_t *j = json_object();
	char tagged[TIMEFMT_SIZE];

	if (*i->parent)
		json_object_set_new(j, "parent", json_string(i->parent));
	if (i->tagged.tv_sec)
		json_object_set_new(j, "lastTagTime",
				    json_string(timefmt_rfc3339nano(tagged, i->tagged)));
	return json_text(j);
}

int image_save_meta(struct graph *g, const char *id, struct error *err)
{
	autofree char *path = xasprintf("%s/meta", digest_hex(id)), *text = NULL;
	const struct img *i;

	pthread_mutex_lock(&g->lock);
	i = image_get(g, id);
	text = i ? meta_text(i) : NULL;
	pthread_mutex_unlock(&g->lock);
	if (!text)
		return 0; /* deleted meanwhile */
	if (fs_save_atomic(g->images_fd, path, text, strlen(text), 0600, 0) < 0 && errno != ENOENT)
		return error_sys(err, "cannot save image %s", id);
	return 0;
}

/* The facts that are kept in memory, of a config that was read. NULL with err when it is none. */
static struct img *read_config(const json_t *j, const char *config, size_t n, struct error *err)
{
	struct img *i;

	if (!json_is_object(j)) {
		error_set(err, ERR_BAD_REQUEST, "invalid image config: not an object");
		return NULL;
	}
	i = xcalloc(1, sizeof(*i));
	digest_of(config, n, i->id);
	(void)timefmt_parse(json_get_str(j, "created", ""), &i->created); /* else never */
	return i;
}

static int stage(struct graph *g, const struct img *i, const char *config, size_t n,
		 char scratch[SCRATCH_SIZE], struct error *err)
{
	autofree char *config_path = NULL, *meta_path = NULL, *meta = meta_text(i);

	if (scratch_make(g, scratch, err) < 0)
		return -1;
	config_path = xasprintf("%s/config", scratch);
	meta_path = xasprintf("%s/meta", scratch);
	if (fs_save_atomic(g->tmp_fd, config_path, config, n, 0600, FS_SAVE_SYNC) == 0 &&
	    fs_save_atomic(g->tmp_fd, meta_path, meta, strlen(meta), 0600, 0) == 0)
		return 0;
	error_sys(err, "cannot save image %s", i->id);
	scratch_remove(g, scratch);
	return -1;
}

static void count_child(struct graph *g, const struct img *i, int by)
{
	struct img *parent = *i->parent ? image_get(g, i->parent) : NULL;

	if (parent)
		parent->children += (unsigned)by;
}

/* 1: it is in the store now; 0: it was there already; -1. */
static int publish(struct graph *g, struct img *i, const char *scratch, struct error *err)
{
	int rc = 0;

	pthread_mutex_lock(&g->lock);
	if (!image_get(g, i->id)) {
		if (renameat(g->tmp_fd, scratch, g->images_fd, digest_hex(i->id)) == 0) {
			if (i->top)
				i->top->refs++;
			map_set(&g->images, i->id, i);
			count_child(g, i, 1);
			rc = 1;
		} else {
			rc = error_sys(err, "cannot save image %s", i->id);
		}
	}
	pthread_mutex_unlock(&g->lock);
	return rc;
}

int image_add(struct graph *g, const char *config, size_t n, const char *parent, struct layer *top,
	      char id[DIGEST_SIZE], struct error *err)
{
	autojson json_t *j = json_parse(config, n, err);
	struct img *i = j ? read_config(j, config, n, err) : NULL;
	char scratch[SCRATCH_SIZE];
	int rc;

	if (!i)
		return -1;
	i->top = top;
	snprintf(i->parent, sizeof(i->parent), "%s", parent ? parent : "");
	if (stage(g, i, config, n, scratch, err) < 0) {
		free(i);
		return -1;
	}
	rc = publish(g, i, scratch, err);
	if (rc >= 0)
		snprintf(id, DIGEST_SIZE, "%s", i->id);
	if (rc <= 0) {
		scratch_remove(g, scratch);
		free(i);
	}
	return rc < 0 ? -1 : 0;
}

int image_text(struct graph *g, const char *id, struct buf *text, struct error *err)
{
	autofree char *path = xasprintf("%s/config", digest_hex(id));

	if (fs_read_file(g->images_fd, path, text) == 0)
		return 0;
	if (errno == ENOENT)
		return error_set(err, ERR_NOT_FOUND, "No such image: %s", id);
	return error_sys(err, "cannot read image %s", id);
}

json_t *image_config(struct graph *g, const char *id, struct error *err)
{
	autobuf struct buf text = BUF_INIT(CONFIG_MAX);

	if (image_text(g, id, &text, err) < 0)
		return NULL;
	return json_parse(buf_text(&text), text.len, err);
}

int image_remove(struct graph *g, const char *id, json_t *done, struct error *err)
{
	char scratch[SCRATCH_SIZE];
	struct img *i;
	int rc = 0;

	id_random_hex(scratch, (SCRATCH_SIZE - 1) / 2);
	pthread_mutex_lock(&g->lock);
	i = image_get(g, id);
	if (!i)
		rc = error_set(err, ERR_NOT_FOUND, "No such image: %s", id);
	else if (renameat(g->images_fd, digest_hex(id), g->tmp_fd, scratch) < 0)
		rc = error_sys(err, "cannot remove image %s", id);
	if (rc == 0) {
		map_del(&g->images, id);
		count_child(g, i, -1);
	}
	pthread_mutex_unlock(&g->lock);
	if (rc < 0)
		return -1;
	scratch_remove(g, scratch);
	json_array_append_new(done, json_pack("{ss}", "Deleted", id));
	layer_release_reporting(g, i->top, done);
	free(i);
	return 0;
}

static int by_age(const void *a, const void *b)
{
	const struct img *x = *(struct img *const *)a, *y = *(struct img *const *)b;

	if (x->created.tv_sec != y->created.tv_sec)
		return x->created.tv_sec < y->created.tv_sec ? 1 : -1;
	if (x->created.tv_nsec != y->created.tv_nsec)
		return x->created.tv_nsec < y->created.tv_nsec ? 1 : -1;
	return strcmp(x->id, y->id);
}

void image_ids(struct graph *g, struct strlist *ids)
{
	autofree struct img **all = NULL;
	void *value;
	size_t pos = 0, n = 0;

	pthread_mutex_lock(&g->lock);
	all = xcalloc(map_count(&g->images) + 1, sizeof(struct img *));
	while (map_next(&g->images, &pos, &value))
		all[n++] = value;
	qsort(all, n, sizeof(struct img *), by_age);
	for (size_t i = 0; i < n; i++)
		strlist_add(ids, all[i]->id);
	pthread_mutex_unlock(&g->lock);
}

/* Find the layers of an image that is being loaded. */
static int link_layers(struct graph *g, struct img *i, const json_t *config, struct error *err)
{
	autostrlist struct strlist chains = STRLIST_INIT;

	if (layer_chain_of_config(config, &chains, err) < 0)
		return -1;
	if (!chains.n)
		return 0;
	i->top = layer_get(g, chains.v[chains.n - 1]);
	return i->top ? 0
		      : error_set(err, ERR_INTERNAL, "layer %s is missing", chains.v[chains.n - 1]);
}

static void load_meta(struct graph *g, struct img *i, const char *hex)
{
	autofree char *path = xasprintf("%s/meta", hex);
	autobuf struct buf text = BUF_INIT(4096);
	autojson json_t *meta = NULL;
	const char *parent;

	if (fs_read_file(g->images_fd, path, &text) < 0)
		return; /* an image is one without it, too */
	meta = json_parse(buf_text(&text), text.len, NULL);
	parent = json_get_str(meta, "parent", "");
	if (digest_is_valid(parent))
		snprintf(i->parent, sizeof(i->parent), "%s", parent);
	(void)timefmt_parse(json_get_str(meta, "lastTagTime", ""), &i->tagged);
}

static int load_one(struct graph *g, const char *hex, struct error *err)
{
	autofree char *path = xasprintf("%s/config", hex);
	autobuf struct buf text = BUF_INIT(CONFIG_MAX);
	autojson json_t *config = NULL;
	struct img *i;

	if (!id_is_full(hex))
		return error_set(err, ERR_INTERNAL, "not the name of an image");
	if (fs_read_file(g->images_fd, path, &text) < 0)
		return error_sys(err, "cannot read it");
	config = json_parse(buf_text(&text), text.len, err);
	i = config ? read_config(config, buf_text(&text), text.len, err) : NULL;
	if (!i)
		return -1;
	if (strcmp(digest_hex(i->id), hex) != 0) {
		error_set(err, ERR_INTERNAL, "its config was changed");
		free(i);
		return -1;
	}
	if (link_layers(g, i, config, err) < 0) {
		free(i);
		return -1;
	}
	load_meta(g, i, hex);
	map_set(&g->images, i->id, i);
	return 0;
}

int image_load_all(struct graph *g, struct error *err)
{
	int fd = openat(g->images_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	struct error why;
	void *value;
	size_t pos = 0;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return error_sys(err, "cannot read the images");
	}
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.' || load_one(g, e->d_name, &why) == 0)
			continue;
		log_warn("removing the incomplete image %s: %s", e->d_name, why.text);
		if (fs_remove_tree(g->images_fd, e->d_name) < 0)
			log_warn("cannot remove image %s: %s, ignoring", e->d_name,
				 error_words(errno));
	}
	closedir(d);
	while (map_next(&g->images, &pos, &value))
		count_child(g, value, 1);
	return 0;
}
