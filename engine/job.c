/* Jobs: see job.h. */
#include "engine/job.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/internal.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/strlist.h"

struct job {
	struct engine *engine;
	char *name;
	struct strlist args;
	struct env *env;
	struct input *in;
	struct output *out, *err;
	struct error failure;
	enum job_status status;
	bool ran, endless;
	int hangup_fd;
};

static struct job *job_make(struct engine *e, const char *name, va_list args)
{
	struct job *j = xcalloc(1, sizeof(*j));
	const char *arg;

	j->engine = e;
	j->name = xstrdup(name);
	j->env = env_new();
	j->in = input_new();
	j->out = output_new();
	j->err = output_new();
	j->hangup_fd = -1;
	while ((arg = va_arg(args, const char *)))
		strlist_add(&j->args, arg);
	return j;
}

struct job *job_new(struct engine *e, const char *name, ...)
{
	struct job *j;
	va_list ap;

	va_start(ap, name);
	j = job_make(e, name, ap);
	va_end(ap);
	return j;
}

struct job *job_new_nested(struct job *parent, const char *name, ...)
{
	struct job *j;
	va_list ap;

	va_start(ap, name);
	j = job_make(parent->engine, name, ap);
	va_end(ap);
	j->hangup_fd = parent->hangup_fd;
	return j;
}

void job_add_arg(struct job *j, const char *arg)
{
	strlist_add(&j->args, arg);
}

void job_free(struct job *j)
{
	if (!j)
		return;
	env_free(j->env);
	input_free(j->in);
	output_free(j->out);
	output_free(j->err);
	strlist_done(&j->args);
	free(j->name);
	free(j);
}

int job_fail(struct job *j, enum error_kind kind, const char *fmt, ...)
{
	struct error e = { .kind = kind };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e.text, sizeof(e.text), fmt, ap);
	va_end(ap);
	return job_fail_error(j, &e);
}

int job_fail_error(struct job *j, const struct error *err)
{
	j->failure = *err;
	output_write(j->err, j->failure.text, strlen(j->failure.text));
	output_write(j->err, "\n", 1);
	return -1;
}

bool job_has_failed(const struct job *j)
{
	return j->failure.text[0] != '\0';
}

int job_printf(struct job *j, const char *fmt, ...)
{
	autofree char *s = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return n < 0 ? -1 : output_write(j->out, s, (size_t)n);
}

int job_write_json(struct job *j, const json_t *value)
{
	autofree char *s = json_text(value);
	size_t n = strlen(s);

	s[n] = '\n'; /* the NUL gives way: the length is known */
	return output_write(j->out, s, n + 1);
}

static void log_begin(const struct job *j, enum log_level level)
{
	char args[256];
	size_t n = 0;

	args[0] = '\0';
	for (size_t i = 0; i < j->args.n && n < sizeof(args) - 1; i++)
		n += (size_t)snprintf(args + n, sizeof(args) - n, "%s%s", i ? ", " : "",
				      j->args.v[i]);
	log_at(level, "[%s] +job %s(%s)", engine_id(j->engine), j->name, args);
}

static void log_end(const struct job *j, enum log_level level)
{
	bool ok = j->status == JOB_STATUS_OK;

	log_at(level, "[%s] -job %s(%s) = %s (%d)%s%s", engine_id(j->engine), j->name,
	       j->args.n ? j->args.v[0] : "", ok ? "OK" : "ERR", j->status, ok ? "" : ": ",
	       ok ? "" : j->failure.text);
}

static int check_args(struct job *j, const struct handler *h)
{
	int n = (int)j->args.n;

	if (n >= h->min_args && (h->max_args < 0 || n <= h->max_args))
		return 0;
	return job_fail(j, ERR_BAD_REQUEST, "Usage: %s %s", j->name, h->usage);
}

static void run_handler(struct job *j, const struct registered *r)
{
	bool logged = engine_logging(j->engine);
	enum log_level level = r->row.flags & JOB_QUIET ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;

	if (logged)
		log_begin(j, level);
	j->endless = r->row.flags & JOB_ENDLESS;
	j->failure = (struct error){ .kind = ERR_INTERNAL };
	j->status = check_args(j, &r->row) == 0 && r->row.run(j, r->self) == 0 ? JOB_STATUS_OK
									       : JOB_STATUS_ERR;
	if (logged)
		log_end(j, level);
}

int job_run(struct job *j, struct error *err)
{
	struct registered r;
	bool endless;

	if (j->ran)
		return error_set(err, ERR_INTERNAL, "%s: job has already completed", j->name);
	j->ran = true;
	if (!engine_find(j->engine, j->name, &r)) {
		j->status = JOB_STATUS_NOT_FOUND;
		job_fail(j, ERR_NOT_IMPLEMENTED, "%s: command not found", j->name);
	} else {
		endless = r.row.flags & JOB_ENDLESS;
		if (engine_begin(j->engine, endless)) {
			run_handler(j, &r);
			engine_end(j->engine, endless);
		} else {
			j->status = JOB_STATUS_ERR;
			job_fail(j, ERR_UNAVAILABLE, "engine is shutdown");
		}
	}
	input_close(j->in);
	output_close(j->out);
	output_close(j->err);
	if (j->status == JOB_STATUS_OK)
		return 0;
	if (err)
		*err = j->failure;
	return -1;
}

int job_wait(struct job *j, int fd, int timeout_ms)
{
	struct pollfd p[3] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = engine_stop_fd(j->engine, j->endless), .events = POLLIN },
		{ .fd = j->hangup_fd, .events = POLLRDHUP },
	};
	int n;

	do
		n = poll(p, array_size(p), timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	if (n < 0 || p[1].revents || p[2].revents)
		return -1;
	return 1;
}

bool job_is_cancelled(struct job *j)
{
	return job_wait(j, -1, 0) < 0;
}

void job_watch_hangup(struct job *j, int fd)
{
	j->hangup_fd = fd;
}

const char *job_name(const struct job *j)
{
	return j->name;
}

size_t job_argc(const struct job *j)
{
	return j->args.n;
}

const char *job_arg(const struct job *j, size_t i)
{
	return i < j->args.n ? j->args.v[i] : NULL;
}

enum job_status job_status(const struct job *j)
{
	return j->status;
}

struct engine *job_engine(const struct job *j)
{
	return j->engine;
}

struct env *job_env(struct job *j)
{
	return j->env;
}

struct input *job_in(struct job *j)
{
	return j->in;
}

struct output *job_out(struct job *j)
{
	return j->out;
}

struct output *job_err(struct job *j)
{
	return j->err;
}
