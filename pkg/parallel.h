/* Doing the same to many things at once, on a few threads. */
#ifndef PKG_PARALLEL_H
#define PKG_PARALLEL_H

#include <stddef.h>

#include "pkg/error.h"

/*
 * Call fn(arg, i) for each i below n, in order, on the calling thread and as many more as to make
 * `threads` (fewer where none can be had); return when all have ended. After the first failure (-1
 * with its err) no more are begun. 0, or -1 with that err.
 */
int parallel_run(unsigned threads, size_t n, int (*fn)(void *arg, size_t i, struct error *err),
		 void *arg, struct error *err);

#endif
