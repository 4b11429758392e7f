/* Strict readers of numbers: the whole text must be the number. 0, or -1 with EINVAL or ERANGE. */
#ifndef PKG_PARSE_H
#define PKG_PARSE_H

#include <stdbool.h>
#include <stdint.h>

int parse_u64(const char *s, uint64_t *out); /* decimal, no sign */
int parse_i64(const char *s, int64_t *out);  /* decimal, optional sign */
int parse_u32(const char *s, uint32_t *out);

/* Docker's truth of a query or flag value: "", 0, no, false and none (any case) are false. */
bool parse_truth(const char *s);

/*
 * A size as users write it, in bytes: "512", "64m", "1.5g", "10kb", "2MiB"; units are powers of
 * 1024 (b, k, m, g, t, p), as docker/go-units RAMInBytes reads them.
 */
int parse_ram_bytes(const char *s, int64_t *bytes);

#endif
