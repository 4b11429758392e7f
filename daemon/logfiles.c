/* The files of one log: see logfiles.h. */
#include "daemon/logfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "daemon/logline.h"
#include "pkg/fs.h"
#include "pkg/mem.h"

#define BLOCK 65536
#define LINE_MAX_BYTES (1024 * 1024)

void logfiles_done(struct logfiles *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->fds[i] >= 0)
			close(f->fds[i]);
	free(f->fds);
	*f = (struct logfiles){ 0 };
}

/* Take fd as the oldest so far. */
static void prepend(struct logfiles *f, int fd)
{
	f->fds = xrealloc(f->fds, (f->n + 1) * sizeof(*f->fds));
	memmove(f->fds + 1, f->fds, f->n * sizeof(*f->fds));
	f->fds[0] = fd;
	f->n++;
}

static bool is_same_file(int a, int b)
{
	struct stat x, y;

	return a >= 0 && b >= 0 && fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* Unpack all of in to a file without a name. */
static int unpack(gzFile in, const char *tmp_dir)
{
	autoclose int out = open(tmp_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	autofree char *block = xmalloc(BLOCK);
	int n;

	if (out < 0)
		return -1;
	while ((n = gzread(in, block, BLOCK)) > 0)
		if (fs_write_all(out, block, (size_t)n) < 0)
			return -1;
	if (n < 0) {
		errno = EIO;
		return -1;
	}
	return lseek(out, 0, SEEK_SET) < 0 ? -1 : take_fd(&out);
}

static int open_packed(const char *path, const char *tmp_dir)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), out, sys;
	gzFile in = fd < 0 ? NULL : gzdopen(fd, "rb");

	if (!in) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	out = unpack(in, tmp_dir);
	sys = errno;
	gzclose(in);
	errno = sys;
	return out;
}

/* The n-th file: 0 is the one that is written to. -1 with ENOENT when there is none. */
static int open_nth(const char *path, const char *tmp_dir, unsigned n)
{
	autofree char *plain = n ? xasprintf("%s.%u", path, n) : xstrdup(path);
	autofree char *packed = xasprintf("%s.gz", plain);
	int fd = open(plain, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 || errno != ENOENT || n == 0)
		return fd;
	return open_packed(packed, tmp_dir);
}

/* The time of a file's first line. */
static bool first_time(int fd, struct timespec *out)
{
	autofree char *block = xmalloc(BLOCK * 4);
	autobuf struct buf scratch = BUF_INIT(LINE_MAX_BYTES);
	ssize_t n = pread(fd, block, BLOCK * 4, 0);
	const char *end = n > 0 ? memchr(block, '\n', (size_t)n) : NULL;
	struct logline line;

	if (!end || logline_parse(block, (size_t)(end - block), &scratch, &line) < 0)
		return false;
	*out = line.time;
	return true;
}

static bool is_after(struct timespec a, struct timespec b)
{
	return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

int logfiles_open(const char *path, const char *tmp_dir, int newer_than, struct timespec last,
		  struct logfiles *out, struct error *err)
{
	struct logfiles f = { 0 };
	struct timespec first;

	for (unsigned n = 0; n < LOGFILES_MAX; n++) {
		int fd = open_nth(path, tmp_dir, n);

		if (fd < 0 && errno == ENOENT && n == 0)
			continue; /* between the two steps of a rotation */
		if (fd < 0 && errno == ENOENT)
			break;
		if (fd < 0) {
			error_sys(err, "cannot read the log \"%s\"", path);
			logfiles_done(&f);
			return -1;
		}
		if (is_same_file(fd, newer_than)) {
			close(fd);
			break;
		}
		if (f.n && is_same_file(fd, f.fds[0])) {
			close(fd); /* rotated while we looked: seen already */
			continue;
		}
		prepend(&f, fd);
		if (newer_than >= 0 && first_time(fd, &first) && !is_after(first, last)) {
			f.overlap = true;
			break;
		}
	}
	*out = f;
	return 0;
}

/*
 * Walk one file backwards, block by block, counting line ends down from *left. 1 when the start of
 * the first wanted line is found, at *offset; 0 when the whole file is wanted; -1 with errno.
 */
static int walk_back(int fd, char *block, long long *left, off_t *offset)
{
	off_t at = lseek(fd, 0, SEEK_END);

	if (at < 0)
		return -1;
	while (at > 0) {
		size_t want = at < BLOCK ? (size_t)at : BLOCK;
		ssize_t n = pread(fd, block, want, at - (off_t)want);

		if (n != (ssize_t)want)
			return -1;
		at -= n;
		for (ssize_t i = n - 1; i >= 0; i--)
			if (block[i] == '\n' && (*left)-- == 0) {
				*offset = at + i + 1;
				return 1;
			}
	}
	*offset = 0;
	return 0;
}

int logfiles_tail(const struct logfiles *f, long long lines, size_t *index, off_t *offset,
		  struct error *err)
{
	autofree char *block = xmalloc(BLOCK);
	long long left = lines;

	*index = 0;
	*offset = 0;
	for (size_t i = f->n; i-- > 0;) {
		int rc = walk_back(f->fds[i], block, &left, offset);

		if (rc < 0)
			return error_sys(err, "cannot read a log backwards");
		*index = i;
		if (rc > 0 || left == 0)
			return 0;
	}
	return 0;
}
