/* From what users write to an image: names first, then ids and their prefixes. See graph.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/internal.h"
#include "pkg/id.h"
#include "pkg/json.h"
#include "pkg/mem.h"

#define PREFIX_LENGTH (sizeof(DIGEST_PREFIX) - 1)

bool lookup_is_id_prefix(const char *id, const char *name)
{
	size_t n = strlen(name);

	return strncmp(id, name, n) == 0 || strncmp(digest_hex(id), name, n) == 0;
}

static int no_such_image(const char *name, struct error *err)
{
	return error_set(err, ERR_NOT_FOUND, "No such image: %s", name);
}

/* Put the id there if the image is. */
static bool take(struct graph *g, const char *candidate, char id[DIGEST_SIZE])
{
	if (!candidate || !image_get(g, candidate))
		return false;
	snprintf(id, DIGEST_SIZE, "%s", candidate);
	return true;
}

/* The one image whose id begins like that. */
static const char *find_prefix(struct graph *g, const char *name)
{
	const char *found = NULL, *key;
	void *value;
	size_t pos = 0;

	while ((key = map_next(&g->images, &pos, &value))) {
		if (!lookup_is_id_prefix(key, name))
			continue;
		if (found)
			return NULL;
		found = key;
	}
	return found;
}

static int lookup_digest(struct graph *g, const char *digest, char id[DIGEST_SIZE],
			 struct error *err)
{
	bool found;

	pthread_mutex_lock(&g->lock);
	found = take(g, digest, id);
	pthread_mutex_unlock(&g->lock);
	return found ? 0 : no_such_image(digest, err);
}

int lookup_id(struct graph *g, const char *name, char id[DIGEST_SIZE], struct error *err)
{
	autoreference struct reference ref = REFERENCE_INIT;
	autofree char *text = NULL;
	char digest[DIGEST_SIZE];
	bool found;

	if (digest_is_valid(name))
		return lookup_digest(g, name, id, err);
	if (id_is_full(name)) {
		snprintf(digest, sizeof(digest), DIGEST_PREFIX "%s", name);
		return lookup_digest(g, digest, id, err);
	}
	if (reference_parse(name, &ref, err) < 0)
		return -1;
	reference_default_tag(&ref);
	pthread_mutex_lock(&g->lock);
	found = take(g, names_find(g, &ref), id) || take(g, find_prefix(g, name), id);
	pthread_mutex_unlock(&g->lock);
	if (found)
		return 0;
	text = reference_text(&ref);
	return no_such_image(text, err);
}

void image_free(struct image *i)
{
	if (!i)
		return;
	json_decref(i->config);
	strlist_done(&i->tags);
	strlist_done(&i->digests);
	free(i);
}

struct image *graph_lookup(struct graph *g, const char *name, struct error *err)
{
	struct image *i = xcalloc(1, sizeof(*i));
	struct img *known = NULL;

	if (lookup_id(g, name, i->id, err) == 0)
		i->config = image_config(g, i->id, err);
	if (i->config) {
		pthread_mutex_lock(&g->lock);
		known = image_get(g, i->id);
		i->size = known ? layer_total_size(known->top) : 0;
		names_of(g, i->id, &i->tags, &i->digests);
		pthread_mutex_unlock(&g->lock);
	}
	if (i->config && !known) /* deleted meanwhile */
		no_such_image(name, err);
	if (known)
		return i;
	image_free(i);
	return NULL;
}

size_t graph_count(struct graph *g)
{
	size_t n;

	pthread_mutex_lock(&g->lock);
	n = map_count(&g->images);
	pthread_mutex_unlock(&g->lock);
	return n;
}
