/* The job rm. */
#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "engine/job.h"

int job_rm(struct job *job, void *self)
{
	struct env *env = job_env(job);
	unsigned flags = (env_get_bool(env, "v") ? REMOVE_VOLUMES : 0) |
			 (env_get_bool(env, "force") ? REMOVE_FORCE : 0);
	struct container *c = job_container(job, self);
	struct error err;
	int rc;

	if (!c)
		return -1;
	if (env_get_bool(env, "link")) /* links are a matter of the network, which has none yet */
		rc = error_set(&err, ERR_INTERNAL,
			       "Conflict, cannot remove the default link name of the container");
	else
		rc = container_remove(self, c, job, flags, &err);
	container_unref(c);
	return rc < 0 ? job_fail_error(job, &err) : 0;
}
