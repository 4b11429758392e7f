/* Starting a container's monitor, and talking to one. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "execdriver/native/native.h"
#include "pkg/fs.h"
#include "pkg/mem.h"
#include "pkg/proc.h"
#include "pkg/sock.h"

#define REPLY_MS 30000

extern const char dockerinit_start[], dockerinit_end[]; /* the embedded program */

int monitor_load(struct error *err)
{
	autoclose int fd = memfd_create("dockerinit", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return error_sys(err, "memfd for dockerinit");
	if (fs_write_all(fd, dockerinit_start, (size_t)(dockerinit_end - dockerinit_start)) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return error_sys(err, "writing dockerinit");
	return take_fd(&fd);
}

int monitor_spawn(const struct native *d, pid_t *pid, int *pidfd, int *conn, struct error *err)
{
	char *argv[] = { "docker-monitor", NULL };
	autoclose int ours = -1, theirs = -1;
	struct proc_fd fds[2];
	struct proc_spec spec = {
		.exe_fd = d->init_fd, .argv = argv, .fds = fds, .nfds = 2, .flags = PROC_SETSID
	};
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(err, "socketpair");
	ours = pair[0];
	theirs = pair[1];
	fds[0] = (struct proc_fd){ theirs, PROTO_FD };
	fds[1] = (struct proc_fd){ STDERR_FILENO, STDERR_FILENO };
	if (proc_spawn(&spec, pid, pidfd) < 0)
		return error_sys(err, "starting the monitor");
	*conn = take_fd(&ours);
	return 0;
}

int monitor_send(int conn, const struct message *m, const void *data, size_t n, const int *fds,
		 size_t nfds)
{
	struct {
		struct message m;
		char data[PROTO_MAX_DATA];
	} * packet;
	int rc;

	if (n > PROTO_MAX_DATA) {
		errno = EMSGSIZE;
		return -1;
	}
	packet = xmalloc(sizeof(packet->m) + n);
	packet->m = *m;
	packet->m.version = PROTO_VERSION;
	if (n)
		memcpy((char *)packet + sizeof(packet->m), data, n);
	rc = sock_send_fds(conn, packet, sizeof(packet->m) + n, fds, nfds);
	free(packet);
	return rc;
}

int monitor_reply(int conn, struct message *reply, char text[512], struct error *err)
{
	struct {
		struct message m;
		char text[512];
	} packet;
	struct pollfd p = { .fd = conn, .events = POLLIN };
	ssize_t n;
	int rc;

	do {
		do
			rc = poll(&p, 1, REPLY_MS);
		while (rc < 0 && errno == EINTR);
		if (rc == 0)
			return error_set(err, ERR_INTERNAL, "the monitor does not answer");
		n = recv(conn, &packet, sizeof(packet), 0);
		if (n < (ssize_t)sizeof(packet.m))
			return error_set(err, ERR_INTERNAL, "the monitor is gone");
	} while (packet.m.type != MESSAGE_REPLY);
	n -= (ssize_t)sizeof(packet.m);
	*reply = packet.m;
	if (n > 511)
		n = 511;
	memcpy(text, packet.text, (size_t)n);
	text[n] = '\0';
	return 0;
}

int monitor_connect(const struct native *d, const char *id, struct error *err)
{
	autofree char *path = native_path(d, id, "monitor.sock");
	int conn = sock_connect_unix(path, SOCK_SEQPACKET);

	if (conn < 0)
		return error_set(err, ERR_NOT_FOUND, "Container %s is not running", id);
	return conn;
}

int monitor_request(const struct native *d, const char *id, const struct message *m,
		    const void *data, size_t n, const int *fds, size_t nfds, struct message *reply,
		    struct error *err)
{
	autoclose int conn = monitor_connect(d, id, err);
	struct message own;
	char text[512];

	if (!reply)
		reply = &own;
	reply->status = 128;
	if (conn < 0)
		return -1;
	if (monitor_send(conn, m, data, n, fds, nfds) < 0)
		return error_sys(err, "talking to the monitor");
	if (monitor_reply(conn, reply, text, err) < 0)
		return -1;
	if (reply->status == 0)
		return 0;
	return error_set(err, reply->number == ESRCH ? ERR_NOT_FOUND : ERR_INTERNAL, "%s", text);
}
