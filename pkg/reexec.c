/* Roles of our own binary: see reexec.h. */
#include "pkg/reexec.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A role may have given up what a process needs for a full exit(3): only its output matters. */
static int end(int status)
{
	return fflush(NULL) == 0 ? status : 1;
}

void reexec_dispatch(const struct reexec_role *const *roles, int argc, char **argv)
{
	if (argc < 1)
		return;
	for (; *roles; roles++)
		if (strcmp((*roles)->name, argv[0]) == 0)
			_exit(end((*roles)->run(argc, argv)));
}

int reexec_spawn(char *const *argv, const struct proc_fd *fds, size_t nfds, pid_t *pid, int *pidfd)
{
	struct proc_spec spec = {
		.path = "/proc/self/exe",
		.argv = argv,
		.fds = fds,
		.nfds = nfds,
	};

	return proc_spawn(&spec, pid, pidfd);
}
