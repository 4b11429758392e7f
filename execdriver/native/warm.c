/*
 * Monitors that are ready before they are needed. Moving a process into cgroups of version 1 waits
 * for the kernel's grace periods, 7 to 10 ms after a pause, and a network namespace takes its time
 * too: a few children are put there ahead of time, and a start renames their cgroups. They hold no
 * name, no address and no file of anybody; when the daemon ends, their connection does and they go.
 */
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "execdriver/native/native.h"
#include "pkg/id.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/proc.h"
#include "pkg/workers.h"

#define WARM_CLONE (CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET)

/* On v2 a child is born into its cgroup for nothing, and a folder cannot be renamed. */
static bool is_useful(const struct native *d)
{
	return d->cgroups.version == 1;
}

/* Does a prepared child have what this command asks for? */
static bool suits(const struct native *d, const struct exec_command *c)
{
	return is_useful(d) && !c->host_pid && !c->host_ipc && !c->host_uts && !c->join_pid_ns &&
	       !c->join_ipc_ns && !c->resources.cgroup_parent &&
	       (c->network.mode == EXEC_NET_NONE || c->network.mode == EXEC_NET_BRIDGE);
}

bool warm_take(struct native *d, const struct exec_command *c, struct warm *out)
{
	bool found = false;

	if (!suits(d, c))
		return false;
	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; i < WARM_SLOTS && !found; i++)
		if (d->warm[i].monitor) {
			*out = d->warm[i];
			d->warm[i] = (struct warm){ 0 };
			found = true;
		}
	pthread_mutex_unlock(&d->lock);
	return found;
}

static int plan_prepare(const struct native *d, struct error *err)
{
	char name[32], random[17], flags[24];
	struct plan_writer w;
	int fd;

	id_random_hex(random, 8);
	snprintf(name, sizeof(name), "warm-%s", random);
	snprintf(flags, sizeof(flags), "%d", WARM_CLONE);
	plan_writer_init(&w);
	plan_put(&w, PLAN_CLONE, flags, NULL);
	for (size_t i = 0; i < d->cgroups.n; i++) {
		autofree char *dir = cgroup_dir(&d->cgroups, i, NULL, name);

		plan_put(&w, PLAN_CGROUP, dir, NULL);
	}
	fd = plan_writer_memfd(&w);
	plan_writer_done(&w);
	if (fd < 0)
		error_sys(err, "writing a plan");
	return fd;
}

static void discard(struct warm *w)
{
	mem_close_fd(&w->conn);
	mem_close_fd(&w->pidfd);
	proc_wait(w->monitor); /* it ends with its connection */
	w->monitor = 0;
}

static int make(struct native *d, struct warm *w, struct error *err)
{
	struct message m = { .type = MESSAGE_PREPARE }, reply;
	autoclose int plan = plan_prepare(d, err);
	char text[512];

	if (plan < 0 || monitor_spawn(d, &w->monitor, &w->pidfd, &w->conn, err) < 0)
		return -1;
	if (monitor_send(w->conn, &m, NULL, 0, &plan, 1) < 0)
		error_sys(err, "asking the monitor");
	else if (monitor_reply(w->conn, &reply, text, err) == 0) {
		if (reply.status == 0)
			return 0;
		error_set(err, ERR_INTERNAL, "%s", text);
	}
	discard(w);
	return -1;
}

/* Put a new one into an empty slot. false: none is empty any more, or the driver closes. */
static bool store(struct native *d, const struct warm *w)
{
	bool stored = false;

	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; i < WARM_SLOTS && !stored && !d->closing; i++)
		if (!d->warm[i].monitor) {
			d->warm[i] = *w;
			stored = true;
		}
	pthread_mutex_unlock(&d->lock);
	return stored;
}

/* How many slots are empty; at 0 the filling thread is done. */
static size_t want(struct native *d)
{
	size_t n = 0;

	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; i < WARM_SLOTS && !d->closing; i++)
		n += d->warm[i].monitor == 0;
	if (!n)
		d->filling = false;
	pthread_mutex_unlock(&d->lock);
	return n;
}

static void fill(void *arg)
{
	struct native *d = arg;
	struct error err;

	while (want(d)) {
		struct warm w = { 0 };

		if (make(d, &w, &err) < 0) {
			log_warn("Preparing a container ahead of time: %s, ignoring", err.text);
			pthread_mutex_lock(&d->lock);
			d->filling = false;
			pthread_mutex_unlock(&d->lock);
			return;
		}
		if (!store(d, &w))
			discard(&w);
	}
}

void warm_refill(struct native *d)
{
	bool start;

	if (!is_useful(d))
		return;
	pthread_mutex_lock(&d->lock);
	start = !d->filling && !d->closing;
	if (start)
		d->filling = true;
	pthread_mutex_unlock(&d->lock);
	if (start && workers_run(fill, d) < 0) {
		pthread_mutex_lock(&d->lock);
		d->filling = false;
		pthread_mutex_unlock(&d->lock);
	}
}

void warm_close(struct native *d)
{
	pthread_mutex_lock(&d->lock);
	d->closing = true;
	while (d->filling) { /* it ends within a few milliseconds; d must outlive it */
		pthread_mutex_unlock(&d->lock);
		usleep(1000);
		pthread_mutex_lock(&d->lock);
	}
	pthread_mutex_unlock(&d->lock);
	for (size_t i = 0; i < WARM_SLOTS; i++)
		if (d->warm[i].monitor)
			discard(&d->warm[i]);
}
