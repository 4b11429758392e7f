/*
 * attach and exec_start: the connection stops being HTTP and becomes the container's terminal or
 * pipes. The job flushes its output, which sends the last head that this connection will see, and
 * then takes the descriptor (input_detach) to hand it to the container's monitor. From then on the
 * connection is nothing of ours: not shut down, not read, not used again.
 */
#include "api/server/request.h"

#include <string.h>

#include "engine/job.h"
#include "pkg/httpuri.h"

#define HEAD_MAX 1024

struct hijack {
	struct request *r;
	const char *type;
	bool common; /* exec's head has the usual headers, attach's has none */
	bool started;
};

static int send_text(struct request *r, struct buf *b)
{
	struct iovec iov = { b->p, b->len };

	return conn_send(r->conn, r->job, &iov, 1);
}

/* "101 UPGRADED" for a client that asked for it, the old form else. */
static int start(struct hijack *h)
{
	autobuf struct buf b = BUF_INIT(HEAD_MAX);
	bool upgrade = http_header(h->r->head, "Upgrade") != NULL;

	if (h->started)
		return 0;
	h->started = true;
	if (upgrade)
		buf_addf(&b,
			 "HTTP/1.1 101 UPGRADED\r\nContent-Type: %s\r\nConnection: Upgrade\r\n"
			 "Upgrade: tcp\r\n",
			 h->type);
	else
		buf_adds(&b, "HTTP/1.1 200 OK\r\n"
			     "Content-Type: application/vnd.docker.raw-stream\r\n");
	if (h->common)
		response_add_common(&b, h->r->server);
	buf_adds(&b, "\r\n");
	return send_text(h->r, &b);
}

static int hijack_write(void *to, const void *p, size_t n)
{
	struct hijack *h = to;
	struct iovec iov = { (void *)p, n };

	if (h->r->given || start(h) < 0)
		return -1;
	return n ? conn_send(h->r->conn, h->r->job, &iov, 1) : 0;
}

/* For a job that does the work itself: bytes that came with the head, then the socket's. */
static ssize_t hijack_read(void *from, void *p, size_t n)
{
	struct hijack *h = from;
	struct buf *in = &h->r->conn->in;

	if (!in->len)
		return conn_recv(h->r->conn, h->r->job, p, n, -1);
	if (n > in->len)
		n = in->len;
	memcpy(p, in->p, n);
	buf_drop(in, n);
	return (ssize_t)n;
}

static int hijack_detach(void *from, struct buf *pending)
{
	struct hijack *h = from;
	struct conn *c = h->r->conn;
	int fd = c->fd;

	if (h->r->given || start(h) < 0 || buf_add(pending, buf_text(&c->in), c->in.len) < 0)
		return -1;
	pthread_mutex_lock(&c->server->lock);
	c->fd = -1; /* not even the server's end may shut it down now */
	pthread_mutex_unlock(&c->server->lock);
	h->r->given = true;
	return fd;
}

/* True when it ended well or the connection is hijacked; else err is still to be told. */
static bool run(struct hijack *h, struct error *err)
{
	struct request *r = h->r;
	bool ok;

	output_add(job_out(r->job), (struct sink){ .write = hijack_write, .to = h });
	input_set(job_in(r->job),
		  (struct source){ .read = hijack_read, .detach = hijack_detach, .from = h });
	ok = job_run(r->job, err) == 0;
	if (!h->started && !ok)
		return false;
	if (!h->started && start(h) < 0)
		r->response.failed = true;
	r->response.started = true;
	r->response.keep_alive = false;
	return true;
}

/* Errors of attach are written by hand in Docker, and clients know them so. */
static void reply_attach_error(struct request *r, const struct error *err)
{
	autobuf struct buf b = BUF_INIT(HEAD_MAX + sizeof(err->text));
	int status = reply_status(err->kind);

	buf_addf(&b,
		 "HTTP/1.1 %d %s\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n%s\r\n",
		 status, http_reason(status), err->text);
	r->response.failed = send_text(r, &b) < 0;
	r->response.started = true;
	r->response.keep_alive = false;
}

void run_attach(struct request *r)
{
	struct hijack h = { .r = r };
	struct error err;
	int tty;

	/* A chunked body is none: some clients say so and then send the raw stream. */
	if (!r->head->chunked && !body_drain(&r->body)) {
		reply_message(r, 400, "attach takes no request body");
		return;
	}
	tty = target_has_tty(r->server, r->params[0], &err);
	h.type = raw_stream_type(r, tty > 0);
	if (tty < 0 || !run(&h, &err))
		reply_attach_error(r, &err);
}

void run_exec_start(struct request *r)
{
	struct hijack h = { .r = r, .common = true };
	struct error err;

	if (env_get_bool(job_env(r->job), "Detach")) {
		run_plain(r);
		return;
	}
	h.type = raw_stream_type(r, env_get_bool(job_env(r->job), "Tty"));
	if (!run(&h, &err))
		reply_error(r, &err);
}
