/* Walking a folder tree whose content nobody trusts: no link is followed, no depth is too much. */
#ifndef PKG_WALK_H
#define PKG_WALK_H

#include <sys/stat.h>

struct walk_entry {
	int dir;          /* the folder that it is in, O_RDONLY; borrowed */
	const char *name; /* in that folder */
	const char *path; /* below the root of the walk, without a slash at the front */
	struct stat st;   /* of the entry itself */
};

/* 0: go on; 1: go on, but not into this folder; -1: stop, with errno. */
typedef int walk_fn(void *arg, const struct walk_entry *e);

/*
 * Call fn for everything below root_fd, but not for the root: folders before what they hold, names
 * of a folder sorted. What vanishes meanwhile is passed over. 0, or -1 with errno.
 */
int walk_tree(int root_fd, walk_fn *fn, void *arg);

#endif
