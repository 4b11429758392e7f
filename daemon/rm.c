/* The job rm. */
#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "daemon/network.h"
#include "engine/job.h"

int job_rm(struct job *job, void *self)
{
	struct env *env = job_env(job);
	unsigned flags = (env_get_bool(env, "v") ? REMOVE_VOLUMES : 0) |
			 (env_get_bool(env, "force") ? REMOVE_FORCE : 0);
	struct container *c = NULL;
	struct error err;
	int rc;

	if (env_get_bool(env, "link")) {
		rc = links_remove(self, job, job_arg(job, 0), &err);
		return rc < 0 ? job_fail_error(job, &err) : 0;
	}
	c = job_container(job, self);
	if (!c)
		return -1;
	rc = container_remove(self, c, job, flags, &err);
	container_unref(c);
	return rc < 0 ? job_fail_error(job, &err) : 0;
}
