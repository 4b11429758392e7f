/*
 * A layer packed for a push: its tar, made again from the record, as gzip. A thread packs while the
 * reader sends.
 *
 * Life cycle: packer_begin(), packer_read() to the end, packer_end(); and so on again, the same bytes.
 */
#ifndef GRAPH_PACKER_H
#define GRAPH_PACKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "pkg/digest.h"
#include "pkg/error.h"

struct graph;
struct layer;

struct packer {
	struct graph *graph;
	struct layer *layer;
	atomic_llong size;  /* bytes of the tar */
	atomic_llong bytes; /* of it, packed so far */
	int64_t packed;     /* bytes that were read */
	struct digest digest;
	int fd, write_fd; /* a pipe */
	bool running;
	int rc;
	struct error err; /* why packing failed */
	pthread_mutex_t lock;
	pthread_cond_t ended;
};

void packer_init(struct packer *p, struct graph *g, struct layer *l);
void packer_done(struct packer *p);
int packer_begin(void *packer, struct error *err);
ssize_t packer_read(void *packer, void *p, size_t n);
/* err NULL: it is broken off. Else the digest of what was read; -1 with err when it was not all right. */
int packer_end(void *packer, char digest[DIGEST_SIZE], struct error *err);

#endif
