/* The service manager's protocols: see sdnotify.h. */
#include "pkg/sdnotify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "pkg/mem.h"
#include "pkg/parse.h"

#define MAX_FDS 1024

int sd_notify_send(const char *state)
{
	const char *to = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t len = to ? strlen(to) : 0;
	autoclose int fd = -1;

	if (!len)
		return 0;
	if ((*to != '/' && *to != '@') || len >= sizeof(a.sun_path)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(a.sun_path, to, len);
	if (*to == '@')
		a.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	return sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&a,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0
		       ? -1
		       : 0;
}

size_t sd_listen_count(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t p, n;

	if (!pid || !fds || parse_u64(pid, &p) < 0 || parse_u64(fds, &n) < 0)
		return 0;
	if (p != (uint64_t)getpid() || n > MAX_FDS)
		return 0;
	/* They crossed an exec to get here, so this is the first moment to mark them. */
	for (size_t i = 0; i < n; i++)
		if (fcntl(SD_FIRST_FD + (int)i, F_SETFD, FD_CLOEXEC) < 0)
			return i;
	return n;
}
