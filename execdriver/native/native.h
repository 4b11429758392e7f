/*
 * The native exec driver: containers by way of dockerinit. What its files share.
 *
 * native.c    the driver object, run, exec, the events of monitors
 * adopt.c     finding monitors again, sweeping what belongs to nobody
 * monitor.c   starting a monitor, talking to one
 * warm.c      monitors that are ready before they are needed
 * plan.c      struct exec_command -> launch plan; rootfs.c its mounts and devices
 * cgroup.c    hierarchies, limits, freezer; devices.c which devices may be opened
 * seccomp.c   profile -> filter program
 */
#ifndef EXECDRIVER_NATIVE_NATIVE_H
#define EXECDRIVER_NATIVE_NATIVE_H

#include <pthread.h>

#include "dockerinit/plan.h"
#include "dockerinit/proto.h"
#include "execdriver/ops.h"
#include "pkg/map.h"

struct event;
struct event_base;

#define CGROUP_MAX 16

/* The cgroup hierarchies of the host. */
struct cgroups {
	int version; /* 1 or 2 */
	size_t n;    /* v2: one */
	struct cgroup_hierarchy {
		char *mount;       /* "/sys/fs/cgroup/memory" */
		char *controllers; /* ",memory," or ",cpu,cpuacct,"; v2: all available */
		char *name;        /* "memory": where it appears below /sys/fs/cgroup */
	} h[CGROUP_MAX];
	char *parent; /* "/docker": the folder of all containers of this daemon */
	struct exec_features features;
};

/* A monitor that waits for a plan, with a child that has its namespaces and cgroups already. */
#define WARM_SLOTS 2
struct warm {
	pid_t monitor; /* 0: the slot is empty */
	int pidfd, conn;
};

struct native {
	struct execdriver base; /* first */
	char *exec_root;        /* "/var/run/docker" */
	char *dir;              /* "<exec_root>/execdriver/native": a folder per container */
	char *root_target;      /* where containers mount their root, each in its own namespace */
	int init_fd;            /* dockerinit in a sealed memfd */
	struct event_base *loop;
	struct cgroups cgroups;
	pthread_mutex_t lock; /* guards all below */
	struct map running;   /* id -> struct running */
	struct map seccomp;   /* capabilities in hex -> struct buf: programs made before */
	struct warm warm[WARM_SLOTS];
	bool filling, closing; /* a thread makes slots; nobody may any more */
};

/* One container that runs, as the driver remembers it. */
struct running {
	struct native *driver;
	char id[65];
	pid_t monitor;   /* our child; 0 when adopted */
	pid_t launcher;  /* starts its execs; 0: none yet */
	int conn, pidfd; /* of the monitor; pidfd -1 when adopted */
	struct event *conn_event;
	bool told; /* exited has been told */
	bool lost; /* the monitor went without a word: what it would have cleaned up is left */
	/* What an exec needs to know of the container; kept in the file `launch` for a later daemon. */
	bool privileged;
	enum exec_seccomp seccomp;
	char *seccomp_profile, *cgroup_parent;
};

/* native.c */
struct running *native_running_new(struct native *d, const char *id);
void native_watch(struct running *r);
void native_set_launcher(struct native *d, const char *id, pid_t launcher);
char *native_path(const struct native *d, const char *id, const char *file); /* caller frees */

/* adopt.c */
enum exec_adopt native_adopt(struct execdriver *base, const char *id, pid_t *pid,
			     struct exec_exit *exit);
void native_sweep(struct execdriver *base, const struct strlist *known_ids);
void native_cleanup(struct execdriver *base, const char *id);
int native_read_exit_file(const struct native *d, const char *id, struct exec_exit *exit);

/* monitor.c */
int monitor_load(struct error *err); /* the memfd of dockerinit */
int monitor_spawn(const struct native *d, pid_t *pid, int *pidfd, int *conn, struct error *err);
int monitor_send(int conn, const struct message *m, const void *data, size_t n, const int *fds,
		 size_t nfds);
/* The next REPLY on a connection, waiting at most 30 s. 0; -1 with err when the monitor is gone. */
int monitor_reply(int conn, struct message *reply, char text[512], struct error *err);
int monitor_connect(const struct native *d, const char *id, struct error *err);
/* One request on a connection of its own. 0 when its status was 0; else -1 with err and *status. */
int monitor_request(const struct native *d, const char *id, const struct message *m,
		    const void *data, size_t n, const int *fds, size_t nfds, struct message *reply,
		    struct error *err);

/* warm.c */
bool warm_take(struct native *d, const struct exec_command *c, struct warm *out);
void warm_refill(struct native *d); /* on a thread of its own */
void warm_close(struct native *d);

/* plan.c */
int plan_command(struct native *d, const struct exec_command *c, struct plan_writer *w,
		 struct error *err);
int plan_network(const struct exec_network_change *c, struct plan_writer *w, struct error *err);
int plan_exec(struct native *d, const struct running *r, const struct exec_process *p,
	      struct plan_writer *w, struct error *err);
/* rootfs.c */
int plan_rootfs(struct native *d, const struct exec_command *c, struct plan_writer *w,
		struct error *err);

/* cgroup.c */
int cgroups_open(struct cgroups *cg, const char *exec_root, struct error *err);
void cgroups_close(struct cgroups *cg);
char *cgroup_dir(const struct cgroups *cg, size_t i, const char *parent, const char *id);
/* The hierarchy with that controller, or -1. */
int cgroup_find(const struct cgroups *cg, const char *controller);
void plan_cgroups(const struct native *d, const struct exec_command *c, struct plan_writer *w);
int cgroup_freeze(const struct cgroups *cg, const char *parent, const char *id, bool frozen,
		  struct error *err);
int cgroup_make_parent(struct cgroups *cg, const char *parent, struct error *err);
int cgroup_update(const struct cgroups *cg, const char *id, const struct exec_resources *r,
		  struct error *err);
/* End what still runs in a container's cgroups and remove them: for when its monitor cannot. */
void cgroup_remove(const struct cgroups *cg, const char *parent, const char *id);
void cgroup_sweep(const struct cgroups *cg, const struct strlist *known_ids);
void cgroup_sweep_warm(const struct cgroups *cg); /* what an earlier daemon had ready */

/* devices.c */
void plan_devices_v1(const char *dir, const struct exec_command *c, struct plan_writer *w);
void plan_devices_v2(const struct exec_command *c, struct plan_writer *w);

/* seccomp.c: the program for a profile (NULL: Docker's default) and a set of capabilities. */
int seccomp_compile(const char *profile_json, uint64_t caps, struct buf *program,
		    struct error *err);

#endif
