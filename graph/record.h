/*
 * What it takes to make a layer's tar again, byte for byte, without keeping the tar: its headers and
 * padding as they were, and for the content of a file a reference to the file. Compressed.
 *
 * A file that a later entry of the same tar replaced is gone from the layer, so its content goes into
 * the record before it is deleted.
 */
#ifndef GRAPH_RECORD_H
#define GRAPH_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "pkg/error.h"

struct record;

/* Writes to fd, which stays the caller's. All writers: 0, or -1 with errno. */
struct record *record_new(int fd);
void record_free(struct record *r);
int record_raw(void *r, const void *p, size_t n); /* a tar_raw */
int record_file(struct record *r, const char *path, int64_t size);
int record_lost(struct record *r, const char *path, int64_t size, int fd);
int record_end(struct record *r);

/* All n bytes, of which a tar is handed on in large pieces; 0, or -1 with errno. */
typedef int record_sink(void *to, const void *p, size_t n);

/*
 * Write the tar that record_fd (seekable) tells of, with files from the folder root_fd. The caller
 * checks the digest of what comes out.
 */
int record_replay(int record_fd, int root_fd, record_sink *write, void *to, struct error *err);

/* Bytes of the tar that record_fd (seekable) tells of. 0, or -1 with ERR_INTERNAL when it is damaged. */
int record_size(int record_fd, int64_t *size, struct error *err);

#endif
