/* Names and tags, in <root>/repositories-DRIVER: {"Repositories": {REPO: {NAME: ID}}}. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/internal.h"
#include "pkg/fs.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/timefmt.h"

#define NAMES_MAX (64 * 1024 * 1024)

/* Keep what names an image that is there. */
static void take_repository(struct graph *g, const char *repo, json_t *names)
{
	json_t *kept = json_object(), *v;
	const char *name;

	json_object_foreach(names, name, v) {
		autoreference struct reference ref = REFERENCE_INIT;
		const char *id = json_string_value(v);

		if (id && image_get(g, id) && reference_parse(name, &ref, NULL) == 0)
			json_object_set(kept, name, v);
		else
			log_warn("%s names no image, ignoring", name);
	}
	if (json_object_size(kept))
		json_object_set(g->names, repo, kept);
	json_decref(kept);
}

int names_load(struct graph *g, struct error *err)
{
	autobuf struct buf text = BUF_INIT(NAMES_MAX);
	autojson json_t *j = NULL;
	json_t *names;
	const char *repo;

	if (fs_read_file(AT_FDCWD, g->names_path, &text) < 0)
		return errno == ENOENT ? 0 : error_sys(err, "cannot read %s", g->names_path);
	j = json_parse(buf_text(&text), text.len, err);
	if (!j)
		return error_prefix(err, "cannot read %s", g->names_path);
	json_object_foreach(json_get_obj(j, "Repositories"), repo, names)
		take_repository(g, repo, names);
	return 0;
}

/*
 * Write all names. The lock of writers is held over it, so that what is written last is what is
 * newest; who only reads does not wait.
 */
static int save(struct graph *g, struct error *err)
{
	autofree char *text = NULL;
	json_t *all = json_object();
	int rc;

	pthread_mutex_lock(&g->save_lock);
	pthread_mutex_lock(&g->lock);
	json_object_set(all, "Repositories", g->names);
	text = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
	pthread_mutex_unlock(&g->lock);
	rc = fs_save_atomic(AT_FDCWD, g->names_path, text, strlen(text), 0600, FS_SAVE_SYNC);
	if (rc < 0)
		error_sys(err, "cannot save %s", g->names_path);
	pthread_mutex_unlock(&g->save_lock);
	json_decref(all);
	return rc;
}

/*
 * Set (id) or remove (NULL) one name in memory; what it was before goes to old. False: there is no such
 * image, or not any more.
 */
static bool change(struct graph *g, const char *repo, const char *name, const char *id,
		   char old[DIGEST_SIZE])
{
	json_t *names;

	pthread_mutex_lock(&g->lock);
	if (id && !image_get(g, id)) {
		pthread_mutex_unlock(&g->lock);
		return false;
	}
	names = json_object_get(g->names, repo);
	snprintf(old, DIGEST_SIZE, "%s", json_get_str(names, name, ""));
	if (id && !names) {
		names = json_object();
		json_object_set_new(g->names, repo, names);
	}
	if (id)
		json_object_set_new(names, name, json_string(id));
	else
		json_object_del(names, name);
	if (names && !json_object_size(names))
		json_object_del(g->names, repo);
	pthread_mutex_unlock(&g->lock);
	return true;
}

static int change_and_save(struct graph *g, const struct reference *ref, const char *id,
			   char old[DIGEST_SIZE], struct error *err)
{
	autofree char *repo = reference_name(ref), *name = reference_text(ref);
	char unused[DIGEST_SIZE];

	if (!change(g, repo, name, id, old))
		return error_set(err, ERR_NOT_FOUND, "No such image: %s", id);
	if (old[0] && id && strcmp(old, id) == 0)
		return 0;
	if (save(g, err) == 0)
		return 0;
	if (!change(g, repo, name, *old ? old : NULL, unused))
		change(g, repo, name, NULL, unused); /* what it was before is gone meanwhile */
	return -1;
}

int names_set(struct graph *g, const struct reference *ref, const char *id, char old[DIGEST_SIZE],
	      struct error *err)
{
	struct img *i;

	if (change_and_save(g, ref, id, old, err) < 0)
		return -1;
	pthread_mutex_lock(&g->lock);
	i = image_get(g, id);
	if (i)
		i->tagged = time_now();
	pthread_mutex_unlock(&g->lock);
	return image_save_meta(g, id, err);
}

int names_unset(struct graph *g, const char *text, struct error *err)
{
	autoreference struct reference ref = REFERENCE_INIT;
	char old[DIGEST_SIZE];

	if (reference_parse(text, &ref, err) < 0)
		return -1;
	return change_and_save(g, &ref, NULL, old, err);
}

const char *names_find(struct graph *g, const struct reference *ref)
{
	autofree char *repo = reference_name(ref), *name = NULL;
	struct reference only = *ref;

	if (only.digest)
		only.tag = NULL; /* the digest says it all */
	name = reference_text(&only);
	return json_get_str(json_object_get(g->names, repo), name, NULL);
}

void names_of(struct graph *g, const char *id, struct strlist *tags, struct strlist *digests)
{
	json_t *names, *v;
	const char *repo, *name;

	json_object_foreach(g->names, repo, names) {
		json_object_foreach(names, name, v) {
			if (strcmp(json_string_value(v), id) != 0)
				continue;
			strlist_add(strchr(name, '@') ? digests : tags, name);
		}
	}
	strlist_sort(tags);
	strlist_sort(digests);
}

void names_tags(struct graph *g, const struct reference *repository, struct strlist *tags)
{
	autofree char *repo = reference_name(repository);
	size_t n = strlen(repo);
	const char *name;
	json_t *v;

	pthread_mutex_lock(&g->lock);
	json_object_foreach(json_object_get(g->names, repo), name, v)
		if (name[n] == ':')
			strlist_add(tags, name + n + 1);
	pthread_mutex_unlock(&g->lock);
	strlist_sort(tags);
}
