/*
 * More processes in a running container. The LAUNCHER is forked from the monitor at the first exec. It
 * joins the container's cgroups, which may wait for milliseconds, and its namespaces, once; then it
 * clones one process for every request, as a sibling (CLONE_PARENT), so that the monitor is the
 * parent of all. It ends when the monitor closes its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dockerinit/init.h"
#include "pkg/fs.h"
#include "pkg/mem.h"
#include "pkg/sock.h"

static void join_cgroups(const struct plan *plan)
{
	struct plan_reader r = PLAN_READER(plan);
	struct plan_record rec;

	while (plan_next_of(&r, PLAN_CGROUP, &rec)) {
		const char *dir = plan_field(&rec);
		autoclose int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0 || fs_write_str(fd, "cgroup.procs", "0") < 0)
			child_fail_sys("joining cgroup %s", dir);
	}
}

static void join_container(int init_pidfd)
{
	const int all = CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS |
			CLONE_NEWCGROUP;

	if (setns(init_pidfd, all) < 0)
		child_fail_sys("joining the container's namespaces");
}

static _Noreturn void exec_main(const struct plan *plan, const struct child_stdio *io)
{
	if (setsid() < 0)
		child_fail_sys("setsid");
	if (plan_has(plan, PLAN_TTY))
		tty_setup(plan, false);
	else
		stdio_setup(io);
	process_exec(plan, false);
}

/* One request: the descriptors of enum launch_fd that its mask names, in that order. */
static void serve(const struct plan *plan, const int fds[LAUNCH_FDS])
{
	struct clone_args args = { .flags = CLONE_PARENT };
	struct child_stdio io = { fds[LAUNCH_IN], fds[LAUNCH_OUT], fds[LAUNCH_ERR] };
	struct child_sibling sibling;
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		exec_main(plan, &io);
	if (pid < 0)
		child_fail_sys("clone");
	sibling.pid = (pid_t)pid;
	send(child_sync(), &sibling, sizeof(sibling), MSG_NOSIGNAL);
}

static bool receive(int control, int fds[LAUNCH_FDS])
{
	int got[SOCK_MAX_FDS];
	size_t n, next = 0;
	unsigned char mask;

	if (sock_recv_fds(control, &mask, 1, got, &n, 0) != 1)
		return false;
	for (int i = 0; i < LAUNCH_FDS; i++)
		fds[i] = mask >> i & 1 && next < n ? got[next++] : -1;
	return fds[LAUNCH_PLAN] >= 0 && fds[LAUNCH_SYNC] >= 0;
}

void launcher_main(int control, int init_pidfd)
{
	int fds[LAUNCH_FDS];
	bool joined = false;
	struct plan plan;

	prctl(PR_SET_NAME, "docker-exec", 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* The container must not be able to look into us by ptrace. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	while (receive(control, fds)) {
		child_set_sync(fds[LAUNCH_SYNC]);
		if (plan_map(&plan, fds[LAUNCH_PLAN]) < 0)
			child_fail_sys("reading the plan");
		if (!joined) {
			join_cgroups(&plan);
			join_container(init_pidfd);
			joined = true;
		}
		serve(&plan, fds);
		munmap((void *)plan.p, plan.len);
		for (int i = 0; i < LAUNCH_FDS; i++)
			mem_close_fd(&fds[i]);
	}
	_exit(0);
}
