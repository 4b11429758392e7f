/* The name that a new image is to get, from `tag`, `import` and `load`. */
#ifndef GRAPH_TARGET_H
#define GRAPH_TARGET_H

#include "pkg/reference.h"

/* tag may be NULL or "": then it is the one in repo, or latest. ERR_BAD_REQUEST in Docker's words. */
int target_parse(const char *repo, const char *tag, struct reference *ref, struct error *err);

#endif
