/*
 * Runs the real monitor with one container for resolver.sh, as the daemon would: a plan, LAUNCH, and
 * the reply. resolver_client DOCKERINIT ROOTFS FOLDER [no-nftables] [no-network] [bridge INDEX]
 *
 * FOLDER has "resolver", the configuration of its resolver, and an empty folder "root". Writes
 * "container PID monitor PID" or "failed TEXT", then waits for the end of stdin and leaves: the
 * monitor goes on without it. The container's address is 10.9.0.2 of 10.9.0.1/24.
 */
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dockerinit/plan.h"
#include "dockerinit/proto.h"
#include "pkg/mem.h"
#include "pkg/proc.h"
#include "pkg/sock.h"

#define LOAD(what) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, what))
#define UNLESS(k, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), 0, (skip))

/* As on a kernel without nftables; the monitor inherits it. */
static void hide_nftables(void)
{
	struct sock_filter filter[] = {
		LOAD(nr),
		UNLESS(SYS_socket, 5),
		LOAD(args[0]),
		UNLESS(AF_NETLINK, 3),
		LOAD(args[2]),
		UNLESS(NETLINK_NETFILTER, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPROTONOSUPPORT),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { array_size(filter), filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		err(1, "seccomp");
}

static int make_plan(const char *rootfs, const char *folder, const char *bridge,
		     unsigned long network)
{
	const unsigned long flags =
		network | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
	autofree char *config = xasprintf("%s/resolver", folder), *text = xasprintf("%lu", flags),
		      *root = xasprintf("%s/root", folder), *name = xasprintf("v%d", getpid());
	struct plan_writer w;
	int fd;

	plan_writer_init(&w);
	plan_put(&w, PLAN_ID, "test", NULL);
	plan_put(&w, PLAN_CLONE, text, NULL);
	plan_put(&w, PLAN_ROOT_DIR, rootfs, NULL);
	plan_put(&w, PLAN_ROOT_TARGET, root, NULL);
	plan_put(&w, PLAN_ARGV, "/bin/busybox", NULL);
	plan_put(&w, PLAN_ARGV, "sleep", NULL);
	plan_put(&w, PLAN_ARGV, "100000", NULL);
	plan_put(&w, PLAN_CWD, "/", NULL);
	if (bridge) {
		plan_put(&w, PLAN_VETH, name, bridge, "1500", "eth0", "", "", NULL);
		plan_put(&w, PLAN_ADDRESS, "eth0", "10.9.0.2", "24", "10.9.0.1", NULL);
	}
	if (!getenv("NO_RESOLVER")) /* to measure what it costs */
		plan_put(&w, PLAN_DNS, config, NULL);
	fd = plan_writer_memfd(&w);
	plan_writer_done(&w);
	if (fd < 0)
		err(1, "plan");
	return fd;
}

static pid_t start_monitor(const char *dockerinit, int theirs)
{
	char *const argv[] = { "docker-monitor", NULL };
	const struct proc_fd fds[] = { { theirs, PROTO_FD }, { 2, 2 } };
	const struct proc_spec spec = { .path = dockerinit, .argv = argv, .fds = fds, .nfds = 2 };
	pid_t pid;

	if (proc_spawn(&spec, &pid, NULL) < 0)
		err(1, "%s", dockerinit);
	return pid;
}

static void launch(int monitor, int plan)
{
	struct message m = { .version = PROTO_VERSION, .type = MESSAGE_LAUNCH };

	if (sock_send_fds(monitor, &m, sizeof(m), &plan, 1) < 0)
		err(1, "asking the monitor");
}

static void report(int monitor, pid_t pid)
{
	struct {
		struct message m;
		char text[512];
	} reply = { 0 };

	if (recv(monitor, &reply, sizeof(reply) - 1, 0) < (ssize_t)sizeof(reply.m))
		printf("failed the monitor has ended\n");
	else if (reply.m.status)
		printf("failed %s\n", reply.text);
	else
		printf("container %lld monitor %d\n", (long long)reply.m.number, pid);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	unsigned long network = CLONE_NEWNET;
	const char *bridge = NULL;
	int pair[2];
	pid_t pid;

	if (argc < 4)
		errx(1, "usage: resolver_client DOCKERINIT ROOTFS FOLDER [no-nftables] "
			"[no-network] [bridge I]");
	for (int i = 4; i < argc; i++) {
		if (strcmp(argv[i], "no-nftables") == 0)
			hide_nftables();
		else if (strcmp(argv[i], "no-network") == 0)
			network = 0;
		else if (strcmp(argv[i], "bridge") == 0 && argv[i + 1])
			bridge = argv[++i];
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		err(1, "socketpair");
	pid = start_monitor(argv[1], pair[1]);
	close(pair[1]);
	launch(pair[0], make_plan(argv[2], argv[3], bridge, network));
	report(pair[0], pid);
	while (getchar() != EOF)
		;
	return 0;
}
