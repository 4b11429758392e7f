/* Reading a container's log: see logreader.h. */
#include "daemon/logreader.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/logfiles.h"
#include "pkg/buf.h"
#include "pkg/mem.h"

#define BLOCK 131072
#define LINE_MAX_BYTES (1024 * 1024) /* longer ones are damage */

struct logreader {
	char *path, *tmp_dir;
	struct logfiles files;
	size_t current; /* the file being read; files.n when there is none yet */
	struct buf raw; /* read, and from pos on not yet handed out */
	size_t pos;
	struct buf text; /* of the line handed out */
	struct timespec last;
	bool skipping; /* hand out nothing up to and at `last`: seen already */
	bool damaged;  /* inside a line that is too long */
};

static int start_at_tail(struct logreader *r, long long tail, struct error *err)
{
	off_t offset;

	if (tail < 0 || !r->files.n)
		return 0;
	if (logfiles_tail(&r->files, tail, &r->current, &offset, err) < 0)
		return -1;
	if (lseek(r->files.fds[r->current], offset, SEEK_SET) < 0)
		return error_sys(err, "cannot read the log \"%s\"", r->path);
	for (size_t i = r->current + 1; i < r->files.n; i++)
		if (lseek(r->files.fds[i], 0, SEEK_SET) < 0)
			return error_sys(err, "cannot read the log \"%s\"", r->path);
	return 0;
}

struct logreader *logreader_open(const char *path, const char *tmp_dir, long long tail,
				 struct error *err)
{
	struct logreader *r = xcalloc(1, sizeof(*r));

	r->path = xstrdup(path);
	r->tmp_dir = xstrdup(tmp_dir);
	buf_init(&r->raw, LINE_MAX_BYTES + 2 * BLOCK);
	buf_init(&r->text, LINE_MAX_BYTES);
	if (logfiles_open(path, tmp_dir, -1, r->last, &r->files, err) < 0 ||
	    start_at_tail(r, tail, err) < 0) {
		logreader_close(r);
		return NULL;
	}
	return r;
}

void logreader_close(struct logreader *r)
{
	if (!r)
		return;
	logfiles_done(&r->files);
	buf_done(&r->raw);
	buf_done(&r->text);
	free(r->path);
	free(r->tmp_dir);
	free(r);
}

/* Has the file that we read been rotated away? */
static bool is_rotated(const struct logreader *r)
{
	struct stat ours, named;

	return fstat(r->files.fds[r->current], &ours) == 0 && stat(r->path, &named) == 0 &&
	       (ours.st_ino != named.st_ino || ours.st_dev != named.st_dev);
}

/* Look for files that are newer than the current one. 1 when there are, 0, -1. */
static int find_newer(struct logreader *r, struct error *err)
{
	int old = r->current < r->files.n ? r->files.fds[r->current] : -1;
	struct logfiles newer;

	if (old >= 0 && !is_rotated(r))
		return 0;
	if (logfiles_open(r->path, r->tmp_dir, old, r->last, &newer, err) < 0)
		return -1;
	if (newer.n == 0)
		return 0;
	logfiles_done(&r->files);
	r->files = newer;
	r->current = 0;
	r->skipping = newer.overlap;
	return 1;
}

/* More bytes of the current file: their number, 0 at its end, -1. */
static ssize_t fill(struct logreader *r, struct error *err)
{
	ssize_t n;

	if (r->current >= r->files.n)
		return 0;
	buf_drop(&r->raw, r->pos);
	r->pos = 0;
	if (r->raw.len > LINE_MAX_BYTES) {
		buf_reset(&r->raw);
		r->damaged = true;
	}
	n = buf_read(&r->raw, r->files.fds[r->current], BLOCK);
	if (n < 0)
		error_sys(err, "cannot read the log \"%s\"", r->path);
	return n;
}

/* At the end of a file: go on to the next. 1 when there is one, 0, -1. */
static int advance(struct logreader *r, struct error *err)
{
	ssize_t n;
	int rc;

	if (r->current + 1 < r->files.n) {
		r->current++;
		return 1;
	}
	if (r->current < r->files.n && is_rotated(r)) {
		/* It was written to until it was renamed: look once more, then leave it. */
		n = fill(r, err);
		if (n != 0)
			return n > 0 ? 1 : -1;
	}
	rc = find_newer(r, err);
	if (rc > 0) {
		buf_reset(&r->raw); /* an unfinished line will not be finished in another file */
		r->pos = 0;
	}
	return rc;
}

static bool is_seen(const struct logreader *r, struct timespec t)
{
	if (!r->skipping)
		return false;
	return t.tv_sec != r->last.tv_sec ? t.tv_sec < r->last.tv_sec
					  : t.tv_nsec <= r->last.tv_nsec;
}

/* The next complete line of what was read; false when more is needed. */
static bool next_raw(struct logreader *r, const char **line, size_t *n)
{
	const char *start = buf_text(&r->raw) + r->pos;
	size_t left = r->raw.len - r->pos;
	const char *end = left ? memchr(start, '\n', left) : NULL;

	if (!end)
		return false;
	*line = start;
	*n = (size_t)(end - start);
	r->pos += *n + 1;
	return true;
}

int logreader_next(struct logreader *r, struct logline *out, struct error *err)
{
	const char *line;
	size_t n;

	for (;;) {
		ssize_t got;
		int rc;

		while (next_raw(r, &line, &n)) {
			bool broken = r->damaged;

			r->damaged = false;
			if (broken || logline_parse(line, n, &r->text, out) < 0 ||
			    is_seen(r, out->time))
				continue;
			r->skipping = false;
			r->last = out->time;
			return 1;
		}
		got = fill(r, err);
		if (got < 0)
			return -1;
		if (got > 0)
			continue;
		rc = advance(r, err);
		if (rc <= 0)
			return rc;
	}
}
