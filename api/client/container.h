/* Steps that `run`, `create`, `start` and `attach` share. */
#ifndef API_CLIENT_CONTAINER_H
#define API_CLIENT_CONTAINER_H

#include "api/client/attached.h"
#include "api/client/run_opts.h"

/* The body of a create request for the call's command line, or NULL: then that is not in order. */
json_t *container_body(struct call *call, const struct run_opts *o, struct error *err);
/*
 * Create, after a pull when the image is not there (or is to be fetched anyway); print warnings, write
 * the cidfile. *id is the caller's.
 */
int container_create(struct call *call, const struct run_opts *o, json_t *body, char **id,
		     struct error *err);

/* "/containers/ID/attach?stream=1..." appended; streams: bits of enum run_streams. */
void container_attach_path(struct buf *path, const char *id, int streams, const char *detach_keys);

/*
 * Ask for the exit on a connection of its own; container_waiting() takes the head, which the daemon
 * sends once it watches; container_exit_status() the answer. condition may be NULL.
 */
int container_ask_wait(struct attached *a, const char *id, const char *condition,
		       struct error *err);
int container_waiting(struct attached *a, struct error *err);
int container_exit_status(struct attached *a, const char *id, int *status, struct error *err);

/* Pull an image, with progress on stderr (stdout for the command `pull`). */
int image_pull(struct call *call, const char *name, const char *platform, bool quiet, bool all_tags,
	       struct output *progress, struct error *err);

/* Docker's exit status for a container that would not start: 125, 126 or 127. */
int start_failure_status(const struct error *err);

#endif
