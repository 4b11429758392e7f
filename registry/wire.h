/*
 * HTTP to registries, with libcurl, which is loaded when it is first needed: it and the 35 libraries
 * behind it cost milliseconds and megabytes.
 *
 * Life cycle: wire_new(), any number of exchanges one after the other (wire_begin(), wire_read() to
 * the end, wire_end()), wire_free(). Connections are kept for the next exchange. One thread at a
 * time.
 */
#ifndef REGISTRY_WIRE_H
#define REGISTRY_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pkg/error.h"
#include "pkg/strlist.h"

struct buf;
struct wire;

/* How a server is to be known. All may be NULL; they must outlive the handle. */
struct wire_tls {
	const char *ca;         /* PEM text of authorities, instead of the system's */
	const char *cert, *key; /* paths of our own */
	bool insecure;          /* take any certificate */
};

/* Is asked now and then, and ends the exchange. */
struct wire_cancel {
	bool (*is)(void *arg);
	void *arg;
};

struct wire *wire_new(const struct wire_tls *tls, struct wire_cancel cancel, struct error *err);
void wire_free(struct wire *h);

/* Up to n bytes of a body, 0 at its end, -1 with errno. */
typedef ssize_t wire_source(void *from, void *p, size_t n);

struct wire_request {
	const char *method, *url;
	const struct strlist *headers; /* "Name: value"; Authorization goes to no other host */
	wire_source *read;             /* of the body; NULL: none */
	void *from;
	int64_t length; /* of the body; -1: not known */
	bool stay;      /* do not follow redirections */
};

/*
 * Until the head of the answer is there: its status. -1 with err when there is none: as Docker says
 * it, `Get "URL": ...`; ERR_UNAVAILABLE when trying again may help, ERR_CANCELLED.
 */
int wire_begin(struct wire *h, const struct wire_request *r, struct error *err);
/* A header of the answer, borrowed until wire_end(); NULL when it has none. i: the how-many-th. */
const char *wire_header(const struct wire *h, const char *name, size_t i);
const char *wire_url(const struct wire *h); /* who answered, after redirections; borrowed as well */
/* Up to n bytes of the body, 0 at its end, -1 with err. */
ssize_t wire_read(struct wire *h, void *p, size_t n, struct error *err);
/* The rest of the body, as far as it fits into b. 0, or -1 with err. */
int wire_read_all(struct wire *h, struct buf *b, struct error *err);
void wire_end(struct wire *h);       /* nothing to do when none is under way */
char *wire_verb(const char *method); /* "Get", as Go's client writes it; the caller frees */
/* Let time pass: 0, or -1 when it was cancelled meanwhile. */
int wire_pause(struct wire *h, int64_t ms, struct error *err);

#endif
