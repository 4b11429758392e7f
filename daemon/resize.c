/* The job resize: the size of a container's terminal. */
#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "engine/job.h"
#include "execdriver/driver.h"

#define SIDE_MAX 65535

int job_window(struct job *job, long long *rows, long long *cols)
{
	if (!env_has(job_env(job), "h"))
		env_set(job_env(job), "h", "");
	if (!env_has(job_env(job), "w"))
		env_set(job_env(job), "w", "");
	if (job_number(job, "h", 0, rows) < 0 || job_number(job, "w", 0, cols) < 0)
		return -1;
	if (*rows < 0 || *rows > SIDE_MAX || *cols < 0 || *cols > SIDE_MAX)
		return job_fail(job, ERR_BAD_REQUEST, "no terminal is %lld x %lld", *rows, *cols);
	return 0;
}

int job_resize(struct job *job, void *self)
{
	struct daemon *d = self;
	long long rows, cols;
	struct container *c;
	struct error err;
	int rc;

	if (job_window(job, &rows, &cols) < 0)
		return -1;
	c = job_container(job, d);
	if (!c)
		return -1;
	if (!container_state(c).running)
		rc = job_fail(job, ERR_CONFLICT, "Container %s is not running", c->id);
	else if (execdriver_resize(d->execdriver, c->id, NULL, (unsigned)rows, (unsigned)cols,
				   &err) < 0)
		rc = job_fail_error(job, &err);
	else
		rc = 0;
	container_unref(c);
	return rc;
}
