/*
 * One more process in a running container. The process that the monitor forked joins the
 * container's namespaces; entering a pid namespace holds for children only, so it clones once more,
 * as a sibling (CLONE_PARENT): the monitor is the parent of both and reaps both.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dockerinit/init.h"
#include "pkg/fs.h"

static void join_cgroups(const struct plan *plan)
{
	struct plan_reader r = PLAN_READER(plan);
	struct plan_record rec;

	while (plan_next_of(&r, PLAN_CGROUP, &rec)) {
		const char *dir = plan_field(&rec);
		int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0 || fs_write_str(fd, "cgroup.procs", "0") < 0)
			child_fail_sys("joining cgroup %s", dir);
		close(fd);
	}
}

static void join_container(int init_pidfd)
{
	const int all = CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS |
			CLONE_NEWCGROUP;

	if (setns(init_pidfd, all) < 0)
		child_fail_sys("joining the container's namespaces");
}

void exec_main(const struct plan *plan, const struct child_stdio *io, int init_pidfd)
{
	struct clone_args args = { .flags = CLONE_PARENT };
	long pid;

	/* The container must not be able to look into us by ptrace once we are in its pid namespace. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	join_cgroups(plan);
	join_container(init_pidfd);
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		child_fail_sys("clone");
	if (pid > 0) {
		struct child_sibling sibling = { (pid_t)pid };

		send(child_sync(), &sibling, sizeof(sibling), MSG_NOSIGNAL);
		_exit(0);
	}
	if (setsid() < 0)
		child_fail_sys("setsid");
	if (plan_has(plan, PLAN_TTY))
		tty_setup(plan, false);
	else
		stdio_setup(io);
	process_exec(plan, false);
}
