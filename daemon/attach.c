/*
 * The job attach. The connection is taken from the HTTP side and given to the container's monitor,
 * or, before the start, kept until then. What was logged already is written to it first, by us.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>

#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "daemon/logs.h"
#include "daemon/pending.h"
#include "engine/job.h"
#include "execdriver/driver.h"
#include "pkg/json.h"
#include "pkg/mem.h"

static int check_state(struct container *c, const char *name, struct error *err)
{
	struct container_state s = container_state(c);

	if (s.paused)
		return error_set(err, ERR_CONFLICT,
				 "container %s is paused, unpause the container before attach",
				 name);
	if (s.restarting)
		return error_set(err, ERR_CONFLICT,
				 "container %s is restarting, wait until the container is running",
				 name);
	return 0;
}

/* What the request asks for, as far as the container has it. */
static int read_request(struct job *job, struct container *c, struct pending_attach *a,
			struct error *err)
{
	autojson json_t *config = container_config(c);
	const char *text = env_get(job_env(job), "detachKeys", "");
	char keys[PENDING_KEYS_SIZE];
	struct env *env = job_env(job);

	if (pending_detach_keys(text, keys) < 0)
		return error_set(err, ERR_BAD_REQUEST, "Invalid detach keys (%s) provided", text);
	a->keys = *keys ? xstrdup(keys) : NULL;
	a->attach.in = env_get_bool(env, "stdin") && json_get_bool(config, "OpenStdin", false);
	a->attach.out = env_get_bool(env, "stdout");
	a->attach.err = env_get_bool(env, "stderr");
	a->attach.mux = !json_get_bool(config, "Tty", false);
	return 0;
}

/* Write all of it to the client, who may be slow, or gone. */
static int send_all(struct job *job, int fd, const char *p, size_t n)
{
	while (n) {
		struct pollfd writable = { .fd = fd, .events = POLLOUT };
		ssize_t put = send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (put < 0 && errno != EAGAIN && errno != EINTR)
			return -1;
		if (put < 0) {
			if (job_is_cancelled(job))
				return -1;
			(void)poll(&writable, 1, 1000); /* a second at most, then look again */
			continue;
		}
		p += put;
		n -= (size_t)put;
	}
	return 0;
}

struct replay {
	struct job *job;
	int fd;
	bool mux;
};

static int to_client(void *to, bool is_stderr, const void *p, size_t n)
{
	const struct replay *r = to;
	char head[8] = { is_stderr ? 2 : 1, 0,      0, 0, (char)(n >> 24), (char)(n >> 16),
			 (char)(n >> 8),    (char)n };

	if (r->mux && send_all(r->job, r->fd, head, sizeof(head)) < 0)
		return -1;
	return send_all(r->job, r->fd, p, n);
}

static int replay_log(struct job *job, struct daemon *d, struct container *c,
		      const struct exec_attach *a, struct error *err)
{
	struct log_options o = { .out = a->out, .err = a->err, .tail = -1 };
	struct replay r = { job, a->fd, a->mux };
	const struct log_sink sink = { to_client, &r };

	return logs_write(d, c, job, &o, &sink, err);
}

/* To the monitor if it runs, to the list of those who wait if not. Takes a over. */
static int join(struct daemon *d, struct container *c, struct pending_attach *a, struct error *err)
{
	bool running;
	int rc = 0;

	pthread_mutex_lock(&c->lock);
	running = c->state.running;
	if (!running && c->removed) {
		rc = error_set(err, ERR_NOT_FOUND, "No such container: %s", c->id);
		pending_free(a);
	} else if (!running) {
		rc = pending_add_locked(c, a, err);
	}
	pthread_mutex_unlock(&c->lock);
	if (!running)
		return rc;
	a->attach.pending = a->input.p;
	a->attach.npending = a->input.len;
	a->attach.detach_keys = a->keys;
	rc = execdriver_attach(d->execdriver, c->id, NULL, &a->attach, err);
	a->attach.fd = -1; /* taken */
	pending_free(a);
	return rc;
}

/* Takes a over. */
static int connect_client(struct job *job, struct daemon *d, struct container *c,
			  struct pending_attach *a, struct error *err)
{
	int rc = 0;

	a->attach.fd = input_detach(job_in(job), &a->input);
	if (a->attach.fd < 0)
		rc = error_set(err, ERR_BAD_REQUEST, "no connection to attach to");
	if (rc == 0 && env_get_bool(job_env(job), "logs"))
		rc = replay_log(job, d, c, &a->attach, err);
	if (rc < 0 || !env_get_bool(job_env(job), "stream")) {
		pending_free(a);
		return rc;
	}
	container_event(d, c, "attach", NULL);
	return join(d, c, a, err);
}

static int attach(struct job *job, struct daemon *d, struct container *c, struct error *err)
{
	struct pending_attach *a = pending_new();
	int rc;

	if (check_state(c, job_arg(job, 0), err) < 0 || read_request(job, c, a, err) < 0) {
		pending_free(a);
		return -1;
	}
	pending_begin(c);
	if (output_flush(job_out(job)) == 0) {
		rc = connect_client(job, d, c, a, err);
	} else {
		pending_free(a);
		rc = error_set(err, ERR_CANCELLED, "the client is gone");
	}
	pending_end(c);
	return rc;
}

int job_attach(struct job *job, void *self)
{
	struct container *c = job_container(job, self);
	struct error err;
	int rc;

	if (!c)
		return -1;
	rc = attach(job, self, c, &err);
	container_unref(c);
	return rc < 0 ? job_fail_error(job, &err) : 0;
}
