/* The table of exec drivers, and the calls that go through it. */
#include "execdriver/driver.h"

#include <string.h>

#include "execdriver/ops.h"
#include "pkg/mem.h"

static const struct execdriver_ops *const drivers[] = { &execdriver_native };

struct execdriver *execdriver_open(const struct execdriver_config *config, struct error *err)
{
	struct execdriver *d;

	for (size_t i = 0; i < array_size(drivers); i++) {
		if (strcmp(drivers[i]->name, config->name) != 0)
			continue;
		d = drivers[i]->open(config, err);
		if (d) {
			d->ops = drivers[i];
			d->listener = config->listener;
		}
		return d;
	}
	error_set(err, ERR_BAD_REQUEST, "unknown exec driver \"%s\"", config->name);
	return NULL;
}

void execdriver_close(struct execdriver *d)
{
	if (d)
		d->ops->close(d);
}

const char *execdriver_name(const struct execdriver *d)
{
	return d->ops->name;
}

int execdriver_run(struct execdriver *d, const struct exec_command *c,
		   const struct exec_attach *attach, size_t nattach, pid_t *pid, int *exit_code,
		   struct error *err)
{
	return d->ops->run(d, c, attach, nattach, pid, exit_code, err);
}

enum exec_adopt execdriver_adopt(struct execdriver *d, const char *id, pid_t *pid,
				 struct exec_exit *exit)
{
	return d->ops->adopt(d, id, pid, exit);
}

void execdriver_sweep(struct execdriver *d, const struct strlist *known_ids)
{
	d->ops->sweep(d, known_ids);
}

void execdriver_cleanup(struct execdriver *d, const char *id)
{
	d->ops->cleanup(d, id);
}

int execdriver_attach(struct execdriver *d, const char *id, const char *exec_id,
		      const struct exec_attach *a, struct error *err)
{
	return d->ops->attach(d, id, exec_id, a, err);
}

int execdriver_resize(struct execdriver *d, const char *id, const char *exec_id, unsigned rows,
		      unsigned cols, struct error *err)
{
	return d->ops->resize(d, id, exec_id, rows, cols, err);
}

int execdriver_signal(struct execdriver *d, const char *id, const char *exec_id, int signo,
		      struct error *err)
{
	return d->ops->signal(d, id, exec_id, signo, err);
}

int execdriver_exec(struct execdriver *d, const char *id, const char *exec_id,
		    const struct exec_process *p, const struct exec_attach *attach, pid_t *pid,
		    int *exit_code, struct error *err)
{
	return d->ops->exec(d, id, exec_id, p, attach, pid, exit_code, err);
}

int execdriver_network(struct execdriver *d, const char *id, const struct exec_network_change *c,
		       struct error *err)
{
	return d->ops->network(d, id, c, err);
}

int execdriver_pause(struct execdriver *d, const char *id, struct error *err)
{
	return d->ops->freeze(d, id, true, err);
}

int execdriver_unpause(struct execdriver *d, const char *id, struct error *err)
{
	return d->ops->freeze(d, id, false, err);
}

int execdriver_update(struct execdriver *d, const char *id, const struct exec_resources *r,
		      struct error *err)
{
	return d->ops->update(d, id, r, err);
}

int execdriver_pids(struct execdriver *d, const char *id, pid_t **pids, size_t *n,
		    struct error *err)
{
	return d->ops->pids(d, id, pids, n, err);
}

char *execdriver_cgroup_path(struct execdriver *d, const char *id, const char *controller)
{
	return d->ops->cgroup_path(d, id, controller);
}

const struct exec_features *execdriver_features(const struct execdriver *d)
{
	return d->ops->features(d);
}
