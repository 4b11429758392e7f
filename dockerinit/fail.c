/* How a child of the monitor says what went wrong, before it ends. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dockerinit/init.h"
#include "pkg/error.h"

static int sync_fd = -1; /* one process, one connection: set once after the fork */

void child_set_sync(int fd)
{
	sync_fd = fd;
}

int child_sync(void)
{
	return sync_fd;
}

void child_tell(char what)
{
	ssize_t n = send(sync_fd, &what, 1, MSG_NOSIGNAL);

	(void)n; /* a monitor that is gone needs no report */
}

static _Noreturn void report(struct child_error *e)
{
	ssize_t n = send(sync_fd, e, sizeof(*e), MSG_NOSIGNAL);

	(void)n; /* a monitor that is gone needs no report */
	_exit(e->exit_code);
}

void child_fail(int exit_code, const char *fmt, ...)
{
	struct child_error e = { .exit_code = exit_code };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e.text, sizeof(e.text), fmt, ap);
	va_end(ap);
	report(&e);
}

void child_fail_sys(const char *fmt, ...)
{
	struct child_error e = { .exit_code = 128 };
	int sys = errno;
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e.text, sizeof(e.text), fmt, ap);
	va_end(ap);
	n = strlen(e.text);
	snprintf(e.text + n, sizeof(e.text) - n, ": %s", error_words(sys));
	report(&e);
}
