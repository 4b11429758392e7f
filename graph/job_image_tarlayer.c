/* The job `image_tarlayer`: the tar of an image's top layer, as it came in. */
#include <errno.h>

#include "engine/job.h"
#include "graph/internal.h"
#include "graph/jobs.h"
#include "graph/layertar.h"
#include "pkg/tar.h"

static int send_part(void *to, const void *p, size_t n)
{
	struct job *job = to;

	if (!job_is_cancelled(job) && output_write(job_out(job), p, n) == 0)
		return 0;
	errno = EPIPE;
	return -1;
}

/* The top layer of an image, as a reference; NULL: it has none. */
static int find_top(struct graph *g, const char *name, struct layer **top, struct error *err)
{
	char id[DIGEST_SIZE];
	struct img *i;

	if (lookup_id(g, name, id, err) < 0)
		return -1;
	pthread_mutex_lock(&g->lock);
	i = image_get(g, id);
	*top = i ? i->top : NULL;
	if (*top)
		(*top)->refs++;
	pthread_mutex_unlock(&g->lock);
	return i ? 0 : error_set(err, ERR_NOT_FOUND, "No such image: %s", name);
}

static int write_layer(struct graph *g, struct layer *l, struct job *job, struct error *err)
{
	static const char nothing[2 * TAR_BLOCK]; /* an archive without entries */
	int64_t size;

	if (!l)
		return send_part(job, nothing, sizeof(nothing)) < 0
			       ? error_set(err, ERR_CANCELLED, "the client is gone")
			       : 0;
	if (layertar_size(g, l, &size, err) < 0)
		return -1;
	return layertar_write(g, l, size, send_part, job, err);
}

int job_image_tarlayer(struct job *job, void *self)
{
	struct layer *top = NULL;
	struct error err = { 0 };
	int rc = find_top(self, job_arg(job, 0), &top, &err);

	if (rc == 0)
		rc = write_layer(self, top, job, &err);
	layer_release(self, top);
	return rc < 0 ? job_fail_error(job, &err) : 0;
}
