/*
 * The native driver: runs containers, each under a monitor of its own. A thread that runs a container
 * talks to the new monitor until the program executes; then the connection goes to the event loop,
 * which tells the daemon how the container ends.
 */
#include "execdriver/native/native.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/fs.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/parse.h"
#include "pkg/proc.h"
#include "pkg/workers.h"

#define MONITOR_END_MS 5000

static struct native *native_of(struct execdriver *base)
{
	return (struct native *)base;
}

char *native_path(const struct native *d, const char *id, const char *file)
{
	return xasprintf("%s/%s%s%s", d->dir, id, file ? "/" : "", file ? file : "");
}

/* ---- life of the driver ---- */

static void native_close(struct execdriver *base)
{
	struct native *d = native_of(base);
	size_t pos = 0;
	void *value;

	warm_close(d);
	while (map_next(&d->seccomp, &pos, &value)) {
		buf_done(value);
		free(value);
	}
	map_done(&d->seccomp);
	map_done(&d->running); /* the containers themselves go on */
	cgroups_close(&d->cgroups);
	mem_close_fd(&d->init_fd);
	pthread_mutex_destroy(&d->lock);
	free(d->exec_root);
	free(d->dir);
	free(d->root_target);
	free(d);
}

static struct execdriver *native_open(const struct execdriver_config *config, struct error *err)
{
	struct native *d = xcalloc(1, sizeof(*d));

	d->loop = config->base;
	pthread_mutex_init(&d->lock, NULL);
	d->exec_root = xstrdup(config->exec_root);
	d->dir = xasprintf("%s/execdriver/native", config->exec_root);
	d->root_target = xasprintf("%s/execdriver/rootfs", config->exec_root);
	d->init_fd = -1;
	if (fs_mkdir_p(d->dir, 0700) < 0 || fs_mkdir_p(d->root_target, 0700) < 0) {
		error_sys(err, "making %s", d->dir);
	} else if (cgroups_open(&d->cgroups, config->exec_root, err) == 0) {
		cgroup_sweep_warm(&d->cgroups);
		d->init_fd = monitor_load(err);
		if (d->init_fd >= 0) {
			warm_refill(d);
			return &d->base;
		}
	}
	native_close(&d->base);
	return NULL;
}

/* ---- what monitors tell ---- */

struct running *native_running_new(struct native *d, const char *id)
{
	struct running *r = xcalloc(1, sizeof(*r));

	r->driver = d;
	snprintf(r->id, sizeof(r->id), "%s", id);
	r->conn = r->pidfd = -1;
	return r;
}

static void running_free(struct running *r)
{
	if (r->conn_event)
		event_free(r->conn_event);
	mem_close_fd(&r->conn);
	mem_close_fd(&r->pidfd);
	free(r->seccomp_profile);
	free(r->cgroup_parent);
	free(r);
}

static void forget(struct running *r)
{
	pthread_mutex_lock(&r->driver->lock);
	if (map_get(&r->driver->running, r->id) == r) /* it may run again already */
		map_del(&r->driver->running, r->id);
	pthread_mutex_unlock(&r->driver->lock);
}

/* The monitor stays a while after the exit, to clean up and for clients that still read. */
static void reap_monitor(void *arg)
{
	struct running *r = arg;

	if (r->monitor)
		proc_wait(r->monitor);
	if (r->lost)
		cgroup_remove(&r->driver->cgroups, r->cgroup_parent, r->id);
	running_free(r);
}

/* A monitor whose container could not be started ends by itself; one that hangs is ended. */
static void end_monitor(struct running *r)
{
	struct pollfd p = { .fd = r->pidfd, .events = POLLIN };

	mem_close_fd(&r->conn);
	if (poll(&p, 1, MONITOR_END_MS) == 0) {
		kill(r->monitor, SIGKILL); /* our child, not waited for: it is this one */
		r->lost = true;
	}
	reap_monitor(r);
}

static void tell_exit(struct running *r, const struct exec_exit *exit)
{
	const struct execdriver_listener *l = &r->driver->base.listener;

	if (r->told)
		return;
	r->told = true;
	l->exited(l->arg, r->id, exit);
}

/* The connection has ended: after an exit that is the normal end, before it the monitor was lost. */
static void monitor_ended(struct running *r)
{
	struct exec_exit exit = { 0 };

	if (!r->told && native_read_exit_file(r->driver, r->id, &exit) < 0) {
		clock_gettime(CLOCK_REALTIME, &exit.finished);
		exit.status = 137;
		r->lost = true;
		snprintf(exit.error, sizeof(exit.error), "the container's monitor was lost");
	}
	event_free(r->conn_event);
	r->conn_event = NULL;
	forget(r);
	tell_exit(r, &exit);
	if (workers_run(reap_monitor, r) < 0)
		reap_monitor(r);
}

static void on_exited(struct running *r, const struct message *m)
{
	struct exec_exit exit = {
		.status = m->status,
		.oom_killed = m->flags & EXITED_OOM,
		.finished = { .tv_sec = m->seconds, .tv_nsec = m->nanoseconds },
	};

	tell_exit(r, &exit);
}

static void on_message(evutil_socket_t fd, short what, void *arg)
{
	struct running *r = arg;
	const struct execdriver_listener *l = &r->driver->base.listener;
	struct message m;
	ssize_t n = recv(fd, &m, sizeof(m), MSG_DONTWAIT);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < (ssize_t)sizeof(m)) {
		monitor_ended(r);
		return;
	}
	m.exec_id[PROTO_ID_SIZE - 1] = '\0';
	switch (m.type) {
	case MESSAGE_EXITED:
		on_exited(r, &m);
		break;
	case MESSAGE_EXEC_EXITED:
		l->exec_exited(l->arg, r->id, m.exec_id, m.status);
		m.type = MESSAGE_SEEN;
		(void)monitor_send(r->conn, &m, NULL, 0, NULL,
				   0); /* a monitor that is gone waits for nothing */
		break;
	case MESSAGE_DETACHED:
		l->detached(l->arg, r->id, *m.exec_id ? m.exec_id : NULL);
		break;
	case MESSAGE_OOM:
		l->oom(l->arg, r->id);
		break;
	default:
		break; /* of a later monitor */
	}
}

void native_watch(struct running *r)
{
	struct native *d = r->driver;

	pthread_mutex_lock(&d->lock);
	map_set(&d->running, r->id, r);
	pthread_mutex_unlock(&d->lock);
	r->conn_event = event_new(d->loop, r->conn, EV_READ | EV_PERSIST, on_message, r);
	event_add(r->conn_event, NULL);
}

/* ---- running ---- */

/*
 * What a later daemon must know to run an exec in this container. The descriptor of it is locked, and
 * whoever has it may yet start the container, or runs it: see native_adopt.
 */
static int save_launch(const struct native *d, const struct exec_command *c, struct running *r,
		       struct error *err)
{
	autofree char *path = native_path(d, c->id, "launch");
	autobuf struct buf text = BUF_INIT(PLAN_MAX);
	autoclose int lock = -1;

	r->privileged = c->process.privileged;
	r->seccomp = c->seccomp;
	r->seccomp_profile = c->seccomp_profile ? xstrdup(c->seccomp_profile) : NULL;
	r->cgroup_parent = c->resources.cgroup_parent ? xstrdup(c->resources.cgroup_parent) : NULL;
	if (buf_addf(&text, "%d\n%d\n%s\n%s", r->privileged, r->seccomp,
		     r->cgroup_parent ? r->cgroup_parent : "",
		     r->seccomp_profile ? r->seccomp_profile : "") < 0 ||
	    fs_save_atomic(AT_FDCWD, path, text.p, text.len, 0600, 0) < 0)
		return error_sys(err, "writing %s", path);
	lock = open(path, O_RDONLY | O_CLOEXEC);
	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0)
		return error_sys(err, "locking %s", path);
	return take_fd(&lock);
}

static size_t pack_attach(const struct exec_attach *a, struct message *m, struct buf *data)
{
	const char *keys = a->detach_keys ? a->detach_keys : "\x10\x11";

	m->flags = (a->in ? ATTACH_STDIN : 0) | (a->out ? ATTACH_STDOUT : 0) |
		   (a->err ? ATTACH_STDERR : 0) | (a->mux ? ATTACH_MUX : 0);
	m->number = (int64_t)strlen(keys);
	buf_adds(data, keys);
	buf_add(data, a->pending, a->npending);
	return data->len;
}

static int send_attach(int conn, const struct exec_attach *a)
{
	struct message m = { .type = MESSAGE_ATTACH };
	autobuf struct buf data = BUF_INIT(PROTO_MAX_DATA);

	pack_attach(a, &m, &data);
	return monitor_send(conn, &m, data.p, data.len, &a->fd, 1);
}

/* Send what waits already and the plan; wait until the program executes. */
static int launch(struct running *r, const int fds[2], const struct exec_attach *attach, size_t n,
		  pid_t *pid, int *exit_code, struct error *err)
{
	struct message m = { .type = MESSAGE_LAUNCH }, reply;
	char text[512];

	for (size_t i = 0; i < n; i++)
		if (send_attach(r->conn, &attach[i]) < 0)
			return error_sys(err, "handing a client to the monitor");
	if (monitor_send(r->conn, &m, NULL, 0, fds, 2) < 0)
		return error_sys(err, "sending the launch plan");
	if (monitor_reply(r->conn, &reply, text, err) < 0)
		return -1;
	if (reply.status == 0) {
		*pid = (pid_t)reply.number;
		return 0;
	}
	*exit_code = reply.status;
	return error_set(
		err, reply.status < 128 ? ERR_BAD_REQUEST : ERR_INTERNAL,
		"failed to create task for container: unable to start container process: %s", text);
}

/* One that is ready, or else a new one. */
static int find_monitor(struct native *d, const struct exec_command *c, struct running *r,
			struct error *err)
{
	struct warm warm;

	if (!warm_take(d, c, &warm))
		return monitor_spawn(d, &r->monitor, &r->pidfd, &r->conn, err);
	r->monitor = warm.monitor;
	r->pidfd = warm.pidfd;
	r->conn = warm.conn;
	return 0;
}

static int run_under_monitor(struct native *d, const struct exec_command *c, int plan,
			     const struct exec_attach *attach, size_t nattach, pid_t *pid,
			     int *exit_code, struct error *err)
{
	struct running *r = native_running_new(d, c->id);
	autoclose int lock = save_launch(d, c, r, err);

	if (lock < 0 || find_monitor(d, c, r, err) < 0) {
		running_free(r);
		return -1;
	}
	if (launch(r, (const int[]){ plan, lock }, attach, nattach, pid, exit_code, err) == 0) {
		native_watch(r);
		warm_refill(d);
		return 0;
	}
	end_monitor(r);
	return -1;
}

static int native_run(struct execdriver *base, const struct exec_command *c,
		      const struct exec_attach *attach, size_t nattach, pid_t *pid, int *exit_code,
		      struct error *err)
{
	struct native *d = native_of(base);
	autofree char *dir = native_path(d, c->id, NULL), *old = native_path(d, c->id, "exit");
	struct plan_writer w;
	autoclose int plan = -1;
	int rc = -1;

	*exit_code = 128;
	plan_writer_init(&w);
	if ((mkdir(dir, 0700) < 0 && errno != EEXIST) || (unlink(old) < 0 && errno != ENOENT))
		error_sys(err, "making %s", dir);
	else if ((!c->resources.cgroup_parent ||
		  cgroup_make_parent(&d->cgroups, c->resources.cgroup_parent, err) == 0) &&
		 plan_command(d, c, &w, err) == 0) {
		plan = plan_writer_memfd(&w);
		if (plan < 0)
			error_sys(err, "writing the launch plan");
		else
			rc = run_under_monitor(d, c, plan, attach, nattach, pid, exit_code, err);
	}
	plan_writer_done(&w);
	for (size_t i = 0; i < nattach; i++)
		close(attach[i].fd); /* the monitor has its own copy */
	if (rc < 0)
		native_cleanup(base, c->id);
	return rc;
}

/* ---- a container that runs ---- */

/* A copy of what an exec needs to know: the original may go at any moment. false: not running. */
static bool copy_running(struct native *d, const char *id, struct running *copy)
{
	const struct running *r;

	*copy = (struct running){ .conn = -1, .pidfd = -1 };
	pthread_mutex_lock(&d->lock);
	r = map_get(&d->running, id);
	if (r) {
		snprintf(copy->id, sizeof(copy->id), "%s", r->id);
		copy->privileged = r->privileged;
		copy->seccomp = r->seccomp;
		copy->seccomp_profile = r->seccomp_profile ? xstrdup(r->seccomp_profile) : NULL;
		copy->cgroup_parent = r->cgroup_parent ? xstrdup(r->cgroup_parent) : NULL;
	}
	pthread_mutex_unlock(&d->lock);
	return r != NULL;
}

void native_set_launcher(struct native *d, const char *id, pid_t launcher)
{
	struct running *r;

	pthread_mutex_lock(&d->lock);
	r = map_get(&d->running, id);
	if (r)
		r->launcher = launcher;
	pthread_mutex_unlock(&d->lock);
}

static void set_exec_id(struct message *m, const char *exec_id)
{
	snprintf(m->exec_id, sizeof(m->exec_id), "%s", exec_id ? exec_id : "");
}

static int native_attach(struct execdriver *base, const char *id, const char *exec_id,
			 const struct exec_attach *a, struct error *err)
{
	struct message m = { .type = MESSAGE_ATTACH };
	autobuf struct buf data = BUF_INIT(PROTO_MAX_DATA);
	int rc;

	set_exec_id(&m, exec_id);
	pack_attach(a, &m, &data);
	rc = monitor_request(native_of(base), id, &m, data.p, data.len, &a->fd, 1, NULL, err);
	close(a->fd);
	return rc;
}

static int native_resize(struct execdriver *base, const char *id, const char *exec_id,
			 unsigned rows, unsigned cols, struct error *err)
{
	struct message m = { .type = MESSAGE_RESIZE,
			     .number = (int64_t)rows << 16 | (cols & 0xffff) };

	set_exec_id(&m, exec_id);
	return monitor_request(native_of(base), id, &m, NULL, 0, NULL, 0, NULL, err);
}

static int native_signal(struct execdriver *base, const char *id, const char *exec_id, int signo,
			 struct error *err)
{
	struct message m = { .type = MESSAGE_SIGNAL, .number = signo };

	set_exec_id(&m, exec_id);
	return monitor_request(native_of(base), id, &m, NULL, 0, NULL, 0, NULL, err);
}

static int send_exec(struct native *d, const char *id, const char *exec_id, int plan,
		     const struct exec_attach *attach, pid_t *pid, int *exit_code,
		     struct error *err)
{
	struct message m = { .type = MESSAGE_EXEC }, reply;
	autobuf struct buf data = BUF_INIT(PROTO_MAX_DATA);
	int fds[2] = { plan, attach ? attach->fd : -1 };
	int rc;

	set_exec_id(&m, exec_id);
	if (attach)
		pack_attach(attach, &m, &data);
	rc = monitor_request(d, id, &m, data.p, data.len, fds, attach ? 2 : 1, &reply, err);
	if (rc == 0) {
		*pid = (pid_t)reply.number;
		native_set_launcher(d, id, (pid_t)reply.seconds);
	} else {
		*exit_code = reply.status;
	}
	if (rc < 0 && reply.status < 128) {
		err->kind = ERR_BAD_REQUEST;
		error_prefix(
			err,
			"OCI runtime exec failed: exec failed: unable to start container process");
	}
	return rc;
}

static int native_exec(struct execdriver *base, const char *id, const char *exec_id,
		       const struct exec_process *p, const struct exec_attach *attach, pid_t *pid,
		       int *exit_code, struct error *err)
{
	struct native *d = native_of(base);
	struct running r;
	struct plan_writer w;
	autoclose int plan = -1;
	int rc = -1;

	*exit_code = 128;
	plan_writer_init(&w);
	if (!copy_running(d, id, &r)) {
		error_set(err, ERR_NOT_FOUND, "Container %s is not running", id);
	} else if (plan_exec(d, &r, p, &w, err) == 0) {
		plan = plan_writer_memfd(&w);
		if (plan < 0)
			error_sys(err, "writing the plan");
		else
			rc = send_exec(d, id, exec_id, plan, attach, pid, exit_code, err);
	}
	plan_writer_done(&w);
	free(r.seccomp_profile);
	free(r.cgroup_parent);
	if (attach)
		close(attach->fd);
	return rc;
}

static int native_network(struct execdriver *base, const char *id,
			  const struct exec_network_change *c, struct error *err)
{
	struct message m = { .type = MESSAGE_NETWORK };
	struct plan_writer w;
	int rc = -1;

	plan_writer_init(&w);
	if (plan_network(c, &w, err) == 0) {
		autoclose int plan = plan_writer_memfd(&w);

		rc = plan < 0 ? error_sys(err, "writing the plan")
			      : monitor_request(native_of(base), id, &m, NULL, 0, &plan, 1, NULL,
						err);
	}
	plan_writer_done(&w);
	return rc;
}

/* The cgroup parent of a running container, NULL for the usual one; caller frees. */
static char *parent_of(struct native *d, const char *id)
{
	struct running copy;
	char *parent;

	copy_running(d, id, &copy);
	parent = copy.cgroup_parent;
	free(copy.seccomp_profile);
	return parent;
}

static int native_freeze(struct execdriver *base, const char *id, bool frozen, struct error *err)
{
	struct native *d = native_of(base);
	autofree char *parent = parent_of(d, id);

	return cgroup_freeze(&d->cgroups, parent, id, frozen, err);
}

static int native_update(struct execdriver *base, const char *id, const struct exec_resources *r,
			 struct error *err)
{
	return cgroup_update(&native_of(base)->cgroups, id, r, err);
}

/* Our own process among those of a container; 0: none. */
static pid_t launcher_of(struct native *d, const char *id)
{
	const struct running *r;
	pid_t pid;

	pthread_mutex_lock(&d->lock);
	r = map_get(&d->running, id);
	pid = r ? r->launcher : 0;
	pthread_mutex_unlock(&d->lock);
	return pid;
}

static int native_pids(struct execdriver *base, const char *id, pid_t **pids, size_t *n,
		       struct error *err)
{
	struct native *d = native_of(base);
	autofree char *parent = parent_of(d, id);
	autofree char *dir = cgroup_dir(&d->cgroups, 0, parent, id);
	autofree char *file = xasprintf("%s/cgroup.procs", dir);
	autobuf struct buf text = BUF_INIT(4 * 1024 * 1024);
	pid_t launcher = launcher_of(d, id);
	char *line, *rest;
	uint32_t pid;

	*pids = NULL;
	*n = 0;
	if (fs_read_file(AT_FDCWD, file, &text) < 0)
		return error_sys(err, "reading %s", file);
	rest = text.p;
	while (rest && (line = strsep(&rest, "\n"))) {
		if (parse_u32(line, &pid) < 0 || (pid_t)pid == launcher)
			continue;
		*pids = xrealloc(*pids, (*n + 1) * sizeof(**pids));
		(*pids)[(*n)++] = (pid_t)pid;
	}
	return 0;
}

static char *native_cgroup_path(struct execdriver *base, const char *id, const char *controller)
{
	struct native *d = native_of(base);
	const struct cgroups *cg = &d->cgroups;
	autofree char *parent = parent_of(d, id);
	int i = cg->version == 2 ? 0 : cgroup_find(cg, controller);

	return i < 0 ? NULL : cgroup_dir(cg, (size_t)i, parent, id);
}

static const struct exec_features *native_features(const struct execdriver *base)
{
	return &((const struct native *)base)->cgroups.features;
}

const struct execdriver_ops execdriver_native = {
	.name = "native",
	.open = native_open,
	.close = native_close,
	.run = native_run,
	.adopt = native_adopt,
	.sweep = native_sweep,
	.cleanup = native_cleanup,
	.attach = native_attach,
	.resize = native_resize,
	.signal = native_signal,
	.exec = native_exec,
	.network = native_network,
	.freeze = native_freeze,
	.update = native_update,
	.pids = native_pids,
	.cgroup_path = native_cgroup_path,
	.features = native_features,
};
