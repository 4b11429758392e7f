/*
 * The monitor's own parts. Everything is driven by one epoll loop; nothing here blocks on a peer.
 */
#ifndef DOCKERINIT_MONITOR_H
#define DOCKERINIT_MONITOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "dockerinit/init.h"
#include "dockerinit/proto.h"
#include "pkg/buf.h"
#include "pkg/error.h"
#include "pkg/list.h"

/* watch.c: one descriptor in the epoll set. */
struct watch {
	int fd; /* -1: none */
	uint32_t events;
	void (*fn)(struct watch *w, uint32_t events);
};
#define WATCH_INIT ((struct watch){ .fd = -1 })
int watch_loop_init(void);
void watch_add(struct watch *w, int fd, uint32_t events, void (*fn)(struct watch *, uint32_t));
void watch_set(struct watch *w, uint32_t events);
void watch_close(struct watch *w); /* and its descriptor */
void watch_once(void);             /* wait for one event and handle it */

/* jsonlog.c: the json-file log. */
struct jsonlog;
struct jsonlog *jsonlog_open(const struct plan *plan); /* NULL: none is wanted, or errno */
void jsonlog_write(struct jsonlog *log, int stream, const char *p, size_t n); /* stream 1 or 2 */
void jsonlog_flush(struct jsonlog *log); /* unterminated lines too */

/* process.c of the monitor (child.c): one process that is watched. */
struct conn;
struct process {
	struct list link;
	char id[PROTO_ID_SIZE]; /* "" for the container's own */
	pid_t pid;
	struct watch sync, pidfd, in, out[2];
	struct list clients;
	struct jsonlog *log;
	struct conn *starter; /* waits for the reply that it runs */
	struct child_error error;
	bool tty, keep_stdin; /* keep_stdin: stays open when the client's stdin ends */
	bool executes, started, exited, stdin_closing;
	int status; /* as docker reports it, once exited */
};

struct process *process_new(const char *id);
void process_free(struct process *p);
/* Make the sync pair and three pipes; the child's ends go to io and *child_sync. 0, -1 and errno. */
int process_pipes(struct process *p, struct child_stdio *io, int *child_sync);
/* Keep of them what the plan wants. */
void process_configure(struct process *p, const struct plan *plan);
void process_close_child_ends(struct child_stdio *io, int *child_sync);
void process_watch(struct process *p); /* once pid is known */
/* Give a child that is failing a moment to say why. true: p->error has it. */
bool process_await_error(struct process *p);
int process_signal(const struct process *p, int signo);
void process_resize(const struct process *p, unsigned rows, unsigned cols);
void process_update_output(struct process *p); /* read on, or hold back for slow clients */
void process_write_stdin(struct process *p);
/* What the monitor does about it (monitor.c). */
void monitor_process_executes(struct process *p); /* is about to */
void monitor_process_started(struct process *p);
void monitor_process_failed(struct process *p);
void monitor_process_exited(struct process *p);
void monitor_detached(const struct process *p);

/* The monitor's whole state; there is one in a process, in main.c. */
struct monitor {
	struct plan plan;     /* of the container, once it is launched */
	struct plan prepared; /* of what was made ahead of time */
	struct watch listener;
	struct list conns;
	struct process *init; /* NULL before LAUNCH and after the end */
	struct list execs;
	int mnt_ns; /* keeps the root mounted until the exit has been told */
	int lock;   /* held by whoever may still run the container, or write its end down */
	bool ended;
};
extern struct monitor *const monitor;

struct process *monitor_find_process(const char *id); /* "": the container's own; NULL: not there */
void monitor_end_clients(struct process *p);          /* each once it has read all */

/* client.c: one attached connection. */
struct client {
	struct list link;
	struct process *process;
	struct watch conn;
	unsigned flags;  /* enum message_flags */
	struct buf outq; /* not yet sent */
	struct buf inq;  /* not yet taken by the process */
	char keys[16];   /* detach sequence */
	size_t nkeys, matched;
	bool in_eof, ending;
};
void client_new(struct process *p, int fd, unsigned flags, const char *keys, size_t nkeys,
		const char *pending, size_t npending);
void client_free(struct client *c);
void client_output(struct client *c, int stream, const char *p, size_t n);
void client_end(struct client *c); /* close once all is sent */
void client_update(struct client *c);
bool client_is_full(const struct client *c);

/* links.c: the interfaces of a container, at its start; and of one that runs, with all of it. */
int links_create(const struct plan *plan, pid_t pid, struct error *err);
int links_change(const struct plan *plan, pid_t pid, struct error *err);

/* launch.c: cgroups, network, clone. err gets a sentence. */
/* Ahead of time: cgroups joined, namespaces made; the child waits for a plan. */
int launch_prepare(struct process *p, const struct plan *plan, char *err, size_t err_size);
/* prepared: the plan of launch_prepare(), or NULL. */
int launch_container(struct process *p, const struct plan *plan, const struct plan *prepared,
		     int plan_fd, char *err, size_t err_size);
int launch_exec(struct process *p, const struct plan *plan, int plan_fd, int init_pidfd, char *err,
		size_t err_size);
pid_t launch_launcher(void); /* its pid; 0: none */
void launch_end_launcher(void);
void launch_cleanup(const struct plan *plan); /* removes the cgroups */
bool launch_oom_killed(const struct plan *plan);

#endif
