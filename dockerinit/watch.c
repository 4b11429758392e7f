/* The monitor's event loop. One event at a time, so that a handler may free any other watch. */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "dockerinit/monitor.h"

static int epfd = -1; /* single-threaded, one loop */

int watch_loop_init(void)
{
	epfd = epoll_create1(EPOLL_CLOEXEC);
	return epfd < 0 ? -1 : 0;
}

void watch_add(struct watch *w, int fd, uint32_t events, void (*fn)(struct watch *, uint32_t))
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	*w = (struct watch){ fd, events, fn };
	epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev);
}

void watch_set(struct watch *w, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	if (w->fd < 0 || w->events == events)
		return;
	w->events = events;
	epoll_ctl(epfd, EPOLL_CTL_MOD, w->fd, &ev);
}

void watch_close(struct watch *w)
{
	if (w->fd < 0)
		return;
	epoll_ctl(epfd, EPOLL_CTL_DEL, w->fd, NULL); /* a copy of it may live on in a child */
	close(w->fd);
	w->fd = -1;
}

void watch_once(void)
{
	struct epoll_event ev;
	struct watch *w;

	if (epoll_wait(epfd, &ev, 1, -1) != 1)
		return;
	w = ev.data.ptr;
	w->fn(w, ev.events);
}
