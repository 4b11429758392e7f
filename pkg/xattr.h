/* Extended attributes: xattr(7). */
#ifndef PKG_XATTR_H
#define PKG_XATTR_H

/*
 * Have two open files the same attributes, by name and value? 1 or 0, or -1 with errno. A file system
 * without attributes has none.
 */
int xattr_same(int a, int b);

#endif
