/*
 * Roles of our own binary: work that must not run inside the daemon (another root, another
 * namespace, bytes nobody trusts) runs in a fresh process of the same program under another name.
 * main() looks at argv[0] before anything else.
 */
#ifndef PKG_REEXEC_H
#define PKG_REEXEC_H

#include <sys/types.h>

#include "pkg/proc.h"

struct reexec_role {
	const char *name;                  /* argv[0], such as "docker-untar" */
	int (*run)(int argc, char **argv); /* its exit status */
};

/* If argv[0] names a role of the NULL-terminated table, run it and exit; else return. */
void reexec_dispatch(const struct reexec_role *const *roles, int argc, char **argv);

/*
 * Start a role; argv[0] is its name. As proc_spawn() otherwise. The program is /proc/self/exe, so
 * a replaced or removed binary on disk does no harm.
 */
int reexec_spawn(char *const *argv, const struct proc_fd *fds, size_t nfds, pid_t *pid, int *pidfd);

#endif
