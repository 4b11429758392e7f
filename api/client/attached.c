/*
 * The loop between a terminal and a hijacked connection. Writes to the daemon never block, so that a
 * process that prints while it is being fed cannot lock us up; writes to our stdout may block, which
 * is how a slow reader slows the process down.
 */
#include "api/client/attached.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "pkg/mem.h"
#include "pkg/signals.h"
#include "pkg/term.h"

enum { POLL_IO, POLL_WAIT, POLL_STDIN, POLL_SIGNALS, POLL_COUNT };

int attached_check_tty(bool stdin_open, bool tty, struct error *err)
{
	if (!stdin_open || !tty || term_is_tty(STDIN_FILENO))
		return 0;
	return error_set(err, ERR_BAD_REQUEST, "the input device is not a TTY");
}

/*
 * Signals that are the process's and not ours: all but those that tell of our own children, terminal
 * and pipes, and those that mean that we have crashed.
 */
static void proxied_signals(sigset_t *set)
{
	static const int ours[] = { SIGCHLD, SIGPIPE, SIGURG, SIGTTIN, SIGTTOU, SIGSEGV,
				    SIGBUS,  SIGFPE,  SIGILL, SIGTRAP, SIGSYS,  SIGABRT };

	sigfillset(set);
	for (size_t i = 0; i < array_size(ours); i++)
		sigdelset(set, ours[i]);
}

int attached_init(struct attached *a, const char *detach_keys, struct error *err)
{
	sigset_t set;

	a->signals = -1;
	a->frames = (struct stdcopy){ 0 };
	if (detachkeys_parse(detach_keys ? detach_keys : "", &a->keys, err) < 0)
		return -1;
	sigemptyset(&set);
	if (a->kill_path)
		proxied_signals(&set);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	a->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (a->signals < 0)
		return error_sys(err, "signalfd");
	a->io = api_connection(a->call->client, err);
	return a->io ? 0 : -1;
}

void attached_done(struct attached *a)
{
	sigset_t none;

	term_restore();
	if (a->signals >= 0)
		close(a->signals);
	a->signals = -1;
	httpc_free(a->io);
	httpc_free(a->wait);
	a->io = a->wait = NULL;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int attached_ask(struct attached *a, const char *path, const char *body, struct error *err)
{
	struct httpc_request req = { .method = "POST", .path = path, .upgrade = true };

	if (body) {
		req.content_type = "application/json";
		req.body = body;
		req.body_len = strlen(body);
	}
	return api_send(a->call->client, a->io, &req, err);
}

int attached_opened(struct attached *a, struct error *err)
{
	struct httpc_response resp;

	if (api_receive(a->call->client, a->io, &resp, err) < 0)
		return -1;
	httpc_make_raw(a->io);
	a->io_open = true;
	return 0;
}

void attached_resize(struct attached *a)
{
	autobuf struct buf path = BUF_INIT(4096);
	unsigned rows, columns;
	char number[16];

	if (!a->tty || !a->resize_path || term_size(STDOUT_FILENO, &rows, &columns) < 0 ||
	    (!rows && !columns))
		return;
	buf_adds(&path, a->resize_path);
	snprintf(number, sizeof(number), "%u", rows);
	api_query(&path, "h", number);
	snprintf(number, sizeof(number), "%u", columns);
	api_query(&path, "w", number);
	(void)api_call(a->call->client, "POST", buf_text(&path), NULL, NULL, NULL);
}

static int pass_frame(void *to, enum stdcopy_stream stream, const char *p, size_t n)
{
	struct call *call = to;

	return stream == STDCOPY_STDOUT || stream == STDCOPY_STDIN
		       ? call_out(call, p, n)
		       : output_write(job_err(call->job), p, n);
}

static int deliver(struct attached *a, const char *p, size_t n, struct error *err)
{
	struct error why = { .kind = ERR_NONE };
	int rc;

	if (a->tty)
		rc = call_out(a->call, p, n);
	else
		rc = stdcopy_feed(&a->frames, p, n, pass_frame, a->call, &why);
	if (rc == 0)
		return 0;
	if (why.kind == ERR_NONE)
		error_set(&why, ERR_CANCELLED, "write: %s", strerror(EPIPE));
	*err = why;
	return -1;
}

/* All that has arrived goes out. */
static int pump_out(struct attached *a, struct error *err)
{
	static char part[65536]; /* one loop in a process */
	ssize_t n;

	while ((n = httpc_raw_read(a->io, part, sizeof(part))) > 0) {
		if (deliver(a, part, (size_t)n, err) < 0)
			return -1;
		if ((size_t)n < sizeof(part) && !httpc_has_buffered(a->io))
			return 0;
	}
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	a->io_open = false; /* the end, or the other side is gone: wait tells which */
	return 0;
}

static void end_stdin(struct attached *a)
{
	a->stdin_open = false;
	a->pending = 0;
	httpc_raw_close_write(a->io);
}

static void send_pending(struct attached *a)
{
	while (a->pending) {
		ssize_t n = httpc_raw_write(a->io, a->to_send + a->pending_at, a->pending);

		if (n < 0) {
			if (errno != EAGAIN && errno != EWOULDBLOCK)
				end_stdin(a);
			return;
		}
		a->pending_at += (size_t)n;
		a->pending -= (size_t)n;
	}
}

static void pump_in(struct attached *a)
{
	ssize_t n = input_read(job_in(a->call->job), a->to_send, sizeof(a->to_send));

	if (n <= 0) {
		end_stdin(a);
		return;
	}
	/* The daemon acts on the keys; we only want to know why the stream ended. */
	if (a->tty)
		detachkeys_see(&a->keys, a->to_send, (size_t)n);
	a->pending_at = 0;
	a->pending = (size_t)n;
	send_pending(a);
}

static void pass_signal(struct attached *a, int signo)
{
	autobuf struct buf path = BUF_INIT(4096);
	const char *name = signal_name(signo);
	char number[16];

	snprintf(number, sizeof(number), "%d", signo);
	buf_adds(&path, a->kill_path);
	api_query(&path, "signal", name ? name : number);
	/* It may have ended by itself meanwhile: then there is nobody to tell. */
	(void)api_call(a->call->client, "POST", buf_text(&path), NULL, NULL, NULL);
}

static void take_signals(struct attached *a)
{
	struct signalfd_siginfo info;

	while (read(a->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGWINCH)
			attached_resize(a);
		else if (a->kill_path)
			pass_signal(a, (int)info.ssi_signo);
	}
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* When a daemon dies that holds the streams itself, they break in the same moment. */
bool attached_outlived_daemon(const struct attached *a)
{
	return a->lost_ms && now_ms() - a->lost_ms > 500;
}

static void fill_polls(const struct attached *a, struct pollfd *p)
{
	bool read_stdin = a->io_open && a->stdin_open && !a->pending;

	for (int i = 0; i < POLL_COUNT; i++)
		p[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	if (a->io_open) {
		p[POLL_IO].fd = httpc_fd(a->io);
		p[POLL_IO].events = (short)(POLLIN | (a->pending ? POLLOUT : 0));
	}
	if (a->wait && !(a->io_open && a->lost_ms)) {
		p[POLL_WAIT].fd = httpc_fd(a->wait);
		p[POLL_WAIT].events = a->io_open ? 0 : POLLIN; /* a hang-up is told in any case */
	}
	if (read_stdin)
		p[POLL_STDIN].fd = STDIN_FILENO;
	p[POLL_SIGNALS].fd = a->signals;
}

static bool is_over(const struct attached *a)
{
	return !a->io_open && (a->detached || !a->wait || httpc_has_buffered(a->wait));
}

/* One wake-up. 1 when wait has its answer. */
static int step(struct attached *a, struct error *err)
{
	struct pollfd p[POLL_COUNT];

	fill_polls(a, p);
	if (poll(p, POLL_COUNT, -1) < 0)
		return errno == EINTR ? 0 : error_sys(err, "poll");
	if (p[POLL_IO].revents && pump_out(a, err) < 0)
		return -1;
	if (p[POLL_SIGNALS].revents)
		take_signals(a);
	if (a->io_open && (p[POLL_IO].revents & POLLOUT))
		send_pending(a);
	if (a->io_open && p[POLL_STDIN].revents)
		pump_in(a);
	if (!a->io_open && a->keys.matched == a->keys.n)
		a->detached = true;
	if (p[POLL_WAIT].revents && a->io_open) {
		a->lost_ms = now_ms();
		return 0;
	}
	return p[POLL_WAIT].revents != 0;
}

int attached_run(struct attached *a, struct error *err)
{
	int rc = 0;

	if (a->tty && a->stdin_open && term_is_tty(STDIN_FILENO) && term_raw(STDIN_FILENO) < 0)
		return error_sys(err, "setting the terminal to raw mode");
	attached_resize(a);
	if (pump_out(a, err) < 0) /* what came along with the head */
		rc = -1;
	while (rc == 0 && !is_over(a))
		rc = step(a, err);
	term_restore();
	return rc < 0 ? -1 : 0;
}
