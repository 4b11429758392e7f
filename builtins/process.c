/*
 * The daemon's process. Three parties: the main thread runs the job `serveapi`, which is the event
 * loop; the loader thread makes the daemon object while requests are held already, and then runs
 * `acceptconnections`; the end (a signal, or a loader that failed) runs on a thread of its own,
 * because it waits for jobs, and then stops the loop. Whatever happens, containers stay.
 */
#include "builtins/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/close_range.h>

#include "api/server/server.h"
#include "builtins/builtins.h"
#include "engine/engine.h"
#include "engine/job.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/pidfile.h"
#include "pkg/sdnotify.h"
#include "registry/registry.h"

#define CERTS_DIR "/etc/docker/certs.d"
#define LOADER_WAIT_S 10
#define SIGNALS_TO_DIE 3
#define TRIM_THRESHOLD (64 << 10)

struct process {
	struct daemon_options *options;
	int pidfile, root_lock, exec_lock;
	struct engine *engine;
	struct event_base *base;
	struct server *server;
	struct event *signals, *stop;
	int signal_fd;
	int asked; /* SIGINT and SIGTERM so far */
	pthread_t loader, closer;
	bool closing;          /* closer was started */
	struct daemon *daemon; /* the loader's until it is joined */
	atomic_bool failed;
};

static int check_options(const struct daemon_options *o, struct error *err)
{
	const struct daemon_config *c = &o->config;
	unsigned char addr[16];

	if (geteuid() != 0)
		return error_set(err, ERR_FORBIDDEN, "The Docker daemon needs to be run as root");
	if (c->bridge_iface && *c->bridge_iface && c->bridge_ip && *c->bridge_ip)
		return error_set(err, ERR_BAD_REQUEST,
				 "You specified -b & --bip, mutually exclusive options. Please "
				 "specify only one.");
	if (!c->iptables && !c->icc)
		return error_set(err, ERR_BAD_REQUEST,
				 "You specified --iptables=false with --icc=false. ICC uses "
				 "iptables to function. Please set --icc or --iptables to true.");
	for (size_t i = 0; i < o->dns.n; i++)
		if (inet_pton(AF_INET, o->dns.v[i], addr) != 1 &&
		    inet_pton(AF_INET6, o->dns.v[i], addr) != 1)
			return error_set(err, ERR_BAD_REQUEST, "%s is not an ip address",
					 o->dns.v[i]);
	for (size_t i = 0; i < o->labels.n; i++)
		if (!strchr(o->labels.v[i], '=') || *o->labels.v[i] == '=')
			return error_set(err, ERR_BAD_REQUEST, "bad attribute format: %s",
					 o->labels.v[i]);
	if (*c->root != '/' || *c->exec_root != '/')
		return error_set(err, ERR_BAD_REQUEST, "folder \"%s\" is not an absolute path",
				 *c->root != '/' ? c->root : c->exec_root);
	return 0;
}

/* What belongs to the whole process, before the first thread. */
static void prepare_process(void)
{
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD);
	umask(022);
	/* What our starter left open is not for containers' monitors. */
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

/* Be the only daemon with this pid file and on these folders. */
static int claim(struct process *p, struct error *err)
{
	const struct daemon_options *o = p->options;

	if (*o->pidfile) {
		p->pidfile = pidfile_create(o->pidfile, err);
		if (p->pidfile < 0)
			return -1;
	}
	p->root_lock = pidfile_lock_dir(o->config.root, err);
	if (p->root_lock < 0)
		return -1;
	p->exec_lock = pidfile_lock_dir(o->config.exec_root, err);
	return p->exec_lock < 0 ? -1 : 0;
}

static void release(struct process *p)
{
	if (p->exec_lock >= 0)
		close(p->exec_lock);
	if (p->root_lock >= 0)
		close(p->root_lock);
	pidfile_remove(p->options->pidfile, p->pidfile);
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
	struct process *p = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(p->base);
}

/* Waits for jobs, so never on the loop's thread. */
static void *shut_down(void *arg)
{
	struct process *p = arg;

	engine_shutdown(p->engine);
	event_active(p->stop, EV_TIMEOUT, 0); /* works before the loop runs, too */
	return NULL;
}

static void begin_shutdown(struct process *p)
{
	if (sd_notify_send("STOPPING=1") < 0)
		log_warn("cannot tell the service manager: %s, ignoring", error_words(errno));
	p->closing = pthread_create(&p->closer, NULL, shut_down, p) == 0;
	if (!p->closing)
		shut_down(p);
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct process *p = arg;
	struct signalfd_siginfo info;

	(void)what;
	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGQUIT)
		_exit(128 + SIGQUIT);
	log_info("Received signal '%s', %s", strsignal((int)info.ssi_signo),
		 p->asked ? "shutting down already" : "starting shutdown of docker...");
	if (p->asked++ == 0)
		begin_shutdown(p);
	else if (p->asked >= SIGNALS_TO_DIE)
		_exit(128 + (int)info.ssi_signo);
}

/* Before any thread exists, so that all of them have the signals blocked. */
static int block_signals(bool debug)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (!debug)
		sigaddset(&set, SIGQUIT);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int make_registry(struct daemon_config *c, struct error *err)
{
	const struct registry_config config = { .mirrors = c->registry_mirrors,
						.insecure = c->insecure_registries,
						.certs_dir = CERTS_DIR };

	c->registry = registry_new(&config, err);
	return c->registry ? 0 : -1;
}

static int make_engine(struct process *p, struct error *err)
{
	if (evthread_use_pthreads() < 0)
		return error_set(err, ERR_INTERNAL, "cannot make libevent thread-safe");
	p->signal_fd = block_signals(p->options->config.debug);
	if (p->signal_fd < 0)
		return error_sys(err, "cannot watch signals");
	p->base = event_base_new();
	if (!p->base)
		return error_set(err, ERR_INTERNAL, "cannot make an event loop");
	p->signals = event_new(p->base, p->signal_fd, EV_READ | EV_PERSIST, on_signal, p);
	p->stop = event_new(p->base, -1, 0, on_stop, p);
	if (!p->signals || !p->stop || event_add(p->signals, NULL) < 0)
		return error_set(err, ERR_INTERNAL, "cannot watch signals");
	p->engine = engine_new();
	p->server = server_new(p->engine, p->base);
	if (make_registry(&p->options->config, err) < 0)
		return -1;
	return builtins_install(p->engine, p->server, p->base, p->options->config.registry, err);
}

static int load(struct process *p, struct error *err)
{
	struct job *job;
	int rc;

	p->daemon = daemon_new(p->engine, p->base, &p->options->config, err);
	if (!p->daemon)
		return error_prefix(err, "Error starting daemon");
	if (daemon_install(p->daemon, p->engine, err) < 0)
		return -1;
	log_info("docker daemon: %s %s; execdriver: %s; graphdriver: %s", program_version(),
		 program_git_commit(), daemon_exec_driver(p->daemon),
		 daemon_graph_driver(p->daemon));
	job = job_new(p->engine, "acceptconnections", NULL);
	rc = job_run(job, err);
	job_free(job);
	return rc;
}

static void *run_loader(void *arg)
{
	struct process *p = arg;
	struct error err;

	if (load(p, &err) == 0 || engine_is_shutdown(p->engine))
		return NULL;
	log_fatal("%s", err.text);
	p->failed = true;
	shut_down(p);
	return NULL;
}

static int serve(struct process *p, struct error *err)
{
	const struct daemon_options *o = p->options;
	struct job *job = job_new(p->engine, "serveapi", NULL);
	struct env *env = job_env(job);
	int rc;

	for (size_t i = 0; i < o->hosts.n; i++)
		job_add_arg(job, o->hosts.v[i]);
	env_set_bool(env, "Logging", true);
	env_set_bool(env, "EnableCors", o->cors);
	env_set(env, "Version", program_version());
	env_set(env, "SocketGroup", o->group);
	env_set_bool(env, "Tls", o->tls);
	env_set_bool(env, "TlsVerify", o->tls_verify);
	env_set(env, "TlsCa", o->tls_ca ? o->tls_ca : "");
	env_set(env, "TlsCert", o->tls_cert ? o->tls_cert : "");
	env_set(env, "TlsKey", o->tls_key ? o->tls_key : "");
	env_set_bool(env, "BufferRequests", true);
	rc = job_run(job, err);
	job_free(job);
	return rc;
}

/* True when nothing uses the daemon any more, so that it can be taken apart. */
static bool join_loader(struct process *p)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LOADER_WAIT_S;
	return pthread_timedjoin_np(p->loader, NULL, &until) == 0;
}

/* Run the loader beside the API. The exit status; *clean tells whether all threads are done. */
static int run(struct process *p, bool *clean)
{
	struct error err;
	int status = 0;

	if (pthread_create(&p->loader, NULL, run_loader, p) != 0) {
		log_fatal("cannot start a thread");
		return 1;
	}
	if (serve(p, &err) < 0) {
		log_fatal("%s", err.text);
		status = 1;
	}
	engine_shutdown(p->engine); /* begun already, unless serving failed */
	if (p->closing)
		pthread_join(p->closer, NULL);
	*clean = join_loader(p);
	server_free(p->server);
	*clean = *clean && engine_running(p->engine) == 0;
	if (*clean)
		daemon_close(p->daemon);
	return p->failed ? 1 : status;
}

static void set_lists(struct daemon_options *o)
{
	o->config.graph_options = o->graph_options.v;
	o->config.dns = o->dns.v;
	o->config.dns_search = o->dns_search.v;
	o->config.address_pools = o->address_pools.v;
	o->config.labels = o->labels.v;
	o->config.registry_mirrors = o->registry_mirrors.v;
	o->config.insecure_registries = o->insecure_registries.v;
}

int daemon_main(struct daemon_options *o)
{
	/* Static, so that what it holds is in use to the end: a job that outlives its cancellation may
	 * still need it, and the end of the process frees it all. */
	static struct process p = {
		.pidfile = -1, .root_lock = -1, .exec_lock = -1, .signal_fd = -1
	};
	struct error err;
	bool clean = true;
	int status = 1;

	p.options = o;
	set_lists(o);
	prepare_process();
	if (check_options(o, &err) < 0 || claim(&p, &err) < 0 || make_engine(&p, &err) < 0)
		log_fatal("%s", err.text);
	else
		status = run(&p, &clean);
	release(&p);
	if (!clean)
		_exit(status); /* threads are still at work */
	return status;
}
