/*
 * The monitor of a container: what happens when processes start and end, and its own end. What the
 * daemon asks is in requests.c. See init.h for who runs what.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "dockerinit/conn.h"
#include "dockerinit/resolver.h"
#include "pkg/error.h"
#include "pkg/fs.h"
#include "pkg/mem.h"

static struct monitor self = { .listener = { .fd = -1 }, .mnt_ns = -1, .lock = -1 };
struct monitor *const monitor = &self;

struct process *monitor_find_process(const char *id)
{
	struct list *l;

	if (!*id)
		return monitor->init;
	list_each(l, &monitor->execs)
		if (strcmp(list_entry(l, struct process, link)->id, id) == 0)
			return list_entry(l, struct process, link);
	return NULL;
}

/* ---- what processes do ---- */

void monitor_process_executes(struct process *p)
{
	char path[40];

	if (p != monitor->init)
		return;
	/* Tearing a mount namespace down syncs disks: not before the exit has been told. */
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", p->pid);
	monitor->mnt_ns = open(path, O_RDONLY | O_CLOEXEC);
}

void monitor_process_started(struct process *p)
{
	conn_reply_started(p->starter, p);
	p->starter = NULL;
}

void monitor_process_failed(struct process *p)
{
	conn_reply(p->starter, p->error.exit_code, 0, p->error.text);
	p->starter = NULL;
	if (p == monitor->init) {
		monitor->ended = true;
		return;
	}
	/* Its client is left as it is: the daemon has a copy, and tells it why. */
	process_free(p);
}

void monitor_detached(const struct process *p)
{
	struct message m = { .type = MESSAGE_DETACHED };

	memcpy(m.exec_id, p->id, sizeof(m.exec_id));
	conn_tell_all(&m);
}

/* The record survives the daemon; it is on the exec root, which does not survive a reboot, as it should. */
static void write_exit_file(const struct message *m)
{
	const char *path = plan_get(&monitor->plan, PLAN_EXIT_FILE);
	char text[100];
	int n = snprintf(text, sizeof(text), EXIT_FILE_FORMAT, m->status,
			 m->flags & EXITED_OOM ? 1 : 0, (long long)m->seconds,
			 (long)m->nanoseconds);

	if (path)
		fs_save_atomic(AT_FDCWD, path, text, (size_t)n, 0600, 0);
}

static void container_exited(struct process *p)
{
	struct message m = { .type = MESSAGE_EXITED, .status = p->status };
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	m.seconds = now.tv_sec;
	m.nanoseconds = now.tv_nsec;
	if (launch_oom_killed(&monitor->plan))
		m.flags |= EXITED_OOM;
	conn_unlisten();
	resolver_stop();
	write_exit_file(&m);
	conn_tell_all(&m);
	monitor_end_clients(p);
	monitor->ended = true;
}

void monitor_process_exited(struct process *p)
{
	struct message m = { .type = MESSAGE_EXEC_EXITED, .status = p->status };

	if (p == monitor->init) {
		container_exited(p);
		return;
	}
	memcpy(m.exec_id, p->id, sizeof(m.exec_id));
	conn_tell_all(&m);
	/* Whoever sees the stream end asks for the exit code next: the daemon must know it by then. */
	if (!conn_is_watched())
		monitor_end_clients(p);
}

/* Execs that have ended and whose clients have read all. */
static void sweep_execs(void)
{
	struct list *l, *tmp;

	list_each_safe(l, tmp, &monitor->execs) {
		struct process *p = list_entry(l, struct process, link);

		/* One that could not be started is still to be reported when its end is seen first. */
		if (p->exited && p->sync.fd < 0 && list_is_empty(&p->clients))
			process_free(p);
	}
}

void monitor_end_clients(struct process *p)
{
	struct list *l, *tmp;

	list_each_safe(l, tmp, &p->clients)
		client_end(list_entry(l, struct client, link));
}

/* ---- the end ---- */

static bool has_clients(void)
{
	struct list *l;

	list_each(l, &monitor->execs)
		if (!list_is_empty(&list_entry(l, struct process, link)->clients))
			return true;
	return monitor->init && !list_is_empty(&monitor->init->clients);
}

static bool is_running(void)
{
	struct list *l;

	list_each(l, &monitor->execs)
		if (!list_entry(l, struct process, link)->exited)
			return true;
	return monitor->init && monitor->init->pid && !monitor->init->exited;
}

/* The exit has been told. Take away what is left on the host, then stay for clients that still read. */
static void clean_up(void)
{
	struct list *l;

	if (monitor->init)
		monitor_end_clients(monitor->init);
	conn_unlisten();
	if (monitor->init && !monitor->plan.p) /* prepared, and never needed */
		process_signal(monitor->init, SIGKILL);
	while (is_running())
		watch_once();
	launch_end_launcher();
	list_each(l, &monitor->execs)
		monitor_end_clients(list_entry(l, struct process, link));
	mem_close_fd(&monitor->mnt_ns);
	if (monitor->plan.p)
		launch_cleanup(&monitor->plan);
	if (monitor->prepared.p)
		launch_cleanup(&monitor->prepared);
	mem_close_fd(&monitor->lock);
	while (has_clients())
		watch_once();
}

int main(int argc, char **argv)
{
	if (argc > 0)
		reaper_name(argv[0]);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_NAME, "docker-monitor", 0, 0, 0);
	list_init(&monitor->conns);
	list_init(&monitor->execs);
	if (watch_loop_init() < 0)
		return 1;
	fcntl(PROTO_FD, F_SETFD, FD_CLOEXEC);
	conn_new(PROTO_FD, true);
	while (!monitor->ended) {
		watch_once();
		sweep_execs();
	}
	clean_up();
	return 0;
}
