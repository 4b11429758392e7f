/* Random identifiers. */
#ifndef PKG_ID_H
#define PKG_ID_H

#include <stdbool.h>
#include <stddef.h>

#define ID_SIZE 65 /* 64 hex digits and the NUL */

/*
 * 32 random bytes as 64 lower-case hex digits. The first 12, which stand for the whole as a host
 * name, are never all decimal digits: they would read as a number.
 */
void id_generate(char out[ID_SIZE]);

/* n random bytes as 2n hex digits and a NUL. */
void id_random_hex(char *out, size_t n);

/* n bytes as 2n lower-case hex digits and a NUL. */
void id_hex(char *out, const unsigned char *p, size_t n);

bool id_is_full(const char *s); /* exactly 64 lower-case hex digits */

#endif
