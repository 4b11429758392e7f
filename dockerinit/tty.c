/*
 * Standard streams of a process: pipes that the monitor made, or a terminal, which is made in the
 * container's own devpts and whose master is given to the monitor.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "dockerinit/init.h"
#include "pkg/mem.h"
#include "pkg/sock.h"

static void set_size(int fd, struct plan_record *rec)
{
	struct winsize ws = { .ws_row = (unsigned short)plan_number(rec) };

	ws.ws_col = (unsigned short)plan_number(rec);
	if (ws.ws_row && ws.ws_col && ioctl(fd, TIOCSWINSZ, &ws) < 0)
		child_fail_sys("size of the terminal");
}

/* /dev/console is the container's terminal, so that a login or an init finds it. */
static void bind_console(const char *slave)
{
	int fd = open("/dev/console", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);

	if (fd >= 0)
		close(fd);
	if (mount(slave, "/dev/console", NULL, MS_BIND, NULL) < 0)
		child_fail_sys("binding %s to /dev/console", slave);
}

void tty_setup(const struct plan *plan, bool console)
{
	autoclose int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct plan_record rec;
	const char terminal = CHILD_TERMINAL;
	unsigned number;
	int unlock = 0, slave;
	char path[32];

	if (master < 0)
		child_fail_sys("opening /dev/pts/ptmx");
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0 || ioctl(master, TIOCGPTN, &number) < 0)
		child_fail_sys("preparing the terminal");
	snprintf(path, sizeof(path), "/dev/pts/%u", number);
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		child_fail_sys("opening %s", path);
	plan_find(plan, PLAN_TTY, &rec);
	set_size(slave, &rec);
	if (console)
		bind_console(path);
	if (sock_send_fds(child_sync(), &terminal, 1, &master, 1) < 0)
		child_fail_sys("handing the terminal over");
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		child_fail_sys("taking the terminal");
	for (int fd = 0; fd < 3; fd++)
		if (dup2(slave, fd) < 0)
			child_fail_sys("standard streams");
	if (slave > 2)
		close(slave);
}

void stdio_setup(const struct child_stdio *io)
{
	const int fds[3] = { io->in, io->out, io->err };

	for (int to = 0; to < 3; to++) {
		int from = fds[to] >= 0 ? fds[to] : open("/dev/null", O_RDWR | O_CLOEXEC);

		if (from < 0 || dup2(from, to) < 0)
			child_fail_sys("standard streams");
	}
}
