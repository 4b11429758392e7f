/* The system's tar, for what `cp` and `build` send and receive. */
#ifndef API_CLIENT_TAR_H
#define API_CLIENT_TAR_H

#include <sys/types.h>

#include "pkg/error.h"

struct tar {
	pid_t pid;
	int fd; /* read the archive from it, or write one to it */
};

/*
 * Pack entry of folder dir ("." for all of it); as: its name in the archive, NULL for its own. 0, or
 * -1 with err. After that tar_finish() in any case.
 */
int tar_pack(struct tar *t, const char *dir, const char *entry, const char *as, struct error *err);
int tar_unpack(struct tar *t, const char *dir, struct error *err);
/* Close the pipe and wait. -1 with err when tar failed. */
int tar_finish(struct tar *t, struct error *err);

/* For httpc_request.read_body; from is a struct tar. */
ssize_t tar_read(void *from, void *p, size_t n);

#endif
