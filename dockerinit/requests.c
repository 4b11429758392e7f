/* What the daemon asks of the monitor, request by request: see proto.h. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dockerinit/conn.h"
#include "pkg/error.h"
#include "pkg/mem.h"
#include "pkg/sock.h"

/* A descriptor that came along, now the caller's; -1 when there is none. */
static int take_request_fd(struct request *r, size_t i)
{
	return i < r->nfds ? take_fd(&r->fds[i]) : -1;
}

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
	struct process *p = monitor_find_process(r->m.exec_id);
	int fd = take_request_fd(r, 0);

	if (fd < 0) {
		conn_reply(r->conn, 128, 0, "no connection came with the request");
	} else if (monitor->plan.p && p && !p->exited) {
		attach(p, fd, r->m.flags, r->data, (size_t)r->m.number, r->ndata);
		conn_reply(r->conn, 0, 0, NULL);
	} else if (r->conn->events && nearly == EARLY_MAX) {
		close(fd); /* before LAUNCH only that one is answered */
	} else if (!monitor->plan.p && nearly < EARLY_MAX) {
		early[nearly].fd = fd;
		early[nearly].flags = r->m.flags;
		early[nearly].nkeys = (size_t)r->m.number;
		early[nearly].ndata = r->ndata;
		early[nearly].data = xmalloc(r->ndata);
		memcpy(early[nearly++].data, r->data, r->ndata);
	} else {
		close(fd);
		conn_reply(r->conn, 128, ESRCH, "the process has ended");
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

	if (monitor->init || fd < 0 || plan_map(&monitor->prepared, fd) < 0) {
		conn_reply(r->conn, 128, EINVAL, "bad plan");
		monitor->ended = true;
		return;
	}
	monitor->init = process_new("");
	if (launch_prepare(monitor->init, &monitor->prepared, err, sizeof(err)) == 0) {
		conn_reply(r->conn, 0, 0, NULL);
		return;
	}
	process_signal(monitor->init, SIGKILL);
	conn_reply(r->conn, 128, 0, err);
	monitor->ended = true;
}

static void on_launch(struct request *r)
{
	autoclose int fd = take_request_fd(r, 0);
	struct process *p;
	char err[480];

	if (monitor->plan.p || fd < 0 || plan_map(&monitor->plan, fd) < 0) {
		conn_reply(r->conn, 128, EINVAL, "bad launch plan");
		monitor->ended = !monitor->plan.p;
		return;
	}
	monitor->lock = take_request_fd(r, 1);
	conn_listen();
	p = monitor->init = monitor->init ? monitor->init : process_new("");
	p->log = jsonlog_open(&monitor->plan);
	if (!p->log && errno) {
		conn_reply_errno(r->conn, "opening the log");
		process_signal(p, SIGKILL);
		monitor->ended = true;
		return;
	}
	p->starter = r->conn;
	p->tty = plan_has(&monitor->plan, PLAN_TTY);
	attach_early(p);
	if (launch_container(p, &monitor->plan, monitor->prepared.p ? &monitor->prepared : NULL, fd,
			     err, sizeof(err)) < 0) {
		/* What failed here may have failed because the child had: it knows better why. */
		if (process_await_error(p))
			conn_reply(r->conn, p->error.exit_code, 0, p->error.text);
		else
			conn_reply(r->conn, 128, 0, err);
		p->starter = NULL;
		process_signal(p, SIGKILL);
		monitor->ended = true;
	}
}

static void on_exec(struct request *r)
{
	autoclose int fd = take_request_fd(r, 0);
	int conn = take_request_fd(r, 1);
	struct process *p;
	struct plan plan;
	char err[480];

	if (!monitor->init || !monitor->init->started || monitor->init->exited || fd < 0 ||
	    plan_map(&plan, fd) < 0) {
		mem_close_fd(&conn);
		conn_reply(r->conn, 128, ESRCH, "the container is not running");
		return;
	}
	p = process_new(r->m.exec_id);
	list_add(&monitor->execs, &p->link);
	p->starter = r->conn;
	p->tty = plan_has(&plan, PLAN_TTY);
	if (conn >= 0)
		attach(p, conn, r->m.flags, r->data, (size_t)r->m.number, r->ndata);
	if (launch_exec(p, &plan, fd, monitor->init->pidfd.fd, err, sizeof(err)) < 0) {
		conn_reply(r->conn, 128, 0, err);
		process_free(p);
	}
	munmap((void *)plan.p, plan.len);
}

static void on_signal(struct request *r)
{
	const struct process *p = monitor_find_process(r->m.exec_id);

	if (!p || process_signal(p, (int)r->m.number) < 0)
		conn_reply_errno(r->conn, "signalling the process");
	else
		conn_reply(r->conn, 0, 0, NULL);
}

static void on_resize(struct request *r)
{
	const struct process *p = monitor_find_process(r->m.exec_id);

	if (!p) {
		conn_reply(r->conn, 128, ESRCH, "the process has ended");
		return;
	}
	process_resize(p, (unsigned)(r->m.number >> 16), (unsigned)(r->m.number & 0xffff));
	conn_reply(r->conn, 0, 0, NULL);
}

static void on_seen(struct request *r)
{
	struct process *p = monitor_find_process(r->m.exec_id);

	if (p && p != monitor->init && p->exited)
		monitor_end_clients(p);
}

static void on_network(struct request *r)
{
	autoclose int fd = take_request_fd(r, 0);
	struct plan plan;
	struct error err;

	if (!monitor->init || !monitor->init->started || monitor->init->exited || fd < 0 ||
	    plan_map(&plan, fd) < 0) {
		conn_reply(r->conn, 128, ESRCH, "the container is not running");
		return;
	}
	if (links_change(&plan, monitor->init->pid, &err) < 0)
		conn_reply(r->conn, 128, 0, err.text);
	else
		conn_reply(r->conn, 0, 0, NULL);
	munmap((void *)plan.p, plan.len);
}

static void on_watch(struct request *r)
{
	if (!monitor->init || !monitor->init->started) {
		conn_reply(r->conn, 128, ESRCH, "the container is not running");
		return;
	}
	r->conn->events = true;
	conn_reply_started(r->conn, monitor->init);
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

void request_handle(struct request *r)
{
	for (size_t i = 0; i < array_size(requests); i++)
		if (requests[i].type == r->m.type) {
			requests[i].fn(r);
			return;
		}
	conn_reply(r->conn, 128, ENOSYS, "this monitor does not know that request");
}
