/* The connection's members, for httpc.c and httpc_read.c alone. */
#ifndef PKG_HTTPC_INTERNAL_H
#define PKG_HTTPC_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pkg/error.h"
#include "pkg/strlist.h"

#define HTTPC_BUFFER 16384 /* also the ceiling of an answer's head */

enum httpc_body {
	HTTPC_BODY_NONE,
	HTTPC_BODY_LENGTH,
	HTTPC_BODY_CHUNKED,
	HTTPC_BODY_UNTIL_CLOSE,
};

struct httpc {
	char *path, *host, *port; /* a unix socket's path, or host and port */
	int (*wrap)(void *arg, int fd, struct error *err); /* or NULL */
	void *wrap_arg;
	int fd;
	bool used;         /* a request went over this connection */
	bool head_request; /* the answer to HEAD has no body */
	enum httpc_body body;
	uint64_t left;          /* bytes of the body, or of the current chunk */
	bool first_chunk;       /* no line end precedes its size */
	struct strlist headers; /* of the last answer: name, value, name, value */
	size_t start, end;      /* unread bytes in buffer */
	char buffer[HTTPC_BUFFER];
};

/* Move up to n buffered bytes to p. How many. */
size_t httpc_take_buffered(struct httpc *c, void *p, size_t n);

#endif
