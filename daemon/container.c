/* The container object: references, copies of what its lock guards, the operation token, watches. */
#include "daemon/container.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/pending.h"
#include "engine/job.h"
#include "pkg/json.h"
#include "pkg/mem.h"

struct container *container_new(const char *id, const char *containers_dir)
{
	struct container *c = xcalloc(1, sizeof(*c));

	memcpy(c->id, id, ID_SIZE);
	c->dir = xasprintf("%s/%s", containers_dir, id);
	c->log_path = xasprintf("%s/%s-json.log", c->dir, id);
	c->name = xstrdup("");
	c->image_id = xstrdup("");
	c->refs = 1;
	pthread_mutex_init(&c->lock, NULL);
	list_init(&c->watches);
	list_init(&c->pending);
	c->attached_fd = -1;
	return c;
}

struct container *container_ref(struct container *c)
{
	c->refs++;
	return c;
}

void container_unref(struct container *c)
{
	if (!c || --c->refs > 0)
		return;
	pending_drop_all(c);
	json_decref(c->config);
	json_decref(c->host_config);
	json_decref(c->networking_config);
	json_decref(c->mounts);
	json_decref(c->network);
	pthread_mutex_destroy(&c->lock);
	free(c->name);
	free(c->image_id);
	free(c->dir);
	free(c->log_path);
	free(c);
}

struct container_state container_state(struct container *c)
{
	struct container_state s;

	pthread_mutex_lock(&c->lock);
	s = c->state;
	pthread_mutex_unlock(&c->lock);
	return s;
}

char *container_name(struct container *c)
{
	char *name;

	pthread_mutex_lock(&c->lock);
	name = xstrdup(c->name);
	pthread_mutex_unlock(&c->lock);
	return name;
}

static json_t *ref_member(struct container *c, json_t *const *member)
{
	json_t *j;

	pthread_mutex_lock(&c->lock);
	j = json_incref(*member);
	pthread_mutex_unlock(&c->lock);
	return j;
}

json_t *container_config(struct container *c)
{
	return ref_member(c, &c->config);
}

json_t *container_host_config(struct container *c)
{
	return ref_member(c, &c->host_config);
}

json_t *container_mounts(struct container *c)
{
	return ref_member(c, &c->mounts);
}

json_t *container_networking(struct container *c)
{
	return ref_member(c, &c->networking_config);
}

json_t *container_network(struct container *c)
{
	return ref_member(c, &c->network);
}

void container_set_json(struct container *c, json_t **member, json_t *value)
{
	json_t *old;

	pthread_mutex_lock(&c->lock);
	old = *member;
	*member = value;
	pthread_mutex_unlock(&c->lock);
	json_decref(old);
}

int container_restart_count(struct container *c)
{
	int n;

	pthread_mutex_lock(&c->lock);
	n = c->restart_count;
	pthread_mutex_unlock(&c->lock);
	return n;
}

bool container_has_tty(struct container *c)
{
	autojson json_t *config = container_config(c);

	return json_get_bool(config, "Tty", false);
}

bool container_is_auto_remove(struct container *c)
{
	autojson json_t *host_config = container_host_config(c);

	return json_get_bool(host_config, "AutoRemove", false);
}

bool container_try_begin(struct container *c, enum container_op op)
{
	bool ok;

	pthread_mutex_lock(&c->lock);
	ok = c->op == OP_NONE && (op == OP_CLEANUP || !c->cleanup_due);
	if (ok)
		c->op = op;
	pthread_mutex_unlock(&c->lock);
	return ok;
}

static int wait_change(struct container_watch *w, struct job *job)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };

	if (job)
		return job_wait(job, w->fd, -1);
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	return 1;
}

int container_begin(struct container *c, enum container_op op, struct job *job, struct error *err)
{
	struct container_watch w, seen;
	int rc = 0;

	if (container_try_begin(c, op))
		return 0;
	if (container_watch(c, &w, err) < 0)
		return -1;
	while (!container_try_begin(c, op)) {
		if (wait_change(&w, job) < 0) {
			rc = error_set(err, ERR_CANCELLED, "cancelled while container %s is busy",
				       c->id);
			break;
		}
		container_watch_read(c, &w, &seen);
	}
	container_unwatch(c, &w);
	return rc;
}

void container_end(struct container *c)
{
	pthread_mutex_lock(&c->lock);
	c->op = OP_NONE;
	container_changed_locked(c, false);
	pthread_mutex_unlock(&c->lock);
}

int container_watch(struct container *c, struct container_watch *w, struct error *err)
{
	*w = (struct container_watch){ .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	if (w->fd < 0)
		return error_sys(err, "cannot watch container %s", c->id);
	pthread_mutex_lock(&c->lock);
	list_add(&c->watches, &w->link);
	w->removed = c->removed;
	pthread_mutex_unlock(&c->lock);
	return 0;
}

void container_unwatch(struct container *c, struct container_watch *w)
{
	pthread_mutex_lock(&c->lock);
	list_del(&w->link);
	pthread_mutex_unlock(&c->lock);
	close(w->fd);
}

void container_watch_read(struct container *c, struct container_watch *w,
			  struct container_watch *seen)
{
	uint64_t count;
	ssize_t n = read(w->fd, &count, sizeof(count));

	(void)n; /* EAGAIN: nothing happened since, and what was seen is still there */
	pthread_mutex_lock(&c->lock);
	*seen = *w;
	pthread_mutex_unlock(&c->lock);
}

void container_changed_locked(struct container *c, bool exited)
{
	uint64_t one = 1;
	struct list *l;

	list_each(l, &c->watches) {
		struct container_watch *w = list_entry(l, struct container_watch, link);
		ssize_t n;

		if (exited && !w->exited) {
			w->exited = true;
			w->exit_code = c->state.exit_code;
			memcpy(w->error, c->state.error, sizeof(w->error));
		}
		w->removed = c->removed;
		n = write(w->fd, &one, sizeof(one));
		(void)n; /* cannot fail: the counter is never near its end */
	}
}
