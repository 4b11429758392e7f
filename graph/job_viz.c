/*
 * The job `viz`: all images as a graph for Graphviz, an edge from each parent to its children, as
 * Docker printed it until 1.7. An image that was pulled has no parent here: it hangs on the base.
 */
#include <stdio.h>
#include <string.h>

#include "engine/job.h"
#include "graph/internal.h"
#include "graph/jobs.h"
#include "pkg/mem.h"

#define SHORT 12 /* digits of an id */
#define OUT_MAX (64 * 1024 * 1024)

/* A node's names, as its label. Names need no escapes: their grammar knows neither quote nor backslash. */
static int add_label(struct buf *out, const char *hex, const struct strlist *tags)
{
	if (buf_addf(out, " \"%.*s\" [label=\"%.*s", SHORT, hex, SHORT, hex) < 0)
		return -1;
	for (size_t i = 0; i < tags->n; i++)
		if (buf_addf(out, "\\n%s", tags->v[i]) < 0)
			return -1;
	return buf_adds(out,
			"\",shape=box,fillcolor=\"paleturquoise\",style=\"filled,rounded\"];\n");
}

static int add_image(struct graph *g, const char *id, struct buf *out)
{
	autostrlist struct strlist tags = STRLIST_INIT, digests = STRLIST_INIT;
	const char *hex = digest_hex(id);
	char parent[DIGEST_SIZE] = "";
	const struct img *i;
	int rc;

	pthread_mutex_lock(&g->lock);
	i = image_get(g, id);
	if (i && *i->parent && image_get(g, i->parent))
		memcpy(parent, i->parent, sizeof(parent));
	names_of(g, id, &tags, &digests);
	pthread_mutex_unlock(&g->lock);
	if (!i)
		return 0; /* deleted meanwhile */
	if (*parent)
		rc = buf_addf(out, " \"%.*s\" -> \"%.*s\"\n", SHORT, digest_hex(parent), SHORT,
			      hex);
	else
		rc = buf_addf(out, " base -> \"%.*s\" [style=invis]\n", SHORT, hex);
	return rc == 0 && tags.n ? add_label(out, hex, &tags) : rc;
}

int job_viz(struct job *job, void *self)
{
	autostrlist struct strlist ids = STRLIST_INIT;
	autobuf struct buf out = BUF_INIT(OUT_MAX);
	struct graph *g = self;
	int rc = buf_adds(&out, "digraph docker {\n");

	image_ids(g, &ids);
	for (size_t i = ids.n; rc == 0 && i > 0; i--) /* the oldest first */
		rc = add_image(g, ids.v[i - 1], &out);
	if (rc < 0 || buf_adds(&out, " base [style=invisible]\n}\n") < 0)
		return job_fail(job, ERR_INTERNAL, "there are too many images to draw");
	return output_write(job_out(job), out.p, out.len) < 0
		       ? job_fail(job, ERR_CANCELLED, "the client is gone")
		       : 0;
}
