/* A hash table from strings to pointers: open addressing, linear probing, no tombstones. */
#include "pkg/map.h"

#include <stdint.h>
#include <string.h>

#include "pkg/mem.h"

struct map_slot {
	char *key;
	void *value;
	uint64_t hash;
};

void map_init(struct map *m)
{
	*m = MAP_INIT;
}

void map_done(struct map *m)
{
	for (size_t i = 0; i < m->cap; i++)
		free(m->slots[i].key);
	free(m->slots);
	*m = MAP_INIT;
}

/* FNV-1a; the keys are our own ids and names, or capped in number. */
static uint64_t hash_of(const char *key)
{
	uint64_t h = 14695981039346656037u;

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 1099511628211u;
	return h;
}

/* The slot that holds key, or the free one where it belongs. */
static struct map_slot *slot_of(const struct map *m, const char *key, uint64_t hash)
{
	size_t i = hash & (m->cap - 1);

	while (m->slots[i].key && (m->slots[i].hash != hash || strcmp(m->slots[i].key, key) != 0))
		i = (i + 1) & (m->cap - 1);
	return &m->slots[i];
}

static void grow(struct map *m)
{
	struct map old = *m;

	m->cap = old.cap ? old.cap * 2 : 16;
	m->slots = xcalloc(m->cap, sizeof(*m->slots));
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].key)
			*slot_of(m, old.slots[i].key, old.slots[i].hash) = old.slots[i];
	free(old.slots);
}

void *map_get(const struct map *m, const char *key)
{
	return m->count ? slot_of(m, key, hash_of(key))->value : NULL;
}

void *map_set(struct map *m, const char *key, void *value)
{
	uint64_t hash = hash_of(key);
	struct map_slot *s;
	void *old;

	if (m->count * 4 >= m->cap * 3)
		grow(m);
	s = slot_of(m, key, hash);
	old = s->value;
	if (!s->key) {
		s->key = xstrdup(key);
		s->hash = hash;
		m->count++;
	}
	s->value = value;
	return old;
}

/* Close the gap at hole: move back every follower whose home is not between hole and itself. */
static void close_gap(struct map *m, size_t hole)
{
	size_t mask = m->cap - 1;

	for (size_t i = (hole + 1) & mask; m->slots[i].key; i = (i + 1) & mask) {
		size_t home = m->slots[i].hash & mask;

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		m->slots[hole] = m->slots[i];
		hole = i;
	}
	m->slots[hole] = (struct map_slot){ 0 };
}

void *map_del(struct map *m, const char *key)
{
	struct map_slot *s;
	void *old;

	if (!m->count)
		return NULL;
	s = slot_of(m, key, hash_of(key));
	if (!s->key)
		return NULL;
	old = s->value;
	free(s->key);
	m->count--;
	close_gap(m, (size_t)(s - m->slots));
	return old;
}

size_t map_count(const struct map *m)
{
	return m->count;
}

const char *map_next(const struct map *m, size_t *pos, void **value)
{
	while (*pos < m->cap) {
		const struct map_slot *s = &m->slots[(*pos)++];

		if (!s->key)
			continue;
		if (value)
			*value = s->value;
		return s->key;
	}
	return NULL;
}
