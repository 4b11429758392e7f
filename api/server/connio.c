/*
 * The worker's side of a connection: sends and receives that block, yet end when the job is
 * cancelled, and the way back to the loop.
 */
#include "api/server/internal.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/job.h"

#define LOOK_MS 500 /* how soon a writer that waits notices that its job is cancelled */

void conn_return(struct conn *c, enum conn_end end)
{
	struct server *s = c->server;
	int fd = -1, wake = s->wake;

	http_head_done(c->head);
	free(c->head);
	c->head = NULL;
	if (end == CONN_LINGER && shutdown(c->fd, SHUT_WR) < 0)
		end = CONN_CLOSE;
	pthread_mutex_lock(&s->lock);
	if (end == CONN_CLOSE || end == CONN_GIVEN) {
		fd = c->fd;
		c->fd = -1;
	}
	c->linger = end == CONN_LINGER;
	list_del(&c->link);
	list_add(&s->returned, &c->link);
	(void)eventfd_write(wake, 1); /* fails only when it is already readable for sure */
	if (list_is_empty(&s->busy))
		pthread_cond_broadcast(&s->idle);
	pthread_mutex_unlock(&s->lock);
	if (end == CONN_CLOSE)
		close(fd);
}

static int wait_writable(struct conn *c, struct job *job)
{
	struct pollfd p = { .fd = c->fd, .events = POLLOUT };

	while (poll(&p, 1, LOOK_MS) <= 0)
		if (job && job_is_cancelled(job)) {
			errno = ECANCELED;
			return -1;
		}
	return 0;
}

static void skip(struct msghdr *m, size_t n)
{
	while (m->msg_iovlen && n >= m->msg_iov->iov_len) {
		n -= m->msg_iov->iov_len;
		m->msg_iov++;
		m->msg_iovlen--;
	}
	if (m->msg_iovlen) {
		m->msg_iov->iov_base = (char *)m->msg_iov->iov_base + n;
		m->msg_iov->iov_len -= n;
	}
}

int conn_send(struct conn *c, struct job *job, struct iovec *iov, size_t n)
{
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = n };

	for (skip(&m, 0); m.msg_iovlen;) {
		ssize_t put = sendmsg(c->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (put >= 0)
			skip(&m, (size_t)put);
		else if (errno == EAGAIN ? wait_writable(c, job) < 0 : errno != EINTR)
			return -1;
	}
	return 0;
}

static int wait_input(struct conn *c, struct job *job, int timeout_ms)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	int rc = job ? job_wait(job, c->fd, timeout_ms) : poll(&p, 1, timeout_ms);

	if (rc <= 0)
		errno = rc == 0 ? ETIMEDOUT : ECANCELED;
	return rc;
}

ssize_t conn_recv(struct conn *c, struct job *job, void *p, size_t n, int timeout_ms)
{
	for (;;) {
		ssize_t got = recv(c->fd, p, n, MSG_DONTWAIT);

		if (got >= 0)
			return got;
		if (errno == EAGAIN ? wait_input(c, job, timeout_ms) <= 0 : errno != EINTR)
			return -1;
	}
}
