/* The job rename. */
#include <string.h>

#include "daemon/disk.h"
#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "daemon/names.h"
#include "engine/job.h"
#include "pkg/log.h"
#include "pkg/mem.h"

/* Others on its networks find it under the new name from now on. */
static void rename_on_networks(struct daemon *d, struct container *c, const char *new)
{
	struct job *j = job_new(d->engine, "rename_interface", c->id, new + 1, NULL);
	struct error err;

	if (job_run(j, &err) < 0)
		log_warn("networks know %s by its old name: %s, ignoring", c->id, err.text);
	job_free(j);
}

/* With the token held. On failure the old name is back. */
static int rename_to(struct daemon *d, struct container *c, const char *new, const char *old,
		     struct error *err)
{
	if (strcmp(new, old) == 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "Renaming a container with the same name as its current name");
	if (!name_is_valid(new)) {
		return error_set(err, ERR_BAD_REQUEST,
				 "Error when allocating new name: Invalid container name (%s), "
				 "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
				 new);
	}
	if (store_rename(d->store, c, new, err) < 0)
		return error_prefix(err, "Error when allocating new name");
	if (disk_save(c, err) == 0) {
		rename_on_networks(d, c, new);
		disk_sync_later(d, c);
		return 0;
	}
	if (store_rename(d->store, c, old, NULL) < 0)
		log_warn("container %s stays \"%s\" until the next start", c->id, new);
	return -1;
}

static int run(struct job *job, struct daemon *d, struct container *c, const char *name,
	       struct error *err)
{
	autofree char *new = name_canonical(name), *old = NULL;
	int rc;

	if (container_begin(c, OP_CHANGE, job, err) < 0)
		return -1;
	old = container_name(c);
	rc = rename_to(d, c, new, old, err);
	container_end(c);
	if (rc == 0)
		container_event_with(d, c, "rename", "oldName", old);
	return rc;
}

int job_rename(struct job *job, void *self)
{
	const char *name = env_get(job_env(job), "name", "");
	struct container *c;
	struct error err;
	int rc;

	if (!*name)
		return job_fail(job, ERR_BAD_REQUEST, "Neither old nor new names may be empty");
	c = job_container(job, self);
	if (!c)
		return -1;
	rc = run(job, self, c, name, &err);
	container_unref(c);
	return rc < 0 ? job_fail_error(job, &err) : 0;
}
