/*
 * One request on its worker: the body as a stream in, the response as a stream out, and what ties
 * them to a job. Not for other folders.
 */
#ifndef API_SERVER_REQUEST_H
#define API_SERVER_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/server/internal.h"
#include "engine/env.h"
#include "engine/stream.h"
#include "pkg/buf.h"
#include "pkg/error.h"
#include "pkg/http.h"
#include "pkg/strlist.h"

struct route;

/* body.c: the body of a request as a stream. */
struct body {
	struct conn *conn;
	struct job *job;
	uint64_t left; /* of a sized body */
	struct http_chunked chunks;
	bool chunked, broken;
	bool ask;           /* the client waits for "100 Continue" */
	long long deadline; /* by server_now_ms(), 0: none */
};

void body_init(struct body *b, struct conn *c);
bool body_at_end(const struct body *b);
ssize_t body_read(void *body, void *p, size_t n); /* as a source's read */
struct source body_source(struct body *b);
/* May what is left be read over, as far as one can tell without reading? */
bool body_can_drain(const struct body *b);
/* Read over what is left. False: too much, or broken; the connection can not go on. */
bool body_drain(struct body *b);

/* response.c: one answer. */
struct response {
	struct conn *conn;
	const struct body *body; /* of the request */
	struct job *job;
	int status;
	const char *type;  /* Content-Type, of a body */
	const char *extra; /* more header lines, or NULL */
	struct buf held;   /* of the body, until the head goes out */
	bool stream;       /* let every write go out at once */
	bool no_body;      /* HEAD */
	bool started, chunked, failed;
	bool keep_alive; /* as the head says, or will say */
};

void response_init(struct response *r, struct conn *c, const struct body *body);
void response_done(struct response *r);
int response_write(void *response, const void *p, size_t n); /* as a sink's write */
int response_end(struct response *r);
/* The headers that every answer has. */
void response_add_common(struct buf *b, const struct server *s);

/* One request, on its worker's stack. */
struct request {
	struct server *server;
	struct conn *conn;
	const struct http_head *head;
	char *path;         /* decoded, without version */
	char *version_text; /* "1.44", NULL when the path has none */
	int version;        /* 144 */
	const struct route *route;
	char *params[2]; /* what the {braces} of the route matched */
	size_t nparams;
	struct env *query;
	const char *job_name;
	struct strlist args; /* of the job */
	struct job *job;
	struct body body;
	struct response response;
	bool given; /* the connection belongs to somebody else now */
};

/* reply.c: answers that are not a job's. */
int reply_status(enum error_kind kind);
void reply_text(struct request *r, int status, const char *type, const char *text);
void reply_message(struct request *r, int status, const char *text);
void reply_error(struct request *r, const struct error *err);
/* After a job failed: whatever form the error can still take. */
void reply_failure(struct request *r, const struct error *err);

/* Run the request's job with the streams that its route wants, and answer. */
void run_plain(struct request *r);
void run_logs(struct request *r);       /* frames.c */
void run_attach(struct request *r);     /* hijack.c */
void run_exec_start(struct request *r); /* hijack.c */

/* Has the container a tty? 1, 0, or -1 with err. */
int target_has_tty(struct server *s, const char *container, struct error *err);
const char *raw_stream_type(const struct request *r, bool tty);

#endif
