/*
 * A blob on its way in. A connection that breaks or stalls is made again, and the blob goes on where
 * it was.
 *
 * Life cycle: blob_open(), blob_read() to the end, blob_close(). One thread.
 */
#ifndef REGISTRY_BLOB_H
#define REGISTRY_BLOB_H

#include <stdint.h>
#include <sys/types.h>

#include "pkg/error.h"

struct blob;
struct wire;
struct session;

/*
 * Both are borrowed. digest is what it is asked for by; who reads it checks it. size: bytes, -1: not
 * known. Nothing is sent yet.
 */
struct blob *blob_open(struct session *s, struct wire *h, const char *digest, int64_t size);
void blob_close(struct blob *b);

/* A decompress_source: up to n bytes, 0 at the end, -1 with errno; blob_error() says why. */
ssize_t blob_read(void *blob, void *p, size_t n);
const struct error *blob_error(const struct blob *b); /* NULL: none */

#endif
