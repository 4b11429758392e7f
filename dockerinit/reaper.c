/* --init: a pid 1 that reaps orphans and passes signals on to the one child it has. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "dockerinit/init.h"

/* Reap all that has ended. Exits with the child's status when the child is among it. */
static void reap(pid_t child)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == child)
			_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static char *shown_name; /* argv[0] of this program: what ps reads */

void reaper_name(char *argv0)
{
	shown_name = argv0;
}

static void rename_process(void)
{
	size_t room = shown_name ? strlen(shown_name) : 0;

	prctl(PR_SET_NAME, "docker-init", 0, 0, 0);
	if (room < strlen("docker-init"))
		return;
	memset(shown_name, 0, room);
	memcpy(shown_name, "docker-init", strlen("docker-init"));
}

static _Noreturn void reaper_main(pid_t child, const sigset_t *set)
{
	int sig;

	rename_process();

	for (;;) {
		if (sigwait(set, &sig) != 0)
			continue;
		if (sig == SIGCHLD)
			reap(child);
		else if (sig != SIGTTIN && sig != SIGTTOU)
			kill(child, sig);
	}
}

/* The program leads a process group of its own, in the foreground of the terminal. */
static void lead_group(void)
{
	sigset_t set, old;

	setpgid(0, 0);
	if (!isatty(STDIN_FILENO))
		return;
	sigemptyset(&set);
	sigaddset(&set, SIGTTOU); /* the terminal is still its parent's */
	sigprocmask(SIG_BLOCK, &set, &old);
	tcsetpgrp(STDIN_FILENO, getpid());
	sigprocmask(SIG_SETMASK, &old, NULL);
}

void reaper_fork(void)
{
	sigset_t set, old;
	pid_t child;

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	child = fork();
	if (child < 0)
		child_fail_sys("fork of the first program");
	if (child == 0) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		lead_group();
		return;
	}
	/* The program's own copy of SYNC tells of its execve; nothing of the monitor's stays here. */
	syscall(SYS_close_range, 3, ~0U, 0);
	reaper_main(child, &set);
}
