/*
 * Tar archives as streams. The reader knows ustar, pax, GNU and old GNU archives, and what hostile
 * ones do: every size is capped, every number checked. The writer makes ustar with pax headers
 * where ustar has no room.
 *
 * Names are given as they stand in the archive: whoever uses them resolves them inside a root.
 */
#ifndef PKG_TAR_H
#define PKG_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "pkg/error.h"

#define TAR_BLOCK 512
#define TAR_NAME_MAX 65536           /* bytes of a name or a link's target */
#define TAR_EXTRA_MAX (1024 * 1024)  /* bytes of one pax header: all names and xattrs of an entry */
#define TAR_SPARSE_MAX (1024 * 1024) /* pieces of one sparse file */

enum tar_type {
	TAR_FILE,
	TAR_HARDLINK,
	TAR_SYMLINK,
	TAR_CHARDEV,
	TAR_BLOCKDEV,
	TAR_DIR,
	TAR_FIFO,
	TAR_OTHER, /* of no use outside its own system: flag says which */
};

struct tar_xattr {
	char *name; /* "security.capability" */
	void *value;
	size_t size;
};

struct tar_piece {
	int64_t offset, size;
};

struct tar_entry {
	enum tar_type type;
	char flag;         /* the type as the archive says it */
	char *name, *link; /* never NULL in what the reader gives */
	mode_t mode;       /* permission bits, set-id bits and sticky */
	uint32_t uid, gid;
	int64_t size;   /* of the file, holes included */
	int64_t stored; /* bytes that follow in the archive */
	struct timespec mtime;
	unsigned dev_major, dev_minor;
	struct tar_xattr *xattrs;
	size_t nxattrs;
	bool is_sparse;
	struct tar_piece *pieces; /* where the stored bytes belong, if sparse */
	size_t npieces;
};
void tar_entry_done(struct tar_entry *e);
void tar_entry_add_xattr(struct tar_entry *e, const char *name, const void *value, size_t size);

/* Up to n bytes, 0 at the end, -1 with errno. */
typedef ssize_t tar_source(void *from, void *p, size_t n);
/* Bytes of the archive that are no file content: headers, padding, the end. 0, or -1 with errno. */
typedef int tar_raw(void *to, const void *p, size_t n);

struct tar_reader;

struct tar_reader *tar_reader_new(tar_source *read, void *from);
void tar_reader_free(struct tar_reader *r);
/* Everything but what tar_data() gives goes to raw, in order; before the first tar_next(). */
void tar_reader_set_raw(struct tar_reader *r, tar_raw *raw, void *to);

/*
 * The next entry: 1 and *e, which is the reader's until the next call; 0 at the end; -1 with err:
 * ERR_BAD_REQUEST for a bad archive. Content that was not read is skipped, and counts as raw.
 */
int tar_next(struct tar_reader *r, struct tar_entry **e, struct error *err);

/*
 * The next bytes of the entry's content, where they stand in the reader's buffer, and where in the
 * file they belong. Their number, 0 at the end, -1 with err.
 */
ssize_t tar_data(struct tar_reader *r, const void **p, int64_t *offset, struct error *err);

/* Read what follows the end of the archive, to the end of the stream, as raw. */
int tar_drain(struct tar_reader *r, struct error *err);

/* All n bytes; 0, or -1 with errno. */
typedef int tar_sink(void *to, const void *p, size_t n);

struct tar_writer;

struct tar_writer *tar_writer_new(tar_sink *write, void *to);
void tar_writer_free(struct tar_writer *w);

/* Begin an entry. name is relative; for a TAR_DIR it should end with "/". 0, or -1 with errno. */
int tar_write_entry(struct tar_writer *w, const struct tar_entry *e);
/* Its content: in all exactly e->size bytes. */
int tar_write_data(struct tar_writer *w, const void *p, size_t n);
/* End the archive, and hand on all that is buffered. */
int tar_write_end(struct tar_writer *w);

#endif
