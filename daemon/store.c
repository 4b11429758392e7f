/* All containers of a daemon: see store.h. */
#include "daemon/store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/container.h"
#include "daemon/names.h"
#include "pkg/map.h"
#include "pkg/mem.h"

struct store {
	pthread_mutex_t lock; /* guards both maps, and the name of every container in them */
	struct map by_id;     /* id -> container, a reference each */
	struct map by_name;   /* name -> id, a copy each */
};

struct store *store_new(void)
{
	struct store *s = xcalloc(1, sizeof(*s));

	pthread_mutex_init(&s->lock, NULL);
	map_init(&s->by_id);
	map_init(&s->by_name);
	return s;
}

void store_free(struct store *s)
{
	size_t pos = 0;
	void *value;

	if (!s)
		return;
	while (map_next(&s->by_id, &pos, &value))
		container_unref(value);
	pos = 0;
	while (map_next(&s->by_name, &pos, &value))
		free(value);
	map_done(&s->by_id);
	map_done(&s->by_name);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static int reserve(struct store *s, const char *name, const char *id, struct error *err)
{
	const char *owner = map_get(&s->by_name, name);

	if (owner)
		return error_set(err, ERR_CONFLICT,
				 "Conflict. The container name \"%s\" is already in use by "
				 "container \"%s\". You have to remove (or rename) that container "
				 "to be able to reuse that name.",
				 name, owner);
	map_set(&s->by_name, name, xstrdup(id));
	return 0;
}

int store_reserve_name(struct store *s, const char *name, const char *id, struct error *err)
{
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = reserve(s, name, id, err);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

void store_release_name(struct store *s, const char *name)
{
	pthread_mutex_lock(&s->lock);
	free(map_del(&s->by_name, name));
	pthread_mutex_unlock(&s->lock);
}

void store_add(struct store *s, struct container *c)
{
	pthread_mutex_lock(&s->lock);
	map_set(&s->by_id, c->id, container_ref(c));
	pthread_mutex_unlock(&s->lock);
}

void store_remove(struct store *s, struct container *c)
{
	autofree char *name = NULL;
	bool was;

	pthread_mutex_lock(&s->lock);
	name = container_name(c);
	was = map_del(&s->by_id, c->id) != NULL;
	if (was)
		free(map_del(&s->by_name, name));
	pthread_mutex_unlock(&s->lock);
	if (was)
		container_unref(c);
}

int store_rename(struct store *s, struct container *c, const char *name, struct error *err)
{
	autofree char *old = NULL;

	pthread_mutex_lock(&s->lock);
	if (reserve(s, name, c->id, err) < 0) {
		pthread_mutex_unlock(&s->lock);
		return -1;
	}
	pthread_mutex_lock(&c->lock);
	old = c->name;
	c->name = xstrdup(name);
	pthread_mutex_unlock(&c->lock);
	free(map_del(&s->by_name, old));
	pthread_mutex_unlock(&s->lock);
	return 0;
}

/* The one container whose id begins with prefix; *many tells when there are several. */
static struct container *by_prefix(struct store *s, const char *prefix, bool *many)
{
	size_t len = strlen(prefix), pos = 0;
	struct container *found = NULL;
	const char *id;
	void *value;

	if (len == 0 || len >= ID_SIZE)
		return NULL;
	while ((id = map_next(&s->by_id, &pos, &value))) {
		if (strncmp(id, prefix, len) != 0)
			continue;
		if (found) {
			*many = true;
			return NULL;
		}
		found = value;
	}
	return found;
}

static struct container *find(struct store *s, const char *key, bool *many)
{
	autofree char *name = name_canonical(key);
	struct container *c = map_get(&s->by_id, key);
	const char *id;

	if (c)
		return c;
	id = map_get(&s->by_name, name);
	if (id && (c = map_get(&s->by_id, id)))
		return c;
	return by_prefix(s, key, many);
}

struct container *store_lookup(struct store *s, const char *key, struct error *err)
{
	bool many = false;
	struct container *c;

	pthread_mutex_lock(&s->lock);
	c = find(s, key, &many);
	if (c)
		container_ref(c);
	pthread_mutex_unlock(&s->lock);
	if (!c && many)
		error_set(err, ERR_BAD_REQUEST, "Multiple IDs found with provided prefix: %s", key);
	else if (!c)
		error_set(err, ERR_NOT_FOUND, "No such container: %s", key);
	return c;
}

struct container *store_get(struct store *s, const char *id)
{
	struct container *c;

	pthread_mutex_lock(&s->lock);
	c = map_get(&s->by_id, id);
	if (c)
		container_ref(c);
	pthread_mutex_unlock(&s->lock);
	return c;
}

/* Newest first; equal times by id, so that the order is the same every time. */
static int newest_first(const void *a, const void *b)
{
	const struct container *x = *(struct container *const *)a;
	const struct container *y = *(struct container *const *)b;

	if (x->created.tv_sec != y->created.tv_sec)
		return x->created.tv_sec < y->created.tv_sec ? 1 : -1;
	if (x->created.tv_nsec != y->created.tv_nsec)
		return x->created.tv_nsec < y->created.tv_nsec ? 1 : -1;
	return strcmp(x->id, y->id);
}

struct container **store_list(struct store *s)
{
	struct container **list;
	size_t pos = 0, n = 0;
	void *value;

	pthread_mutex_lock(&s->lock);
	list = xcalloc(map_count(&s->by_id) + 1, sizeof(*list));
	while (map_next(&s->by_id, &pos, &value))
		list[n++] = container_ref(value);
	pthread_mutex_unlock(&s->lock);
	qsort(list, n, sizeof(*list), newest_first);
	return list;
}

void store_list_free(struct container **list)
{
	for (struct container **p = list; p && *p; p++)
		container_unref(*p);
	free(list);
}

void store_ids(struct store *s, struct strlist *ids)
{
	const char *id;
	size_t pos = 0;

	pthread_mutex_lock(&s->lock);
	while ((id = map_next(&s->by_id, &pos, NULL)))
		strlist_add(ids, id);
	pthread_mutex_unlock(&s->lock);
	strlist_sort(ids);
}
