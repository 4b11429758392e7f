/*
 * Reading a stream that may be compressed: gzip, zstd or neither, told by its first bytes.
 * The output has no ceiling: whoever stores it does.
 *
 * Life cycle: decompress_new() on a source, decompress_read() to the end, decompress_free().
 */
#ifndef PKG_DECOMPRESS_H
#define PKG_DECOMPRESS_H

#include <stddef.h>
#include <sys/types.h>

#include "pkg/error.h"

/* Up to n bytes, 0 at the end, -1 with errno. */
typedef ssize_t decompress_source(void *from, void *p, size_t n);

struct decompress;

struct decompress *decompress_new(decompress_source *read, void *from);
void decompress_free(struct decompress *d);

/*
 * Up to n bytes of the plain stream, 0 at its end, -1 with err: ERR_BAD_REQUEST for data that is
 * cut off, damaged or of a kind that is not supported, ERR_INTERNAL when the source failed.
 */
ssize_t decompress_read(struct decompress *d, void *p, size_t n, struct error *err);

/* "gzip", "zstd" or "none"; known after the first read. */
const char *decompress_kind(const struct decompress *d);

#endif
