/* Base64, RFC 4648. */
#ifndef PKG_BASE64_H
#define PKG_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "pkg/buf.h"

/* Append n bytes encoded, with padding; url: the alphabet for URLs. */
void base64_encode(struct buf *out, const void *p, size_t n, bool url);
/* Append what text stands for, in either alphabet, padded or not. 0, or -1 with EINVAL. */
int base64_decode(struct buf *out, const char *text);

#endif
