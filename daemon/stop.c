/* The jobs stop and restart. */
#include <signal.h>

#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "engine/job.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/signals.h"

#define STOP_TIMEOUT_S 10

/* How to stop it: the request's word first, then the container's, then the usual. */
struct stop_options {
	int signo;
	long long timeout_s; /* negative: wait for ever */
};

static int read_options(struct job *job, struct container *c, struct stop_options *o)
{
	autojson json_t *config = container_config(c);
	const char *word = env_get(job_env(job), "signal", "");
	long long own = json_get_int(config, "StopTimeout", STOP_TIMEOUT_S);

	if (!*word)
		word = json_get_str(config, "StopSignal", "");
	o->signo = *word ? signal_parse(word) : SIGTERM;
	if (o->signo < 0)
		return job_fail(job, ERR_BAD_REQUEST, "Invalid signal: %s", word);
	return job_number(job, "t", own, &o->timeout_s);
}

static int stop(struct job *job, struct daemon *d, struct container *c)
{
	struct stop_options o;
	struct error err;

	if (read_options(job, c, &o) < 0)
		return -1;
	if (!container_state(c).running && !container_state(c).starting)
		return job_fail(job, ERR_NOT_MODIFIED, "container %s is not running", c->id);
	if (container_halt(d, c, job, o.signo, o.timeout_s, &err) < 0)
		return job_fail_error(job, &err);
	container_event(d, c, "stop", NULL);
	return 0;
}

int job_stop(struct job *job, void *self)
{
	struct container *c = job_container(job, self);
	int rc;

	if (!c)
		return -1;
	rc = stop(job, self, c);
	container_unref(c);
	return rc;
}

/* While it is set, the end of a run does not remove an AutoRemove container. */
static void set_keep(struct container *c, bool keep)
{
	pthread_mutex_lock(&c->lock);
	c->keep = keep;
	pthread_mutex_unlock(&c->lock);
}

static int halt_and_run(struct job *job, struct daemon *d, struct container *c)
{
	struct stop_options o;
	struct error err;

	if (read_options(job, c, &o) < 0)
		return -1;
	if (container_state(c).running && container_halt(d, c, job, o.signo, o.timeout_s, &err) < 0)
		return job_fail_error(job, &err);
	if (container_run(d, c, job, 0, &err) < 0)
		return job_fail_error(job, &err);
	container_event(d, c, "restart", NULL);
	return 0;
}

int job_restart(struct job *job, void *self)
{
	struct container *c = job_container(job, self);
	int rc;

	if (!c)
		return -1;
	set_keep(c, true);
	rc = halt_and_run(job, self, c);
	set_keep(c, false);
	container_unref(c);
	return rc;
}
