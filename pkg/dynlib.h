/* Libraries that cost too much to be linked to: loaded when they are first needed. */
#ifndef PKG_DYNLIB_H
#define PKG_DYNLIB_H

#include <stdbool.h>
#include <stddef.h>

struct dynlib_symbol {
	const char *name;
	void *slot; /* of a pointer to it */
};

/* Load a library, for good, and find all of these in it. False: it, or one of them, is not there. */
bool dynlib_load(const char *so, const struct dynlib_symbol *wanted, size_t n);

#endif
