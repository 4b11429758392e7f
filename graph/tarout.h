/*
 * Making tars in a confined child: the role docker-tar. It writes either a whole tree, or the
 * entries of a list.
 */
#ifndef GRAPH_TAROUT_H
#define GRAPH_TAROUT_H

#include <sys/types.h>

#include "pkg/error.h"
#include "pkg/reexec.h"

extern const struct reexec_role tar_role;

/* Texts that end with NUL, in a memory file: a letter and a path. */
#define TAR_LIST_FILE 'F'     /* what is there, without what is in it */
#define TAR_LIST_WHITEOUT 'W' /* it is gone */
#define TAR_LIST_OPAQUE 'O'   /* a folder hides what was below it */

struct tar_child {
	pid_t pid;
	int said; /* its standard error */
};

/*
 * Write to out_fd (borrowed) the tar of what path and options ("": the folder itself) say when they
 * are mounted read-only; list_fd (borrowed) is -1 for all of it. 0, or -1 with err.
 */
int tar_child_start(const char *path, const char *options, int list_fd, int out_fd,
		    struct tar_child *c, struct error *err);
/* Wait for its end; -1 with what it said, if it failed. */
int tar_child_wait(struct tar_child *c, struct error *err);

#endif
