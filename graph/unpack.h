/*
 * The parent's side of unpacking: feed a confined child (untar.h) with a stream that may be
 * compressed, and take the digest of what it is uncompressed.
 */
#ifndef GRAPH_UNPACK_H
#define GRAPH_UNPACK_H

#include <stdbool.h>
#include <stdint.h>

#include "pkg/decompress.h"
#include "pkg/digest.h"
#include "pkg/error.h"

struct unpack {
	const char *kind; /* UNTAR_x */
	const char *dir;  /* absolute */
	int record_fd;    /* open for writing; -1: no record is kept */
	decompress_source *read;
	void *from;
	/* Called now and then with the bytes of the source so far; may be NULL. */
	void (*progress)(void *arg, int64_t bytes);
	void *progress_arg;
};

struct unpacked {
	char diff_id[DIGEST_SIZE]; /* digest of the uncompressed stream */
	int64_t size;              /* bytes of all files */
	bool has_root;             /* it said what the root folder is like */
	int64_t tar_size;          /* bytes of the uncompressed stream */
};

/*
 * Has a stream grown beyond anything that is no bomb: 4 GiB, and 200 times what it was packed? Real
 * layers pack to a tenth at best; gzip's limit is a thousandth.
 */
bool unpack_is_bomb(int64_t packed, int64_t plain);

/* On failure the folder holds whatever was unpacked until then. */
int unpack(const struct unpack *u, struct unpacked *out, struct error *err);

#endif
