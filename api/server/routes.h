/*
 * The table of routes, and the functions that its rows name. Not for other folders.
 *
 * To add a route: a row in routes.c. When its args are not just what the {braces} match, a prepare
 * function in prepare.c; when it needs no job, an answer in answers.c. Then the job in docs/jobs.md.
 */
#ifndef API_SERVER_ROUTES_H
#define API_SERVER_ROUTES_H

#include <stdbool.h>

#include "api/server/request.h"
#include "pkg/error.h"

enum route_flags {
	ROUTE_JSON = 1,       /* the body is a JSON object, which goes into the env */
	ROUTE_OPTIONAL = 2,   /* ... or empty */
	ROUTE_STDIN = 4,      /* the body is the job's stdin */
	ROUTE_STREAM = 8,     /* what the job writes goes out at once */
	ROUTE_PROGRESS = 16,  /* ... and a late error is a last JSON object */
	ROUTE_ALWAYS_OK = 32, /* ... an early one too: the status is 200 in any case */
	ROUTE_CANCEL = 64,    /* a client that hangs up cancels the job, unless a body comes */
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

#endif
