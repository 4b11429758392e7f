/* Unix sockets: see sock.h. */
#include "pkg/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "pkg/mem.h"

/*
 * sun_path holds 107 bytes; longer paths are reached through a descriptor of their folder, which
 * is returned in *dirfd and must stay open until bind or connect is done.
 */
static int fill_address(struct sockaddr_un *a, const char *path, int *dirfd)
{
	const char *slash = strrchr(path, '/');
	int n;

	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) < sizeof(a->sun_path)) {
		memcpy(a->sun_path, path, strlen(path) + 1);
		return 0;
	}
	if (slash) {
		autofree char *dir = xstrndup(path, (size_t)(slash - path) + 1);

		*dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (*dirfd < 0)
			return -1;
		n = snprintf(a->sun_path, sizeof(a->sun_path), "/proc/self/fd/%d%s", *dirfd, slash);
		if (n > 0 && (size_t)n < sizeof(a->sun_path))
			return 0;
	}
	errno = ENAMETOOLONG;
	return -1;
}

int sock_listen_unix(const char *path, int type, mode_t mode)
{
	autoclose int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0), dirfd = -1;
	struct sockaddr_un a;

	if (fd < 0 || fill_address(&a, path, &dirfd) < 0)
		return -1;
	if (unlink(path) < 0 && errno != ENOENT)
		return -1;
	/* Nobody can connect before listen(2), so the mode is right before it matters. */
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || chmod(path, mode) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		return -1;
	return take_fd(&fd);
}

int sock_connect_unix(const char *path, int type)
{
	autoclose int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0), dirfd = -1;
	struct sockaddr_un a;

	if (fd < 0 || fill_address(&a, path, &dirfd) < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -1;
	return take_fd(&fd);
}

int sock_send_fds(int sock, const void *p, size_t n, const int *fds, size_t nfds)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * SOCK_MAX_FDS)];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { (void *)p, n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t put;

	if (nfds > SOCK_MAX_FDS) {
		errno = EINVAL;
		return -1;
	}
	if (nfds) {
		struct cmsghdr *c = &control.align;

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
	}
	do
		put = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	while (put >= 0 && (size_t)put < n) {
		ssize_t more = send(sock, (const char *)p + put, n - (size_t)put, MSG_NOSIGNAL);

		if (more < 0 && errno != EINTR)
			return -1;
		put += more > 0 ? more : 0;
	}
	return put < 0 ? -1 : 0;
}

ssize_t sock_recv_fds(int sock, void *p, size_t n, int *fds, size_t *nfds, int flags)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * SOCK_MAX_FDS)];
		struct cmsghdr align;
	} control;
	struct iovec iov = { p, n };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	ssize_t got;

	*nfds = 0;
	do
		got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | flags);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		*nfds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), *nfds * sizeof(int));
	}
	return got;
}
