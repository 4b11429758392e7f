/* What the files of the job `pull` share. */
#ifndef GRAPH_PULL_H
#define GRAPH_PULL_H

#include <stdbool.h>

#include "engine/job.h"
#include "graph/internal.h"
#include "graph/platform.h"
#include "registry/session.h"

struct pull {
	struct graph *g;
	struct job *job;
	struct reference ref; /* without tag or digest: the repository */
	struct platform platform;
	bool platform_given;
	struct session *session; /* where it is pulled from now */
	struct wire *wire;
	bool newer; /* something was not there before */
};

/* What is wanted: a manifest, checked. */
struct manifest {
	json_t *json;
	char digest[DIGEST_SIZE]; /* of the document that the name stands for: it, or an index */
};

/* pull_manifest.c: the manifest for our platform. */
int pull_manifest(struct pull *p, const char *tag_or_digest, struct manifest *out,
		  struct error *err);

/* pull_image.c: the image of a manifest, into the store; its id. */
int pull_image(struct pull *p, const json_t *manifest, char id[DIGEST_SIZE], struct error *err);

#endif
