/* After a restart of the daemon: monitors that go on are found again, what belongs to nobody goes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "execdriver/native/native.h"
#include "pkg/fs.h"
#include "pkg/id.h"
#include "pkg/mem.h"

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

enum exec_adopt native_adopt(struct execdriver *base, const char *id, pid_t *pid,
			     struct exec_exit *exit)
{
	struct native *d = (struct native *)base;
	struct running *r = native_running_new(d, id);
	struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };

	load_launch(d, r);
	if (watch_again(d, r, pid) == 0) {
		native_watch(r);
		return EXEC_ADOPT_RUNNING;
	}
	mem_close_fd(&r->conn);
	free(r->seccomp_profile);
	free(r->cgroup_parent);
	free(r);
	/* It may be about to write its record: the socket goes first. */
	for (int tries = 0; tries < 10; tries++) {
		if (native_read_exit_file(d, id, exit) == 0)
			return EXEC_ADOPT_EXITED;
		if (tries == 0) {
			autofree char *dir = native_path(d, id, NULL);

			if (!fs_exists(dir))
				break;
		}
		nanosleep(&pause, NULL);
	}
	return EXEC_ADOPT_GONE;
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
