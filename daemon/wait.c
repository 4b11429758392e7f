/*
 * The job wait. From API 1.30 on the head of the answer goes out at once: `docker run` waits for
 * it before it starts the container.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "engine/job.h"
#include "pkg/json.h"
#include "pkg/mem.h"

enum condition { NOT_RUNNING, NEXT_EXIT, REMOVED };

#define EARLY_HEAD 130 /* API version */

static int read_condition(struct job *job, enum condition *out)
{
	static const char *const words[] = { "not-running", "next-exit", "removed" };
	const char *word = env_get(job_env(job), "condition", "");

	*out = NOT_RUNNING;
	if (!*word)
		return 0;
	for (size_t i = 0; i < array_size(words); i++)
		if (strcmp(words[i], word) == 0) {
			*out = (enum condition)i;
			return 0;
		}
	return job_fail(job, ERR_BAD_REQUEST, "invalid condition: \"%s\"", word);
}

/* How the run ended. */
struct ending {
	int code;
	char error[512];
};

/* Is the condition met? What the watch saw comes before what the container does by now. */
static bool is_met(struct container *c, enum condition condition, const struct container_watch *w,
		   struct ending *out)
{
	struct container_state s = container_state(c);
	bool met;

	if (condition == REMOVED)
		met = w->removed || s.dead;
	else
		met = w->exited || w->removed || (condition == NOT_RUNNING && !s.running);
	if (!met)
		return false;
	*out = (struct ending){ .code = s.exit_code };
	if (condition == REMOVED) {
		/* Why the run failed is no failure of the removal, which is what was waited for. */
		if (!w->removed)
			snprintf(out->error, sizeof(out->error), "%s", s.error);
	} else if (w->exited) {
		out->code = w->exit_code;
		memcpy(out->error, w->error, sizeof(out->error));
	} else {
		memcpy(out->error, s.error, sizeof(out->error));
	}
	return true;
}

static int answer(struct job *job, const struct ending *e)
{
	autojson json_t *reply = json_pack("{s:i}", "StatusCode", e->code);

	if (*e->error)
		json_object_set_new(reply, "Error", json_pack("{s:s}", "Message", e->error));
	return job_write_json(job, reply);
}

static int wait_for(struct job *job, struct container *c, enum condition condition,
		    struct container_watch *w)
{
	struct container_watch seen;
	struct ending e;

	if (job_api_version(job) >= EARLY_HEAD && output_flush(job_out(job)) < 0)
		return job_fail(job, ERR_CANCELLED, "the client is gone");
	for (;;) {
		container_watch_read(c, w, &seen);
		if (is_met(c, condition, &seen, &e))
			return answer(job, &e);
		if (job_wait(job, w->fd, -1) < 0)
			return job_fail(job, ERR_CANCELLED, "cancelled");
	}
}

static int watch_and_wait(struct job *job, struct container *c, enum condition condition)
{
	struct container_watch w;
	struct error err;
	int rc;

	if (container_watch(c, &w, &err) < 0)
		return job_fail_error(job, &err);
	rc = wait_for(job, c, condition, &w);
	container_unwatch(c, &w);
	return rc;
}

int job_wait_container(struct job *job, void *self)
{
	enum condition condition;
	struct container *c;
	int rc;

	if (read_condition(job, &condition) < 0)
		return -1;
	c = job_container(job, self);
	if (!c)
		return -1;
	daemon_hold(self);
	rc = watch_and_wait(job, c, condition);
	container_unref(c);
	daemon_release(self);
	return rc;
}
