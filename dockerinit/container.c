/* A container's first process, from its birth in new namespaces to execve. */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dockerinit/init.h"
#include "pkg/error.h"
#include "pkg/mem.h"
#include "pkg/sock.h"

/* Share a namespace of another container, or of the host. */
static void join_namespaces(const struct plan *plan)
{
	struct plan_reader r = PLAN_READER(plan);
	struct plan_record rec;

	while (plan_next_of(&r, PLAN_JOIN, &rec)) {
		const char *kind = plan_field(&rec), *path = plan_field(&rec);
		autoclose int fd = -1;

		if (strcmp(kind, "pid") == 0)
			continue; /* the monitor has joined that one before the clone */
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || setns(fd, 0) < 0)
			child_fail_sys("joining %s", path);
	}
}

static void set_names(const struct plan *plan)
{
	const char *host = plan_get(plan, PLAN_HOSTNAME), *domain = plan_get(plan, PLAN_DOMAINNAME);

	if (host && sethostname(host, strlen(host)) < 0)
		child_fail_sys("setting the host name");
	if (domain && setdomainname(domain, strlen(domain)) < 0)
		child_fail_sys("setting the domain name");
}

/* The monitor says GO when cgroups and network are there. */
static void wait_go(void)
{
	char go;
	ssize_t n;

	do
		n = recv(child_sync(), &go, 1, 0);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(128); /* the monitor gave up, and knows why */
}

static void set_streams(const struct plan *plan, const struct child_stdio *io)
{
	struct child_stdio wanted = *io;

	if (plan_has(plan, PLAN_TTY)) {
		tty_setup(plan, true);
		return;
	}
	if (!plan_has(plan, PLAN_STDIN))
		wanted.in = -1;
	stdio_setup(&wanted);
}

/* A child that was made before its container was known: its plan comes as a descriptor. */
static const struct plan *receive_plan(void)
{
	static struct plan plan; /* for the rest of this process */
	int fds[SOCK_MAX_FDS];
	size_t nfds;
	char byte;

	if (sock_recv_fds(child_sync(), &byte, 1, fds, &nfds, 0) != 1 || nfds != 1)
		_exit(128); /* not wanted any more */
	if (plan_map(&plan, fds[0]) < 0)
		child_fail_sys("reading the plan");
	/* Only now, so that the container sees what the host has mounted meanwhile. */
	if (unshare(CLONE_NEWNS) < 0)
		child_fail_sys("a mount namespace");
	return &plan;
}

void container_main(const struct plan *plan, const struct child_stdio *io)
{
	struct error err;

	/* No monitor, no container: a lone container could never be waited for. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (setsid() < 0)
		child_fail_sys("setsid");
	if (!plan)
		plan = receive_plan();
	/* A session keyring of its own; kernels without keys have nothing to keep apart. */
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	join_namespaces(plan);
	set_names(plan);
	root_mount(plan);
	root_populate(plan);
	wait_go();
	if (plan_has(plan, PLAN_CGROUPNS) && unshare(CLONE_NEWCGROUP) < 0)
		child_fail_sys("a cgroup namespace");
	if (net_configure(plan, &err) < 0)
		child_fail(128, "%s", err.text);
	root_enter();
	sysctl_apply(plan);
	set_streams(plan, io);
	root_seal(plan);
	process_exec(plan, true);
}
