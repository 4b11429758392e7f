/*
 * Exec drivers: what runs containers. The daemon says what to run in a struct exec_command; a
 * driver runs it, keeps it running without the daemon, and tells when it ended.
 *
 * Every container has a monitor, a process that outlives the daemon: it holds the terminal or the
 * pipes, writes the log, serves attached clients, and leaves the exit status on disk. The daemon
 * talks to it through this interface and finds it again after a restart (execdriver_adopt).
 *
 * To add a driver: implement struct execdriver_ops in a folder of its own and add a row to the
 * table in driver.c.
 */
#ifndef EXECDRIVER_DRIVER_H
#define EXECDRIVER_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "pkg/error.h"
#include "pkg/strlist.h"

struct execdriver;

/* How the root filesystem is put together, inside the container's own mount namespace. */
enum rootfs_kind {
	ROOTFS_DIR,     /* bind mount of path */
	ROOTFS_OVERLAY, /* mount -t overlay -o options, with path as the working directory */
};

struct exec_rootfs {
	enum rootfs_kind kind;
	char *path;       /* absolute */
	char *options;    /* overlay: lowerdir=a:b,upperdir=c,workdir=d, relative to path */
	bool readonly;    /* --read-only */
	bool is_volatile; /* skip the sync at unmount: the write layer is thrown away anyway (--rm) */
};

enum exec_mount_flags {
	EXEC_MOUNT_READONLY = 1,
	EXEC_MOUNT_NONRECURSIVE = 2,
};

struct exec_mount {
	char *source; /* absolute host path for a bind; NULL for others */
	char *target; /* absolute path inside, created (file or folder like the source) if missing */
	char *fstype;      /* "bind", "tmpfs", "mqueue", ... */
	char *data;        /* options: for tmpfs "size=64m,mode=1777"; else NULL */
	char *propagation; /* "rprivate" (also NULL), "rslave", "rshared", "private", ... */
	unsigned flags;    /* enum exec_mount_flags */
};

struct exec_device {
	char *source, *target; /* paths on the host and inside */
	char access[4];        /* subset of "rwm" */
};

struct exec_rlimit {
	int resource;        /* RLIMIT_x */
	uint64_t soft, hard; /* UINT64_MAX: unlimited */
};

enum exec_net_mode { EXEC_NET_NONE, EXEC_NET_HOST, EXEC_NET_BRIDGE, EXEC_NET_JOIN };

/* One interface of a container: a veth on a bridge, or one on top of an interface of the host. */
struct exec_interface {
	char *bridge;      /* host interface to enslave the veth to; with kind: the parent */
	char *host_ifname; /* name of the host's end of the veth */
	char *ifname;      /* inside, such as "eth0" */
	char *mac;         /* "02:42:ac:11:00:02" */
	char *ip;          /* "172.17.0.2", or NULL */
	int ip_prefix;
	char *gateway; /* or NULL: another interface has the default route; "-": it is on the link */
	char *ip6;     /* the same of IPv6; all NULL: the interface does not speak it */
	int ip6_prefix;
	char *gateway6;
	int mtu;           /* 0: the kernel's choice */
	bool isolated;     /* the bridge port reaches no other isolated one */
	bool hairpin;      /* frames may leave by the bridge port that they came from */
	char *kind, *mode; /* "macvlan" or "ipvlan" and its mode; NULL: a veth */
};

struct exec_network {
	enum exec_net_mode mode;
	pid_t join_pid;                    /* EXEC_NET_JOIN: the process whose network is shared */
	struct exec_interface *interfaces; /* EXEC_NET_BRIDGE */
	size_t ninterfaces;
	char *resolver; /* file for the resolver at 127.0.0.11, see dockerinit/resolver.h; NULL: none */
};

/* What is to change about the network of a running container. */
struct exec_network_change {
	const struct exec_interface *remove, *add; /* or NULL */
	const char *ifname, *gateway;              /* of the new default route, or NULL */
	const char *ifname6, *gateway6;            /* the same of IPv6 */
	const char *resolver;                      /* as above; one that runs already goes on */
};

/* Limits. 0 (or NULL) means not limited, unless said otherwise. */
struct exec_resources {
	char *cgroup_parent;         /* NULL: the driver's */
	int64_t memory, memory_swap; /* bytes; swap is the sum of both, -1 unlimited */
	int64_t memory_reservation;
	int64_t swappiness; /* -1: not set */
	bool oom_kill_disable;
	uint64_t cpu_shares;
	int64_t cpu_period, cpu_quota; /* microseconds */
	int64_t nano_cpus;
	char *cpuset_cpus, *cpuset_mems;
	int64_t pids_limit; /* <= 0: unlimited */
	uint16_t blkio_weight;
	struct strlist device_rules; /* "c 1:3 rwm", on top of the default list */
};

/* One process: a container's first one, or an exec. */
struct exec_process {
	struct strlist argv, env;
	char *cwd;             /* absolute; created if missing for a container's first process */
	char *user;            /* "", "name", "uid", "user:group"...: resolved inside the root */
	struct strlist groups; /* more groups, names or numbers */
	bool tty;
	bool open_stdin;           /* else stdin is at its end at once */
	bool stdin_once;           /* close stdin when the first attached client's ended */
	unsigned short rows, cols; /* first size of the terminal; 0: leave */
	bool privileged;
	bool no_new_privs;
	uint64_t capabilities; /* bit n is capability n; what the daemon itself lacks is left out */
	struct exec_rlimit *rlimits;
	size_t nrlimits;
	int oom_score_adj;
	bool set_oom_score_adj;
};

enum exec_seccomp { EXEC_SECCOMP_DEFAULT, EXEC_SECCOMP_UNCONFINED, EXEC_SECCOMP_PROFILE };

struct exec_command {
	char id[65];
	struct exec_process process;
	struct exec_rootfs rootfs;
	struct exec_mount *mounts; /* in the order in which they are to be made */
	size_t nmounts;
	int64_t shm_size;            /* bytes of /dev/shm; 0: 64 MiB */
	struct exec_device *devices; /* on top of the default ones; privileged gets all */
	size_t ndevices;
	struct exec_network network;
	struct exec_resources resources;
	char *hostname, *domainname;
	bool host_pid, host_ipc, host_uts;
	pid_t join_pid_ns, join_ipc_ns; /* 0: none */
	bool host_cgroupns;             /* on v2 the default is a private one, on v1 the host's */
	bool init;                      /* --init: our own reaper as pid 1 */
	struct strlist masked_paths, readonly_paths;
	struct strlist sysctls; /* "net.ipv4.ip_forward=1" */
	enum exec_seccomp seccomp;
	char *seccomp_profile; /* JSON, for EXEC_SECCOMP_PROFILE */
	/* The json-file log; path NULL: no log is kept. */
	char *log_path;
	int64_t log_max_size; /* bytes, 0: never rotated */
	int log_max_files;    /* at least 1, the current one included */
	bool log_compress;
};

void exec_command_init(struct exec_command *c);
void exec_command_done(struct exec_command *c);                    /* frees what the members hold */
struct exec_mount *exec_command_add_mount(struct exec_command *c); /* zeroed; the command's own */
struct exec_device *exec_command_add_device(struct exec_command *c);
struct exec_interface *exec_network_add(struct exec_network *n); /* zeroed; the command's own */
void exec_interface_done(struct exec_interface *i);
void exec_process_done(struct exec_process *p);
void exec_process_add_rlimit(struct exec_process *p, int resource, uint64_t soft, uint64_t hard);

struct exec_exit {
	int status; /* 0-255; 128 + n when killed by signal n */
	bool oom_killed;
	struct timespec finished;
	char error[256]; /* the monitor was lost, ...; "" as a rule */
};

/*
 * What the driver tells, on the event loop's thread: a callee must not block; it hands work on.
 * exited is told once for each successful run or adoption, as soon as the exit is seen; the driver
 * cleans up (cgroups, namespaces) after it.
 */
struct execdriver_listener {
	void (*exited)(void *arg, const char *id, const struct exec_exit *exit);
	void (*exec_exited)(void *arg, const char *id, const char *exec_id, int status);
	/* The client of attach_id (see struct exec_attach) left by its detach keys. */
	void (*detached)(void *arg, const char *id, const char *exec_id);
	void (*oom)(void *arg, const char *id);
	void *arg;
};

struct event_base;
struct execdriver_config {
	const char *name;      /* "native" */
	const char *exec_root; /* such as /var/run/docker; created when missing */
	struct event_base *base;
	struct execdriver_listener listener;
};

struct execdriver *execdriver_open(const struct execdriver_config *config, struct error *err);
void execdriver_close(struct execdriver *d);             /* containers stay */
const char *execdriver_name(const struct execdriver *d); /* "native-0.3" */

/* A client's connection that is to be joined to a process's streams. */
struct exec_attach {
	int fd;                  /* taken, on success and on failure */
	bool in, out, err;       /* which streams */
	bool mux;                /* 8-byte frame headers (no tty) */
	const void *pending;     /* bytes of stdin that were read already; borrowed */
	size_t npending;         /* at most 64 KiB */
	const char *detach_keys; /* as raw bytes, NULL-terminated; NULL: "\x10\x11" (tty only) */
};

/*
 * Run a container. Returns when its program has been started (execve succeeded), with *pid in the
 * daemon's pid namespace; from then on `exited` will be told. On failure nothing is left behind and
 * err says why: ERR_BAD_REQUEST for a command that cannot be run, and then *exit_code is 127 (not
 * found) or 126 (not permitted, or a folder); ERR_INTERNAL otherwise, with 128. attach is the list
 * of clients that wait already: no byte of output is lost to them.
 * The rootfs, log path and network names must not be in use by another container.
 */
int execdriver_run(struct execdriver *d, const struct exec_command *c,
		   const struct exec_attach *attach, size_t nattach, pid_t *pid, int *exit_code,
		   struct error *err);

/* After a restart of the daemon. */
enum exec_adopt {
	EXEC_ADOPT_RUNNING, /* *pid and *started are set; `exited` will be told */
	EXEC_ADOPT_EXITED,  /* it ended meanwhile: *exit is set */
	EXEC_ADOPT_GONE,    /* no trace: it never started, or the machine was rebooted */
};
enum exec_adopt execdriver_adopt(struct execdriver *d, const char *id, pid_t *pid,
				 struct exec_exit *exit);

/* Reclaim whatever belongs to no id of the list (sorted): monitors, cgroups, files of the exec root. */
void execdriver_sweep(struct execdriver *d, const struct strlist *known_ids);

/* Remove what is left of an exited container in the exec root and the cgroups. */
void execdriver_cleanup(struct execdriver *d, const char *id);

/* exec_id NULL (here and below): the container's first process. ERR_NOT_FOUND when it does not run. */
int execdriver_attach(struct execdriver *d, const char *id, const char *exec_id,
		      const struct exec_attach *a, struct error *err);
int execdriver_resize(struct execdriver *d, const char *id, const char *exec_id, unsigned rows,
		      unsigned cols, struct error *err);
int execdriver_signal(struct execdriver *d, const char *id, const char *exec_id, int signo,
		      struct error *err);

/*
 * Run one more process inside. Returns once it has been started, with its pid; exec_exited will be
 * told. attach may be NULL (detached). Failures as with execdriver_run().
 */
int execdriver_exec(struct execdriver *d, const char *id, const char *exec_id,
		    const struct exec_process *p, const struct exec_attach *attach, pid_t *pid,
		    int *exit_code, struct error *err);

/*
 * ERR_NOT_FOUND when it does not run. On failure what was to be added is not there, and default
 * routes may be lost; but when the monitor did not answer nobody knows.
 */
int execdriver_network(struct execdriver *d, const char *id, const struct exec_network_change *c,
		       struct error *err);

int execdriver_pause(struct execdriver *d, const char *id, struct error *err);
int execdriver_unpause(struct execdriver *d, const char *id, struct error *err);
/* Change the limits of a running container. */
int execdriver_update(struct execdriver *d, const char *id, const struct exec_resources *r,
		      struct error *err);
/* All processes of the container, in the daemon's pid namespace. *pids is the caller's to free. */
int execdriver_pids(struct execdriver *d, const char *id, pid_t **pids, size_t *n,
		    struct error *err);

/* The folder of a container's cgroup for a controller ("memory", ...; v2: any), for statistics; caller frees. */
char *execdriver_cgroup_path(struct execdriver *d, const char *id, const char *controller);

/* What the kernel offers, for /info and for warnings at create. */
struct exec_features {
	int cgroup_version; /* 1 or 2 */
	bool memory, swap, cpu_cfs, cpu_shares, cpuset, pids, blkio_weight, oom_kill_disable,
		seccomp;
};
const struct exec_features *execdriver_features(const struct execdriver *d);

#endif
