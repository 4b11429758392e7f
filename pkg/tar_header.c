/* Header blocks of tar archives and their numbers: see tar.h. */
#include "pkg/tar_header.h"

#include <stdlib.h>
#include <string.h>

#include "pkg/mem.h"

int tar_bad_header(struct error *err)
{
	return error_set(err, ERR_BAD_REQUEST, "archive/tar: invalid tar header");
}

void tar_entry_done(struct tar_entry *e)
{
	for (size_t i = 0; i < e->nxattrs; i++) {
		free(e->xattrs[i].name);
		free(e->xattrs[i].value);
	}
	free(e->xattrs);
	free(e->pieces);
	free(e->name);
	free(e->link);
	*e = (struct tar_entry){ 0 };
}

void tar_entry_add_xattr(struct tar_entry *e, const char *name, const void *value, size_t size)
{
	struct tar_xattr *x;

	e->xattrs = xrealloc(e->xattrs, (e->nxattrs + 1) * sizeof(*x));
	x = &e->xattrs[e->nxattrs++];
	x->name = xstrdup(name);
	x->size = size;
	x->value = xmalloc(size + 1);
	memcpy(x->value, value, size);
}

void tar_extra_done(struct tar_extra *x)
{
	free(x->name);
	free(x->link);
	free(x->sparse_name);
	*x = (struct tar_extra){ 0 };
}

bool tar_block_is_zero(const void *block)
{
	static const char zeros[TAR_BLOCK];

	return memcmp(block, zeros, TAR_BLOCK) == 0;
}

bool tar_block_checksum_ok(const void *block)
{
	const struct tar_block *b = block;
	const unsigned char *p = block;
	int64_t want, sum = 8 * ' ',
		      signed_sum = 8 * ' '; /* some old writers summed signed chars */

	if (tar_number(b->checksum, sizeof(b->checksum), &want) < 0)
		return false;
	for (size_t i = 0; i < TAR_BLOCK; i++) {
		if (i >= offsetof(struct tar_block, checksum) &&
		    i < offsetof(struct tar_block, flag))
			continue;
		sum += p[i];
		signed_sum += (signed char)p[i];
	}
	return want == sum || want == signed_sum;
}

static int number_base256(const unsigned char *p, size_t n, int64_t *out)
{
	bool negative = p[0] & 0x40;
	int64_t v = negative ? -1 : 0;

	/* The first bit is the mark, the second the sign; the rest is two's complement. */
	v = v * 64 + (p[0] & 0x3f);
	for (size_t i = 1; i < n; i++)
		if (__builtin_mul_overflow(v, (int64_t)256, &v) ||
		    __builtin_add_overflow(v, (int64_t)p[i], &v))
			return -1;
	*out = v;
	return 0;
}

int tar_number(const char *field, size_t n, int64_t *out)
{
	const char *end = field + n;
	int64_t v = 0;

	if ((unsigned char)*field & 0x80)
		return number_base256((const unsigned char *)field, n, out);
	while (field < end && *field == ' ')
		field++;
	for (; field < end && *field >= '0' && *field <= '7'; field++)
		v = v * 8 + (*field - '0'); /* at most 12 digits: 36 bits */
	for (; field < end; field++)
		if (*field != ' ' && *field != '\0')
			return -1;
	*out = v;
	return 0;
}

static enum tar_type type_of(const struct tar_entry *e)
{
	size_t n = strlen(e->name);

	switch (e->flag) {
	case '\0': /* before POSIX a folder was a file whose name ends so */
		return n && e->name[n - 1] == '/' ? TAR_DIR : TAR_FILE;
	case '0':
	case '7':
	case 'S':
		return TAR_FILE;
	case '1':
		return TAR_HARDLINK;
	case '2':
		return TAR_SYMLINK;
	case '3':
		return TAR_CHARDEV;
	case '4':
		return TAR_BLOCKDEV;
	case '5':
		return TAR_DIR;
	case '6':
		return TAR_FIFO;
	}
	return TAR_OTHER;
}

static char *block_name(const struct tar_block *b)
{
	if (memcmp(b->magic, "ustar", 6) != 0 || !b->prefix[0])
		return xstrndup(b->name, sizeof(b->name));
	return xasprintf("%.*s/%.*s", (int)strnlen(b->prefix, sizeof(b->prefix)), b->prefix,
			 (int)strnlen(b->name, sizeof(b->name)), b->name);
}

static void take_names(const struct tar_block *b, struct tar_extra *x, struct tar_entry *e)
{
	char **name = x->sparse_name ? &x->sparse_name : &x->name;

	e->name = *name ? take_ptr(name) : block_name(b);
	e->link = x->link ? take_ptr(&x->link) : xstrndup(b->link, sizeof(b->link));
}

/* The numbers of the block, where no extended header said otherwise. */
static int take_numbers(const struct tar_block *b, struct tar_extra *x, struct tar_entry *e)
{
	int64_t mode, mtime, major, minor;

	if (tar_number(b->mode, sizeof(b->mode), &mode) < 0 ||
	    (!x->has_uid && tar_number(b->uid, sizeof(b->uid), &x->uid) < 0) ||
	    (!x->has_gid && tar_number(b->gid, sizeof(b->gid), &x->gid) < 0) ||
	    (!x->has_size && tar_number(b->size, sizeof(b->size), &x->size) < 0) ||
	    tar_number(b->mtime, sizeof(b->mtime), &mtime) < 0)
		return -1;
	if (tar_number(b->dev_major, sizeof(b->dev_major), &major) < 0 ||
	    tar_number(b->dev_minor, sizeof(b->dev_minor), &minor) < 0)
		major = minor = 0; /* v7 headers have no such fields */
	if (x->uid < 0 || x->uid >= UINT32_MAX || x->gid < 0 || x->gid >= UINT32_MAX ||
	    x->size < 0 || x->size > INT64_MAX - TAR_BLOCK || major < 0 || major > UINT32_MAX ||
	    minor < 0 || minor > UINT32_MAX)
		return -1;
	e->mode = (mode_t)mode & 07777;
	e->uid = (uint32_t)x->uid;
	e->gid = (uint32_t)x->gid;
	e->size = e->stored = x->size;
	e->mtime = x->has_mtime ? x->mtime : (struct timespec){ .tv_sec = mtime };
	e->dev_major = (unsigned)major;
	e->dev_minor = (unsigned)minor;
	return 0;
}

int tar_parse_block(const struct tar_block *b, struct tar_extra *x, struct tar_entry *e,
		    struct error *err)
{
	e->flag = b->flag;
	take_names(b, x, e);
	if (take_numbers(b, x, e) < 0)
		return tar_bad_header(err);
	e->type = type_of(e);
	if (e->type != TAR_FILE && e->type != TAR_OTHER)
		e->size = e->stored = 0; /* whatever the header says, nothing follows it */
	if (e->type != TAR_FILE)
		return 0;
	if (x->has_real_size && (x->has_map || x->sparse_major == 1))
		e->size = x->real_size;
	e->is_sparse = e->flag == 'S' || x->has_map || x->sparse_major == 1;
	return 0;
}

int tar_add_piece(struct tar_entry *e, int64_t offset, int64_t size, struct error *err)
{
	if (e->npieces == TAR_SPARSE_MAX)
		return error_set(err, ERR_BAD_REQUEST, "archive/tar: sparse map is too long");
	if (e->npieces % 64 == 0)
		e->pieces = xrealloc(e->pieces, (e->npieces + 64) * sizeof(*e->pieces));
	e->pieces[e->npieces++] = (struct tar_piece){ offset, size };
	return 0;
}

int tar_parse_old_map(const char *p, size_t n, struct tar_entry *e, struct error *err)
{
	int64_t offset, size;

	for (; n; n--, p += 24) {
		if (!*p)
			return 0;
		if (tar_number(p, 12, &offset) < 0 || tar_number(p + 12, 12, &size) < 0)
			return tar_bad_header(err);
		if (tar_add_piece(e, offset, size, err) < 0)
			return -1;
	}
	return 0;
}

int tar_check_pieces(const struct tar_entry *e, struct error *err)
{
	int64_t at = 0, sum = 0;

	for (size_t i = 0; i < e->npieces; i++) {
		const struct tar_piece *p = &e->pieces[i];

		if (p->offset < at || p->size < 0 || p->size > e->size - p->offset)
			return tar_bad_header(err);
		at = p->offset + p->size;
		sum += p->size;
	}
	return sum == e->stored ? 0 : tar_bad_header(err);
}
