/*
 * The json-file log: {"log":"line\n","stream":"stdout","time":"..."}, one object per line, as Docker
 * writes it. Lines over 16 KiB are cut into pieces, of which only the last ends in \n. Rotation
 * renames the file to .1, .1 to .2 and so on. A full disk loses lines, never the container.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dockerinit/monitor.h"
#include "pkg/fs.h"
#include "pkg/mem.h"

#define PIECE 16384        /* bytes of one log entry, as Docker cuts them */
#define BATCH (256 * 1024) /* bytes of JSON that are kept before they are written */

struct jsonlog {
	char *path;
	int fd;
	long long size, max_size;
	int max_files;
	struct buf batch;
	struct buf partial[2]; /* an unterminated line of stdout, of stderr */
	struct timespec stamp; /* seconds of `when`, so that it is not made anew for each line */
	char when[24];
};

struct jsonlog *jsonlog_open(const struct plan *plan)
{
	struct plan_record rec;
	struct jsonlog *log;
	struct stat st;

	errno = 0;
	if (!plan_find(plan, PLAN_LOG, &rec))
		return NULL;
	log = xcalloc(1, sizeof(*log));
	log->path = xstrdup(plan_field(&rec));
	log->max_size = plan_number(&rec);
	log->max_files = (int)plan_number(&rec);
	log->fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (log->fd < 0 || fstat(log->fd, &st) < 0) {
		free(log->path);
		free(log);
		return NULL;
	}
	log->size = st.st_size;
	buf_init(&log->batch, 4 * BATCH);
	buf_init(&log->partial[0], PIECE);
	buf_init(&log->partial[1], PIECE);
	return log;
}

/* The current file becomes .1, and the oldest falls off. */
static void rotate(struct jsonlog *log)
{
	for (int i = log->max_files - 1; i >= 1; i--) {
		autofree char *to = xasprintf("%s.%d", log->path, i);
		autofree char *from =
			i > 1 ? xasprintf("%s.%d", log->path, i - 1) : xstrdup(log->path);

		rename(from, to); /* a gap in the row is no error */
	}
	close(log->fd);
	log->fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	log->size = 0;
}

static void write_batch(struct jsonlog *log)
{
	if (!log->batch.len)
		return;
	if (log->max_size && log->size + (long long)log->batch.len > log->max_size && log->size)
		rotate(log);
	/* ENOSPC and its like: these lines are lost, later ones may find room again. */
	if (log->fd >= 0 && fs_write_all(log->fd, log->batch.p, log->batch.len) == 0)
		log->size += (long long)log->batch.len;
	buf_reset(&log->batch);
}

/* Length of the UTF-8 sequence at p, 0 when it is not one. */
static size_t utf8_len(const unsigned char *p, size_t n)
{
	static const struct {
		unsigned char mask, lead, len, low;
	} kinds[] = { { 0xe0, 0xc0, 2, 0x80 }, { 0xf0, 0xe0, 3, 0x80 }, { 0xf8, 0xf0, 4, 0x80 } };
	unsigned code;

	for (size_t k = 0; k < 3; k++) {
		if ((p[0] & kinds[k].mask) != kinds[k].lead || n < kinds[k].len)
			continue;
		code = p[0] & ~kinds[k].mask;
		for (size_t i = 1; i < kinds[k].len; i++) {
			if ((p[i] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (p[i] & 0x3f);
		}
		if (code < (k == 0   ? 0x80u
			    : k == 1 ? 0x800u
				     : 0x10000u) ||
		    code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
			return 0;
		return kinds[k].len;
	}
	return 0;
}

/* Escape one byte (or sequence) that is not plain; returns how many were consumed. */
static size_t escape_one(struct buf *out, const unsigned char *p, size_t n)
{
	static const char with_letter[] = "\"\"\\\\\nn\rr\tt\bb\ff";
	size_t len;

	for (const char *e = with_letter; *e; e += 2)
		if (*p == (unsigned char)*e) {
			buf_addc(out, '\\');
			buf_addc(out, e[1]);
			return 1;
		}
	if (*p < 0x80) {
		buf_addf(out, "\\u%04x", *p);
		return 1;
	}
	len = utf8_len(p, n);
	if (!len) {
		buf_adds(out, "\\ufffd");
		return 1;
	}
	if (len == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9))
		buf_adds(out, p[2] == 0xa8 ? "\\u2028" : "\\u2029");
	else
		buf_add(out, p, len);
	return len;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

static void escape(struct buf *out, const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + n;

	while (p < end) {
		const unsigned char *run = p;

		while (p < end && is_plain(*p))
			p++;
		if (p > run)
			buf_add(out, run, (size_t)(p - run));
		if (p < end)
			p += escape_one(out, p, (size_t)(end - p));
	}
}

/* RFC 3339 with nanoseconds, trailing zeros trimmed. */
static void add_time(struct jsonlog *log, const struct timespec *now)
{
	char fraction[16];
	struct tm tm;
	int n;

	if (now->tv_sec != log->stamp.tv_sec || !*log->when) {
		gmtime_r(&now->tv_sec, &tm);
		strftime(log->when, sizeof(log->when), "%Y-%m-%dT%H:%M:%S", &tm);
		log->stamp = *now;
	}
	buf_adds(&log->batch, log->when);
	if (!now->tv_nsec)
		return;
	n = snprintf(fraction, sizeof(fraction), ".%09ld", now->tv_nsec);
	while (fraction[n - 1] == '0')
		n--;
	buf_add(&log->batch, fraction, (size_t)n);
}

static void add_entry(struct jsonlog *log, int stream, const char *p, size_t n,
		      const struct timespec *now)
{
	buf_adds(&log->batch, "{\"log\":\"");
	escape(&log->batch, p, n);
	buf_adds(&log->batch, stream == 2 ? "\",\"stream\":\"stderr\",\"time\":\""
					  : "\",\"stream\":\"stdout\",\"time\":\"");
	add_time(log, now);
	buf_adds(&log->batch, "Z\"}\n");
	if (log->batch.len >= BATCH)
		write_batch(log);
}

/* Put n bytes behind the unterminated line; an entry is made when it is full or complete. */
static void add_partial(struct jsonlog *log, int stream, const char *p, size_t n, bool complete,
			const struct timespec *now)
{
	struct buf *part = &log->partial[stream - 1];

	if (!part->len && complete) {
		add_entry(log, stream, p, n, now);
		return;
	}
	buf_add(part, p, n);
	if (complete || part->len == PIECE) {
		add_entry(log, stream, part->p, part->len, now);
		buf_reset(part);
	}
}

void jsonlog_write(struct jsonlog *log, int stream, const char *p, size_t n)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	while (n) {
		size_t room = PIECE - log->partial[stream - 1].len;
		const char *nl = memchr(p, '\n', n < room ? n : room);
		size_t len = nl ? (size_t)(nl - p) + 1 : n < room ? n : room;

		add_partial(log, stream, p, len, nl != NULL, &now);
		p += len;
		n -= len;
	}
	write_batch(log);
}

void jsonlog_flush(struct jsonlog *log)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	for (int stream = 1; stream <= 2; stream++) {
		struct buf *part = &log->partial[stream - 1];

		if (part->len)
			add_entry(log, stream, part->p, part->len, &now);
		buf_reset(part);
	}
	write_batch(log);
}
