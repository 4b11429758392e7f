/*
 * Starting a container: what `start`, `restart`, the restart policy and the boot share.
 *
 * Everything happens under the container's operation token, so nothing else begins meanwhile; the
 * lock is taken for moments only. The one slow step is execdriver_run(). The exit of a program that
 * ends at once may be told before that returns: on_exited() then leaves it as an "early exit", and
 * the start completes it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "daemon/command.h"
#include "daemon/internal.h"
#include "daemon/netfiles.h"
#include "daemon/network.h"
#include "daemon/pending.h"
#include "daemon/record.h"
#include "execdriver/driver.h"
#include "graph/graph.h"
#include "graphdriver/driver.h"
#include "pkg/fs.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/timefmt.h"

#define EXIT_OTHER 128 /* a start that failed for no fault of the command */

/* May it be started? Marks it as starting if so. With the token held. */
static int claim(struct container *c, unsigned flags, struct error *err)
{
	const struct container_state *s = &c->state;
	int rc = 0;

	pthread_mutex_lock(&c->lock);
	if (s->removing || s->dead || c->removed)
		rc = error_set(err, ERR_CONFLICT,
			       "container is marked for removal and cannot be started");
	else if (flags & RUN_BY_POLICY && !s->restarting)
		rc = error_set(err, ERR_CANCELLED, "the restart was called off");
	else if (s->paused)
		rc = error_set(err, ERR_CONFLICT,
			       "cannot start a paused container, try unpause instead");
	else if (s->running && !(flags & RUN_BY_POLICY))
		rc = error_set(err, ERR_NOT_MODIFIED, "container %s is running already", c->id);
	if (rc == 0) {
		c->state.starting = true;
		c->early_exit = false;
	}
	pthread_mutex_unlock(&c->lock);
	return rc;
}

/*
 * A write layer that was mounted volatile has the kernel's mark of it, and cannot be mounted again:
 * a crash of the machine might have torn it. Here none has: an AutoRemove container that one caught
 * is removed by the next daemon, not started.
 */
static int clear_volatile_mark(struct daemon *d, struct container *c, struct error *err)
{
	const struct graphdriver_ops *ops = graphdriver_ops(d->graphdriver);
	autojson json_t *data = ops->metadata(graphdriver_self(d->graphdriver), c->id);
	const char *work = json_get_str(data, "WorkDir", NULL);
	autofree char *mark = NULL;

	if (!work)
		return 0; /* no overlay */
	mark = xasprintf("%s/work/incompat", work);
	if (fs_remove_tree(AT_FDCWD, mark) < 0)
		return error_sys(err, "cannot remove \"%s\"", mark);
	return 0;
}

static int mount_rootfs(struct daemon *d, struct container *c, struct exec_command *cmd,
			struct error *err)
{
	bool ran = container_state(c).started.tv_sec != 0;
	struct graphdriver_mount m = { 0 };

	if (ran && container_is_auto_remove(c) && clear_volatile_mark(d, c, err) < 0)
		return -1;
	if (graph_rw_mount(d->graph, c->id, &m, err) < 0)
		return -1;
	cmd->rootfs.kind = m.overlay ? ROOTFS_OVERLAY : ROOTFS_DIR;
	cmd->rootfs.path = take_ptr(&m.path);
	cmd->rootfs.options = take_ptr(&m.options);
	cmd->rootfs.is_volatile = container_is_auto_remove(c);
	graphdriver_mount_done(&m);
	return 0;
}

static void set_started(struct container *c, struct timespec when)
{
	pthread_mutex_lock(&c->lock);
	c->state.started = when;
	pthread_mutex_unlock(&c->lock);
}

static int add_links(struct daemon *d, struct container *c, struct job *job, const json_t *network,
		     struct exec_command *cmd, struct error *err)
{
	if (links_open(d, c, job, network, err) < 0)
		return -1;
	links_environ(d, c, &cmd->process.env);
	return 0;
}

static int prepare(struct daemon *d, struct container *c, struct job *job, struct exec_command *cmd,
		   struct error *err)
{
	autofree char *files = NULL;
	json_t *network;

	if (network_allocate(d, c, job, &network, err) < 0)
		return -1;
	container_set_json(c, &c->network, network);
	if (netfiles_write(d, c, network, &files, err) < 0 ||
	    command_build(d, c, network, cmd, err) < 0 ||
	    add_links(d, c, job, network, cmd, err) < 0 || command_mounts(c, files, cmd, err) < 0 ||
	    mount_rootfs(d, c, cmd, err) < 0)
		return -1;
	set_started(c, time_now());
	return record_save(d, c, err); /* "starting", with its address: the next daemon will look */
}

/* Record that it runs; true when it has ended already. */
static bool record_running(struct daemon *d, struct container *c, pid_t pid,
			   struct pending_taken *late)
{
	bool ended;

	pthread_mutex_lock(&c->lock);
	state_set_running(&c->state, pid, c->state.started);
	ended = c->early_exit;
	if (ended)
		container_exited_locked(d, c, c->early_status, c->early_oom, c->early_finished,
					c->early_error);
	else
		container_changed_locked(c, false);
	c->early_exit = false;
	pending_take_locked(c, late);
	pthread_mutex_unlock(&c->lock);
	return ended;
}

/* Clients that came while the start was under way. */
static void attach_late(struct daemon *d, struct container *c, struct pending_taken *late)
{
	struct error err;

	for (size_t i = 0; i < late->n; i++)
		if (execdriver_attach(d->execdriver, c->id, NULL, &late->v[i], &err) < 0)
			log_debug("late attach to %s: %s", c->id, err.text);
	pending_taken_free(late);
}

static int launch(struct daemon *d, struct container *c, const struct exec_command *cmd,
		  int *exit_code, struct error *err)
{
	struct pending_taken waiting, late;
	bool ended;
	pid_t pid;
	int rc;

	pending_await(c);
	pthread_mutex_lock(&c->lock);
	pending_take_locked(c, &waiting);
	pthread_mutex_unlock(&c->lock);
	rc = execdriver_run(d->execdriver, cmd, waiting.v, waiting.n, &pid, exit_code, err);
	pending_taken_free(&waiting);
	if (rc < 0)
		return -1;
	ended = record_running(d, c, pid, &late);
	attach_late(d, c, &late);
	container_event(d, c, "start", NULL);
	links_child_started(d, c);
	if (ended)
		container_cleanup_later(d, c);
	return 0;
}

/* Undo a start that failed, and leave word of why. */
static void record_failure(struct daemon *d, struct container *c, int exit_code,
			   struct timespec last_started, const struct error *why)
{
	struct error err;

	network_release(d, c);
	pending_drop_all(c);
	pthread_mutex_lock(&c->lock);
	c->state.starting = c->state.running = c->state.restarting = false;
	c->state.exit_code = exit_code;
	c->state.started = last_started;
	snprintf(c->state.error, sizeof(c->state.error), "%s", why->text);
	container_changed_locked(c, false);
	pthread_mutex_unlock(&c->lock);
	if (record_save(d, c, &err) < 0)
		log_warn("%s, ignoring", err.text);
}

/* A container of one run that could not run goes at once. */
static void remove_failed(struct daemon *d, struct container *c)
{
	struct error err;

	if (container_is_auto_remove(c) && container_remove(d, c, NULL, REMOVE_VOLUMES, &err) < 0)
		log_warn("cannot remove %s: %s", c->id, err.text);
}

static int run(struct daemon *d, struct container *c, struct job *job, struct error *err)
{
	struct error own, *why = err ? err : &own;
	struct timespec last_started = container_state(c).started;
	int exit_code = EXIT_OTHER, rc;
	struct exec_command cmd;

	exec_command_init(&cmd);
	rc = prepare(d, c, job, &cmd, why);
	if (rc == 0)
		rc = launch(d, c, &cmd, &exit_code, why);
	exec_command_done(&cmd);
	if (rc < 0)
		record_failure(d, c, exit_code, last_started, why);
	return rc;
}

int container_run(struct daemon *d, struct container *c, struct job *job, unsigned flags,
		  struct error *err)
{
	int rc;

	if (container_begin(c, OP_START, job, err) < 0)
		return -1;
	rc = claim(c, flags, err);
	if (rc < 0) {
		container_end(c);
		return -1;
	}
	pthread_mutex_lock(&c->lock);
	if (flags & RUN_BY_POLICY) {
		c->restart_count++;
	} else {
		c->restart_count = c->restart_delay_ms = 0;
		c->state.manual_stop = false;
	}
	pthread_mutex_unlock(&c->lock);
	rc = run(d, c, job, err);
	container_end(c);
	if (rc < 0)
		remove_failed(d, c);
	return rc;
}
