/* Images as a tree of parents and children: docker images --tree and --viz. */
#ifndef API_CLIENT_IMAGES_TREE_H
#define API_CLIENT_IMAGES_TREE_H

#include "api/client/internal.h"

enum images_tree_flags {
	IMAGES_TREE_VIZ = 1,      /* for Graphviz, else lines */
	IMAGES_TREE_NO_TRUNC = 2, /* whole ids */
};

/*
 * Print the images (the answer to GET /images/json?all=1) to the job's stdout, or of them only the
 * one that name (NULL: all) is the id or a name of, and what is below it.
 */
void images_tree(struct call *call, const json_t *images, const char *name, unsigned flags);

#endif
