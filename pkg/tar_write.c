/*
 * Writing tar archives: see tar.h. Whatever ustar has no room for, such as long names, large
 * numbers, parts of a second and xattrs, goes to a pax header before the entry.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/buf.h"
#include "pkg/mem.h"
#include "pkg/tar_header.h"

#define BUF_SIZE (256 * 1024)

struct tar_writer {
	tar_sink *write;
	void *to;
	char *buf;
	size_t n;
	int64_t left; /* content of the entry that is still to come */
	size_t padding;
};

static const char type_flags[] = {
	[TAR_FILE] = '0',     [TAR_HARDLINK] = '1', [TAR_SYMLINK] = '2', [TAR_CHARDEV] = '3',
	[TAR_BLOCKDEV] = '4', [TAR_DIR] = '5',      [TAR_FIFO] = '6',
};

struct tar_writer *tar_writer_new(tar_sink *write, void *to)
{
	struct tar_writer *w = xcalloc(1, sizeof(*w));

	w->write = write;
	w->to = to;
	w->buf = xmalloc(BUF_SIZE);
	return w;
}

void tar_writer_free(struct tar_writer *w)
{
	if (!w)
		return;
	free(w->buf);
	free(w);
}

static int flush(struct tar_writer *w)
{
	size_t n = w->n;

	w->n = 0;
	return n ? w->write(w->to, w->buf, n) : 0;
}

static int put(struct tar_writer *w, const void *p, size_t n)
{
	if (n > BUF_SIZE - w->n && flush(w) < 0)
		return -1;
	if (n >= BUF_SIZE)
		return w->write(w->to, p, n);
	memcpy(w->buf + w->n, p, n);
	w->n += n;
	return 0;
}

static int put_zeros(struct tar_writer *w, size_t n)
{
	static const char zeros[2 * TAR_BLOCK];

	return put(w, zeros, n);
}

/* Octal digits that fill the field but for its last byte. False when there is no room for v. */
static bool set_octal(char *field, size_t n, int64_t v)
{
	char text[24];

	if (v < 0 || v >> (3 * (n - 1)))
		return false;
	snprintf(text, sizeof(text), "%0*llo", (int)n - 1, (unsigned long long)v);
	memcpy(field, text, n - 1);
	return true;
}

/* A record says its own length, whose digits count. */
static void add_record(struct buf *b, const char *key, const void *value, size_t n)
{
	size_t rest = strlen(key) + n + 3, len = rest, before;

	do {
		before = len;
		len = rest + (size_t)snprintf(NULL, 0, "%zu", before);
	} while (len != before);
	buf_addf(b, "%zu %s=", len, key);
	buf_add(b, value, n);
	buf_addc(b, '\n');
}

static void add_number(struct buf *b, const char *key, int64_t v)
{
	char text[24];

	add_record(b, key, text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)v));
}

static void add_time(struct buf *b, const char *key, struct timespec t)
{
	int64_t sec = t.tv_sec;
	long ns = t.tv_nsec;
	bool negative = sec < 0;
	char text[48];
	int n;

	if (negative && ns) {
		sec += 1;
		ns = 1000000000 - ns;
	}
	n = snprintf(text, sizeof(text), "%s%llu.%09ld", negative ? "-" : "",
		     negative ? -(unsigned long long)sec : (unsigned long long)sec, ns);
	add_record(b, key, text, (size_t)n);
}

/* Put the name into name and prefix. False when it fits neither way. */
static bool set_name(struct tar_block *b, const char *name)
{
	size_t n = strlen(name);
	const char *slash;

	if (n <= sizeof(b->name)) {
		memcpy(b->name, name, n);
		return true;
	}
	/* The first slash that leaves no more than 100 bytes behind it. */
	slash = strchr(name + n - sizeof(b->name) - 1, '/');
	if (!slash || slash == name || !slash[1] || (size_t)(slash - name) > sizeof(b->prefix))
		return false;
	memcpy(b->prefix, name, (size_t)(slash - name));
	memcpy(b->name, slash + 1, n - (size_t)(slash + 1 - name));
	return true;
}

static void fill_names(struct tar_block *b, const struct tar_entry *e, struct buf *pax)
{
	size_t n = e->link ? strlen(e->link) : 0;

	if (!set_name(b, e->name)) {
		memcpy(b->name, e->name, sizeof(b->name));
		add_record(pax, "path", e->name, strlen(e->name));
	}
	if (n > sizeof(b->link))
		add_record(pax, "linkpath", e->link, n);
	else if (n)
		memcpy(b->link, e->link, n);
}

static void set_number(char *field, size_t n, int64_t v, const char *key, struct buf *pax)
{
	if (set_octal(field, n, v))
		return;
	set_octal(field, n, 0);
	add_number(pax, key, v);
}

static void fill_block(struct tar_block *b, const struct tar_entry *e, struct buf *pax)
{
	int64_t size = e->type == TAR_FILE ? e->size : 0;

	fill_names(b, e, pax);
	set_octal(b->mode, sizeof(b->mode), e->mode & 07777);
	set_number(b->uid, sizeof(b->uid), e->uid, "uid", pax);
	set_number(b->gid, sizeof(b->gid), e->gid, "gid", pax);
	set_number(b->size, sizeof(b->size), size, "size", pax);
	if (!set_octal(b->mtime, sizeof(b->mtime), e->mtime.tv_sec) || e->mtime.tv_nsec)
		add_time(pax, "mtime", e->mtime);
	if (!b->mtime[0])
		set_octal(b->mtime, sizeof(b->mtime), 0);
	b->flag = type_flags[e->type];
	memcpy(b->magic, "ustar", 6);
	memcpy(b->version, "00", 2);
	if (e->type == TAR_CHARDEV || e->type == TAR_BLOCKDEV) {
		set_octal(b->dev_major, sizeof(b->dev_major), e->dev_major);
		set_octal(b->dev_minor, sizeof(b->dev_minor), e->dev_minor);
	}
	for (size_t i = 0; i < e->nxattrs; i++) {
		autofree char *key = xasprintf("SCHILY.xattr.%s", e->xattrs[i].name);

		add_record(pax, key, e->xattrs[i].value, e->xattrs[i].size);
	}
}

static int put_block(struct tar_writer *w, struct tar_block *b)
{
	const unsigned char *p = (const unsigned char *)b;
	unsigned sum = 0;

	memset(b->checksum, ' ', sizeof(b->checksum));
	for (size_t i = 0; i < sizeof(*b); i++)
		sum += p[i];
	set_octal(b->checksum, 7, sum);
	b->checksum[6] = '\0';
	return put(w, b, sizeof(*b));
}

static int put_pax(struct tar_writer *w, const struct tar_entry *e, const struct buf *pax)
{
	const char *slash = strrchr(e->name, '/');
	struct tar_block b = { 0 };

	if (slash && !slash[1])
		slash = NULL;
	snprintf(b.name, sizeof(b.name), "PaxHeaders.0/%.80s", slash ? slash + 1 : e->name);
	set_octal(b.mode, sizeof(b.mode), 0644);
	set_octal(b.uid, sizeof(b.uid), 0);
	set_octal(b.gid, sizeof(b.gid), 0);
	set_octal(b.size, sizeof(b.size), (int64_t)pax->len);
	set_octal(b.mtime, sizeof(b.mtime), 0);
	b.flag = 'x';
	memcpy(b.magic, "ustar", 6);
	memcpy(b.version, "00", 2);
	if (put_block(w, &b) < 0 || put(w, pax->p, pax->len) < 0)
		return -1;
	return put_zeros(w, -pax->len & (TAR_BLOCK - 1));
}

int tar_write_entry(struct tar_writer *w, const struct tar_entry *e)
{
	autobuf struct buf pax = BUF_INIT(SIZE_MAX / 2);
	struct tar_block b = { 0 };

	fill_block(&b, e, &pax);
	if (pax.len && put_pax(w, e, &pax) < 0)
		return -1;
	w->left = e->type == TAR_FILE ? e->size : 0;
	w->padding = (size_t)(-w->left & (TAR_BLOCK - 1));
	return put_block(w, &b);
}

int tar_write_data(struct tar_writer *w, const void *p, size_t n)
{
	w->left -= (int64_t)n;
	if (put(w, p, n) < 0)
		return -1;
	return w->left == 0 ? put_zeros(w, w->padding) : 0;
}

int tar_write_end(struct tar_writer *w)
{
	if (put_zeros(w, 2 * TAR_BLOCK) < 0)
		return -1;
	return flush(w);
}
