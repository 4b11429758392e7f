/*
 * Unix sockets: listening, connecting, and messages that carry descriptors.
 * -1 and errno; every descriptor is born close-on-exec.
 */
#ifndef PKG_SOCK_H
#define PKG_SOCK_H

#include <stddef.h>
#include <sys/types.h>

#define SOCK_MAX_FDS 16

/*
 * Bind and listen on a path of any length. type is SOCK_STREAM or SOCK_SEQPACKET. An old socket
 * file is replaced. mode is the file's, in force before the first connection.
 */
int sock_listen_unix(const char *path, int type, mode_t mode);
int sock_connect_unix(const char *path, int type);

/* Send all of p with nfds descriptors attached to its first byte. MSG_NOSIGNAL. */
int sock_send_fds(int sock, const void *p, size_t n, const int *fds, size_t nfds);

/*
 * Receive up to n bytes; descriptors that came along are put into fds (room for SOCK_MAX_FDS) and
 * counted in *nfds: the caller owns them. Bytes received, 0 at the end, -1 with errno.
 */
ssize_t sock_recv_fds(int sock, void *p, size_t n, int *fds, size_t *nfds, int flags);

#endif
