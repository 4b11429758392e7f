/*
 * An exec driver and an image store that do nothing but keep count, in place of the real ones: the
 * functions of their headers are defined here, so the archive's are not linked. A "container" runs
 * until the test ends it. Included by one test program.
 */
#ifndef TESTS_UNIT_FAKE_DRIVERS_H
#define TESTS_UNIT_FAKE_DRIVERS_H

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "execdriver/driver.h"
#include "graph/graph.h"
#include "graphdriver/driver.h"
#include "pkg/fs.h"
#include "pkg/map.h"
#include "pkg/mem.h"
#include "pkg/strlist.h"
#include "pkg/timefmt.h"

/* What the daemon asked of the drivers, and what they shall answer. */
static struct {
	pthread_mutex_t lock; /* guards all below */
	struct execdriver_listener listener;
	struct map running; /* id -> anything */
	struct map layers;  /* id -> anything */
	int runs, attached, cleanups, signals, last_signal;
	bool exit_at_once; /* exited is told before run returns */
	bool fail_run, fail_remove, ignore_term;
	enum exec_adopt adopt;
	struct exec_exit adopted_exit;
	struct strlist swept;
} fake = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct execdriver {
	int unused;
};
static struct execdriver the_execdriver;

static void fake_reset(void)
{
	map_done(&fake.running);
	map_done(&fake.layers);
	strlist_done(&fake.swept);
	memset(&fake, 0, sizeof(fake));
	pthread_mutex_init(&fake.lock, NULL);
	map_init(&fake.running);
	map_init(&fake.layers);
	fake.adopt = EXEC_ADOPT_GONE;
}

/* End a container's run, as the driver's thread would tell it. */
static void fake_exit(const char *id, int status)
{
	struct exec_exit e = { .status = status, .finished = time_now() };
	bool was;

	pthread_mutex_lock(&fake.lock);
	was = map_del(&fake.running, id) != NULL;
	pthread_mutex_unlock(&fake.lock);
	if (was)
		fake.listener.exited(fake.listener.arg, id, &e);
}

static int fake_get(const int *counter)
{
	int n;

	pthread_mutex_lock(&fake.lock);
	n = *counter;
	pthread_mutex_unlock(&fake.lock);
	return n;
}

/* ---- execdriver/driver.h ---- */

struct execdriver *execdriver_open(const struct execdriver_config *config, struct error *err)
{
	(void)err;
	fake.listener = config->listener;
	return &the_execdriver;
}

void execdriver_close(struct execdriver *d)
{
	(void)d;
}

const char *execdriver_name(const struct execdriver *d)
{
	(void)d;
	return "fake-1";
}

int execdriver_run(struct execdriver *d, const struct exec_command *c,
		   const struct exec_attach *attach, size_t nattach, pid_t *pid, int *exit_code,
		   struct error *err)
{
	bool fail;

	(void)d;
	pthread_mutex_lock(&fake.lock);
	fail = fake.fail_run;
	fake.runs++;
	fake.attached += (int)nattach;
	if (!fail)
		map_set(&fake.running, c->id, &fake);
	pthread_mutex_unlock(&fake.lock);
	for (size_t i = 0; i < nattach; i++)
		close(attach[i].fd);
	if (fail) {
		*exit_code = 127;
		return error_set(err, ERR_BAD_REQUEST,
				 "exec: \"%s\": executable file not found in $PATH",
				 c->process.argv.v[0]);
	}
	*pid = 4242;
	if (fake.exit_at_once)
		fake_exit(c->id, 9);
	return 0;
}

enum exec_adopt execdriver_adopt(struct execdriver *d, const char *id, pid_t *pid,
				 struct exec_exit *exit)
{
	(void)d;
	if (fake.adopt == EXEC_ADOPT_RUNNING) {
		map_set(&fake.running, id, &fake);
		*pid = 4343;
	}
	*exit = fake.adopted_exit;
	return fake.adopt;
}

void execdriver_sweep(struct execdriver *d, const struct strlist *ids)
{
	(void)d;
	for (size_t i = 0; i < ids->n; i++)
		strlist_add(&fake.swept, ids->v[i]);
}

void execdriver_cleanup(struct execdriver *d, const char *id)
{
	(void)d, (void)id;
	pthread_mutex_lock(&fake.lock);
	fake.cleanups++;
	pthread_mutex_unlock(&fake.lock);
}

int execdriver_attach(struct execdriver *d, const char *id, const char *exec_id,
		      const struct exec_attach *a, struct error *err)
{
	(void)d, (void)id, (void)exec_id, (void)err;
	close(a->fd);
	pthread_mutex_lock(&fake.lock);
	fake.attached++;
	pthread_mutex_unlock(&fake.lock);
	return 0;
}

int execdriver_resize(struct execdriver *d, const char *id, const char *exec_id, unsigned rows,
		      unsigned cols, struct error *err)
{
	(void)d, (void)id, (void)exec_id, (void)rows, (void)cols, (void)err;
	return 0;
}

int execdriver_signal(struct execdriver *d, const char *id, const char *exec_id, int signo,
		      struct error *err)
{
	bool deadly;

	(void)d, (void)exec_id, (void)err;
	pthread_mutex_lock(&fake.lock);
	fake.signals++;
	fake.last_signal = signo;
	deadly = signo == 9 || (signo == 15 && !fake.ignore_term);
	pthread_mutex_unlock(&fake.lock);
	if (deadly)
		fake_exit(id, 128 + signo);
	return 0;
}

int execdriver_exec(struct execdriver *d, const char *id, const char *exec_id,
		    const struct exec_process *p, const struct exec_attach *attach, pid_t *pid,
		    int *exit_code, struct error *err)
{
	(void)d, (void)id, (void)exec_id, (void)p, (void)exit_code, (void)err;
	if (attach)
		close(attach->fd);
	*pid = 4444;
	return 0;
}

int execdriver_network(struct execdriver *d, const char *id, const struct exec_network_change *c,
		       struct error *err)
{
	(void)d, (void)id, (void)c, (void)err;
	return 0;
}

int execdriver_pause(struct execdriver *d, const char *id, struct error *err)
{
	(void)d, (void)id, (void)err;
	return 0;
}

int execdriver_unpause(struct execdriver *d, const char *id, struct error *err)
{
	(void)d, (void)id, (void)err;
	return 0;
}

int execdriver_update(struct execdriver *d, const char *id, const struct exec_resources *r,
		      struct error *err)
{
	(void)d, (void)id, (void)r, (void)err;
	return 0;
}

int execdriver_pids(struct execdriver *d, const char *id, pid_t **pids, size_t *n,
		    struct error *err)
{
	(void)d, (void)id, (void)err;
	*pids = NULL;
	*n = 0;
	return 0;
}

const struct exec_features *execdriver_features(const struct execdriver *d)
{
	static const struct exec_features all = { 2,    true, true, true, true,
						  true, true, true, true, true };

	(void)d;
	return &all;
}

/* ---- graph/graph.h, graphdriver/driver.h: one image, "image", and folders that are not there ---- */

struct graph {
	int unused;
};
static struct graph the_graph;

static json_t *fake_no_data(void *self, const char *id)
{
	(void)self, (void)id;
	return json_object();
}

static const struct graphdriver_ops fake_ops = { .name = "fake", .metadata = fake_no_data };

struct graphdriver *graphdriver_open(const char *root, const char *name, char *const *options,
				     struct error *err)
{
	(void)root, (void)name, (void)options, (void)err;
	return (struct graphdriver *)&the_graph;
}

void graphdriver_close(struct graphdriver *d)
{
	(void)d;
}

const char *graphdriver_name(const struct graphdriver *d)
{
	(void)d;
	return "fake";
}

const char *graphdriver_note(const struct graphdriver *d)
{
	(void)d;
	return NULL;
}

const struct graphdriver_ops *graphdriver_ops(const struct graphdriver *d)
{
	(void)d;
	return &fake_ops;
}

void *graphdriver_self(const struct graphdriver *d)
{
	(void)d;
	return NULL;
}

void graphdriver_mount_done(struct graphdriver_mount *m)
{
	free(m->path);
	free(m->options);
}

struct graph *graph_open(const char *root, struct graphdriver *driver,
			 const struct registry *registry, struct error *err)
{
	(void)root, (void)driver, (void)registry, (void)err;
	return &the_graph;
}

void graph_close(struct graph *g)
{
	(void)g;
}

int graph_install(struct graph *g, struct engine *e, struct error *err)
{
	(void)g, (void)e, (void)err;
	return 0;
}

struct image *graph_lookup(struct graph *g, const char *name, struct error *err)
{
	struct image *i;

	(void)g;
	if (strcmp(name, "image") != 0) {
		error_set(err, ERR_NOT_FOUND, "No such image: %s:latest", name);
		return NULL;
	}
	i = xcalloc(1, sizeof(*i));
	snprintf(i->id, sizeof(i->id), "sha256:%064d", 1);
	i->config = json_pack("{s:s, s:s, s:{s:[s], s:[s]}}", "os", "linux", "architecture",
			      "amd64", "config", "Cmd", "cmd", "Env", "FROM=image");
	return i;
}

void image_free(struct image *i)
{
	if (!i)
		return;
	json_decref(i->config);
	free(i);
}

size_t graph_count(struct graph *g)
{
	(void)g;
	return 1;
}

json_t *graph_layer_sizes(struct graph *g)
{
	(void)g;
	return json_object();
}

int64_t graph_prune_ready(struct graph *g)
{
	(void)g;
	return 0;
}

int graph_delete(struct graph *g, const char *name, bool force, bool noprune, json_t *done,
		 struct error *err)
{
	(void)g, (void)force, (void)noprune, (void)err;
	json_array_append_new(done, json_pack("{s:s}", "Untagged", name));
	return 0;
}

int graph_rw_create(struct graph *g, const char *id, const char *image_id, struct error *err)
{
	(void)g, (void)image_id, (void)err;
	pthread_mutex_lock(&fake.lock);
	map_set(&fake.layers, id, &fake);
	pthread_mutex_unlock(&fake.lock);
	return 0;
}

int graph_rw_mount(struct graph *g, const char *id, struct graphdriver_mount *out,
		   struct error *err)
{
	(void)g, (void)id, (void)err;
	out->path = xstrdup("/nowhere");
	return 0;
}

int graph_rw_remove(struct graph *g, const char *id, struct error *err)
{
	bool fail;

	(void)g;
	pthread_mutex_lock(&fake.lock);
	fail = fake.fail_remove;
	if (!fail)
		map_del(&fake.layers, id);
	pthread_mutex_unlock(&fake.lock);
	return fail ? error_set(err, ERR_INTERNAL, "no") : 0;
}

void graph_rw_sweep(struct graph *g, const struct strlist *known_ids)
{
	(void)g, (void)known_ids;
}

json_t *graph_rw_changes(struct graph *g, const char *id, struct error *err)
{
	(void)g, (void)id, (void)err;
	return json_array();
}

int graph_rw_size(struct graph *g, const char *id, int64_t *rw, int64_t *rootfs, struct error *err)
{
	(void)g, (void)id, (void)err;
	*rw = 1;
	*rootfs = 2;
	return 0;
}

int graph_rw_export(struct graph *g, const char *id, int fd, struct error *err)
{
	(void)g, (void)id;
	return fs_write_all(fd, "tar", 3) < 0 ? error_sys(err, "export") : 0;
}

int graph_commit(struct graph *g, const struct graph_commit *c, char id[72], struct error *err)
{
	(void)g, (void)c, (void)err;
	snprintf(id, 72, "sha256:%064d", 2);
	return 0;
}

#endif
