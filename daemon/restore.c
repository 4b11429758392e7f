/*
 * What an earlier daemon left: its containers are read, those that still run are adopted, those that
 * ended meanwhile are finished as if their exit was just seen, half-made and half-removed ones are
 * cleaned up. Then whatever belongs to no container is swept away, and the restart policies run.
 *
 * Nothing is started before the sweeps are done: they could not tell a new veth from a stray one.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/disk.h"
#include "daemon/internal.h"
#include "daemon/network.h"
#include "daemon/record.h"
#include "engine/engine.h"
#include "execdriver/driver.h"
#include "graph/graph.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/strlist.h"
#include "pkg/timefmt.h"
#include "pkg/workers.h"

#define EXIT_LOST 255 /* its end was seen by nobody: after a reboot, say */

/* Two containers with one name cannot be; if they are, the second one is called by its id. */
static void reserve_name(struct daemon *d, struct container *c)
{
	struct error err;

	if (store_reserve_name(d->store, c->name, c->id, &err) == 0)
		return;
	log_warn("container %s: %s; it is called by its id now", c->id, err.text);
	free(c->name);
	c->name = xasprintf("/%.12s", c->id);
	if (store_reserve_name(d->store, c->name, c->id, &err) < 0)
		log_warn("container %s has no name: %s", c->id, err.text);
}

static int load_all(struct daemon *d, struct error *err)
{
	DIR *dir = opendir(d->containers_dir);
	struct dirent *e;

	if (!dir)
		return error_sys(err, "cannot read \"%s\"", d->containers_dir);
	while ((e = readdir(dir))) {
		struct container *c;
		struct error why;

		if (!id_is_full(e->d_name))
			continue;
		c = disk_load(d->containers_dir, e->d_name, &why);
		if (!c) {
			log_error("container %.12s: %s, ignoring", e->d_name, why.text);
			continue;
		}
		record_load(d, c);
		reserve_name(d, c);
		links_note(d, c->host_config);
		store_add(d->store, c);
		container_unref(c);
	}
	closedir(dir);
	return 0;
}

/* It runs, and was not interrupted. */
static void take_running(struct daemon *d, struct container *c, pid_t pid)
{
	struct container_state *s = &c->state;

	pthread_mutex_lock(&c->lock);
	s->starting = s->restarting = s->removing = false;
	s->running = true;
	s->pid = pid;
	pthread_mutex_unlock(&c->lock);
	network_adopt(d, c);
	log_info("container %.12s still runs, as process %d", c->id, (int)pid);
}

/* It ended while nobody looked: take it from there. */
static void take_ended(struct daemon *d, struct container *c, const struct exec_exit *exit)
{
	pthread_mutex_lock(&c->lock);
	c->state.removing = false;
	container_exited_locked(d, c, exit->status, exit->oom_killed || c->state.oom_killed,
				exit->finished, exit->error);
	pthread_mutex_unlock(&c->lock);
	container_cleanup(d, c);
}

static void take_lost(struct daemon *d, struct container *c)
{
	struct exec_exit lost = { .status = EXIT_LOST, .finished = time_now() };

	snprintf(lost.error, sizeof(lost.error),
		 "the container was lost: it did not survive a crash or a reboot");
	take_ended(d, c, &lost);
}

/* It did not run when the last daemon looked. */
static void take_stopped(struct daemon *d, struct container *c)
{
	struct error err;

	pthread_mutex_lock(&c->lock);
	c->state.running = c->state.restarting = c->state.removing = c->state.dead = false;
	pthread_mutex_unlock(&c->lock);
	container_set_json(c, &c->network, NULL);
	execdriver_cleanup(d->execdriver, c->id);
	if (container_is_auto_remove(c) && container_remove(d, c, NULL, REMOVE_VOLUMES, &err) < 0)
		log_warn("cannot remove %s: %s", c->id, err.text);
}

static void settle(struct daemon *d, struct container *c)
{
	struct container_state s = container_state(c);
	bool ran = s.starting || (s.running && !s.restarting);
	struct exec_exit exit = { 0 };
	pid_t pid = 0;

	switch (execdriver_adopt(d->execdriver, c->id, &pid, &exit)) {
	case EXEC_ADOPT_RUNNING:
		take_running(d, c, pid);
		break;
	case EXEC_ADOPT_EXITED:
		if (ran)
			take_ended(d, c, &exit);
		else
			take_stopped(d, c); /* its end is on record already */
		break;
	case EXEC_ADOPT_GONE:
		if (ran)
			take_lost(d, c);
		else
			take_stopped(d, c);
		break;
	}
}

static void sweep(struct daemon *d)
{
	autostrlist struct strlist ids = STRLIST_INIT;
	struct container **all = store_list(d->store);
	json_t *ifnames = json_array();
	struct error err;

	for (struct container **p = all; *p; p++)
		network_known_ifnames(*p, ifnames);
	store_list_free(all);
	store_ids(d->store, &ids);
	record_sweep(d);
	resolver_sweep(d);
	execdriver_sweep(d->execdriver, &ids);
	graph_rw_sweep(d->graph, &ids);
	if (engine_has(d->engine, "network_sweep")) {
		json_t *env = json_pack("{s:O}", "KnownIfnames", ifnames);

		if (nested_job(d, NULL, "network_sweep", NULL, env, NULL, &err) < 0)
			log_warn("network_sweep: %s, ignoring", err.text);
	}
	json_decref(ifnames);
}

static bool is_to_be_started(struct container *c)
{
	autojson json_t *h = container_host_config(c);
	struct container_state s = container_state(c);

	return !s.running && s.started.tv_sec != 0 &&
	       restart_is_wanted_at_boot(h, s.manual_stop, s.exit_code, container_restart_count(c));
}

/* Oldest first: whoever shares the network of another was made after it. */
static void start_by_policy(void *arg)
{
	struct daemon *d = arg;
	struct container **all = store_list(d->store);
	size_t n = 0;

	while (all[n])
		n++;
	while (n-- > 0 && !engine_is_shutdown(d->engine)) {
		struct error err;

		if (is_to_be_started(all[n]) && container_run(d, all[n], NULL, 0, &err) < 0)
			log_error("cannot start container %s: %s", all[n]->id, err.text);
	}
	store_list_free(all);
	daemon_release(d);
}

int daemon_restore(struct daemon *d, struct error *err)
{
	struct container **all;

	d->restoring = true;
	disk_sweep(d->containers_dir);
	if (load_all(d, err) < 0)
		return -1;
	all = store_list(d->store);
	for (struct container **p = all; *p; p++)
		settle(d, *p);
	/* Only now is it known whose address is whose. */
	for (struct container **p = all; *p; p++)
		links_reopen(d, *p);
	store_list_free(all);
	sweep(d);
	d->restoring = false;
	daemon_hold(d);
	if (workers_run(start_by_policy, d) < 0)
		start_by_policy(d);
	return 0;
}
