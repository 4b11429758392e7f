/* The jobs pause and unpause: the freezer of the container's cgroup. */
#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "daemon/record.h"
#include "engine/job.h"
#include "execdriver/driver.h"

static int check_pause(struct container *c, struct error *err)
{
	struct container_state s = container_state(c);

	if (!s.running)
		return error_set(err, ERR_CONFLICT, "Container %s is not running", c->id);
	if (s.paused)
		return error_set(err, ERR_CONFLICT, "Container %s is already paused", c->id);
	if (s.restarting)
		return error_set(err, ERR_CONFLICT,
				 "Container %s is restarting, wait until the container is running",
				 c->id);
	return 0;
}

static int check_unpause(struct container *c, struct error *err)
{
	if (!container_state(c).paused)
		return error_set(err, ERR_INTERNAL, "Container %s is not paused", c->id);
	return 0;
}

/* It may have ended meanwhile: then it is neither. */
static void set_paused(struct container *c, bool paused)
{
	pthread_mutex_lock(&c->lock);
	c->state.paused = paused && c->state.running;
	pthread_mutex_unlock(&c->lock);
}

int container_set_paused(struct daemon *d, struct container *c, struct job *job, bool paused,
			 struct error *err)
{
	int rc;

	if (container_begin(c, OP_CHANGE, job, err) < 0)
		return -1;
	rc = paused ? check_pause(c, err) : check_unpause(c, err);
	if (rc == 0)
		rc = paused ? execdriver_pause(d->execdriver, c->id, err)
			    : execdriver_unpause(d->execdriver, c->id, err);
	if (rc == 0) {
		set_paused(c, paused);
		rc = record_save(d, c, err);
	}
	container_end(c);
	if (rc == 0)
		container_event(d, c, paused ? "pause" : "unpause", NULL);
	return rc;
}

static int run(struct job *job, struct daemon *d, bool paused)
{
	struct container *c = job_container(job, d);
	struct error err;
	int rc;

	if (!c)
		return -1;
	rc = container_set_paused(d, c, job, paused, &err);
	container_unref(c);
	return rc < 0 ? job_fail_error(job, &err) : 0;
}

int job_pause(struct job *job, void *self)
{
	return run(job, self, true);
}

int job_unpause(struct job *job, void *self)
{
	return run(job, self, false);
}
