/* The progress of pull, push, load, import and build: a stream of JSON objects, a line each. */
#ifndef API_CLIENT_PROGRESS_H
#define API_CLIENT_PROGRESS_H

#include "api/client/internal.h"

/* Called for each object of a stream (borrowed). 0, or -1 with err to stop. */
typedef int progress_fn(void *to, const json_t *message, struct error *err);

/* Read objects to the end of the body. -1 with err when it breaks or fn stopped. */
int progress_each(struct httpc *conn, progress_fn *fn, void *to, struct error *err);

/*
 * Show them: on a terminal a line for each layer, rewritten as it grows; elsewhere each state once.
 * An "error" among them is a failure, with its text. out may be NULL: nothing is shown.
 */
int progress_show(struct httpc *conn, struct output *out, bool is_terminal, struct error *err);

#endif
