/*
 * The job export: a tar of the root filesystem. The store writes it to a pipe, on a worker; this
 * side carries it to the client, so that a client that hangs up ends it.
 */
#include <fcntl.h>
#include <unistd.h>

#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "engine/job.h"
#include "graph/graph.h"
#include "pkg/mem.h"
#include "pkg/workers.h"

#define BLOCK 131072

struct producer {
	struct graph *graph;
	const char *id;
	int out;  /* the pipe's end to write to */
	int done; /* and of a second pipe, closed when err and rc are set */
	int rc;
	struct error err;
};

static void produce(void *arg)
{
	struct producer *p = arg;
	int done = p->done;

	p->rc = graph_rw_export(p->graph, p->id, p->out, &p->err);
	close(p->out);
	close(done); /* from here on p is the other side's */
}

static int carry(struct job *job, int from, struct error *err)
{
	autofree char *block = xmalloc(BLOCK);

	for (;;) {
		ssize_t n;

		if (job_wait(job, from, -1) < 0)
			return error_set(err, ERR_CANCELLED, "cancelled");
		n = read(from, block, BLOCK);
		if (n < 0)
			return error_sys(err, "cannot read the archive");
		if (n == 0)
			return 0;
		if (output_write(job_out(job), block, (size_t)n) < 0)
			return error_set(err, ERR_CANCELLED, "the client is gone");
	}
}

/* Until the producer has closed its end: it does soon, for nobody reads any more. */
static void join(int done)
{
	char byte;

	while (read(done, &byte, 1) > 0)
		;
}

static int export(struct job *job, struct daemon *d, struct container *c, struct error *err)
{
	struct producer p = { .graph = d->graph, .id = c->id };
	int data[2], done[2], rc;

	if (pipe2(data, O_CLOEXEC) < 0)
		return error_sys(err, "export: no pipe");
	if (pipe2(done, O_CLOEXEC) < 0) {
		close(data[0]);
		close(data[1]);
		return error_sys(err, "export: no pipe");
	}
	p.out = data[1];
	p.done = done[1];
	if (workers_run(produce, &p) < 0) {
		rc = error_set(err, ERR_UNAVAILABLE, "export: no thread");
		close(data[1]);
		close(done[1]);
		close(data[0]);
	} else {
		rc = carry(job, data[0], err);
		close(data[0]);
		join(done[0]);
		if (rc == 0 && p.rc < 0) {
			*err = p.err;
			rc = -1;
		}
	}
	close(done[0]);
	return rc;
}

int job_export(struct job *job, void *self)
{
	struct container *c = job_container(job, self);
	struct error err;
	int rc;

	if (!c)
		return -1;
	rc = export(job, self, c, &err);
	if (rc == 0)
		container_event(self, c, "export", NULL);
	container_unref(c);
	return rc < 0 ? job_fail_error(job, &err) : 0;
}
