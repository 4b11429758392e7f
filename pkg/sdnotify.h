/*
 * Talking to the service manager, without libsystemd: readiness (sd_notify(3)) and the sockets it
 * passed (sd_listen_fds(3)).
 */
#ifndef PKG_SDNOTIFY_H
#define PKG_SDNOTIFY_H

#include <stddef.h>

#define SD_FIRST_FD 3

/*
 * Send state ("READY=1\nMAINPID=17") to $NOTIFY_SOCKET, a path or an abstract name ('@'). 0 when it
 * was sent or nobody asked for it, else -1 and errno.
 */
int sd_notify_send(const char *state);

/* Sockets passed to this very process, from SD_FIRST_FD on, now close-on-exec. 0 without any. */
size_t sd_listen_count(void);

#endif
