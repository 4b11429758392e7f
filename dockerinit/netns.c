/*
 * Into a container's network namespace and back: see netns.h. The way back is a descriptor of our own
 * namespace, opened at the first visit and kept, as every visit needs it.
 */
#include "dockerinit/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "pkg/error.h"

static int home = -1; /* a cache: of the namespace in which the monitor began */

int netns_open(pid_t pid)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int open_home(void)
{
	if (home < 0)
		home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return home;
}

bool netns_is_ours(int ns)
{
	struct stat a, b;

	return open_home() >= 0 && fstat(home, &a) == 0 && fstat(ns, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int netns_enter(int ns)
{
	return open_home() < 0 ? -1 : setns(ns, CLONE_NEWNET);
}

void netns_leave(void)
{
	int sys = errno;

	if (setns(home, CLONE_NEWNET) < 0) {
		/* Whatever came next would happen to the wrong network. */
		dprintf(2, "docker-monitor: cannot leave a container's network namespace: %s\n",
			error_words(errno));
		abort();
	}
	errno = sys;
}

int netns_socket(int ns, int family, int type, int protocol)
{
	int fd;

	if (ns < 0)
		return socket(family, type | SOCK_CLOEXEC, protocol);
	if (netns_enter(ns) < 0)
		return -1;
	fd = socket(family, type | SOCK_CLOEXEC, protocol);
	netns_leave();
	return fd;
}
