/*
 * A folder for what is to be deleted: things are renamed into it at once, and their files go later,
 * on a thread. What an earlier run left is swept when the folder is opened. Thread-safe.
 */
#ifndef GRAPHDRIVER_TRASH_H
#define GRAPHDRIVER_TRASH_H

#include "pkg/error.h"

struct trash;

/*
 * A quicker way to delete what is in the trash, tried first. 0: it is gone; 1: this way does not work
 * for it, its files are to be deleted one by one. Runs on the trash's thread; may put more into it.
 */
typedef int trash_deleter(int trash_fd, const char *name);

/* The folder is created if missing; it must be on the file system of what will be put into it.
 * quick: NULL for none. */
struct trash *trash_open(const char *dir, trash_deleter *quick, struct error *err);
/* Does not wait: what is left is swept next time. */
void trash_close(struct trash *t);
/* Move name of the folder dirfd into the trash. 0 (also when there is none), -1 with errno. */
int trash_put(struct trash *t, int dirfd, const char *name);

#endif
