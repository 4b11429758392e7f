/*
 * What the files of api/server share.
 *
 * A connection has one owner at a time. The loop thread owns it while it is idle, sends a head, is
 * held back or lingers before its end (conn.c). A complete request makes it busy: then a worker
 * thread owns it (request.c), reads the body and writes the answer with blocking calls, and hands
 * it back. Only the lists under the server's lock are touched by both sides.
 */
#ifndef API_SERVER_INTERNAL_H
#define API_SERVER_INTERNAL_H

#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "engine/env.h"
#include "engine/stream.h"
#include "pkg/buf.h"
#include "pkg/error.h"
#include "pkg/http.h"
#include "pkg/list.h"
#include "pkg/strlist.h"

struct engine;
struct job;
struct tls;

#define DRAIN_MAX (256 * 1024) /* bytes of a body nobody wants that are read over */
#define DRAIN_MS 2000

struct server {
	struct engine *engine;
	struct event_base *base;
	char *version;      /* of the program, for the Server header */
	char *socket_group; /* NULL: root's */
	struct tls *tls;    /* for TCP, NULL: none */
	bool tls_verify;    /* clients need a certificate */
	bool cors, logging; /* logging: a line for every request */

	/* The loop thread's own. */
	struct list listeners;
	struct list waiting; /* conns that are idle, send a head or linger */
	struct list held;    /* conns with a request that waits for acceptconnections */
	size_t nconns, max_conns;
	bool holding, full; /* full: connections are being refused */
	int wake;           /* eventfd: look at returned and accepting */
	struct event *wake_event;

	pthread_mutex_t lock; /* guards all below, and conn.fd of busy connections */
	pthread_cond_t idle;  /* busy became empty */
	struct list busy;     /* conns that workers own */
	struct list returned; /* conns that workers gave back */
	bool listening, accepting, notified;
};

struct conn {
	struct list link; /* in the list of who owns it */
	struct server *server;
	struct event *event;
	int fd;                 /* -1: closed, or given away */
	struct buf in;          /* read and not yet consumed */
	size_t scanned;         /* of in, when a head is looked for */
	long long deadline;     /* of what it is waited for, in ms of CLOCK_MONOTONIC */
	bool linger;            /* said goodbye: what still comes is thrown away */
	size_t lingered;        /* bytes thrown away */
	struct http_head *head; /* of the request being answered */
};

/* conn.c: the loop's side. */
void conn_accept(struct server *s, int fd); /* takes fd */
void conns_wake(evutil_socket_t fd, short what, void *server);
void conn_free(struct conn *c);

/* connio.c: the worker's side. */
enum conn_end { CONN_KEEP, CONN_CLOSE, CONN_LINGER, CONN_GIVEN };
void conn_return(struct conn *c, enum conn_end end);
/* All of it: 0, or -1 when the peer is gone or job (may be NULL) is cancelled. Changes iov. */
int conn_send(struct conn *c, struct job *job, struct iovec *iov, size_t n);
/* Some bytes; 0 at the end; -1 with errno: ECANCELED, ETIMEDOUT. timeout_ms -1: none. */
ssize_t conn_recv(struct conn *c, struct job *job, void *p, size_t n, int timeout_ms);

/* listen.c: bind one PROTO://ADDR. */
int listen_add(struct server *s, const char *address, struct error *err);
void listen_close_all(struct server *s);

/* body.c: the body of a request as a stream. */
struct body {
	struct conn *conn;
	struct job *job;
	uint64_t left; /* of a sized body */
	struct http_chunked chunks;
	bool chunked, broken;
	bool ask;           /* the client waits for "100 Continue" */
	long long deadline; /* by now_ms(), 0: none */
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

/* One request. */
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

void request_run(void *conn); /* on a worker; returns the connection */

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

/* routes.c */
enum route_flags {
	ROUTE_JSON = 1,       /* the body is a JSON object, which goes into the env */
	ROUTE_OPTIONAL = 2,   /* ... or empty */
	ROUTE_STDIN = 4,      /* the body is the job's stdin */
	ROUTE_STREAM = 8,     /* what the job writes goes out at once */
	ROUTE_PROGRESS = 16,  /* ... and a late error is a last JSON object */
	ROUTE_ALWAYS_OK = 32, /* ... an early one too: the status is 200 in any case */
	ROUTE_CANCEL = 64,    /* a client that hangs up cancels the job */
};

struct route {
	const char *method;
	const char *pattern; /* {x} is one segment of the path, {x...} is any number */
	const char *job;     /* NULL: answer() does it */
	int status;          /* of success */
	unsigned flags;
	const char *type; /* NULL: application/json */
	/* Make args of params and query; NULL: the params, in order. May change job_name. */
	int (*prepare)(struct request *r, struct error *err);
	void (*run)(struct request *r); /* NULL: run_plain */
	int since, until;               /* API versions: from since, below until; 0: no limit */
};

extern const struct route routes[]; /* ends with a NULL method */
/* Sets route and params; false when there is none. */
bool route_find(struct request *r, const char *method, const char *path);
/* "/v1.44/x" -> "/x" and "1.44" (the caller's); a path without version stays and *version is NULL. */
const char *route_split_version(const char *path, char **version);
/* 144 for "1.44" in *number, in any case; ERR_BAD_REQUEST when it is too old or too new. */
int route_check_version(const char *version, int *number, struct error *err);

/* prepare.c */
int prepare_params(struct request *r, struct error *err);
int prepare_create(struct request *r, struct error *err);
int prepare_start(struct request *r, struct error *err);
int prepare_logs(struct request *r, struct error *err);
int prepare_tag(struct request *r, struct error *err);
int prepare_image_create(struct request *r, struct error *err);
int prepare_image_names(struct request *r, struct error *err);
int prepare_search(struct request *r, struct error *err);
int prepare_query(struct request *r, struct error *err); /* the query string into r->query */
/* Into the job's env: the JSON body, when the route has one; what headers tell. */
int prepare_body(struct request *r, struct error *err);
void prepare_headers(struct request *r);

/* answers.c */
void answer_ping(struct request *r);
void answer_options(struct request *r);
void answer_no_swarm(struct request *r);
void answer_no_swarm_mode(struct request *r);
void answer_not_in_swarm(struct request *r);
void answer_experimental(struct request *r);

long long now_ms(void);

#endif
