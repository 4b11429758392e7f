/* Text in columns, as Go's text/tabwriter aligns it: cells end in tabs, the last one in its line. */
#ifndef PKG_TABWRITER_H
#define PKG_TABWRITER_H

#include <stddef.h>

#include "pkg/buf.h"

/*
 * Append the lines of text to out, with each column as wide as its widest cell plus padding, at least
 * min_width, over neighbouring lines that have the column. Width counts UTF-8 characters.
 */
void tabwriter_format(const char *text, size_t min_width, size_t padding, struct buf *out);

#endif
