/*
 * What the daemon and a container's monitor say to each other, over a SOCK_SEQPACKET unix socket:
 * one struct message per packet, with bytes behind it and descriptors beside it.
 *
 * The daemon starts a monitor with one end of a socketpair as descriptor 3 and sends LAUNCH there
 * (after an ATTACH for each client that waits already); that connection then carries events. Every
 * other request comes over a connection of its own to the socket that PLAN_SOCKET names, gets one
 * REPLY, and is closed, except WATCH, which makes it the new connection for events.
 *
 * A monitor may be older than the daemon that talks to it: numbers here are never reused, the struct
 * only grows at its end, and PROTO_VERSION tells how far.
 */
#ifndef DOCKERINIT_PROTO_H
#define DOCKERINIT_PROTO_H

#include <stdint.h>

#define PROTO_VERSION 1
#define PROTO_FD 3                 /* the monitor's end of the first connection */
#define PROTO_MAX_DATA (64 * 1024) /* bytes behind the struct */
#define PROTO_ID_SIZE 68

enum message_type {
	/* requests */
	MESSAGE_LAUNCH = 1, /* fds 2: plan, a lock to be held while there is something to adopt */
	MESSAGE_ATTACH,     /* exec_id, flags ATTACH_x, number: length of the detach keys; fd:
	                                connection; data: detach keys, then pending stdin */
	MESSAGE_RESIZE,     /* exec_id, number: rows << 16 | columns */
	MESSAGE_SIGNAL,     /* exec_id, number: signal */
	MESSAGE_EXEC,       /* exec_id; fd: plan; flags EXEC_ATTACHED: fds 2: plan, connection */
	MESSAGE_WATCH,      /* answered by REPLY: number: pid; later events */
	MESSAGE_PREPARE,    /* fd: plan of what can be done before a container is known */
	MESSAGE_SEEN,       /* exec_id: EXEC_EXITED has been recorded; no reply */
	MESSAGE_NETWORK,    /* fd: plan of interfaces to be removed, made, and routes to be set */
	/* answers and events */
	MESSAGE_REPLY = 100, /* number: pid or 0; status: 0, or the exit code with data: text */
	MESSAGE_EXITED,      /* status, flags EXITED_x, seconds, nanoseconds */
	MESSAGE_EXEC_EXITED, /* exec_id, status */
	MESSAGE_DETACHED,    /* exec_id */
	MESSAGE_OOM,
};

enum message_flags {
	ATTACH_STDIN = 1,
	ATTACH_STDOUT = 2,
	ATTACH_STDERR = 4,
	ATTACH_MUX = 8,
	EXITED_OOM = 1,
};

struct message {
	uint32_t version, type;
	uint32_t flags;
	int32_t status;
	int64_t number;
	int64_t seconds, nanoseconds;
	char exec_id[PROTO_ID_SIZE]; /* "": the container's first process */
	uint32_t reserved[8];
};

/* What the exit file holds, one line: "STATUS OOM SECONDS NANOSECONDS\n". */
#define EXIT_FILE_FORMAT "%d %d %lld %ld\n"

#endif
