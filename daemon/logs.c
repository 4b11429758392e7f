/*
 * The job logs. A reader that follows waits for changes of the container's folder (inotify) and of
 * its state at the same time, and reads once more after the exit was told: the monitor has written
 * everything by then.
 */
#include "daemon/logs.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "daemon/logreader.h"
#include "engine/job.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/parse.h"
#include "pkg/timefmt.h"

#define PIECE (32 * 1024) /* bytes that are gathered before a write */

/* Lines of one stream that wait to be written together. */
struct writer {
	const struct log_options *o;
	const struct log_sink *sink;
	struct buf gathered;
	bool is_stderr;
};

static int write_out(struct writer *w)
{
	int rc = 0;

	if (w->gathered.len)
		rc = w->sink->write(w->sink->to, w->is_stderr, w->gathered.p, w->gathered.len);
	buf_reset(&w->gathered);
	return rc;
}

static bool is_zero(struct timespec t)
{
	return t.tv_sec == 0 && t.tv_nsec == 0;
}

static bool is_before(struct timespec a, struct timespec b)
{
	return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

static int gather(struct writer *w, const struct logline *line)
{
	char when[TIMEFMT_SIZE];

	if (w->gathered.len && (w->is_stderr != line->is_stderr || w->gathered.len >= PIECE) &&
	    write_out(w) < 0)
		return -1;
	w->is_stderr = line->is_stderr;
	if (w->o->timestamps &&
	    buf_addf(&w->gathered, "%s ", timefmt_rfc3339nano_fixed(when, line->time)) < 0)
		return -1;
	if (w->o->details && buf_addc(&w->gathered, ' ') < 0)
		return -1;
	return buf_add(&w->gathered, line->text, line->len);
}

static bool is_wanted(const struct log_options *o, const struct logline *line)
{
	if (line->is_stderr ? !o->err : !o->out)
		return false;
	return is_zero(o->since) || !is_before(line->time, o->since);
}

/* Write all that is there. 1 when `until` is passed, 0 at the present end, -1. */
static int drain(struct logreader *r, struct writer *w, struct error *err)
{
	struct logline line;
	int rc;

	while ((rc = logreader_next(r, &line, err)) > 0) {
		if (!is_zero(w->o->until) && is_before(w->o->until, line.time))
			break;
		if (is_wanted(w->o, &line) && gather(w, &line) < 0)
			return error_set(err, ERR_CANCELLED, "nobody reads the log any more");
	}
	if (rc >= 0 && write_out(w) < 0)
		return error_set(err, ERR_CANCELLED, "nobody reads the log any more");
	return rc;
}

/* What a follower waits on. */
struct follower {
	struct container *c;
	struct container_watch watch;
	int inotify, epoll;
};

static int follower_init(struct follower *f, struct container *c, struct error *err)
{
	struct epoll_event ev = { .events = EPOLLIN };

	f->c = c;
	if (container_watch(c, &f->watch, err) < 0)
		return -1;
	f->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (f->inotify >= 0 && f->epoll >= 0 &&
	    inotify_add_watch(f->inotify, c->dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO) >= 0 &&
	    epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->inotify, &ev) == 0 &&
	    epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->watch.fd, &ev) == 0)
		return 0;
	return error_sys(err, "cannot follow the log of %s", c->id);
}

static void follower_done(struct follower *f)
{
	container_unwatch(f->c, &f->watch);
	if (f->inotify >= 0)
		close(f->inotify);
	if (f->epoll >= 0)
		close(f->epoll);
}

static bool has_stopped(struct follower *f)
{
	struct container_watch seen;
	struct container_state s;

	container_watch_read(f->c, &f->watch, &seen);
	s = container_state(f->c);
	return seen.exited || seen.removed || !s.running || s.restarting;
}

static void drop_notices(int inotify)
{
	char notices[4096];

	while (read(inotify, notices, sizeof(notices)) > 0)
		;
}

/* Milliseconds until the bound of the log, -1 for none. */
static int ms_until(struct timespec until)
{
	struct timespec now = time_now();
	long long ms;

	if (is_zero(until))
		return -1;
	ms = (until.tv_sec - now.tv_sec) * 1000LL + (until.tv_nsec - now.tv_nsec) / 1000000;
	return ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : (int)ms;
}

static int follow(struct follower *f, struct job *job, struct logreader *r, struct writer *w,
		  struct error *err)
{
	for (;;) {
		bool stopped = has_stopped(f); /* before reading: what it wrote is all there */
		int rc, ms;

		drop_notices(f->inotify);
		rc = drain(r, w, err);
		if (rc != 0 || stopped)
			return rc < 0 ? -1 : 0;
		ms = ms_until(w->o->until);
		rc = ms == 0 ? 0 : job_wait(job, f->epoll, ms);
		if (rc < 0)
			return error_set(err, ERR_CANCELLED, "cancelled");
		if (rc == 0)
			return 0;
	}
}

static int write_all(struct container *c, struct job *job, struct logreader *r, struct writer *w,
		     struct error *err)
{
	struct follower f = { .inotify = -1, .epoll = -1 };
	int rc;

	if (!w->o->follow)
		return drain(r, w, err) < 0 ? -1 : 0;
	if (follower_init(&f, c, err) < 0)
		rc = -1;
	else
		rc = follow(&f, job, r, w, err);
	if (f.watch.link.next)
		follower_done(&f);
	return rc;
}

int logs_write(struct daemon *d, struct container *c, struct job *job, const struct log_options *o,
	       const struct log_sink *sink, struct error *err)
{
	struct writer w = { .o = o, .sink = sink };
	struct logreader *r = logreader_open(c->log_path, d->tmp_dir, o->tail, err);
	int rc;

	if (!r)
		return -1;
	buf_init(&w.gathered, 4 * 1024 * 1024);
	rc = write_all(c, job, r, &w, err);
	buf_done(&w.gathered);
	logreader_close(r);
	return rc;
}

static int read_time(struct job *job, const char *key, struct timespec *out)
{
	const char *text = env_get(job_env(job), key, "");

	*out = (struct timespec){ 0 };
	if (!*text || timefmt_parse_unix(text, out) == 0)
		return 0;
	return job_fail(job, ERR_BAD_REQUEST, "strconv.ParseInt: parsing \"%s\": invalid syntax",
			text);
}

/* "all", "" and whatever is no number mean all lines. */
static long long read_tail(const char *text)
{
	int64_t n;

	return parse_i64(text, &n) < 0 || n < 0 ? -1 : n;
}

static int read_options(struct job *job, struct log_options *o)
{
	struct env *env = job_env(job);

	o->out = env_get_bool(env, "stdout");
	o->err = env_get_bool(env, "stderr");
	o->follow = env_get_bool(env, "follow");
	o->timestamps = env_get_bool(env, "timestamps");
	o->details = env_get_bool(env, "details");
	o->tail = read_tail(env_get(env, "tail", ""));
	if (!o->out && !o->err)
		return job_fail(job, ERR_BAD_REQUEST,
				"Bad parameters: you must choose at least one stream");
	if (read_time(job, "since", &o->since) < 0)
		return -1;
	return read_time(job, "until", &o->until);
}

static int to_job(void *to, bool is_stderr, const void *p, size_t n)
{
	struct job *job = to;

	return output_write(is_stderr ? job_err(job) : job_out(job), p, n);
}

static bool has_log(struct container *c)
{
	autojson json_t *h = container_host_config(c);

	return strcmp(json_get_str(json_get_obj(h, "LogConfig"), "Type", ""), "none") != 0;
}

static int write_logs(struct job *job, struct daemon *d, struct container *c,
		      const struct log_options *o)
{
	const struct log_sink sink = { to_job, job };
	struct error err;

	if (!has_log(c))
		return job_fail(job, ERR_NOT_IMPLEMENTED,
				"configured logging driver does not support reading");
	if (output_flush(job_out(job)) < 0)
		return job_fail(job, ERR_CANCELLED, "the client is gone");
	if (logs_write(d, c, job, o, &sink, &err) < 0)
		return job_fail_error(job, &err);
	return 0;
}

int job_logs(struct job *job, void *self)
{
	struct log_options o;
	struct container *c;
	int rc;

	if (read_options(job, &o) < 0)
		return -1;
	c = job_container(job, self);
	if (!c)
		return -1;
	daemon_hold(self);
	rc = write_logs(job, self, c, &o);
	container_unref(c);
	daemon_release(self);
	return rc;
}
