/*
 * ISA-L, which inflates and deflates several times as fast as zlib: loaded when it is first needed, as
 * the package libisal2 may be missing. Then zlib does the work.
 */
#ifndef PKG_ISAL_H
#define PKG_ISAL_H

#include <isa-l/igzip_lib.h>

struct isal {
	void (*inflate_init)(struct inflate_state *state);
	int (*inflate)(struct inflate_state *state);
	void (*deflate_init)(struct isal_zstream *stream);
	int (*deflate)(struct isal_zstream *stream);
};

const struct isal *isal_load(void); /* NULL: it is not here */

#endif
