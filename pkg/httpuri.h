/*
 * Request targets: percent-decoding, cleaning, encoding; and the names of statuses. What is
 * returned as char * the caller frees.
 */
#ifndef PKG_HTTPURI_H
#define PKG_HTTPURI_H

#include <stdbool.h>
#include <stddef.h>

#include "pkg/buf.h"

/* Decode the %XX of a path. NULL: a bad escape, a NUL, or bytes that are not UTF-8. */
char *http_decode_path(const char *path);
/* The same for a key or a value of n bytes of a query, where '+' is a space. */
char *http_decode_query(const char *p, size_t n);

/* A decoded path without "//", "/./" and "/../"; a slash at its end is kept. */
char *http_clean_path(const char *path);
/* Append a decoded path percent-encoded, fit for a header. 0, or -1 as buf_add(). */
int http_encode_path(struct buf *out, const char *path);

int http_hex_digit(char c); /* its value, -1 for anything else */
bool http_is_utf8(const char *p, size_t n);
/* Append text as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
int http_add_json_string(struct buf *out, const char *text);

const char *http_reason(int status); /* "Not Found"; "Unknown" for one without a name */

#endif
