/*
 * SHA-256: see digest.h. The low-level functions of libcrypto are used, deprecated or not: they
 * are the same assembler as behind EVP, which would link a megabyte of providers for it.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "pkg/digest.h"

#include <openssl/sha.h>
#include <string.h>

#include "pkg/id.h"

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct digest), "struct digest is too small");

static SHA256_CTX *context(struct digest *d)
{
	return (SHA256_CTX *)(void *)d->state;
}

void digest_init(struct digest *d)
{
	SHA256_Init(context(d));
}

void digest_add(struct digest *d, const void *p, size_t n)
{
	SHA256_Update(context(d), p, n);
}

void digest_end(struct digest *d, char out[DIGEST_SIZE])
{
	unsigned char sum[SHA256_DIGEST_LENGTH];

	SHA256_Final(sum, context(d));
	memcpy(out, DIGEST_PREFIX, sizeof(DIGEST_PREFIX) - 1);
	id_hex(out + sizeof(DIGEST_PREFIX) - 1, sum, sizeof(sum));
}

void digest_of(const void *p, size_t n, char out[DIGEST_SIZE])
{
	struct digest d;

	digest_init(&d);
	digest_add(&d, p, n);
	digest_end(&d, out);
}

bool digest_is_valid(const char *s)
{
	return strncmp(s, DIGEST_PREFIX, sizeof(DIGEST_PREFIX) - 1) == 0 &&
	       id_is_full(digest_hex(s));
}

const char *digest_hex(const char *digest)
{
	return digest + sizeof(DIGEST_PREFIX) - 1;
}
