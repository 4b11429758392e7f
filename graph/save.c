/* What is to be saved: see save.h. */
#include "graph/save.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/layertar.h"
#include "pkg/fs.h"
#include "pkg/id.h"
#include "pkg/json.h"
#include "pkg/mem.h"

static void image_done(struct graph *g, struct save_image *i)
{
	layer_release(g, i->top);
	strlist_done(&i->tags);
	free(i->manifest);
}

void save_done(struct save *s)
{
	for (size_t i = 0; i < s->n; i++)
		image_done(s->g, &s->images[i]);
	free(s->images);
	free(s->layers);
	free(s->index);
	free(s->docker_manifest);
	free(s->repositories);
}

static int no_such_image(const char *name, struct error *err)
{
	return error_set(err, ERR_NOT_FOUND, "No such image: %s", name);
}

static struct save_image *find(struct save *s, const char *id)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->images[i].id, id) == 0)
			return &s->images[i];
	return NULL;
}

/* Under the lock. */
static size_t depth_of(struct graph *g, const struct img *i)
{
	size_t depth = 0;

	while (depth < map_count(&g->images) && (i = *i->parent ? image_get(g, i->parent) : NULL))
		depth++;
	return depth;
}

/* Hold an image; NULL when it is gone. */
static struct save_image *hold(struct save *s, const char *id)
{
	struct graph *g = s->g;
	struct save_image new = { 0 };
	const struct img *i;

	pthread_mutex_lock(&g->lock);
	i = image_get(g, id);
	if (i) {
		memcpy(new.id, i->id, sizeof(new.id));
		memcpy(new.parent, i->parent, sizeof(new.parent));
		new.depth = depth_of(g, i);
		new.top = i->top;
		if (i->top)
			i->top->refs++;
	}
	pthread_mutex_unlock(&g->lock);
	if (!i)
		return NULL;
	s->images = xrealloc(s->images, (s->n + 1) * sizeof(*s->images));
	s->images[s->n] = new;
	return &s->images[s->n++];
}

/* tag NULL: without a name. */
static int add(struct save *s, const char *id, const char *tag, const char *name, struct error *err)
{
	struct save_image *i = find(s, id);

	if (!i)
		i = hold(s, id);
	if (!i)
		return no_such_image(name, err);
	if (tag && !strlist_has(&i->tags, tag))
		strlist_add(&i->tags, tag);
	return 0;
}

/* By id, or by the beginning of one. */
static int add_id(struct save *s, const char *name, struct error *err)
{
	char id[DIGEST_SIZE];
	struct error why;

	if (lookup_id(s->g, name, id, &why) == 0)
		return add(s, id, NULL, name, err);
	if (why.kind == ERR_NOT_FOUND)
		return no_such_image(name, err);
	if (err)
		*err = why;
	return -1;
}

/* A name with tag or digest. The latter finds an image, and is no name that an archive could give. */
static int add_exactly(struct save *s, const struct reference *ref, const char *name,
		       struct error *err)
{
	autofree char *text = reference_text(ref);
	char id[DIGEST_SIZE];
	const char *known;

	pthread_mutex_lock(&s->g->lock);
	known = names_find(s->g, ref);
	snprintf(id, sizeof(id), "%s", known ? known : "");
	pthread_mutex_unlock(&s->g->lock);
	if (!*id)
		return no_such_image(name, err);
	return add(s, id, ref->digest ? NULL : text, name, err);
}

/* All names of a repository. 1: there are some, 0: there is none, -1 with err. */
static int add_repository(struct save *s, const struct reference *ref, struct error *err)
{
	autofree char *repo = reference_name(ref);
	autojson json_t *names = NULL;
	const char *text;
	json_t *id;

	pthread_mutex_lock(&s->g->lock);
	names = json_deep_copy(json_object_get(s->g->names, repo));
	pthread_mutex_unlock(&s->g->lock);
	json_object_foreach(names, text, id)
		if (add(s, json_string_value(id), strchr(text, '@') ? NULL : text, text, err) < 0)
			return -1;
	return names ? 1 : 0;
}

/* "sha256:2f3a" looks like a name with a tag, and is the beginning of an id. */
static bool is_id(const char *name)
{
	return strncmp(name, DIGEST_PREFIX, sizeof(DIGEST_PREFIX) - 1) == 0 || id_is_full(name);
}

int save_add(struct save *s, const char *name, struct error *err)
{
	autoreference struct reference ref = REFERENCE_INIT;
	int rc;

	if (is_id(name))
		return add_id(s, name, err);
	if (reference_parse(name, &ref, err) < 0)
		return -1;
	if (ref.tag || ref.digest)
		return add_exactly(s, &ref, name, err);
	rc = add_repository(s, &ref, err);
	return rc == 0 ? add_id(s, name, err) : rc < 0 ? -1 : 0;
}

static int by_depth(const void *a, const void *b)
{
	const struct save_image *x = a, *y = b;

	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	return strcmp(x->id, y->id);
}

int save_read_config(const struct save *s, const char *id, struct buf *text, struct error *err)
{
	autofree char *path = xasprintf("%s/config", digest_hex(id));
	char have[DIGEST_SIZE];

	if (fs_read_file(s->g->images_fd, path, text) < 0)
		return error_sys(err, "cannot read image %s", id);
	digest_of(buf_text(text), text->len, have);
	if (strcmp(have, id) != 0)
		return error_set(err, ERR_INTERNAL, "image %s was changed: its config is %s", id,
				 have);
	return 0;
}

/* The layers of an image that no image before it has, base first. known: diff id -> its layer. */
static int add_layers(struct save *s, const struct save_image *i, struct map *known,
		      struct error *err)
{
	size_t first = s->nlayers;

	for (struct layer *l = i->top; l; l = l->parent) {
		struct save_layer new = { .layer = l };

		if (map_set(known, l->diff, l))
			continue;
		if (layertar_size(s->g, l, &new.size, err) < 0)
			return -1;
		s->layers = xrealloc(s->layers, (s->nlayers + 1) * sizeof(*s->layers));
		s->layers[s->nlayers++] = new;
	}
	for (size_t a = first, b = s->nlayers; a + 1 < b; a++, b--) {
		struct save_layer tmp = s->layers[a];

		s->layers[a] = s->layers[b - 1];
		s->layers[b - 1] = tmp;
	}
	return 0;
}

/* Keep a parent only where it is in the archive, so that nothing in it leads nowhere. */
static void forget_parent(struct save *s, struct save_image *i)
{
	if (!find(s, i->parent))
		*i->parent = '\0';
}

int save_prepare(struct save *s, struct error *err)
{
	struct map known = MAP_INIT;
	int rc = 0;

	if (s->n)
		qsort(s->images, s->n, sizeof(*s->images), by_depth);
	for (size_t k = 0; rc == 0 && k < s->n; k++) {
		struct save_image *i = &s->images[k];
		autobuf struct buf config = BUF_INIT(CONFIG_MAX);

		strlist_sort(&i->tags);
		forget_parent(s, i);
		rc = save_read_config(s, i->id, &config, err);
		i->config_size = config.len;
		if (rc == 0)
			rc = add_layers(s, i, &known, err);
	}
	map_done(&known);
	return rc < 0 ? -1 : save_compose(s, err);
}
