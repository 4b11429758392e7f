/* Processes inside containers: see execs.h. */
#include "daemon/execs.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/internal.h"
#include "pkg/list.h"
#include "pkg/map.h"
#include "pkg/mem.h"

#define KILLED (128 + 9)

struct exec {
	struct exec_info info;
	struct list link; /* in idle, oldest first, while it does not run */
	time_t idle_since;
};

struct execs {
	pthread_mutex_t lock; /* guards all below */
	struct map by_id;
	struct list idle;
	size_t nidle;
};

struct execs *execs_new(void)
{
	struct execs *e = xcalloc(1, sizeof(*e));

	pthread_mutex_init(&e->lock, NULL);
	map_init(&e->by_id);
	list_init(&e->idle);
	return e;
}

static void exec_free(struct exec *x)
{
	json_decref(x->info.config);
	free(x);
}

void execs_free(struct execs *e)
{
	size_t pos = 0;
	void *value;

	if (!e)
		return;
	while (map_next(&e->by_id, &pos, &value))
		exec_free(value);
	map_done(&e->by_id);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

void exec_info_done(struct exec_info *i)
{
	json_decref(i->config);
	i->config = NULL;
}

static time_t now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void forget(struct execs *e, struct exec *x)
{
	if (!x->info.running)
		e->nidle--;
	list_del(&x->link);
	map_del(&e->by_id, x->info.id);
	exec_free(x);
}

/* Drop the idle ones that are too old or too many. */
static void prune(struct execs *e)
{
	time_t now = now_s();

	while (!list_is_empty(&e->idle)) {
		struct exec *x = list_entry(e->idle.next, struct exec, link);

		if (e->nidle <= EXECS_KEPT && now - x->idle_since < EXECS_KEPT_S)
			return;
		forget(e, x);
	}
}

static void set_idle(struct execs *e, struct exec *x)
{
	x->idle_since = now_s();
	list_add(&e->idle, &x->link);
	e->nidle++;
	prune(e);
}

void execs_create(struct execs *e, const char *container_id, json_t *config, char id[ID_SIZE])
{
	struct exec *x = xcalloc(1, sizeof(*x));

	id_generate(x->info.id);
	snprintf(x->info.container_id, ID_SIZE, "%s", container_id);
	x->info.config = config;
	memcpy(id, x->info.id, ID_SIZE);
	pthread_mutex_lock(&e->lock);
	map_set(&e->by_id, id, x);
	set_idle(e, x);
	pthread_mutex_unlock(&e->lock);
}

static int get_locked(struct execs *e, const char *id, struct exec **out, struct error *err)
{
	*out = map_get(&e->by_id, id);
	return *out ? 0 : error_set(err, ERR_NOT_FOUND, "No such exec instance: %s", id);
}

static void copy(const struct exec *x, struct exec_info *out)
{
	*out = x->info;
	json_incref(out->config);
}

int execs_get(struct execs *e, const char *id, struct exec_info *out, struct error *err)
{
	struct exec *x;
	int rc;

	pthread_mutex_lock(&e->lock);
	rc = get_locked(e, id, &x, err);
	if (rc == 0)
		copy(x, out);
	pthread_mutex_unlock(&e->lock);
	return rc;
}

static int claim_locked(struct execs *e, struct exec *x, struct error *err)
{
	if (x->info.running)
		return error_set(err, ERR_CONFLICT, "Error: Exec command %s is already running",
				 x->info.id);
	if (x->info.started)
		return error_set(err, ERR_CONFLICT, "Error: Exec command %s has already run",
				 x->info.id);
	x->info.started = x->info.running = true;
	list_del(&x->link);
	e->nidle--;
	return 0;
}

int execs_claim(struct execs *e, const char *id, struct exec_info *out, struct error *err)
{
	struct exec *x;
	int rc;

	pthread_mutex_lock(&e->lock);
	rc = get_locked(e, id, &x, err);
	if (rc == 0)
		rc = claim_locked(e, x, err);
	if (rc == 0)
		copy(x, out);
	pthread_mutex_unlock(&e->lock);
	return rc;
}

void execs_started(struct execs *e, const char *id, pid_t pid)
{
	struct exec *x;

	pthread_mutex_lock(&e->lock);
	x = map_get(&e->by_id, id);
	if (x && !x->info.exited)
		x->info.pid = pid;
	pthread_mutex_unlock(&e->lock);
}

static void end_locked(struct execs *e, struct exec *x, int exit_code)
{
	x->info.running = false;
	x->info.exited = true;
	x->info.exit_code = exit_code;
	x->info.pid = 0;
	set_idle(e, x);
}

void execs_exited(struct execs *e, const char *id, int exit_code)
{
	struct exec *x;

	pthread_mutex_lock(&e->lock);
	x = map_get(&e->by_id, id);
	if (x && x->info.running)
		end_locked(e, x, exit_code);
	pthread_mutex_unlock(&e->lock);
}

/* The next one of a container, and running if so asked; the map may change between calls. */
static struct exec *next_of(struct execs *e, const char *container_id, bool running)
{
	size_t pos = 0;
	void *value;

	while (map_next(&e->by_id, &pos, &value)) {
		struct exec *x = value;

		if (strcmp(x->info.container_id, container_id) == 0 &&
		    (!running || x->info.running))
			return x;
	}
	return NULL;
}

void execs_container_ended(struct execs *e, const char *container_id)
{
	struct exec *x;

	pthread_mutex_lock(&e->lock);
	while ((x = next_of(e, container_id, true)))
		end_locked(e, x, KILLED);
	pthread_mutex_unlock(&e->lock);
}

void execs_forget_container(struct execs *e, const char *container_id)
{
	struct exec *x;

	pthread_mutex_lock(&e->lock);
	while ((x = next_of(e, container_id, false)))
		forget(e, x);
	pthread_mutex_unlock(&e->lock);
}

json_t *execs_running_ids(struct execs *e, const char *container_id)
{
	json_t *ids = json_array();
	size_t pos = 0;
	void *value;

	pthread_mutex_lock(&e->lock);
	while (map_next(&e->by_id, &pos, &value)) {
		struct exec *x = value;

		if (x->info.running && strcmp(x->info.container_id, container_id) == 0)
			json_array_append_new(ids, json_string(x->info.id));
	}
	pthread_mutex_unlock(&e->lock);
	if (json_array_size(ids))
		return ids;
	json_decref(ids);
	return json_null();
}

void execs_publish_died(struct daemon *d, struct container *c, const char *exec_id)
{
	struct exec_info info;
	char code[16];

	if (execs_get(d->execs, exec_id, &info, NULL) < 0)
		return; /* pruned, or gone with its container */
	snprintf(code, sizeof(code), "%d", info.exit_code);
	container_event(d, c, "exec_die",
			json_pack("{s:s, s:s}", "execID", exec_id, "exitCode", code));
	exec_info_done(&info);
}
