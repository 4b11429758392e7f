/* Clients that wait for a start: see pending.h. */
#include "daemon/pending.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/container.h"
#include "pkg/mem.h"

struct pending_attach *pending_new(void)
{
	struct pending_attach *a = xcalloc(1, sizeof(*a));

	a->attach.fd = -1;
	list_init(&a->link);
	buf_init(&a->input, PENDING_INPUT_MAX);
	return a;
}

void pending_free(struct pending_attach *a)
{
	if (!a)
		return;
	if (a->attach.fd >= 0)
		close(a->attach.fd);
	buf_done(&a->input);
	free(a->keys);
	free(a);
}

/* Both directions are closed; a client that only ended its stdin is still there. */
bool pending_is_hung_up(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR | POLLNVAL);
}

int pending_detach_keys(const char *text, char out[PENDING_KEYS_SIZE])
{
	struct detachkeys d;

	out[0] = '\0';
	if (!*text)
		return 0;
	if (detachkeys_parse(text, &d, NULL) < 0 || memchr(d.keys, '\0', d.n))
		return -1;
	memcpy(out, d.keys, d.n);
	out[d.n] = '\0';
	return 0;
}

static void drop_hung_up(struct container *c)
{
	struct list *l, *tmp;

	list_each_safe(l, tmp, &c->pending) {
		struct pending_attach *a = list_entry(l, struct pending_attach, link);

		if (!pending_is_hung_up(a->attach.fd))
			continue;
		list_del(l);
		c->npending--;
		pending_free(a);
	}
}

void pending_begin(struct container *c)
{
	pthread_mutex_lock(&c->lock);
	c->attaching++;
	pthread_mutex_unlock(&c->lock);
}

void pending_end(struct container *c)
{
	pthread_mutex_lock(&c->lock);
	if (--c->attaching == 0 && c->attached_fd >= 0)
		eventfd_write(c->attached_fd, 1);
	pthread_mutex_unlock(&c->lock);
}

void pending_await(struct container *c)
{
	autoclose int fd = eventfd(0, EFD_CLOEXEC);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	bool wait;

	pthread_mutex_lock(&c->lock);
	wait = c->attaching > 0 && fd >= 0;
	c->attached_fd = wait ? fd : -1;
	pthread_mutex_unlock(&c->lock);
	if (!wait)
		return;
	(void)poll(&p, 1, 1000); /* later ones are served too, as late clients */
	pthread_mutex_lock(&c->lock);
	c->attached_fd = -1;
	pthread_mutex_unlock(&c->lock);
}

int pending_add_locked(struct container *c, struct pending_attach *a, struct error *err)
{
	drop_hung_up(c);
	if (c->npending >= PENDING_MAX) {
		pending_free(a);
		return error_set(err, ERR_CONFLICT, "too many clients wait for container %s",
				 c->id);
	}
	list_add(&c->pending, &a->link);
	c->npending++;
	return 0;
}

void pending_take_locked(struct container *c, struct pending_taken *out)
{
	struct list *l, *tmp;

	drop_hung_up(c);
	*out = (struct pending_taken){ .v = xcalloc(c->npending + 1, sizeof(*out->v)) };
	list_init(&out->owners);
	list_each_safe(l, tmp, &c->pending) {
		struct pending_attach *a = list_entry(l, struct pending_attach, link);

		list_del(l);
		list_add(&out->owners, l);
		a->attach.pending = a->input.p;
		a->attach.npending = a->input.len;
		a->attach.detach_keys = a->keys;
		out->v[out->n++] = a->attach;
		a->attach.fd = -1; /* it goes with the array */
	}
	c->npending = 0;
}

void pending_taken_free(struct pending_taken *t)
{
	struct list *l, *tmp;

	list_each_safe(l, tmp, &t->owners) {
		list_del(l);
		pending_free(list_entry(l, struct pending_attach, link));
	}
	free(t->v);
	t->v = NULL;
	t->n = 0;
}

void pending_taken_close(struct pending_taken *t)
{
	for (size_t i = 0; i < t->n; i++)
		close(t->v[i].fd);
	pending_taken_free(t);
}

void pending_drop_all(struct container *c)
{
	struct pending_taken t;

	pthread_mutex_lock(&c->lock);
	pending_take_locked(c, &t);
	pthread_mutex_unlock(&c->lock);
	pending_taken_close(&t);
}
