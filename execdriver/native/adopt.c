/* After a restart of the daemon: monitors that go on are found again, what belongs to nobody goes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "execdriver/native/native.h"
#include "pkg/fs.h"
#include "pkg/id.h"
#include "pkg/log.h"
#include "pkg/mem.h"

#define ADOPT_TRIES 1000 /* 10 s in all */

int native_read_exit_file(const struct native *d, const char *id, struct exec_exit *exit)
{
	autofree char *path = native_path(d, id, "exit");
	autobuf struct buf text = BUF_INIT(256);
	int status, oom;
	long long seconds;
	long nanoseconds;

	if (fs_read_file(AT_FDCWD, path, &text) < 0 ||
	    sscanf(buf_text(&text), EXIT_FILE_FORMAT, &status, &oom, &seconds, &nanoseconds) != 4)
		return -1;
	*exit = (struct exec_exit){
		.status = status,
		.oom_killed = oom,
		.finished = { .tv_sec = seconds, .tv_nsec = nanoseconds },
	};
	return 0;
}

/* What native.c wrote at the launch. */
static void load_launch(const struct native *d, struct running *r)
{
	autofree char *path = native_path(d, r->id, "launch");
	autobuf struct buf text = BUF_INIT(PLAN_MAX);
	char *rest, *field[3] = { 0 };

	if (fs_read_file(AT_FDCWD, path, &text) < 0 || !text.len)
		return;
	rest = text.p;
	for (int i = 0; i < 3; i++)
		field[i] = strsep(&rest, "\n");
	if (!field[2])
		return;
	r->privileged = field[0][0] == '1';
	r->seccomp = (enum exec_seccomp)(field[1][0] - '0');
	r->cgroup_parent = *field[2] ? xstrdup(field[2]) : NULL;
	r->seccomp_profile = rest && *rest ? xstrdup(rest) : NULL;
}

/* Ask a monitor for its events. 0: it runs its container. */
static int watch_again(struct native *d, struct running *r, pid_t *pid)
{
	struct message m = { .type = MESSAGE_WATCH }, reply;
	char text[512];

	r->conn = monitor_connect(d, r->id, NULL);
	if (r->conn < 0 || monitor_send(r->conn, &m, NULL, 0, NULL, 0) < 0 ||
	    monitor_reply(r->conn, &reply, text, NULL) < 0 || reply.status != 0)
		return -1;
	*pid = (pid_t)reply.number;
	r->launcher = (pid_t)reply.seconds;
	return 0;
}

/* Is there a monitor that may yet start the container, or that has yet to write its end down? */
static bool is_launched(const struct native *d, const char *id)
{
	autofree char *path = native_path(d, id, "launch");
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
}

/* 0: it runs; 1: it ended, and this is how; -1: neither. */
static int look(struct native *d, struct running *r, pid_t *pid, struct exec_exit *exit)
{
	if (watch_again(d, r, pid) == 0)
		return 0;
	mem_close_fd(&r->conn);
	return native_read_exit_file(d, r->id, exit) == 0 ? 1 : -1;
}

/*
 * The last daemon may have been killed just when it had sent the plan: then the container starts while
 * we look, and once we said that it is gone its addresses could be given to another.
 */
enum exec_adopt native_adopt(struct execdriver *base, const char *id, pid_t *pid,
			     struct exec_exit *exit)
{
	static const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	struct native *d = (struct native *)base;
	struct running *r = native_running_new(d, id);
	bool launched = true;
	int found = -1;

	load_launch(d, r);
	for (int tries = 0; tries < ADOPT_TRIES && found < 0 && launched; tries++) {
		if (tries > 0)
			nanosleep(&pause, NULL);
		launched = is_launched(d, id); /* asked first: what it did before its end is seen */
		found = look(d, r, pid, exit);
	}
	if (found == 0) {
		native_watch(r);
		return EXEC_ADOPT_RUNNING;
	}
	if (launched && found < 0)
		log_error("the monitor of container %.12s neither runs it nor ends", id);
	free(r->seccomp_profile);
	free(r->cgroup_parent);
	free(r);
	return found == 1 ? EXEC_ADOPT_EXITED : EXEC_ADOPT_GONE;
}

void native_cleanup(struct execdriver *base, const char *id)
{
	struct native *d = (struct native *)base;
	autofree char *dir = native_path(d, id, NULL);

	fs_remove_tree(AT_FDCWD, dir);
}

void native_sweep(struct execdriver *base, const struct strlist *known_ids)
{
	struct native *d = (struct native *)base;
	DIR *dir = opendir(d->dir);
	struct dirent *e;

	cgroup_sweep(&d->cgroups, known_ids); /* ends what still runs there, and so its monitor */
	while (dir && (e = readdir(dir)))
		if (id_is_full(e->d_name) && !strlist_has(known_ids, e->d_name))
			native_cleanup(base, e->d_name);
	if (dir)
		closedir(dir);
}
