/*
 * logs: the two streams of a container in one body. Without a tty each piece has a header of eight
 * bytes: which stream, three zeros, the length as a big-endian number.
 */
#include "api/server/request.h"

#include <string.h>

#include "engine/job.h"
#include "pkg/json.h"
#include "pkg/mem.h"

#define INSPECT_MAX (4 * 1024 * 1024)
#define MULTIPLEXED_TYPE_SINCE 142
#define FRAME_HEADER 8
#define FRAME_MAX 32768

enum { FRAME_STDOUT = 1, FRAME_STDERR = 2, FRAME_SYSTEM_ERROR = 3 };

struct framed {
	struct response *response;
	struct job *job;
	pthread_mutex_t *lock; /* of the response: two outputs write to it */
	unsigned char stream;  /* 0: no frames */
};

int target_has_tty(struct server *s, const char *container, struct error *err)
{
	autobuf struct buf text = BUF_INIT(INSPECT_MAX);
	struct job *job = job_new(s->engine, "container_inspect", container, NULL);
	autojson json_t *j = NULL;
	int rc;

	output_add(job_out(job), sink_buf(&text));
	rc = job_run(job, err);
	job_free(job);
	if (rc < 0)
		return -1;
	j = json_parse(buf_text(&text), text.len, err);
	return j ? json_get_bool(json_get_obj(j, "Config"), "Tty", false) : -1;
}

const char *raw_stream_type(const struct request *r, bool tty)
{
	return !tty && r->version >= MULTIPLEXED_TYPE_SINCE
		       ? "application/vnd.docker.multiplexed-stream"
		       : "application/vnd.docker.raw-stream";
}

static int write_frame(struct response *resp, unsigned char stream, const void *p, size_t n)
{
	char frame[FRAME_HEADER + 1024];
	size_t head = n < sizeof(frame) - FRAME_HEADER ? n : sizeof(frame) - FRAME_HEADER;

	memset(frame, 0, FRAME_HEADER);
	frame[0] = (char)stream;
	for (int i = 0; i < 4; i++)
		frame[4 + i] = (char)(n >> (24 - 8 * i));
	memcpy(frame + FRAME_HEADER, p, head);
	if (response_write(resp, frame, FRAME_HEADER + head) < 0)
		return -1;
	return n > head ? response_write(resp, (const char *)p + head, n - head) : 0;
}

static int write_frames(struct framed *f, const char *p, size_t n)
{
	while (n) {
		size_t part = n < FRAME_MAX ? n : FRAME_MAX;

		if (write_frame(f->response, f->stream, p, part) < 0)
			return -1;
		p += part;
		n -= part;
	}
	return 0;
}

static int framed_write(void *to, const void *p, size_t n)
{
	struct framed *f = to;
	int rc;

	/* What job_fail() says goes to stderr too: it becomes the answer, not the container's text. */
	if (job_has_failed(f->job))
		return 0;
	pthread_mutex_lock(f->lock);
	rc = n && f->stream ? write_frames(f, p, n) : response_write(f->response, p, n);
	pthread_mutex_unlock(f->lock);
	return rc;
}

static void run_framed(struct request *r, bool tty)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct framed out = { &r->response, r->job, &lock, tty ? 0 : FRAME_STDOUT };
	struct framed err_out = { &r->response, r->job, &lock, tty ? 0 : FRAME_STDERR };
	struct error err;

	output_add(job_out(r->job), (struct sink){ .write = framed_write, .to = &out });
	output_add(job_err(r->job), (struct sink){ .write = framed_write, .to = &err_out });
	if (job_run(r->job, &err) < 0) {
		if (!r->response.started || tty) {
			reply_failure(r, &err);
			return;
		}
		if (write_frame(&r->response, FRAME_SYSTEM_ERROR, err.text, strlen(err.text)) < 0)
			return;
	}
	(void)response_end(&r->response); /* a client that is gone: the connection ends */
}

void run_logs(struct request *r)
{
	struct error err;
	int tty = target_has_tty(r->server, r->params[0], &err);

	if (tty < 0) {
		reply_error(r, &err);
		return;
	}
	r->response.type = raw_stream_type(r, tty);
	run_framed(r, tty);
}
