/*
 * A growing, NULL-terminated list of strings: argv, environments, lines. The strings are its own.
 * Life cycle: zero-initialise (STRLIST_INIT), then strlist_done(). autostrlist does the latter.
 */
#ifndef PKG_STRLIST_H
#define PKG_STRLIST_H

#include <stdbool.h>
#include <stddef.h>

struct strlist {
	char **v; /* NULL until the first append; then v[n] == NULL */
	size_t n, cap;
};

#define STRLIST_INIT ((struct strlist){ 0 })
#define autostrlist __attribute__((cleanup(strlist_done)))

void strlist_done(struct strlist *l);
void strlist_add(struct strlist *l, const char *s); /* copied */
void strlist_take(struct strlist *l, char *s);      /* taken */
void strlist_addf(struct strlist *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool strlist_has(const struct strlist *l, const char *s);
void strlist_sort(struct strlist *l); /* by bytes */

/* Append the pieces of s between the separator characters; empty pieces are kept. */
void strlist_split(struct strlist *l, const char *s, char separator);

/* Environment lists, "KEY=VALUE" or "KEY": set replaces the entry of the same key or appends. */
void strlist_env_set(struct strlist *env, const char *assignment);
void strlist_env_unset(struct strlist *env, const char *key);
const char *strlist_env_get(const struct strlist *env, const char *key);

#endif
