/* The streams of a job: see stream.h. */
#include "engine/stream.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "pkg/fs.h"
#include "pkg/mem.h"

struct output {
	pthread_mutex_t lock; /* serialises writers; held while a sink writes, by design */
	struct sink *sinks;
	size_t n;
	bool used, closed, had_sinks;
};

struct input {
	struct source source;
	bool set;
};

struct output *output_new(void)
{
	struct output *out = xcalloc(1, sizeof(*out));

	pthread_mutex_init(&out->lock, NULL);
	return out;
}

void output_free(struct output *out)
{
	if (!out)
		return;
	output_close(out);
	pthread_mutex_destroy(&out->lock);
	free(out->sinks);
	free(out);
}

void output_add(struct output *out, struct sink s)
{
	pthread_mutex_lock(&out->lock);
	out->sinks = xrealloc(out->sinks, (out->n + 1) * sizeof(s));
	out->sinks[out->n++] = s;
	out->had_sinks = true;
	pthread_mutex_unlock(&out->lock);
}

static void close_sink(const struct sink *s)
{
	if (s->close)
		s->close(s->to);
}

int output_write(struct output *out, const void *p, size_t n)
{
	size_t kept = 0;
	int rc;

	pthread_mutex_lock(&out->lock);
	out->used = true;
	for (size_t i = 0; i < out->n; i++) {
		struct sink s = out->sinks[i];

		if (s.write(s.to, p, n) == 0)
			out->sinks[kept++] = s;
		else
			close_sink(&s);
	}
	out->n = kept;
	rc = out->closed || (out->had_sinks && !kept) ? -1 : 0;
	pthread_mutex_unlock(&out->lock);
	return rc;
}

int output_flush(struct output *out)
{
	return output_write(out, "", 0);
}

bool output_used(const struct output *out)
{
	return out->used;
}

void output_close(struct output *out)
{
	pthread_mutex_lock(&out->lock);
	for (size_t i = 0; i < out->n; i++)
		close_sink(&out->sinks[i]);
	out->n = 0;
	out->closed = true;
	pthread_mutex_unlock(&out->lock);
}

struct input *input_new(void)
{
	return xcalloc(1, sizeof(struct input));
}

void input_free(struct input *in)
{
	if (!in)
		return;
	input_close(in);
	free(in);
}

void input_set(struct input *in, struct source s)
{
	input_close(in);
	in->source = s;
	in->set = true;
}

ssize_t input_read(struct input *in, void *p, size_t n)
{
	return in->set ? in->source.read(in->source.from, p, n) : 0;
}

int input_read_all(struct input *in, struct buf *b)
{
	char part[16384];
	ssize_t n;

	while ((n = input_read(in, part, sizeof(part))) > 0)
		if (buf_add(b, part, (size_t)n) < 0)
			return -1;
	return n < 0 ? -1 : 0;
}

int input_detach(struct input *in, struct buf *pending)
{
	if (!in->set || !in->source.detach)
		return -1;
	return in->source.detach(in->source.from, pending);
}

void input_close(struct input *in)
{
	if (in->set && in->source.close)
		in->source.close(in->source.from);
	in->set = false;
}

static void *from_int(int fd)
{
	return (void *)(intptr_t)fd;
}

static int fd_write(void *to, const void *p, size_t n)
{
	return fs_write_all((int)(intptr_t)to, p, n);
}

struct sink sink_fd(int fd)
{
	return (struct sink){ .write = fd_write, .to = from_int(fd) };
}

static int buf_write(void *to, const void *p, size_t n)
{
	return buf_add(to, p, n);
}

struct sink sink_buf(struct buf *b)
{
	return (struct sink){ .write = buf_write, .to = b };
}

static ssize_t fd_read(void *from, void *p, size_t n)
{
	ssize_t got;

	do
		got = read((int)(intptr_t)from, p, n);
	while (got < 0 && errno == EINTR);
	return got;
}

struct source source_fd(int fd)
{
	return (struct source){ .read = fd_read, .from = from_int(fd) };
}

static ssize_t buf_consume(void *from, void *p, size_t n)
{
	struct buf *b = from;

	if (n > b->len)
		n = b->len;
	if (n)
		memcpy(p, b->p, n);
	buf_drop(b, n);
	return (ssize_t)n;
}

struct source source_buf(struct buf *b)
{
	return (struct source){ .read = buf_consume, .from = b };
}
