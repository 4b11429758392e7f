/* The keys that leave a terminal without ending what runs in it: "ctrl-p,ctrl-q", "a,ctrl-x". */
#ifndef PKG_DETACHKEYS_H
#define PKG_DETACHKEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "pkg/error.h"

#define DETACHKEYS_MAX 16
#define DETACHKEYS_DEFAULT "ctrl-p,ctrl-q"

struct detachkeys {
	unsigned char keys[DETACHKEYS_MAX];
	size_t n, matched;
};

/*
 * Read comma-separated keys: one character, or "ctrl-" and one of a-z @ [ \ ] ^ _ . "" is the default.
 * ERR_BAD_REQUEST otherwise.
 */
int detachkeys_parse(const char *text, struct detachkeys *out, struct error *err);

/* Look at n bytes that were typed; true once the whole sequence came by, then or in earlier calls. */
bool detachkeys_see(struct detachkeys *d, const char *p, size_t n);

#endif
