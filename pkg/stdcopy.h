/*
 * The framing of attach and logs without a terminal: each piece has 8 bytes in front, the stream
 * (0 stdin, 1 stdout, 2 stderr, 3 an error of the daemon), three zeros, the length in big endian.
 * Source: Engine API, "Attach to a container", Stream format.
 */
#ifndef PKG_STDCOPY_H
#define PKG_STDCOPY_H

#include <stddef.h>
#include <stdint.h>

#include "pkg/error.h"

enum stdcopy_stream { STDCOPY_STDIN, STDCOPY_STDOUT, STDCOPY_STDERR, STDCOPY_ERROR };

#define STDCOPY_HEAD 8

/* What a reader has of a frame that is not whole yet. Zero-initialise. */
struct stdcopy {
	unsigned char head[STDCOPY_HEAD];
	size_t have;   /* bytes of head */
	uint32_t left; /* bytes of the frame to come */
};

/* 0, or -1 to stop. Pieces come as they were read: a frame may come in several. */
typedef int stdcopy_fn(void *to, enum stdcopy_stream stream, const char *p, size_t n);

/*
 * Take n more bytes of the stream apart. 0; -1 when fn stopped (err untouched), or with ERR_INTERNAL
 * when the bytes are no frames.
 */
int stdcopy_feed(struct stdcopy *s, const char *p, size_t n, stdcopy_fn *fn, void *to,
		 struct error *err);

#endif
