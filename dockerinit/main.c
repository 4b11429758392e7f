/*
 * The monitor of a container: requests from the daemon, and what happens when processes start and
 * end. See init.h for who runs what.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dockerinit/monitor.h"
#include "dockerinit/resolver.h"
#include "pkg/error.h"
#include "pkg/fs.h"
#include "pkg/mem.h"
#include "pkg/sock.h"

struct conn {
	struct list link;
	struct watch watch;
	bool events; /* gets events; else it is closed by its owner after the reply */
};

/* One monitor per process: its whole state. */
static struct {
	struct plan plan;     /* of the container, once it is launched */
	struct plan prepared; /* of what was made ahead of time */
	struct watch listener;
	struct list conns;
	struct process *init; /* NULL before LAUNCH and after the end */
	struct list execs;
	int mnt_ns; /* keeps the root mounted until the exit has been told */
	bool ended;
} self = { .listener = { .fd = -1 }, .mnt_ns = -1 };

static void conn_free(struct conn *c)
{
	struct list *l;

	if (self.init && self.init->starter == c)
		self.init->starter = NULL;
	list_each(l, &self.execs)
		if (list_entry(l, struct process, link)->starter == c)
			list_entry(l, struct process, link)->starter = NULL;
	list_del(&c->link);
	watch_close(&c->watch);
	free(c);
}

static void send_message(const struct conn *c, const struct message *m, const char *text)
{
	struct {
		struct message m;
		char text[512];
	} packet = { .m = *m };
	size_t n = text ? strnlen(text, sizeof(packet.text)) : 0;

	packet.m.version = PROTO_VERSION;
	if (n)
		memcpy(packet.text, text, n);
	/* A daemon that does not read is as good as gone; the exit file tells the next one. */
	send(c->watch.fd, &packet, sizeof(packet.m) + n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void reply(const struct conn *c, int status, long long number, const char *text)
{
	struct message m = { .type = MESSAGE_REPLY, .status = status, .number = number };

	if (c)
		send_message(c, &m, text);
}

static void reply_errno(const struct conn *c, const char *what)
{
	char text[200];

	snprintf(text, sizeof(text), "%s: %s", what, error_words(errno));
	reply(c, 128, errno, text);
}

static void tell_all(const struct message *m)
{
	struct list *l;

	list_each(l, &self.conns)
		if (list_entry(l, struct conn, link)->events)
			send_message(list_entry(l, struct conn, link), m, NULL);
}

static bool is_watched(void)
{
	struct list *l;

	list_each(l, &self.conns)
		if (list_entry(l, struct conn, link)->events)
			return true;
	return false;
}

static struct process *find_process(const char *id)
{
	struct list *l;

	if (!*id)
		return self.init;
	list_each(l, &self.execs)
		if (strcmp(list_entry(l, struct process, link)->id, id) == 0)
			return list_entry(l, struct process, link);
	return NULL;
}

/* ---- what processes do ---- */

void monitor_process_executes(struct process *p)
{
	char path[40];

	if (p != self.init)
		return;
	/* Tearing a mount namespace down syncs disks: not before the exit has been told. */
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", p->pid);
	self.mnt_ns = open(path, O_RDONLY | O_CLOEXEC);
}

/* The launcher, where there is one, is no process of the container's: the daemon must know it. */
static void reply_started(const struct conn *c, const struct process *p)
{
	struct message m = { .type = MESSAGE_REPLY,
			     .number = p->pid,
			     .seconds = launch_launcher() };

	if (c)
		send_message(c, &m, NULL);
}

void monitor_process_started(struct process *p)
{
	reply_started(p->starter, p);
	p->starter = NULL;
}

static void end_clients(struct process *p)
{
	struct list *l, *tmp;

	list_each_safe(l, tmp, &p->clients)
		client_end(list_entry(l, struct client, link));
}

void monitor_process_failed(struct process *p)
{
	reply(p->starter, p->error.exit_code, 0, p->error.text);
	p->starter = NULL;
	if (p == self.init) {
		self.ended = true;
		return;
	}
	/* Its client is left as it is: the daemon has a copy, and tells it why. */
	process_free(p);
}

void monitor_detached(const struct process *p)
{
	struct message m = { .type = MESSAGE_DETACHED };

	memcpy(m.exec_id, p->id, sizeof(m.exec_id));
	tell_all(&m);
}

/* The record survives the daemon; it is on the exec root, which does not survive a reboot, as it should. */
static void write_exit_file(const struct message *m)
{
	const char *path = plan_get(&self.plan, PLAN_EXIT_FILE);
	char text[100];
	int n = snprintf(text, sizeof(text), EXIT_FILE_FORMAT, m->status,
			 m->flags & EXITED_OOM ? 1 : 0, (long long)m->seconds,
			 (long)m->nanoseconds);

	if (path)
		fs_save_atomic(AT_FDCWD, path, text, (size_t)n, 0600, 0);
}

/* Before the exit is told: the next run of the container will have a socket of that name. */
static void close_socket(void)
{
	if (self.listener.fd < 0)
		return;
	watch_close(&self.listener);
	unlink(plan_get(&self.plan, PLAN_SOCKET));
}

static void container_exited(struct process *p)
{
	struct message m = { .type = MESSAGE_EXITED, .status = p->status };
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	m.seconds = now.tv_sec;
	m.nanoseconds = now.tv_nsec;
	if (launch_oom_killed(&self.plan))
		m.flags |= EXITED_OOM;
	close_socket();
	resolver_stop();
	write_exit_file(&m);
	tell_all(&m);
	end_clients(p);
	self.ended = true;
}

void monitor_process_exited(struct process *p)
{
	struct message m = { .type = MESSAGE_EXEC_EXITED, .status = p->status };

	if (p == self.init) {
		container_exited(p);
		return;
	}
	memcpy(m.exec_id, p->id, sizeof(m.exec_id));
	tell_all(&m);
	/* Whoever sees the stream end asks for the exit code next: the daemon must know it by then. */
	if (!is_watched())
		end_clients(p);
}

/* Execs that have ended and whose clients have read all. */
static void sweep_execs(void)
{
	struct list *l, *tmp;

	list_each_safe(l, tmp, &self.execs) {
		struct process *p = list_entry(l, struct process, link);

		/* One that could not be started is still to be reported when its end is seen first. */
		if (p->exited && p->sync.fd < 0 && list_is_empty(&p->clients))
			process_free(p);
	}
}

/* ---- what the daemon asks ---- */

struct request {
	struct conn *conn;
	struct message m;
	const char *data; /* bytes behind the struct */
	size_t ndata;
	int fds[SOCK_MAX_FDS];
	size_t nfds;
};

/* The first descriptor, now the caller's; -1 when none came. */
static int take_request_fd(struct request *r, size_t i)
{
	return i < r->nfds ? take_fd(&r->fds[i]) : -1;
}

static void open_socket(void);

/* Clients that came before LAUNCH wait here: as many as the daemon lets wait. */
#define EARLY_MAX 64
static struct {
	int fd;
	unsigned flags;
	char *data;
	size_t nkeys, ndata;
} early[EARLY_MAX];
static size_t nearly;

static void attach(struct process *p, int fd, unsigned flags, const char *data, size_t nkeys,
		   size_t ndata)
{
	if (nkeys > ndata)
		nkeys = ndata;
	client_new(p, fd, flags, data, nkeys, data + nkeys, ndata - nkeys);
}

static void on_attach(struct request *r)
{
	struct process *p = find_process(r->m.exec_id);
	int fd = take_request_fd(r, 0);

	if (fd < 0) {
		reply(r->conn, 128, 0, "no connection came with the request");
	} else if (self.plan.p && p && !p->exited) {
		attach(p, fd, r->m.flags, r->data, (size_t)r->m.number, r->ndata);
		reply(r->conn, 0, 0, NULL);
	} else if (r->conn->events && nearly == EARLY_MAX) {
		close(fd); /* before LAUNCH only that one is answered */
	} else if (!self.plan.p && nearly < EARLY_MAX) {
		early[nearly].fd = fd;
		early[nearly].flags = r->m.flags;
		early[nearly].nkeys = (size_t)r->m.number;
		early[nearly].ndata = r->ndata;
		early[nearly].data = xmalloc(r->ndata);
		memcpy(early[nearly++].data, r->data, r->ndata);
	} else {
		close(fd);
		reply(r->conn, 128, ESRCH, "the process has ended");
	}
}

static void attach_early(struct process *p)
{
	for (size_t i = 0; i < nearly; i++) {
		attach(p, early[i].fd, early[i].flags, early[i].data, early[i].nkeys,
		       early[i].ndata);
		free(early[i].data);
	}
	nearly = 0;
}

/* Make what every container needs, before one is known. A failure ends this monitor: it has no use. */
static void on_prepare(struct request *r)
{
	autoclose int fd = take_request_fd(r, 0);
	char err[480];

	if (self.init || fd < 0 || plan_map(&self.prepared, fd) < 0) {
		reply(r->conn, 128, EINVAL, "bad plan");
		self.ended = true;
		return;
	}
	self.init = process_new("");
	if (launch_prepare(self.init, &self.prepared, err, sizeof(err)) == 0) {
		reply(r->conn, 0, 0, NULL);
		return;
	}
	process_signal(self.init, SIGKILL);
	reply(r->conn, 128, 0, err);
	self.ended = true;
}

static void on_launch(struct request *r)
{
	autoclose int fd = take_request_fd(r, 0);
	struct process *p;
	char err[480];

	if (self.plan.p || fd < 0 || plan_map(&self.plan, fd) < 0) {
		reply(r->conn, 128, EINVAL, "bad launch plan");
		self.ended = !self.plan.p;
		return;
	}
	open_socket();
	p = self.init = self.init ? self.init : process_new("");
	p->log = jsonlog_open(&self.plan);
	if (!p->log && errno) {
		reply_errno(r->conn, "opening the log");
		process_signal(p, SIGKILL);
		self.ended = true;
		return;
	}
	p->starter = r->conn;
	p->tty = plan_has(&self.plan, PLAN_TTY);
	attach_early(p);
	if (launch_container(p, &self.plan, self.prepared.p ? &self.prepared : NULL, fd, err,
			     sizeof(err)) < 0) {
		/* What failed here may have failed because the child had: it knows better why. */
		if (process_await_error(p))
			reply(r->conn, p->error.exit_code, 0, p->error.text);
		else
			reply(r->conn, 128, 0, err);
		p->starter = NULL;
		process_signal(p, SIGKILL);
		self.ended = true;
	}
}

static void on_exec(struct request *r)
{
	autoclose int fd = take_request_fd(r, 0);
	int conn = take_request_fd(r, 1);
	struct process *p;
	struct plan plan;
	char err[480];

	if (!self.init || !self.init->started || self.init->exited || fd < 0 ||
	    plan_map(&plan, fd) < 0) {
		mem_close_fd(&conn);
		reply(r->conn, 128, ESRCH, "the container is not running");
		return;
	}
	p = process_new(r->m.exec_id);
	list_add(&self.execs, &p->link);
	p->starter = r->conn;
	p->tty = plan_has(&plan, PLAN_TTY);
	if (conn >= 0)
		attach(p, conn, r->m.flags, r->data, (size_t)r->m.number, r->ndata);
	if (launch_exec(p, &plan, fd, self.init->pidfd.fd, err, sizeof(err)) < 0) {
		reply(r->conn, 128, 0, err);
		process_free(p);
	}
	munmap((void *)plan.p, plan.len);
}

static void on_signal(struct request *r)
{
	const struct process *p = find_process(r->m.exec_id);

	if (!p || process_signal(p, (int)r->m.number) < 0)
		reply_errno(r->conn, "signalling the process");
	else
		reply(r->conn, 0, 0, NULL);
}

static void on_resize(struct request *r)
{
	const struct process *p = find_process(r->m.exec_id);

	if (!p) {
		reply(r->conn, 128, ESRCH, "the process has ended");
		return;
	}
	process_resize(p, (unsigned)(r->m.number >> 16), (unsigned)(r->m.number & 0xffff));
	reply(r->conn, 0, 0, NULL);
}

static void on_seen(struct request *r)
{
	struct process *p = find_process(r->m.exec_id);

	if (p && p != self.init && p->exited)
		end_clients(p);
}

static void on_network(struct request *r)
{
	autoclose int fd = take_request_fd(r, 0);
	struct plan plan;
	struct error err;

	if (!self.init || !self.init->started || self.init->exited || fd < 0 ||
	    plan_map(&plan, fd) < 0) {
		reply(r->conn, 128, ESRCH, "the container is not running");
		return;
	}
	if (links_change(&plan, self.init->pid, &err) < 0)
		reply(r->conn, 128, 0, err.text);
	else
		reply(r->conn, 0, 0, NULL);
	munmap((void *)plan.p, plan.len);
}

static void on_watch(struct request *r)
{
	if (!self.init || !self.init->started) {
		reply(r->conn, 128, ESRCH, "the container is not running");
		return;
	}
	r->conn->events = true;
	reply_started(r->conn, self.init);
}

static const struct {
	enum message_type type;
	void (*fn)(struct request *r);
} requests[] = {
	{ MESSAGE_PREPARE, on_prepare }, { MESSAGE_LAUNCH, on_launch },
	{ MESSAGE_ATTACH, on_attach },   { MESSAGE_RESIZE, on_resize },
	{ MESSAGE_SIGNAL, on_signal },   { MESSAGE_EXEC, on_exec },
	{ MESSAGE_WATCH, on_watch },     { MESSAGE_SEEN, on_seen },
	{ MESSAGE_NETWORK, on_network },
};

static void handle(struct request *r)
{
	for (size_t i = 0; i < array_size(requests); i++)
		if (requests[i].type == r->m.type) {
			requests[i].fn(r);
			return;
		}
	reply(r->conn, 128, ENOSYS, "this monitor does not know that request");
}

/* Nobody is left who could have seen the ends of these. */
static void end_unseen(void)
{
	struct list *l;

	if (is_watched())
		return;
	list_each(l, &self.execs)
		if (list_entry(l, struct process, link)->exited)
			end_clients(list_entry(l, struct process, link));
}

static void on_request(struct watch *w, uint32_t events)
{
	static struct {
		struct message m;
		char data[PROTO_MAX_DATA];
	} packet;
	struct request r = { .conn = list_entry(w, struct conn, watch) };
	ssize_t n = sock_recv_fds(w->fd, &packet, sizeof(packet), r.fds, &r.nfds, MSG_DONTWAIT);

	(void)events;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < (ssize_t)sizeof(packet.m)) {
		conn_free(r.conn);
		end_unseen();
		self.ended = self.ended || !self.plan.p; /* a daemon that dies before LAUNCH */
	} else {
		r.m = packet.m;
		r.m.exec_id[PROTO_ID_SIZE - 1] = '\0';
		r.data = packet.data;
		r.ndata = (size_t)n - sizeof(packet.m);
		handle(&r);
	}
	for (size_t i = 0; i < r.nfds; i++)
		mem_close_fd(&r.fds[i]);
}

static void conn_new(int fd, bool events)
{
	struct conn *c = xcalloc(1, sizeof(*c));

	c->events = events;
	list_add(&self.conns, &c->link);
	watch_add(&c->watch, fd, EPOLLIN, on_request);
}

static void on_accept(struct watch *w, uint32_t events)
{
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC);

	(void)events;
	if (fd >= 0)
		conn_new(fd, false);
}

static void open_socket(void)
{
	const char *path = plan_get(&self.plan, PLAN_SOCKET);
	int fd = path ? sock_listen_unix(path, SOCK_SEQPACKET, 0600) : -1;

	if (fd >= 0)
		watch_add(&self.listener, fd, EPOLLIN, on_accept);
}

/* ---- the end ---- */

static bool has_clients(void)
{
	struct list *l;

	list_each(l, &self.execs)
		if (!list_is_empty(&list_entry(l, struct process, link)->clients))
			return true;
	return self.init && !list_is_empty(&self.init->clients);
}

static bool is_running(void)
{
	struct list *l;

	list_each(l, &self.execs)
		if (!list_entry(l, struct process, link)->exited)
			return true;
	return self.init && self.init->pid && !self.init->exited;
}

/* The exit has been told. Take away what is left on the host, then stay for clients that still read. */
static void clean_up(void)
{
	struct list *l;

	if (self.init)
		end_clients(self.init);
	close_socket();
	if (self.init && !self.plan.p) /* prepared, and never needed */
		process_signal(self.init, SIGKILL);
	while (is_running())
		watch_once();
	launch_end_launcher();
	list_each(l, &self.execs)
		end_clients(list_entry(l, struct process, link));
	mem_close_fd(&self.mnt_ns);
	if (self.plan.p)
		launch_cleanup(&self.plan);
	if (self.prepared.p)
		launch_cleanup(&self.prepared);
	while (has_clients())
		watch_once();
}

int main(int argc, char **argv)
{
	if (argc > 0)
		reaper_name(argv[0]);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_NAME, "docker-monitor", 0, 0, 0);
	list_init(&self.conns);
	list_init(&self.execs);
	if (watch_loop_init() < 0)
		return 1;
	fcntl(PROTO_FD, F_SETFD, FD_CLOEXEC);
	conn_new(PROTO_FD, true);
	while (!self.ended) {
		watch_once();
		sweep_execs();
	}
	clean_up();
	return 0;
}
