/* The job kill: a signal to the container's first process; SIGKILL is waited for. */
#include <signal.h>
#include <string.h>

#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "engine/job.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/signals.h"

static int read_signal(struct job *job, int *signo)
{
	const char *word = env_get(job_env(job), "signal", "");

	*signo = *word ? signal_parse(word) : SIGKILL;
	return *signo > 0 ? 0 : job_fail(job, ERR_BAD_REQUEST, "Invalid signal: %s", word);
}

/* The container's own stop signal says that the user wants it to end, as SIGKILL does. */
static void note_stop_signal(struct container *c, int signo)
{
	autojson json_t *config = container_config(c);
	const char *word = json_get_str(config, "StopSignal", "");

	if (*word && signal_parse(word) != signo)
		return;
	pthread_mutex_lock(&c->lock);
	c->state.manual_stop = true;
	pthread_mutex_unlock(&c->lock);
}

static int send_signal(struct job *job, struct daemon *d, struct container *c, int signo,
		       struct error *err)
{
	struct container_state s = container_state(c);

	if (!s.running)
		return error_set(err, ERR_CONFLICT, "Container %s is not running", c->id);
	if (signo == SIGKILL)
		return container_kill(d, c, job, err);
	note_stop_signal(c, signo);
	return s.restarting ? 0 : container_signal(d, c, signo, err);
}

int job_kill(struct job *job, void *self)
{
	const char *name = job_arg(job, 0);
	struct daemon *d = self;
	struct container *c;
	struct error err;
	int signo, rc = -1;

	if (read_signal(job, &signo) < 0)
		return -1;
	c = store_lookup(d->store, name, &err);
	if (c)
		rc = send_signal(job, d, c, signo, &err);
	container_unref(c);
	if (rc == 0)
		return 0;
	error_prefix(&err, "Cannot kill container: %s", name);
	return job_fail_error(job, &err);
}
