/*
 * A growing byte buffer with a ceiling. Holds any bytes; p is always NUL-terminated after the
 * first append, so that text can be read in place.
 *
 * Life cycle: BUF_INIT(max) or buf_init(), then buf_done(). autobuf does the latter.
 */
#ifndef PKG_BUF_H
#define PKG_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <sys/types.h>

struct buf {
	char *p;
	size_t len, cap;
	size_t max; /* bytes; an append beyond it fails */
};

#define BUF_INIT(ceiling) ((struct buf){ .max = (ceiling) })
#define autobuf __attribute__((cleanup(buf_done)))

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);
void buf_reset(struct buf *b); /* empty, keeps the memory */

/* Appends. 0, or -1 with errno EFBIG when the ceiling would be passed (nothing is appended). */
int buf_add(struct buf *b, const void *p, size_t n);
int buf_adds(struct buf *b, const char *s);
int buf_addc(struct buf *b, char c);
int buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_vaddf(struct buf *b, const char *fmt, va_list ap);

/* Drop n bytes from the front. */
void buf_drop(struct buf *b, size_t n);

/* Read once from fd, at most n bytes. Bytes read, 0 at the end, -1 with errno (EFBIG: full). */
ssize_t buf_read(struct buf *b, int fd, size_t n);

/* The text, which the caller frees; the buffer is empty after it. Never NULL. */
char *buf_take(struct buf *b);

/* The text so far, borrowed, "" when nothing was appended. */
const char *buf_text(const struct buf *b);

#endif
