/* A growing, NULL-terminated list of strings: see strlist.h. */
#include "pkg/strlist.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pkg/mem.h"

void strlist_done(struct strlist *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = STRLIST_INIT;
}

void strlist_take(struct strlist *l, char *s)
{
	if (l->n + 2 > l->cap) {
		l->cap = l->cap ? l->cap * 2 : 8;
		l->v = xrealloc(l->v, l->cap * sizeof(*l->v));
	}
	l->v[l->n++] = s;
	l->v[l->n] = NULL;
}

void strlist_add(struct strlist *l, const char *s)
{
	strlist_take(l, xstrdup(s));
}

void strlist_addf(struct strlist *l, const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		abort();
	va_end(ap);
	strlist_take(l, s);
}

bool strlist_has(const struct strlist *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], s) == 0)
			return true;
	return false;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strlist_sort(struct strlist *l)
{
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_bytes);
}

void strlist_split(struct strlist *l, const char *s, char separator)
{
	const char *end;

	while ((end = strchr(s, separator))) {
		strlist_take(l, xstrndup(s, (size_t)(end - s)));
		s = end + 1;
	}
	strlist_add(l, s);
}

/* The index of key in env, or n. */
static size_t env_find(const struct strlist *env, const char *key, size_t len)
{
	size_t i;

	for (i = 0; i < env->n; i++)
		if (strncmp(env->v[i], key, len) == 0 && (env->v[i][len] == '=' || !env->v[i][len]))
			break;
	return i;
}

void strlist_env_set(struct strlist *env, const char *assignment)
{
	size_t i = env_find(env, assignment, strcspn(assignment, "="));

	if (i == env->n) {
		strlist_add(env, assignment);
		return;
	}
	free(env->v[i]);
	env->v[i] = xstrdup(assignment);
}

void strlist_env_unset(struct strlist *env, const char *key)
{
	size_t i = env_find(env, key, strlen(key));

	if (i == env->n)
		return;
	free(env->v[i]);
	memmove(&env->v[i], &env->v[i + 1], (env->n - i) * sizeof(*env->v));
	env->n--;
}

const char *strlist_env_get(const struct strlist *env, const char *key)
{
	size_t len = strlen(key), i = env_find(env, key, len);

	return i < env->n && env->v[i][len] == '=' ? env->v[i] + len + 1 : NULL;
}
