/* Making a container's first process, or one more: cgroups, the network, the clone. In the monitor. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dockerinit/monitor.h"
#include "dockerinit/resolver.h"
#include "pkg/error.h"
#include "pkg/fs.h"
#include "pkg/mem.h"
#include "pkg/sock.h"

static int fail(char *err, size_t err_size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(char *err, size_t err_size, const char *fmt, ...)
{
	int sys = errno;
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, err_size, fmt, ap);
	va_end(ap);
	n = strlen(err);
	snprintf(err + n, err_size - n, ": %s", error_words(sys));
	return -1;
}

/*
 * Make the folder, or give it the name by a rename. One of that name may be about to go: a container
 * that restarts meets its earlier self, whose monitor removes each folder once, and then never again.
 */
static int claim(const char *from, const char *dir)
{
	struct timespec pause = { .tv_nsec = 1000 * 1000 };

	for (int tries = 0;; tries++) {
		int rc = from ? rename(from, dir) : mkdir(dir, 0755);

		if (rc == 0 || (errno != EEXIST && errno != ENOTEMPTY) || tries == 3000)
			return rc;
		nanosleep(&pause, NULL);
	}
}

/* renamed: the folders are there already. */
static int make_cgroups(const struct plan *plan, bool renamed, char *err, size_t n)
{
	struct plan_reader r = PLAN_READER(plan);
	struct plan_record rec;

	while (plan_next_of(&r, PLAN_CGROUP, &rec)) {
		const char *dir = plan_field(&rec);

		if (!renamed && claim(NULL, dir) < 0)
			return fail(err, n, "cgroup %s", dir);
	}
	r = PLAN_READER(plan);
	while (plan_next_of(&r, PLAN_CGROUP_WRITE, &rec)) {
		const char *file = plan_field(&rec), *value = plan_field(&rec);

		if (fs_write_str(AT_FDCWD, file, value) < 0 &&
		    strcmp(plan_field(&rec), "must") == 0)
			return fail(err, n, "writing \"%s\" to %s", value, file);
	}
	return 0;
}

/* The devices that a container of the unified hierarchy may open are a program on its cgroup. */
static int attach_device_filter(const struct plan *plan, int cgroup, char *err, size_t n)
{
	struct plan_record rec;
	union bpf_attr load = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
				.license = (uint64_t)(uintptr_t) "GPL" };
	union bpf_attr attach = { .attach_type = BPF_CGROUP_DEVICE };
	autoclose int prog = -1;

	if (!plan_find(plan, PLAN_DEVICE_BPF, &rec))
		return 0;
	load.insns = (uint64_t)(uintptr_t)rec.p;
	load.insn_cnt = (uint32_t)(rec.len / sizeof(struct bpf_insn));
	prog = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));
	if (prog < 0)
		return fail(err, n, "loading the device filter");
	attach.target_fd = (uint32_t)cgroup;
	attach.attach_bpf_fd = (uint32_t)prog;
	if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach)) < 0)
		return fail(err, n, "attaching the device filter");
	return 0;
}

static int join_cgroups(const struct plan *plan, pid_t pid, char *err, size_t n)
{
	struct plan_reader r = PLAN_READER(plan);
	struct plan_record rec;
	char text[16];

	if (plan_has(plan, PLAN_CGROUP_V2))
		return 0; /* born in it */
	snprintf(text, sizeof(text), "%d", pid);
	while (plan_next_of(&r, PLAN_CGROUP, &rec)) {
		const char *dir = plan_field(&rec);
		autofree char *file = xasprintf("%s/cgroup.procs", dir);

		if (fs_write_str(AT_FDCWD, file, text) < 0)
			return fail(err, n, "joining cgroup %s", dir);
	}
	return 0;
}

/* Its interfaces, and whom to ask for names, before any program of the container can. */
static int make_network(const struct plan *plan, pid_t pid, char *err, size_t n)
{
	struct error e;

	if (links_create(plan, pid, &e) == 0 && resolver_start(plan, pid, &e) == 0)
		return 0;
	snprintf(err, n, "%s", e.text);
	return -1;
}

/* Children of ours are born into another container's pid namespace when that is shared. */
static int join_pid_namespace(const struct plan *plan, char *err, size_t n)
{
	struct plan_reader r = PLAN_READER(plan);
	struct plan_record rec;

	while (plan_next_of(&r, PLAN_JOIN, &rec)) {
		autoclose int fd = -1;

		if (strcmp(plan_field(&rec), "pid") != 0)
			continue;
		fd = open(plan_field(&rec), O_RDONLY | O_CLOEXEC);
		if (fd < 0 || setns(fd, CLONE_NEWPID) < 0)
			return fail(err, n, "joining the pid namespace");
	}
	return 0;
}

static pid_t clone_child(const struct plan *plan, int cgroup)
{
	const char *flags = plan_get(plan, PLAN_CLONE);
	struct clone_args args = { .exit_signal = SIGCHLD };

	args.flags = flags ? strtoull(flags, NULL, 10) : 0;
	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* The cgroup of the unified hierarchy in which the child is born; -1 on v1. */
static int open_v2_cgroup(const struct plan *plan)
{
	const char *dir = plan_has(plan, PLAN_CGROUP_V2) ? plan_get(plan, PLAN_CGROUP) : NULL;

	return dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

static int spawn(struct process *p, const struct plan *plan, const struct plan *for_child,
		 int cgroup, char *err, size_t n)
{
	struct child_stdio io;
	int sync = -1, rc = 0;

	if (process_pipes(p, &io, &sync) < 0) {
		rc = fail(err, n, "pipes");
	} else {
		p->pid = clone_child(plan, cgroup);
		if (p->pid == 0) {
			child_set_sync(sync);
			container_main(for_child, &io);
		}
		if (p->pid < 0) {
			p->pid = 0;
			rc = fail(err, n, "clone3");
		}
	}
	process_close_child_ends(&io, &sync);
	if (rc == 0)
		process_watch(p);
	return rc;
}

int launch_prepare(struct process *p, const struct plan *plan, char *err, size_t n)
{
	if (make_cgroups(plan, false, err, n) < 0 || spawn(p, plan, NULL, -1, err, n) < 0)
		return -1;
	return join_cgroups(plan, p->pid, err, n);
}

/* The cgroups of a prepared child get the container's name: a rename, where a join would wait. */
static int rename_cgroups(const struct plan *from, const struct plan *to, char *err, size_t n)
{
	struct plan_reader a = PLAN_READER(from), b = PLAN_READER(to);
	struct plan_record old, new;

	while (plan_next_of(&a, PLAN_CGROUP, &old) && plan_next_of(&b, PLAN_CGROUP, &new)) {
		const char *was = plan_field(&old), *is = plan_field(&new);

		if (claim(was, is) < 0)
			return fail(err, n, "renaming cgroup %s", was);
	}
	return 0;
}

static int launch_prepared(struct process *p, const struct plan *plan, const struct plan *prepared,
			   int plan_fd, char *err, size_t n)
{
	if (rename_cgroups(prepared, plan, err, n) < 0 || make_cgroups(plan, true, err, n) < 0)
		return -1;
	if (sock_send_fds(p->sync.fd, "P", 1, &plan_fd, 1) < 0)
		return fail(err, n, "handing the plan over");
	return 0;
}

static int launch_fresh(struct process *p, const struct plan *plan, char *err, size_t n)
{
	autoclose int cgroup = -1;

	if (make_cgroups(plan, false, err, n) < 0 || join_pid_namespace(plan, err, n) < 0)
		return -1;
	cgroup = open_v2_cgroup(plan);
	if (cgroup >= 0 && attach_device_filter(plan, cgroup, err, n) < 0)
		return -1;
	if (spawn(p, plan, plan, cgroup, err, n) < 0)
		return -1;
	return join_cgroups(plan, p->pid, err, n);
}

int launch_container(struct process *p, const struct plan *plan, const struct plan *prepared,
		     int plan_fd, char *err, size_t n)
{
	int rc = prepared ? launch_prepared(p, plan, prepared, plan_fd, err, n)
			  : launch_fresh(p, plan, err, n);

	/* The child builds its root meanwhile, and waits for the word to go on. */
	if (rc == 0) {
		const char go = CHILD_GO;

		process_configure(p, plan);
		rc = make_network(plan, p->pid, err, n);
		if (rc == 0 && send(p->sync.fd, &go, 1, MSG_NOSIGNAL) != 1)
			rc = fail(err, n, "releasing the container");
	}
	return rc;
}

/* ---- execs ---- */

static struct {
	pid_t pid;
	int control;
} launcher = { 0, -1 }; /* one container, one launcher */

pid_t launch_launcher(void)
{
	return launcher.pid;
}

void launch_end_launcher(void)
{
	if (!launcher.pid)
		return;
	mem_close_fd(&launcher.control);
	kill(launcher.pid, SIGKILL);
	while (waitpid(launcher.pid, NULL, 0) < 0 && errno == EINTR)
		;
	launcher.pid = 0;
}

static int start_launcher(int init_pidfd)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	launcher.pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (launcher.pid == 0) {
		close(pair[0]);
		launcher_main(pair[1], init_pidfd);
	}
	close(pair[1]);
	launcher.control = pair[0];
	if (launcher.pid > 0)
		return 0;
	mem_close_fd(&launcher.control);
	launcher.pid = 0;
	return -1;
}

static int ask_launcher(int plan_fd, int sync, const struct child_stdio *io)
{
	const int all[LAUNCH_FDS] = { plan_fd, sync, io->in, io->out, io->err };
	int fds[LAUNCH_FDS];
	unsigned char mask = 0;
	size_t n = 0;

	for (int i = 0; i < LAUNCH_FDS; i++)
		if (all[i] >= 0) {
			mask = (unsigned char)(mask | 1u << i);
			fds[n++] = all[i];
		}
	return sock_send_fds(launcher.control, &mask, 1, fds, n);
}

/* Hand a request over, to a new launcher when there is none or the old one has failed and ended. */
static int request_exec(struct process *p, const struct plan *plan, int plan_fd, int init_pidfd)
{
	struct child_stdio io = { -1, -1, -1 };
	int sync = -1, rc = 0;

	/* Before the pipes: what it inherited, it would keep open. */
	if (!launcher.pid)
		rc = start_launcher(init_pidfd);
	if (rc == 0)
		rc = process_pipes(p, &io, &sync);
	if (rc == 0) {
		process_configure(p, plan);
		if (p->in.fd < 0)
			mem_close_fd(&io.in);
		rc = ask_launcher(plan_fd, sync, &io);
	}
	process_close_child_ends(&io, &sync);
	return rc;
}

int launch_exec(struct process *p, const struct plan *plan, int plan_fd, int init_pidfd, char *err,
		size_t n)
{
	if (launcher.pid && waitpid(launcher.pid, NULL, WNOHANG) == launcher.pid) {
		mem_close_fd(&launcher.control);
		launcher.pid = 0;
	}
	if (request_exec(p, plan, plan_fd, init_pidfd) == 0)
		return 0;
	return fail(err, n, "starting the launcher");
}

/* Kill what is left in a cgroup, whatever version it is of. */
static void kill_all(const char *dir)
{
	autofree char *file = xasprintf("%s/cgroup.procs", dir);
	autobuf struct buf pids = BUF_INIT(1024 * 1024);
	char *line, *rest;

	if (fs_read_file(AT_FDCWD, file, &pids) < 0 || !pids.len)
		return;
	rest = pids.p;
	while ((line = strsep(&rest, "\n")))
		if (*line && strtol(line, NULL, 10) > 0)
			kill((pid_t)strtol(line, NULL, 10), SIGKILL);
}

/* A cgroup is busy until the last of its processes is gone for good: a moment at most, as a rule. */
static void remove_cgroup(const char *dir)
{
	struct timespec pause = { .tv_nsec = 500 * 1000 };

	for (int tries = 0; tries < 14; tries++) {
		if (rmdir(dir) == 0 || errno != EBUSY)
			return;
		kill_all(dir);
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 400 * 1000 * 1000)
			pause.tv_nsec *= 2;
	}
}

void launch_cleanup(const struct plan *plan)
{
	struct plan_reader r = PLAN_READER(plan);
	struct plan_record rec;

	while (plan_next_of(&r, PLAN_CGROUP, &rec))
		remove_cgroup(plan_field(&rec));
}

bool launch_oom_killed(const struct plan *plan)
{
	const char *path = plan_get(plan, PLAN_OOM_FILE);
	autobuf struct buf text = BUF_INIT(4096);
	const char *count;

	if (!path || fs_read_file(AT_FDCWD, path, &text) < 0)
		return false;
	count = strstr(buf_text(&text), "oom_kill ");
	return count && strtol(count + strlen("oom_kill "), NULL, 10) > 0;
}
