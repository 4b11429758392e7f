/*
 * The server and its connections, for the files of api/server.
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
#include <sys/types.h>
#include <sys/uio.h>

#include "pkg/buf.h"
#include "pkg/error.h"
#include "pkg/http.h"
#include "pkg/list.h"

struct engine;
struct job;
struct tls;

#define DRAIN_MAX (256 * 1024) /* bytes nobody wants that are read over before a close */

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
	long long deadline;     /* of what it is waited for, by server_now_ms() */
	bool linger;            /* said goodbye: what still comes is thrown away */
	size_t lingered;        /* bytes thrown away */
	struct http_head *head; /* of the request being answered */
};

long long server_now_ms(void); /* of CLOCK_MONOTONIC */

/* conn.c: the loop's side. */
void conn_accept(struct server *s, int fd); /* takes fd */
void conns_wake(evutil_socket_t fd, short what, void *server);
void conn_free(struct conn *c);

/* connio.c: the worker's side. */
enum conn_end { CONN_KEEP, CONN_CLOSE, CONN_LINGER, CONN_GIVEN };
void request_run(void *conn); /* request.c: answers one request and returns the connection */
void conn_return(struct conn *c, enum conn_end end);
/* All of it: 0, or -1 when the peer is gone or job (may be NULL) is cancelled. Changes iov. */
int conn_send(struct conn *c, struct job *job, struct iovec *iov, size_t n);
/* Some bytes; 0 at the end; -1 with errno: ECANCELED, ETIMEDOUT. timeout_ms -1: none. */
ssize_t conn_recv(struct conn *c, struct job *job, void *p, size_t n, int timeout_ms);

/* listen.c: bind one PROTO://ADDR. */
int listen_add(struct server *s, const char *address, struct error *err);
void listen_close_all(struct server *s);

#endif
