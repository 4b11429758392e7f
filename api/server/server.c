/*
 * The server object and its two jobs. serveapi binds and runs the loop; acceptconnections says that
 * the daemon is there: requests held so far go on, and the service manager is told. The two may
 * come in either order: readiness is told when both are done.
 */
#include "api/server/server.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "api/server/internal.h"
#include "engine/engine.h"
#include "engine/job.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/sdnotify.h"
#include "pkg/tls.h"

#define MAX_CONNS 4096
#define FREE_WAIT_S 2

/* Half of the descriptors at most: the other half is the daemon's. */
static size_t connection_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur / 2 >= MAX_CONNS)
		return MAX_CONNS;
	return r.rlim_cur / 2;
}

struct server *server_new(struct engine *e, struct event_base *base)
{
	struct server *s = xcalloc(1, sizeof(*s));

	s->engine = e;
	s->base = base;
	s->version = xstrdup("");
	s->max_conns = connection_limit();
	list_init(&s->listeners);
	list_init(&s->waiting);
	list_init(&s->held);
	list_init(&s->busy);
	list_init(&s->returned);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->idle, NULL);
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return s;
}

/* Nobody reads or writes these any more, so whoever is blocked on one comes back. */
static void shut_busy(struct server *s)
{
	struct list *it;

	list_each(it, &s->busy) {
		struct conn *c = list_entry(it, struct conn, link);

		if (c->fd >= 0)
			(void)shutdown(c->fd, SHUT_RDWR); /* it may be closed by the peer */
	}
}

/* True when no worker has a connection any more. */
static bool wait_for_workers(struct server *s)
{
	struct timespec until;
	bool idle;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += FREE_WAIT_S;
	pthread_mutex_lock(&s->lock);
	shut_busy(s);
	while (!list_is_empty(&s->busy))
		if (pthread_cond_timedwait(&s->idle, &s->lock, &until) != 0)
			break;
	idle = list_is_empty(&s->busy);
	pthread_mutex_unlock(&s->lock);
	return idle;
}

static void free_conns(struct list *l)
{
	struct list *it, *tmp;

	list_each_safe(it, tmp, l)
		conn_free(list_entry(it, struct conn, link));
}

void server_free(struct server *s)
{
	if (!s)
		return;
	listen_close_all(s);
	free_conns(&s->waiting);
	free_conns(&s->held);
	if (!wait_for_workers(s))
		return; /* a worker still uses it; the program is about to end */
	free_conns(&s->returned);
	if (s->wake_event)
		event_free(s->wake_event);
	close(s->wake);
	tls_unref(s->tls);
	pthread_cond_destroy(&s->idle);
	pthread_mutex_destroy(&s->lock);
	free(s->version);
	free(s->socket_group);
	free(s);
}

/* Once the sockets listen and the daemon is there. */
static void tell_ready(struct server *s)
{
	autofree char *state = xasprintf("READY=1\nMAINPID=%d", (int)getpid());
	bool now;

	pthread_mutex_lock(&s->lock);
	now = s->listening && s->accepting && !s->notified;
	s->notified |= now;
	pthread_mutex_unlock(&s->lock);
	if (now && sd_notify_send(state) < 0)
		log_warn("cannot tell the service manager: %s, ignoring", strerror(errno));
}

static int job_acceptconnections(struct job *job, void *self)
{
	struct server *s = self;

	(void)job;
	pthread_mutex_lock(&s->lock);
	s->accepting = true;
	(void)eventfd_write(s->wake, 1); /* fails only when it is readable for sure */
	pthread_mutex_unlock(&s->lock);
	tell_ready(s);
	return 0;
}

/* TLS is for TCP; unix sockets have their mode. */
static int set_tls_up(struct server *s, struct job *job)
{
	struct env *env = job_env(job);
	struct tls_config config = { .server = true,
				     .verify = env_get_bool(env, "TlsVerify"),
				     .ca = env_get(env, "TlsCa", NULL),
				     .cert = env_get(env, "TlsCert", NULL),
				     .key = env_get(env, "TlsKey", NULL) };
	struct error err;

	if (!config.verify && !env_get_bool(env, "Tls"))
		return 0;
	s->tls_verify = config.verify;
	s->tls = tls_new(&config, &err);
	return s->tls ? 0 : job_fail_error(job, &err);
}

static void take_settings(struct server *s, struct job *job)
{
	struct env *env = job_env(job);
	const char *group = env_get(env, "SocketGroup", NULL);

	free(s->version);
	s->version = xstrdup(env_get(env, "Version", "unknown"));
	free(s->socket_group);
	s->socket_group = group ? xstrdup(group) : NULL;
	s->cors = env_get_bool(env, "EnableCors");
	s->logging = env_get_bool(env, "Logging");
	pthread_mutex_lock(&s->lock);
	s->holding = env_get_bool(env, "BufferRequests") && !s->accepting;
	pthread_mutex_unlock(&s->lock);
}

static int bind_all(struct server *s, struct job *job)
{
	struct error err;

	for (size_t i = 0; i < job_argc(job); i++) {
		if (listen_add(s, job_arg(job, i), &err) < 0) {
			listen_close_all(s);
			return job_fail_error(job, &err);
		}
		log_info("Listening for HTTP on %s", job_arg(job, i));
	}
	return 0;
}

static int job_serveapi(struct job *job, void *self)
{
	struct server *s = self;

	if (!list_is_empty(&s->listeners))
		return job_fail(job, ERR_CONFLICT, "the API is served already");
	if (!s->tls && set_tls_up(s, job) < 0)
		return -1;
	take_settings(s, job);
	if (!s->wake_event)
		s->wake_event = event_new(s->base, s->wake, EV_READ | EV_PERSIST, conns_wake, s);
	if (!s->wake_event || event_add(s->wake_event, NULL) < 0)
		return job_fail(job, ERR_INTERNAL, "cannot set the event loop up");
	if (bind_all(s, job) < 0)
		return -1;
	pthread_mutex_lock(&s->lock);
	s->listening = true;
	pthread_mutex_unlock(&s->lock);
	tell_ready(s);
	if (event_base_dispatch(s->base) < 0)
		return job_fail(job, ERR_INTERNAL, "the event loop failed");
	return 0;
}

static const struct handler jobs[] = {
	{ "serveapi", "PROTO://ADDR [PROTO://ADDR...]", 1, -1, job_serveapi, JOB_ENDLESS },
	{ "acceptconnections", "", 0, 0, job_acceptconnections, 0 },
	{ 0 },
};

int server_install(struct server *s, struct engine *e, struct error *err)
{
	return engine_install(e, jobs, s, err);
}
