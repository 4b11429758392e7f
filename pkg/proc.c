/* Spawning programs: see proc.h. */
#include "pkg/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pkg/mem.h"

#define FD_MAX 32 /* child descriptor numbers stay below this */

/* Sources are moved out of the way of the targets first, so that no dup2 overwrites a source. */
static int lift_sources(const struct proc_spec *s, int lifted[FD_MAX])
{
	for (size_t i = 0; i < s->nfds; i++) {
		lifted[i] = fcntl(s->fds[i].from, F_DUPFD_CLOEXEC, FD_MAX);
		if (lifted[i] < 0)
			return -1;
	}
	return 0;
}

static void plan_fds(const struct proc_spec *s, const int lifted[FD_MAX],
		     posix_spawn_file_actions_t *fa)
{
	bool std[3] = { false };

	for (size_t i = 0; i < s->nfds; i++)
		if (s->fds[i].to < 3)
			std[s->fds[i].to] = true;
	for (int fd = 0; fd < 3; fd++)
		if (!std[fd])
			posix_spawn_file_actions_addopen(fa, fd, "/dev/null", O_RDWR, 0);
	for (size_t i = 0; i < s->nfds; i++)
		posix_spawn_file_actions_adddup2(fa, lifted[i], s->fds[i].to);
}

static void plan_signals(const struct proc_spec *s, posix_spawnattr_t *attr)
{
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	sigset_t set;

	sigemptyset(&set);
	posix_spawnattr_setsigmask(attr, &set);
	sigfillset(&set);
	posix_spawnattr_setsigdefault(attr, &set);
	if (s->flags & PROC_SETSID)
		flags |= POSIX_SPAWN_SETSID;
	posix_spawnattr_setflags(attr, flags);
}

static int spawn(const struct proc_spec *s, const int lifted[FD_MAX], pid_t *pid)
{
	static char *const no_env[] = { NULL };
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	char exe[32];
	int rc;

	snprintf(exe, sizeof(exe), "/proc/self/fd/%d", s->exe_fd);
	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&attr);
	plan_fds(s, lifted, &fa);
	plan_signals(s, &attr);
	rc = posix_spawn(pid, s->path ? s->path : exe, &fa, &attr, s->argv,
			 s->env ? s->env : no_env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	errno = rc;
	return rc ? -1 : 0;
}

int proc_spawn(const struct proc_spec *s, pid_t *pid, int *pidfd)
{
	int lifted[FD_MAX], rc, sys;

	if (s->nfds > FD_MAX) {
		errno = EINVAL;
		return -1;
	}
	for (size_t i = 0; i < FD_MAX; i++)
		lifted[i] = -1;
	rc = lift_sources(s, lifted);
	if (rc == 0)
		rc = spawn(s, lifted, pid);
	sys = errno;
	for (size_t i = 0; i < s->nfds; i++)
		if (lifted[i] >= 0)
			close(lifted[i]);
	errno = sys;
	if (rc < 0 || !pidfd)
		return rc;
	/* The child is ours and not yet waited for, so its pid cannot have been reused. */
	*pidfd = (int)syscall(SYS_pidfd_open, *pid, 0);
	if (*pidfd >= 0)
		return 0;
	sys = errno;
	kill(*pid, SIGKILL);
	proc_wait(*pid);
	errno = sys;
	return -1;
}

int proc_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
