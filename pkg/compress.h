/*
 * Writing gzip: fast rather than small (ISA-L, level 1), the same bytes for the same input.
 *
 * Life cycle: compress_new() on a sink, compress_add() any number of times, compress_end(),
 * compress_free().
 */
#ifndef PKG_COMPRESS_H
#define PKG_COMPRESS_H

#include <stddef.h>

/* All n bytes; 0, or -1 with errno. */
typedef int compress_sink(void *to, const void *p, size_t n);

struct compress;

struct compress *compress_new(compress_sink *write, void *to);
void compress_free(struct compress *c); /* NULL is fine */
/* Both: 0, or -1 with the sink's errno. */
int compress_add(struct compress *c, const void *p, size_t n);
int compress_end(struct compress *c); /* what is held back, and the trailer */

#endif
