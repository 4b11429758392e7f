/*
 * The streams of a job. An output fans out to any number of sinks; an input reads one source.
 *
 * A sink that fails is dropped and does not stop the others. With no sink from the start, bytes are
 * discarded; when the last one failed, writing fails, so that a handler sees that its client is gone.
 * Outputs may be written from several threads; each write reaches a sink in one piece.
 */
#ifndef ENGINE_STREAM_H
#define ENGINE_STREAM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "pkg/buf.h"
#include "pkg/error.h"

/*
 * write: takes all n bytes, 0, or -1 when the sink is dead. n == 0 is a flush: it forces out what a
 * sink would hold back until the first byte, such as the head of an HTTP response. close may be NULL.
 */
struct sink {
	int (*write)(void *to, const void *p, size_t n);
	void (*close)(void *to);
	void *to;
};

struct output;

struct output *output_new(void);
void output_free(struct output *out); /* closes first */
void output_add(struct output *out, struct sink s);
int output_write(struct output *out, const void *p, size_t n); /* 0; -1: no sink is left */
int output_flush(struct output *out);                          /* a write of nothing */
bool output_used(const struct output *out); /* was anything, even nothing, written? */
void output_close(struct output *out);      /* closes the sinks; later writes fail */

/*
 * read: up to n bytes, 0 at the end, -1 with errno. close and detach may be NULL.
 * detach: give up the descriptor under the stream for good, for who must own the connection itself
 * (attach): returns it, and appends to pending what was read from it but not yet consumed.
 */
struct source {
	ssize_t (*read)(void *from, void *p, size_t n);
	void (*close)(void *from);
	int (*detach)(void *from, struct buf *pending);
	void *from;
};

struct input;

struct input *input_new(void); /* empty: ends at once */
void input_free(struct input *in);
void input_set(struct input *in, struct source s); /* closes an earlier source */
ssize_t input_read(struct input *in, void *p, size_t n);
/* Read to the end into b; -1 with errno, EFBIG when b's ceiling is met. */
int input_read_all(struct input *in, struct buf *b);
/* The descriptor, now the caller's; -1 when the source has none to give. */
int input_detach(struct input *in, struct buf *pending);
void input_close(struct input *in);

/* Ready-made ends. The descriptor, buffer or value stays the caller's and must outlive the stream. */
struct sink sink_fd(int fd);         /* write(2), EINTR and short writes handled */
struct sink sink_buf(struct buf *b); /* fails when the ceiling is met */
struct source source_fd(int fd);
struct source source_buf(struct buf *b); /* consumes the buffer */

#endif
