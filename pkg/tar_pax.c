/* The records of pax extended headers: "LENGTH KEY=VALUE\n". See tar.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/mem.h"
#include "pkg/parse.h"
#include "pkg/tar_header.h"

#define XATTR_PREFIX "SCHILY.xattr."
#define XATTR_NAME_MAX 255
#define XATTR_SIZE_MAX 65536

/* The value of a record: n bytes, with a NUL behind them. */
struct record {
	const char *value;
	size_t n;
	struct tar_extra *x;
	struct tar_entry *e;
};

static int take_text(const struct record *r, char **out)
{
	if (memchr(r->value, '\0', r->n) || r->n > TAR_NAME_MAX)
		return -1;
	free(*out);
	*out = r->n ? xstrndup(r->value, r->n) : NULL; /* empty: as if it were not there */
	return 0;
}

static int take_number(const struct record *r, int64_t *out, bool *has)
{
	*has = r->n > 0;
	return r->n == 0 ? 0 : parse_i64(r->value, out);
}

static int set_path(const struct record *r)
{
	return take_text(r, &r->x->name);
}

static int set_link(const struct record *r)
{
	return take_text(r, &r->x->link);
}

static int set_size(const struct record *r)
{
	return take_number(r, &r->x->size, &r->x->has_size);
}

static int set_uid(const struct record *r)
{
	return take_number(r, &r->x->uid, &r->x->has_uid);
}

static int set_gid(const struct record *r)
{
	return take_number(r, &r->x->gid, &r->x->has_gid);
}

/* [-]SECONDS[.FRACTION], any number of digits behind the point. */
static int set_mtime(const struct record *r)
{
	autofree char *whole = xstrndup(r->value, strcspn(r->value, "."));
	const char *digit = strchr(r->value, '.');
	bool negative = *r->value == '-';
	long ns = 0, unit = 100000000;
	int64_t sec;

	if (!r->n) {
		r->x->has_mtime = false;
		return 0;
	}
	if (parse_i64(whole, &sec) < 0)
		return -1;
	for (digit = digit ? digit + 1 : ""; *digit; digit++, unit /= 10) {
		if (*digit < '0' || *digit > '9')
			return -1;
		ns += (*digit - '0') * unit;
	}
	if (negative && ns) {
		sec -= 1;
		ns = 1000000000 - ns;
	}
	r->x->mtime = (struct timespec){ .tv_sec = sec, .tv_nsec = ns };
	r->x->has_mtime = true;
	return 0;
}

static int set_sparse_name(const struct record *r)
{
	return take_text(r, &r->x->sparse_name);
}

static int set_real_size(const struct record *r)
{
	int rc = take_number(r, &r->x->real_size, &r->x->has_real_size);

	return rc == 0 && r->x->real_size < 0 ? -1 : rc;
}

static int set_sparse_major(const struct record *r)
{
	int64_t v = 0;
	bool has;

	if (take_number(r, &v, &has) < 0 || v < 0 || v > 1)
		return -1;
	r->x->sparse_major = (int)v;
	return 0;
}

static int set_sparse_minor(const struct record *r)
{
	int64_t v = 0;
	bool has;

	if (take_number(r, &v, &has) < 0 || v < 0 || v > 1)
		return -1;
	r->x->sparse_minor = (int)v;
	return 0;
}

/* Format 0.0: offset and numbytes in turn. */
static int set_piece_offset(const struct record *r)
{
	bool has;

	if (r->x->has_piece_offset || take_number(r, &r->x->piece_offset, &has) < 0 || !has)
		return -1;
	r->x->has_piece_offset = r->x->has_map = true;
	return 0;
}

static int set_piece_size(const struct record *r)
{
	int64_t size;
	bool has;

	if (!r->x->has_piece_offset || take_number(r, &size, &has) < 0 || !has)
		return -1;
	r->x->has_piece_offset = false;
	return tar_add_piece(r->e, r->x->piece_offset, size, NULL);
}

/* Format 0.1: all in one record, "offset,size,offset,size...". */
static int set_map(const struct record *r)
{
	autofree char *text = xstrndup(r->value, r->n);
	char *at = text, *part;
	int64_t pair[2];

	r->x->has_map = true;
	for (int i = 0; (part = strsep(&at, ",")); i ^= 1) {
		if (i == 0 && !*part && !at)
			return 0;
		if (parse_i64(part, &pair[i]) < 0)
			return -1;
		if (i == 1 && tar_add_piece(r->e, pair[0], pair[1], NULL) < 0)
			return -1;
		if (i == 0 && !at)
			return -1;
	}
	return 0;
}

static const struct {
	const char *key;
	int (*set)(const struct record *r);
} keys[] = {
	{ "path", set_path },
	{ "linkpath", set_link },
	{ "size", set_size },
	{ "uid", set_uid },
	{ "gid", set_gid },
	{ "mtime", set_mtime },
	{ "GNU.sparse.name", set_sparse_name },
	{ "GNU.sparse.size", set_real_size },
	{ "GNU.sparse.realsize", set_real_size },
	{ "GNU.sparse.major", set_sparse_major },
	{ "GNU.sparse.minor", set_sparse_minor },
	{ "GNU.sparse.offset", set_piece_offset },
	{ "GNU.sparse.numbytes", set_piece_size },
	{ "GNU.sparse.map", set_map },
};

static int set_xattr(const char *name, const struct record *r)
{
	size_t n = strlen(name);

	if (!n || n > XATTR_NAME_MAX || r->n > XATTR_SIZE_MAX)
		return -1;
	tar_entry_add_xattr(r->e, name, r->value, r->n);
	return 0;
}

static int apply(const char *key, const struct record *r)
{
	if (strncmp(key, XATTR_PREFIX, strlen(XATTR_PREFIX)) == 0)
		return set_xattr(key + strlen(XATTR_PREFIX), r);
	for (size_t i = 0; i < array_size(keys); i++)
		if (strcmp(keys[i].key, key) == 0)
			return keys[i].set(r);
	return 0;
}

/* The length that a record begins with, and how many bytes it takes to say so. */
static size_t record_length(const char *p, size_t n, size_t *digits)
{
	size_t v = 0, i;

	for (i = 0; i < n && i < 8 && p[i] >= '0' && p[i] <= '9'; i++)
		v = v * 10 + (size_t)(p[i] - '0');
	*digits = i;
	return i && i < n && p[i] == ' ' && v <= n ? v : 0;
}

int tar_parse_pax(const char *p, size_t n, struct tar_extra *x, struct tar_entry *e,
		  struct error *err)
{
	while (n && *p) {
		size_t digits, len = record_length(p, n, &digits);
		autofree char *text = NULL;
		struct record r = { .x = x, .e = e };
		char *equals;

		if (len < digits + 4 || p[len - 1] != '\n')
			return tar_bad_header(err);
		text = xmalloc(len);
		memcpy(text, p + digits + 1, len - digits - 2);
		text[len - digits - 2] = '\0';
		equals = strchr(text, '=');
		if (!equals || equals == text)
			return tar_bad_header(err);
		*equals = '\0';
		r.value = equals + 1;
		r.n = len - digits - 2 - (size_t)(equals + 1 - text);
		if (apply(text, &r) < 0)
			return tar_bad_header(err);
		p += len;
		n -= len;
	}
	return 0;
}
