/* What the files of the job `push` share. */
#ifndef GRAPH_PUSH_H
#define GRAPH_PUSH_H

#include "engine/job.h"
#include "graph/internal.h"
#include "registry/session.h"

struct push {
	struct graph *g;
	struct job *job;
	struct reference ref; /* without tag or digest: the repository */
	struct session *session;
	struct wire *wire;
};

/*
 * push_layers.c: have the registry hold all layers of a stack. New descriptors, base first, in the
 * words of Docker's manifests, or of OCI's (*oci) when one of them is such; NULL with err.
 */
json_t *push_layers(struct push *p, struct layer *top, bool *oci, struct error *err);

#endif
