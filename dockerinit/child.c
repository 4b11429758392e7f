/* A process that the monitor watches: its start, its streams, its end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "dockerinit/monitor.h"
#include "pkg/mem.h"
#include "pkg/sock.h"

#define READ_SIZE (64 * 1024)

struct process *process_new(const char *id)
{
	struct process *p = xcalloc(1, sizeof(*p));

	snprintf(p->id, sizeof(p->id), "%s", id);
	p->sync = p->pidfd = p->in = p->out[0] = p->out[1] = WATCH_INIT;
	list_init(&p->link);
	list_init(&p->clients);
	return p;
}

void process_free(struct process *p)
{
	struct list *l, *tmp;

	list_del(&p->link);
	list_each_safe(l, tmp, &p->clients)
		client_free(list_entry(l, struct client, link));
	watch_close(&p->sync);
	watch_close(&p->pidfd);
	watch_close(&p->in);
	watch_close(&p->out[0]);
	watch_close(&p->out[1]);
	free(p);
}

static bool read_output(struct process *p, int stream);
static void on_sync(struct watch *w, uint32_t events);
static void on_pidfd(struct watch *w, uint32_t events);
static void on_stdin(struct watch *w, uint32_t events);
static void on_stdout(struct watch *w, uint32_t events);
static void on_stderr(struct watch *w, uint32_t events);

static void set_nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* A pipe whose end `ours` (0 or 1) stays here. Gives the other end to *theirs. */
static int make_pipe(int ours, int *theirs)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	*theirs = fds[!ours];
	set_nonblocking(fds[ours]);
	return fds[ours];
}

int process_pipes(struct process *p, struct child_stdio *io, int *child_sync)
{
	int pair[2], fd;

	*io = (struct child_stdio){ -1, -1, -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	watch_add(&p->sync, pair[0], EPOLLIN, on_sync);
	*child_sync = pair[1];
	fd = make_pipe(1, &io->in);
	if (fd < 0)
		return -1;
	watch_add(&p->in, fd, 0, on_stdin);
	fd = make_pipe(0, &io->out);
	if (fd < 0)
		return -1;
	watch_add(&p->out[0], fd, EPOLLIN, on_stdout);
	fd = make_pipe(0, &io->err);
	if (fd < 0)
		return -1;
	watch_add(&p->out[1], fd, EPOLLIN, on_stderr);
	return 0;
}

void process_configure(struct process *p, const struct plan *plan)
{
	const char *in = plan_get(plan, PLAN_STDIN);

	p->tty = plan_has(plan, PLAN_TTY);
	p->keep_stdin = in && strcmp(in, "keep") == 0;
	if (p->tty) { /* the child makes the terminal and sends its master */
		watch_close(&p->out[0]);
		watch_close(&p->out[1]);
	}
	if (p->tty || !in)
		watch_close(&p->in);
}

void process_close_child_ends(struct child_stdio *io, int *child_sync)
{
	mem_close_fd(&io->in);
	mem_close_fd(&io->out);
	mem_close_fd(&io->err);
	mem_close_fd(child_sync);
}

void process_watch(struct process *p)
{
	int fd = (int)syscall(SYS_pidfd_open, p->pid, 0);

	if (fd >= 0)
		watch_add(&p->pidfd, fd, EPOLLIN, on_pidfd);
}

int process_signal(const struct process *p, int signo)
{
	if (p->exited || p->pidfd.fd < 0) {
		errno = ESRCH;
		return -1;
	}
	return (int)syscall(SYS_pidfd_send_signal, p->pidfd.fd, signo, NULL, 0);
}

void process_resize(const struct process *p, unsigned rows, unsigned cols)
{
	struct winsize ws = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };

	if (p->tty && p->out[0].fd >= 0)
		ioctl(p->out[0].fd, TIOCSWINSZ, &ws);
}

static void take_terminal(struct process *p, int master)
{
	int in = fcntl(master, F_DUPFD_CLOEXEC, 3);

	set_nonblocking(master);
	watch_add(&p->out[0], master, EPOLLIN, on_stdout);
	if (in >= 0)
		watch_add(&p->in, in, 0, on_stdin);
	process_write_stdin(p);
}

/* It has ended, and nothing more will come from it. */
static void finish(struct process *p)
{
	if (!p->started) {
		monitor_process_failed(p);
		return;
	}
	while (read_output(p, 1))
		;
	while (read_output(p, 2))
		;
	watch_close(&p->out[0]);
	watch_close(&p->out[1]);
	watch_close(&p->in);
	if (p->log)
		jsonlog_flush(p->log);
	monitor_process_exited(p);
}

/* The child has closed its end: it executes, or it has failed and is about to end. */
static void sync_ended(struct process *p)
{
	watch_close(&p->sync);
	if (p->executes && !*p->error.text) {
		p->started = true;
		monitor_process_started(p);
	} else if (!*p->error.text) {
		p->error.exit_code = 128;
		snprintf(p->error.text, sizeof(p->error.text), "it was killed while it was set up");
	}
	if (p->exited || !p->pid)
		finish(p);
}

static void on_sync(struct watch *w, uint32_t events)
{
	struct process *p = list_entry(w, struct process, sync);
	struct child_error e;
	struct child_sibling sibling;
	int fds[SOCK_MAX_FDS];
	size_t nfds;
	ssize_t n = sock_recv_fds(w->fd, &e, sizeof(e), fds, &nfds, MSG_DONTWAIT);

	(void)events;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n == sizeof(e)) {
		p->error = e;
	} else if (n == sizeof(sibling)) {
		memcpy(&sibling, &e, sizeof(sibling));
		p->pid = sibling.pid;
		process_watch(p);
	} else if (n == 1 && nfds == 1) {
		take_terminal(p, fds[0]);
	} else if (n == 1) {
		p->executes = true;
		monitor_process_executes(p);
	} else {
		sync_ended(p);
	}
}

bool process_await_error(struct process *p)
{
	struct pollfd readable = { .fd = p->sync.fd, .events = POLLIN };
	struct child_error e;

	while (p->sync.fd >= 0 && poll(&readable, 1, 200) > 0) {
		ssize_t n = recv(p->sync.fd, &e, sizeof(e), MSG_DONTWAIT);

		if (n == sizeof(e)) {
			p->error = e;
			return true;
		}
		if (n <= 0)
			break;
	}
	return false;
}

/* Hold the process back while a client is behind; read on otherwise. */
void process_update_output(struct process *p)
{
	uint32_t events = EPOLLIN;
	struct list *l;

	list_each(l, &p->clients)
		if (client_is_full(list_entry(l, struct client, link)))
			events = 0;
	watch_set(&p->out[0], events);
	watch_set(&p->out[1], events);
}

/* Read once. true when there may be more. */
static bool read_output(struct process *p, int stream)
{
	static char part[READ_SIZE]; /* one thread, one read at a time */
	struct watch *w = &p->out[stream - 1];
	struct list *l, *tmp;
	ssize_t n;

	if (w->fd < 0)
		return false;
	n = read(w->fd, part, sizeof(part));
	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) { /* EIO is the end of a terminal */
		watch_close(w);
		return false;
	}
	if (p->log)
		jsonlog_write(p->log, stream, part, (size_t)n);
	list_each_safe(l, tmp, &p->clients)
		client_output(list_entry(l, struct client, link), stream, part, (size_t)n);
	process_update_output(p);
	return true;
}

/* Both outputs are at their end: clients that only listen are done. */
static void check_end(struct process *p)
{
	struct list *l, *tmp;

	if (p->out[0].fd >= 0 || p->out[1].fd >= 0 || !p->started)
		return;
	if (*p->id)
		return; /* an exec's clients stay until its exit is known to the daemon */
	list_each_safe(l, tmp, &p->clients) {
		struct client *c = list_entry(l, struct client, link);

		if (p->exited || !(c->flags & ATTACH_STDIN))
			client_end(c);
	}
}

static void on_stdout(struct watch *w, uint32_t events)
{
	struct process *p = list_entry(w, struct process, out[0]);

	(void)events;
	if (!read_output(p, 1))
		check_end(p);
}

static void on_stderr(struct watch *w, uint32_t events)
{
	struct process *p = list_entry(w, struct process, out[1]);

	(void)events;
	if (!read_output(p, 2))
		check_end(p);
}

/* A client's stdin has ended and is delivered: what that means depends on how stdin was asked for. */
static void stdin_ended(struct process *p, struct client *c)
{
	if (c->conn.fd < 0) {
		if (!p->tty && !p->keep_stdin)
			watch_close(&p->in);
		client_free(c);
	} else if (p->tty) {
		c->flags &= ~(unsigned)ATTACH_STDIN;
		client_update(c);
	} else if (p->keep_stdin) {
		client_end(c);
	} else {
		c->flags &= ~(unsigned)ATTACH_STDIN;
		watch_close(&p->in);
		client_update(c);
		check_end(p);
	}
}

/* Write one client's bytes. false when the pipe is full. */
static bool write_client(struct process *p, struct client *c)
{
	while (c->inq.len && p->in.fd >= 0) {
		ssize_t n = write(p->in.fd, c->inq.p, c->inq.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n < 0) {
			watch_close(&p->in); /* the process has closed its end */
			break;
		}
		buf_drop(&c->inq, (size_t)n);
	}
	if (p->in.fd < 0 && !(p->tty && !p->started))
		buf_reset(&c->inq);
	return true;
}

void process_write_stdin(struct process *p)
{
	struct list *l, *tmp;

	list_each_safe(l, tmp, &p->clients) {
		struct client *c = list_entry(l, struct client, link);

		if (!(c->flags & ATTACH_STDIN) || c->ending)
			continue;
		if (!write_client(p, c)) {
			watch_set(&p->in, EPOLLOUT);
			return;
		}
		if (c->in_eof && !c->inq.len)
			stdin_ended(p, c);
		else
			client_update(c);
	}
	watch_set(&p->in, 0);
}

static void on_stdin(struct watch *w, uint32_t events)
{
	struct process *p = list_entry(w, struct process, in);

	if (events & (EPOLLERR | EPOLLHUP) && !(events & EPOLLOUT)) {
		watch_close(&p->in); /* nobody reads it any more */
		return;
	}
	process_write_stdin(p);
}

static void on_pidfd(struct watch *w, uint32_t events)
{
	struct process *p = list_entry(w, struct process, pidfd);
	int status;

	(void)events;
	if (waitpid(p->pid, &status, WNOHANG) != p->pid)
		return;
	watch_close(&p->pidfd);
	p->exited = true;
	p->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	if (p->sync.fd < 0) /* else its end, which is certain now, brings the rest */
		finish(p);
}
