/* What the files of the tar reader share. Not for other folders. */
#ifndef PKG_TAR_HEADER_H
#define PKG_TAR_HEADER_H

#include "pkg/tar.h"

/* A header block as it stands in the archive. */
struct tar_block {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], flag, link[100];
	char magic[6], version[2], uname[32], gname[32], dev_major[8], dev_minor[8];
	char prefix[155], unused[12];
};
_Static_assert(sizeof(struct tar_block) == TAR_BLOCK, "a header is one block");

/* What extended headers say about the entry that follows them. */
struct tar_extra {
	char *name, *link, *sparse_name;
	bool has_size, has_uid, has_gid, has_mtime, has_real_size;
	int64_t size, uid, gid, real_size;
	struct timespec mtime;
	int sparse_major, sparse_minor; /* 1.0: the map stands before the content */
	bool has_map;
	int64_t piece_offset; /* 0.0: an offset that waits for its size */
	bool has_piece_offset;
};
void tar_extra_done(struct tar_extra *x);

int tar_bad_header(struct error *err); /* -1 */

bool tar_block_is_zero(const void *block);
bool tar_block_checksum_ok(const void *block);

/* Octal, or base 256 in GNU's manner. 0, or -1 when it is no number or too large. */
int tar_number(const char *field, size_t n, int64_t *out);

/* Read n bytes of pax records into x, and xattrs and the pieces of a sparse file into e. */
int tar_parse_pax(const char *p, size_t n, struct tar_extra *x, struct tar_entry *e,
		  struct error *err);

/* Fill e from its header block and what came before. 0, or -1 with err. */
int tar_parse_block(const struct tar_block *b, struct tar_extra *x, struct tar_entry *e,
		    struct error *err);

/* Sparse maps. All append to e->pieces, with the ceiling. */
int tar_add_piece(struct tar_entry *e, int64_t offset, int64_t size, struct error *err);
/* n old GNU map fields of 24 bytes; *more: cleared at the first empty one. */
int tar_parse_old_map(const char *p, size_t n, struct tar_entry *e, struct error *err);
/* Are the pieces in order, inside the file, and as many bytes as are stored? */
int tar_check_pieces(const struct tar_entry *e, struct error *err);

#endif
