/* Untagging and deleting images by Docker's rules: see graph_delete() in graph.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/internal.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"

struct deletion {
	struct graph *g;
	bool force, prune;
	json_t *done;
	struct error *err;
};

/* All names of an image, tags first. */
static void all_names(struct graph *g, const char *id, struct strlist *names)
{
	autostrlist struct strlist digests = STRLIST_INIT;

	pthread_mutex_lock(&g->lock);
	names_of(g, id, names, &digests);
	pthread_mutex_unlock(&g->lock);
	for (size_t i = 0; i < digests.n; i++)
		strlist_add(names, digests.v[i]);
}

/* "busybox" of "busybox:latest" and of "busybox@sha256:..."; the caller frees. */
static char *repository_of(const char *name)
{
	autoreference struct reference ref = REFERENCE_INIT;

	return reference_parse(name, &ref, NULL) < 0 ? xstrdup("") : reference_name(&ref);
}

static bool is_digest_name(const char *name)
{
	return strchr(name, '@');
}

static bool same_repository(const char *a, const char *b)
{
	autofree char *x = repository_of(a), *y = repository_of(b);

	return strcmp(x, y) == 0;
}

/* At most one tag, and digests of its repository alone. */
static bool is_single_name(const struct strlist *names)
{
	size_t tags = 0;

	for (size_t i = 0; i < names->n; i++) {
		tags += !is_digest_name(names->v[i]);
		if (tags > 1 || !same_repository(names->v[i], names->v[0]))
			return false;
	}
	return true;
}

static int untag(struct deletion *d, const char *id, const char *name)
{
	if (names_unset(d->g, name, d->err) < 0)
		return -1;
	graph_event(d->g, "untag", id, id);
	json_array_append_new(d->done, json_pack("{ss}", "Untagged", name));
	return 0;
}

static int untag_all(struct deletion *d, const char *id)
{
	autostrlist struct strlist names = STRLIST_INIT;

	all_names(d->g, id, &names);
	for (size_t i = 0; i < names.n; i++)
		if (untag(d, id, names.v[i]) < 0)
			return -1;
	return 0;
}

/* When the last tag of a repository went, its digests are of no use any more. */
static int untag_digests(struct deletion *d, const char *id, const char *name)
{
	autostrlist struct strlist names = STRLIST_INIT;

	all_names(d->g, id, &names);
	for (size_t i = 0; i < names.n; i++)
		if (!is_digest_name(names.v[i]) && same_repository(names.v[i], name))
			return 0;
	for (size_t i = 0; i < names.n; i++)
		if (is_digest_name(names.v[i]) && same_repository(names.v[i], name) &&
		    untag(d, id, names.v[i]) < 0)
			return -1;
	return 0;
}

struct facts {
	char parent[DIGEST_SIZE];
	unsigned children;
	bool used; /* by a write layer; only asked for when parents are pruned */
};

static bool facts_of(struct graph *g, const char *id, struct facts *f)
{
	struct img *i;

	pthread_mutex_lock(&g->lock);
	i = image_get(g, id);
	if (i) {
		snprintf(f->parent, sizeof(f->parent), "%s", i->parent);
		f->children = i->children;
		f->used = i->top && rw_uses(g, i->top);
	}
	pthread_mutex_unlock(&g->lock);
	return i;
}

static int conflict(struct deletion *d, const char *id, const char *how, const char *why)
{
	return error_set(d->err, ERR_CONFLICT, "conflict: unable to delete %.12s (%s) - %s",
			 digest_hex(id), how, why);
}

/* Delete an image that nothing stands in the way of, and then its parents that nobody named. */
static int delete_image(struct deletion *d, const char *id, const struct facts *f)
{
	autojson json_t *attributes = NULL;

	if (f->children)
		return conflict(d, id, "cannot be forced", "image has dependent child images");
	if (untag_all(d, id) < 0)
		return -1;
	attributes = graph_event_attributes(d->g, id, id);
	if (image_remove(d->g, id, d->done, d->err) < 0)
		return -1;
	graph_event_send(d->g, "delete", id, take_json(&attributes));
	return 0;
}

static void prune_parents(struct deletion *d, const char *parent)
{
	char id[DIGEST_SIZE];
	struct facts f;

	snprintf(id, sizeof(id), "%s", parent);
	while (*id && facts_of(d->g, id, &f)) {
		autostrlist struct strlist names = STRLIST_INIT;

		all_names(d->g, id, &names);
		if (names.n || f.children || f.used)
			return;
		if (delete_image(d, id, &f) < 0) {
			log_warn("cannot delete the parent %s: %s, ignoring", id,
				 d->err ? d->err->text : "");
			return;
		}
		snprintf(id, sizeof(id), "%s", f.parent);
	}
}

static int delete_and_prune(struct deletion *d, const char *id)
{
	struct facts f;

	if (!facts_of(d->g, id, &f))
		return error_set(d->err, ERR_NOT_FOUND, "No such image: %s", id);
	if (delete_image(d, id, &f) < 0)
		return -1;
	if (d->prune)
		prune_parents(d, f.parent);
	return 0;
}

static int delete_by_id(struct deletion *d, const char *id)
{
	autostrlist struct strlist names = STRLIST_INIT;
	struct facts f;

	all_names(d->g, id, &names);
	if (!d->force && !is_single_name(&names))
		return conflict(d, id, "must be forced",
				"image is referenced in multiple repositories");
	if (facts_of(d->g, id, &f) && f.children)
		return conflict(d, id, "cannot be forced", "image has dependent child images");
	return delete_and_prune(d, id);
}

/* The name as it is stored: with its tag, or with its digest alone. */
static char *stored_name(const char *name, struct error *err)
{
	autoreference struct reference ref = REFERENCE_INIT;

	if (reference_parse(name, &ref, err) < 0)
		return NULL;
	reference_default_tag(&ref);
	if (ref.digest) {
		free(ref.tag);
		ref.tag = NULL;
	}
	return reference_text(&ref);
}

/* An image without a name goes too, unless others are made from it: they need its history. */
static int delete_last(struct deletion *d, const char *id)
{
	struct facts f;

	if (facts_of(d->g, id, &f) && f.children)
		return 0;
	return delete_and_prune(d, id);
}

static int delete_by_name(struct deletion *d, const char *id, const char *name)
{
	autofree char *stored = stored_name(name, d->err);
	autostrlist struct strlist left = STRLIST_INIT;

	if (!stored || untag(d, id, stored) < 0)
		return -1;
	if (!is_digest_name(stored) && untag_digests(d, id, stored) < 0)
		return -1;
	all_names(d->g, id, &left);
	return left.n ? 0 : delete_last(d, id);
}

int graph_delete(struct graph *g, const char *name, bool force, bool noprune, json_t *done,
		 struct error *err)
{
	struct deletion d = { .g = g, .force = force, .prune = !noprune, .done = done, .err = err };
	char id[DIGEST_SIZE];

	if (lookup_id(g, name, id, err) < 0)
		return -1;
	return lookup_is_id_prefix(id, name) ? delete_by_id(&d, id) : delete_by_name(&d, id, name);
}
