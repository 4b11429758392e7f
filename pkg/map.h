/*
 * A hash table from strings to pointers. Keys are copied, values are the caller's. Order is
 * meaningless: sort before anything is shown to a user. Not locked.
 */
#ifndef PKG_MAP_H
#define PKG_MAP_H

#include <stddef.h>

struct map_slot;

struct map {
	struct map_slot *slots;
	size_t count, cap;
};

#define MAP_INIT ((struct map){ 0 })

void map_init(struct map *m);
void map_done(struct map *m);                               /* frees the keys, not the values */
void *map_get(const struct map *m, const char *key);        /* borrowed; NULL when absent */
void *map_set(struct map *m, const char *key, void *value); /* the value it replaced, or NULL */
void *map_del(struct map *m, const char *key);              /* the value removed, or NULL */
size_t map_count(const struct map *m);

/* Iterate: start with *pos = 0; returns the key, or NULL at the end. The map must not change. */
const char *map_next(const struct map *m, size_t *pos, void **value);

#endif
