/*
 * dockerinit: the static helper beside every container. Single-threaded, no JSON, no allocation that
 * a container could grow without a ceiling.
 *
 * The theatre. `docker -d` starts a MONITOR with a control connection as descriptor 3 and sends it a
 * launch plan. The monitor makes cgroups and pipes, clones the container's first process (CHILD) into
 * new namespaces, makes the veth while the child builds its root, and says GO. The child enters its
 * root, becomes the user, and executes the program. Between them is a socketpair, SYNC: the child
 * sends the terminal or an error over it, and its closing by execve means that the program runs. From
 * then on the monitor relays streams, writes the log and waits; it leaves the exit status in a file,
 * tells the daemon, removes the cgroups and ends. Execs are more children, cloned by a LAUNCHER, a
 * process that has joined the container's cgroups and namespaces. A container of user-defined networks
 * has its name server in the monitor, too: resolver.h.
 */
#ifndef DOCKERINIT_INIT_H
#define DOCKERINIT_INIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "dockerinit/plan.h"

/* fail.c: a child reports and ends. exit_code is what docker reports: 126, 127 or 128. */
struct error;

struct child_error {
	int exit_code;
	char text[500];
};
void child_set_sync(int fd);
_Noreturn void child_fail(int exit_code, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The same with ": strerror(errno)", exit code 128. */
_Noreturn void child_fail_sys(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int child_sync(void);
/* One byte to the monitor that is no error: CHILD_EXECUTES comes right before execve. */
#define CHILD_EXECUTES 'X'
#define CHILD_TERMINAL 'M' /* with the terminal's master as descriptor */
#define CHILD_GO 'G'       /* the other way: go on */
struct child_sibling {     /* from the launcher: the pid of the process it has cloned */
	pid_t pid;
};
void child_tell(char what);

/* The ends of a process's standard streams that go into the child; -1: none. */
struct child_stdio {
	int in, out, err;
};

/* What the monitor sends to its launcher: one byte, a mask of these, and the descriptors. */
enum launch_fd { LAUNCH_PLAN, LAUNCH_SYNC, LAUNCH_IN, LAUNCH_OUT, LAUNCH_ERR, LAUNCH_FDS };

/*
 * container.c: the first process, from clone3 to execve. plan NULL: it was made ahead of time, and
 * receives its plan over SYNC.
 */
_Noreturn void container_main(const struct plan *plan, const struct child_stdio *io);
/* exec.c: the process that starts execs; control is its connection to the monitor. */
_Noreturn void launcher_main(int control, int init_pidfd);

/* mounts.c */
void root_mount(const struct plan *plan);    /* the root filesystem, at PLAN_ROOT_TARGET */
void root_populate(const struct plan *plan); /* mounts, devices, links below it */
void root_enter(void);                       /* pivot_root: the host is out of sight */
void root_seal(const struct plan *plan);     /* masks, read-only paths, read-only root */
/* net.c */
/* Addresses and routes, in the namespace in which we are. 0, or -1 with err. */
int net_configure(const struct plan *plan, struct error *err);
int net_default_routes(const struct plan *plan, struct error *err); /* PLAN_ROUTE */
/* PLAN_UNLINK: interfaces that have no other end; and by its host's end, in the host's, those that do */
int net_unlink(const struct plan *plan, struct error *err);
int net_unlink_veths(const struct plan *plan, struct error *err);
void sysctl_apply(const struct plan *plan);
/* tty.c: open the terminal inside the container, hand its master to the monitor, make it 0, 1, 2. */
void tty_setup(const struct plan *plan, bool console);
/* The pipes, or /dev/null for those that are missing, as 0, 1, 2. */
void stdio_setup(const struct child_stdio *io);
/* process.c: limits, user, capabilities, seccomp, execve. */
_Noreturn void process_exec(const struct plan *plan, bool is_init);
/* reaper.c: fork; the parent stays as pid 1 and reaps, the child returns. */
void reaper_fork(void);
void reaper_name(char *argv0); /* what ps shows is to be renamed */

#endif
