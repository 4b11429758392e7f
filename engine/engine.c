/* The engine: registry of handlers, count of jobs. Its end is in shutdown.c, jobs are in job.c. */
#include "engine/engine.h"

#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/internal.h"
#include "engine/job.h"
#include "engine/state.h"
#include "pkg/id.h"
#include "pkg/mem.h"

static int job_commands(struct job *job, void *self)
{
	autostrlist struct strlist names = STRLIST_INIT;

	engine_list(self, &names);
	for (size_t i = 0; i < names.n; i++) {
		struct registered r;

		if (engine_find(self, names.v[i], &r))
			job_printf(job, "%s%s%s\n", names.v[i], *r.row.usage ? " " : "",
				   r.row.usage);
	}
	return 0;
}

static const struct handler own_jobs[] = {
	{ "commands", "", 0, 0, job_commands, JOB_QUIET },
	{ 0 },
};

struct engine *engine_new(void)
{
	struct engine *e = xcalloc(1, sizeof(*e));

	id_random_hex(e->id, 4);
	pthread_rwlock_init(&e->registry, NULL);
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->changed, NULL);
	map_init(&e->handlers);
	e->logging = true;
	e->stop_endless = eventfd(0, EFD_CLOEXEC);
	e->stop_all = eventfd(0, EFD_CLOEXEC);
	engine_install(e, own_jobs, e, NULL);
	return e;
}

void engine_free(struct engine *e)
{
	size_t pos = 0;
	void *value;

	if (!e)
		return;
	while (map_next(&e->handlers, &pos, &value))
		free(value);
	map_done(&e->handlers);
	free(e->callbacks);
	close(e->stop_endless);
	close(e->stop_all);
	pthread_cond_destroy(&e->changed);
	pthread_mutex_destroy(&e->lock);
	pthread_rwlock_destroy(&e->registry);
	free(e);
}

/* Is the name of rows[i] new, to the registry and among the rows before it? */
static bool is_new(const struct engine *e, const struct handler *rows, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(rows[j].name, rows[i].name) == 0)
			return false;
	return !map_get(&e->handlers, rows[i].name);
}

int engine_install(struct engine *e, const struct handler *rows, void *self, struct error *err)
{
	int rc = 0;

	pthread_rwlock_wrlock(&e->registry);
	for (size_t i = 0; rc == 0 && rows[i].name; i++)
		if (!is_new(e, rows, i))
			rc = error_set(err, ERR_CONFLICT,
				       "Can't overwrite handler for command \"%s\"", rows[i].name);
	for (size_t i = 0; rc == 0 && rows[i].name; i++) {
		struct registered *r = xcalloc(1, sizeof(*r));

		r->row = rows[i];
		r->self = self;
		map_set(&e->handlers, rows[i].name, r);
	}
	pthread_rwlock_unlock(&e->registry);
	return rc;
}

void engine_set_catchall(struct engine *e, job_fn *run, void *self)
{
	pthread_rwlock_wrlock(&e->registry);
	e->catchall.row = (struct handler){ "*", "", 0, -1, run, 0 };
	e->catchall.self = self;
	pthread_rwlock_unlock(&e->registry);
}

bool engine_find(struct engine *e, const char *name, struct registered *out)
{
	const struct registered *r;

	pthread_rwlock_rdlock(&e->registry);
	r = map_get(&e->handlers, name);
	if (!r)
		r = &e->catchall;
	*out = *r;
	pthread_rwlock_unlock(&e->registry);
	return out->row.run != NULL;
}

bool engine_has(const struct engine *e, const char *name)
{
	struct engine *unconst = (struct engine *)e; /* the lock changes, what it guards does not */
	bool has;

	pthread_rwlock_rdlock(&unconst->registry);
	has = map_get(&e->handlers, name) != NULL;
	pthread_rwlock_unlock(&unconst->registry);
	return has;
}

void engine_list(struct engine *e, struct strlist *names)
{
	const char *name;
	size_t pos = 0;

	pthread_rwlock_rdlock(&e->registry);
	while ((name = map_next(&e->handlers, &pos, NULL)))
		strlist_add(names, name);
	pthread_rwlock_unlock(&e->registry);
	strlist_sort(names);
}

const char *engine_id(const struct engine *e)
{
	return e->id;
}

void engine_set_logging(struct engine *e, bool on)
{
	pthread_mutex_lock(&e->lock);
	e->logging = on;
	pthread_mutex_unlock(&e->lock);
}

bool engine_logging(struct engine *e)
{
	bool on;

	pthread_mutex_lock(&e->lock);
	on = e->logging;
	pthread_mutex_unlock(&e->lock);
	return on;
}

size_t engine_running(struct engine *e)
{
	size_t n;

	pthread_mutex_lock(&e->lock);
	n = e->running;
	pthread_mutex_unlock(&e->lock);
	return n;
}

bool engine_begin(struct engine *e, bool endless)
{
	bool ok;

	pthread_mutex_lock(&e->lock);
	ok = !e->shutdown;
	if (ok && !endless)
		e->running++;
	pthread_mutex_unlock(&e->lock);
	return ok;
}

void engine_end(struct engine *e, bool endless)
{
	if (endless)
		return;
	pthread_mutex_lock(&e->lock);
	if (--e->running == 0)
		pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
}

int engine_stop_fd(struct engine *e, bool endless)
{
	return endless ? e->stop_endless : e->stop_all;
}
