/*
 * Spawning programs, without ever forking the caller's heap (posix_spawn, which uses CLONE_VFORK).
 * The child gets exactly the descriptors it is given, an empty signal mask and default signals.
 */
#ifndef PKG_PROC_H
#define PKG_PROC_H

#include <stddef.h>
#include <sys/types.h>

struct proc_fd {
	int from; /* the caller's descriptor, which stays the caller's */
	int to;   /* its number in the child */
};

enum proc_flags {
	PROC_SETSID = 1, /* a session of its own */
};

struct proc_spec {
	const char *path; /* an absolute path; or NULL, and then */
	int exe_fd;       /* a descriptor of the program, such as a sealed memfd */
	char *const *argv;
	char *const *env;          /* NULL: an empty environment */
	const struct proc_fd *fds; /* 0, 1 and 2 that are not listed become /dev/null */
	size_t nfds;
	int flags;
};

/*
 * Start the program. *pid is the caller's to wait for, by this very pid; *pidfd (may be NULL) is
 * readable once it ended. 0, or -1 with errno: nothing runs then.
 */
int proc_spawn(const struct proc_spec *spec, pid_t *pid, int *pidfd);

/* Wait for that child. Its exit status, 128 + n when killed by signal n, -1 with errno. */
int proc_wait(pid_t pid);

#endif
