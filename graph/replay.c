/* Making a layer's tar from its record: see record.h, and record.c for the format. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "graph/record.h"
#include "pkg/decompress.h"
#include "pkg/mem.h"
#include "pkg/path.h"

#define PART_SIZE                                                                                  \
	(256 * 1024) /* what the sink gets at once: it stays in the cache from read to send */

/* A pass over a record; each has a position of its own in the file. */
struct pass {
	int fd;
	off_t at;
	struct decompress *d;
	struct error *err;
	char letter;
	int64_t length;
	char *path;
};

/* A lost file: where its segment is, by number. */
struct lost {
	char *path;
	size_t segment;
};

struct replay {
	int record_fd, root_fd;
	record_sink *write;
	void *to;
	struct lost *lost;
	size_t nlost;
	char *part; /* bytes on their way to the sink */
	size_t n;
};

static ssize_t pass_source(void *from, void *p, size_t n)
{
	struct pass *s = from;
	ssize_t got = pread(s->fd, p, n, s->at);

	if (got > 0)
		s->at += got;
	return got;
}

static void pass_begin(struct pass *s, int fd, struct error *err)
{
	*s = (struct pass){ .fd = fd, .err = err };
	s->d = decompress_new(pass_source, s);
}

static void pass_end(struct pass *s)
{
	decompress_free(s->d);
	free(s->path);
}

/* All n bytes. 1, 0 when the record ends in their place, -1. */
static int pass_read(struct pass *s, void *p, size_t n)
{
	size_t have = 0;

	while (have < n) {
		ssize_t got = decompress_read(s->d, (char *)p + have, n - have, s->err);

		if (got < 0)
			return -1;
		if (got == 0)
			return have ? error_set(s->err, ERR_INTERNAL, "layer record is cut off")
				    : 0;
		have += (size_t)got;
	}
	return 1;
}

/* The same where the record must not end. 0, -1. */
static int pass_must_read(struct pass *s, void *p, size_t n)
{
	int rc = pass_read(s, p, n);

	if (rc == 0)
		return error_set(s->err, ERR_INTERNAL, "layer record is cut off");
	return rc < 0 ? -1 : 0;
}

/* The next segment's head. 1, 0 at the end, -1. */
static int pass_next(struct pass *s)
{
	unsigned char head[9];
	uint64_t length;
	uint16_t n;
	int rc = pass_read(s, head, sizeof(head));

	if (rc <= 0)
		return rc;
	memcpy(&length, head + 1, sizeof(length));
	s->letter = (char)head[0];
	s->length = (int64_t)le64toh(length);
	free(s->path);
	s->path = NULL;
	if (s->length < 0 || !strchr("BFL", s->letter))
		return error_set(s->err, ERR_INTERNAL, "layer record is damaged");
	if (s->letter == 'B')
		return 1;
	if (pass_must_read(s, &n, sizeof(n)) < 0)
		return -1;
	n = le16toh(n);
	s->path = xcalloc(1, (size_t)n + 1);
	return n == 0 || pass_must_read(s, s->path, n) == 0 ? 1 : -1;
}

static int flush(struct replay *r, struct error *err)
{
	size_t n = r->n;

	r->n = 0;
	if (n && r->write(r->to, r->part, n) < 0)
		return error_sys(err, "cannot write the layer");
	return 0;
}

/* How many of the left bytes can be put behind what waits in part: at least one. -1 with err. */
static ssize_t make_room(struct replay *r, int64_t left, struct error *err)
{
	size_t room;

	if (r->n == PART_SIZE && flush(r, err) < 0)
		return -1;
	room = PART_SIZE - r->n;
	return left < (int64_t)room ? (ssize_t)left : (ssize_t)room;
}

enum bytes { BYTES_SKIP, BYTES_WRITE };

/* Hand on the bytes of a segment, or pass over them. */
static int pass_bytes(struct pass *s, struct replay *r, enum bytes what)
{
	for (int64_t left = s->length; left > 0;) {
		ssize_t n = make_room(r, left, s->err);

		if (n < 0 || pass_must_read(s, r->part + r->n, (size_t)n) < 0)
			return -1;
		if (what == BYTES_WRITE)
			r->n += (size_t)n;
		left -= n;
	}
	return 0;
}

/* The first pass: which files were lost, and how long the tar is. */
static int scan(struct replay *r, int64_t *size, struct error *err)
{
	struct pass s;
	size_t segment = 0;
	int rc;

	*size = 0;
	pass_begin(&s, r->record_fd, err);
	while ((rc = pass_next(&s)) > 0) {
		if (s.letter == 'L') {
			r->lost = xrealloc(r->lost, (r->nlost + 1) * sizeof(*r->lost));
			r->lost[r->nlost++] = (struct lost){ xstrdup(s.path), segment };
		} else if (__builtin_add_overflow(*size, s.length, size)) {
			rc = error_set(err, ERR_INTERNAL, "layer record is damaged");
			break;
		}
		if (s.letter != 'F' && pass_bytes(&s, r, BYTES_SKIP) < 0) {
			rc = -1;
			break;
		}
		segment++;
	}
	pass_end(&s);
	return rc;
}

/* The content that stood in the record after that segment, if the file was lost later. */
static const struct lost *lost_after(const struct replay *r, const char *path, size_t segment)
{
	for (size_t i = 0; i < r->nlost; i++)
		if (r->lost[i].segment > segment && strcmp(r->lost[i].path, path) == 0)
			return &r->lost[i];
	return NULL;
}

/* Rare, so a pass of its own is made for each lost file. */
static int write_lost(struct replay *r, size_t wanted, int64_t size, struct error *err)
{
	struct pass s;
	size_t segment = 0;
	int rc;

	pass_begin(&s, r->record_fd, err);
	while ((rc = pass_next(&s)) > 0) {
		bool here = segment++ == wanted;

		if (here && s.length != size)
			rc = error_set(err, ERR_INTERNAL, "layer record is damaged");
		else if (s.letter != 'F')
			rc = pass_bytes(&s, r, here ? BYTES_WRITE : BYTES_SKIP);
		if (here || rc < 0)
			break;
	}
	pass_end(&s);
	return rc;
}

static int write_file(struct replay *r, const char *path, int64_t size, struct error *err)
{
	autoclose int fd =
		path_open_in_root(r->root_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys(err, "cannot read %s of the layer", path);
	if (!S_ISREG(st.st_mode) || st.st_size != size)
		return error_set(err, ERR_INTERNAL, "%s of the layer was changed", path);
	while (size > 0) {
		ssize_t n = make_room(r, size, err);

		if (n < 0)
			return -1;
		n = read(fd, r->part + r->n, (size_t)n);
		if (n < 0)
			return error_sys(err, "cannot read %s of the layer", path);
		if (n == 0)
			return error_set(err, ERR_INTERNAL, "%s of the layer was changed", path);
		r->n += (size_t)n;
		size -= n;
	}
	return 0;
}

static int write_all(struct replay *r, struct error *err)
{
	const struct lost *lost;
	struct pass s;
	size_t segment = 0;
	int rc;

	pass_begin(&s, r->record_fd, err);
	while ((rc = pass_next(&s)) > 0) {
		lost = s.letter == 'F' ? lost_after(r, s.path, segment) : NULL;
		if (lost)
			rc = write_lost(r, lost->segment, s.length, err);
		else if (s.letter == 'F')
			rc = write_file(r, s.path, s.length, err);
		else
			rc = pass_bytes(&s, r, s.letter == 'B' ? BYTES_WRITE : BYTES_SKIP);
		if (rc < 0)
			break;
		segment++;
	}
	pass_end(&s);
	return rc;
}

static void replay_done(struct replay *r)
{
	for (size_t i = 0; i < r->nlost; i++)
		free(r->lost[i].path);
	free(r->lost);
	free(r->part);
}

int record_size(int record_fd, int64_t *size, struct error *err)
{
	struct replay r = { .record_fd = record_fd, .part = xmalloc(PART_SIZE) };
	int64_t sum;
	int rc = scan(&r, &sum, err);

	replay_done(&r);
	if (rc == 0)
		*size = sum;
	return rc;
}

int record_replay(int record_fd, int root_fd, record_sink *write, void *to, struct error *err)
{
	struct replay r = { .record_fd = record_fd, .root_fd = root_fd, .write = write, .to = to };
	int64_t unused;
	int rc;

	r.part = xmalloc(PART_SIZE);
	rc = scan(&r, &unused, err);
	if (rc == 0)
		rc = write_all(&r, err);
	if (rc == 0)
		rc = flush(&r, err);
	replay_done(&r);
	return rc;
}
