/*
 * A terminal connected to a process in a container: stdin there, stdout and stderr back, resizes and
 * signals on the side. One poll loop, no threads.
 */
#ifndef API_CLIENT_ATTACHED_H
#define API_CLIENT_ATTACHED_H

#include "api/client/internal.h"
#include "pkg/detachkeys.h"
#include "pkg/stdcopy.h"

struct attached {
	struct call *call;
	struct httpc *io;        /* the hijacked connection; its end ends the streams */
	struct httpc *wait;      /* an answer that is waited for then too; or NULL */
	bool tty;                /* io is raw and our terminal becomes raw; else io has frames */
	bool stdin_open;         /* our stdin is passed on */
	const char *resize_path; /* where the terminal's size is posted to: "/exec/ID/resize" */
	const char *kill_path;   /* where signals are posted to; NULL: they are ours */
	struct detachkeys keys;
	/* the loop's own */
	bool io_open, detached;
	long long
		lost_ms; /* when wait's connection broke while the streams went on; 0: it did not */
	int signals;
	size_t pending_at, pending;
	char to_send[16384];
	struct stdcopy frames;
};

/*
 * Ready the loop's state; from here on signals that are to be passed on wait for the loop. Call before
 * the process is started, attached_done() at the end in any case. detach_keys may be NULL.
 */
int attached_init(struct attached *a, const char *detach_keys, struct error *err);
void attached_done(struct attached *a); /* the terminal is as it was before */

/* Ask for the connection: POST path with Upgrade. Answered by attached_opened(). */
int attached_ask(struct attached *a, const char *path, const char *body, struct error *err);
int attached_opened(struct attached *a, struct error *err);

/* The terminal's size to resize_path. Errors do not matter: the next change tells it again. */
void attached_resize(struct attached *a);

/*
 * Copy until the streams end and wait has an answer; or until the user detached: a->detached. -1 with
 * err; when our own stdout is closed that is ERR_CANCELLED.
 */
int attached_run(struct attached *a, struct error *err);

/*
 * Did the process go on without the daemon that we asked for its exit? Then it is worth some time to
 * ask the next one.
 */
bool attached_outlived_daemon(const struct attached *a);

/* "the input device is not a TTY" when a terminal is asked for and stdin is none. */
int attached_check_tty(bool stdin_open, bool tty, struct error *err);

#endif
