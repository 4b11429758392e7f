/*
 * SHA-256, the one digest of images and layers, and its text form "sha256:HEX".
 *
 * Life cycle: digest_init(), digest_add() any number of times, digest_end(). Nothing to free.
 */
#ifndef PKG_DIGEST_H
#define PKG_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#define DIGEST_SIZE 72 /* "sha256:", 64 hex digits and the NUL */
#define DIGEST_PREFIX "sha256:"

struct digest {
	unsigned char state[128]; /* the library's, checked in digest.c */
} __attribute__((aligned(16)));

void digest_init(struct digest *d);
void digest_add(struct digest *d, const void *p, size_t n);
void digest_end(struct digest *d, char out[DIGEST_SIZE]);

/* The digest of n bytes in one call. */
void digest_of(const void *p, size_t n, char out[DIGEST_SIZE]);

/* "sha256:" and exactly 64 lower-case hex digits. */
bool digest_is_valid(const char *s);

/* The hex digits behind the prefix of a valid digest; borrowed. */
const char *digest_hex(const char *digest);

#endif
