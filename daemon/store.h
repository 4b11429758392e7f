/*
 * All containers of a daemon: by id, by name, by the beginning of an id. A container is in the store
 * from the end of its creation to its removal. Thread-safe; one lock, taken before any container's.
 */
#ifndef DAEMON_STORE_H
#define DAEMON_STORE_H

#include <stddef.h>

#include "pkg/error.h"
#include "pkg/strlist.h"

struct container;
struct store;

struct store *store_new(void);
void store_free(struct store *s); /* drops its references */

/*
 * Reserve a name (canonical, with slash) for an id. ERR_CONFLICT, in Docker's words, when another
 * container has it.
 */
int store_reserve_name(struct store *s, const char *name, const char *id, struct error *err);
void store_release_name(struct store *s, const char *name);

/* Make a container findable; the store takes a reference. Its name is reserved already. */
void store_add(struct store *s, struct container *c);
/* Forget it and its name. */
void store_remove(struct store *s, struct container *c);
/* Give a container another name, and set c->name. ERR_CONFLICT when it is taken. */
int store_rename(struct store *s, struct container *c, const char *name, struct error *err);

/*
 * key: full id, else exact name (with or without slash), else unique prefix of an id. A reference
 * that the caller drops, or NULL: ERR_NOT_FOUND "No such container: x", ERR_BAD_REQUEST "Multiple
 * IDs found with provided prefix: x".
 */
struct container *store_lookup(struct store *s, const char *key, struct error *err);
struct container *store_get(struct store *s, const char *id); /* by full id; or NULL */

/* References to all, newest first; ends with NULL. Free with store_list_free(). */
struct container **store_list(struct store *s);
void store_list_free(struct container **list);

void store_ids(struct store *s, struct strlist *ids); /* sorted */

#endif
