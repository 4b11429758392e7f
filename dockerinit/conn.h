/* The monitor's connections to the daemon (conn.c), and what comes over them (requests.c). */
#ifndef DOCKERINIT_CONN_H
#define DOCKERINIT_CONN_H

#include "dockerinit/monitor.h"
#include "pkg/sock.h"

struct conn {
	struct list link;
	struct watch watch;
	bool events; /* gets events; else it is closed by its owner after the reply */
};

/* conn.c */
void conn_new(int fd, bool events);
void conn_free(struct conn *c);
void conn_reply(const struct conn *c, int status, long long number,
		const char *text); /* c may be NULL */
void conn_reply_errno(const struct conn *c, const char *what);
void conn_reply_started(const struct conn *c, const struct process *p);
void conn_tell_all(const struct message *m); /* everybody who gets events */
bool conn_is_watched(void);                  /* does anybody get events? */
void conn_listen(void);                      /* at the plan's socket, */
void conn_unlisten(void);                    /* and no longer */

/* requests.c */
struct request {
	struct conn *conn;
	struct message m;
	const char *data; /* bytes behind the struct */
	size_t ndata;
	int fds[SOCK_MAX_FDS];
	size_t nfds;
};
void request_handle(struct request *r);

#endif
