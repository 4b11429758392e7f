/* The job update: limits and restart policy of a container, running or not. */
#include <string.h>

#include "daemon/command.h"
#include "daemon/disk.h"
#include "daemon/hostinfo.h"
#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "engine/job.h"
#include "execdriver/driver.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "runconfig/runconfig.h"

/* The limits that can be changed; zero leaves one as it is. */
static const char *const limits[] = {
	"BlkioWeight", "CpuPeriod",  "CpuQuota", "CpuShares", "CpusetCpus",        "CpusetMems",
	"Memory",      "MemorySwap", "NanoCpus", "PidsLimit", "MemoryReservation",
};

static bool is_set(const json_t *v)
{
	if (json_is_integer(v))
		return json_integer_value(v) != 0;
	return json_is_string(v) && *json_string_value(v);
}

/* A copy of h with what the update says. */
static json_t *apply(const json_t *h, const json_t *update)
{
	json_t *policy = json_get_obj(update, "RestartPolicy");
	json_t *copy = json_copy((json_t *)h);

	for (size_t i = 0; i < array_size(limits); i++) {
		json_t *v = json_object_get(update, limits[i]);

		if (is_set(v))
			json_object_set(copy, limits[i], v);
	}
	if (*json_get_str(policy, "Name", ""))
		json_object_set(copy, "RestartPolicy", policy);
	return copy;
}

static int check(struct daemon *d, struct container *c, const json_t *h, json_t *update,
		 struct strlist *warnings, struct error *err)
{
	const char *policy = json_get_str(json_get_obj(update, "RestartPolicy"), "Name", "");
	struct runconfig_host host;

	hostinfo_limits(d, &host);
	if (runconfig_validate_update(update, &host, warnings, err) < 0)
		return -1;
	if (*policy && strcmp(policy, "no") != 0 && json_get_bool(h, "AutoRemove", false))
		return error_set(err, ERR_CONFLICT,
				 "Cannot update container %s: Restart policy cannot be updated "
				 "because AutoRemove is enabled for the container",
				 c->id);
	return 0;
}

/* With the token held. On failure all is as before. */
static int change(struct daemon *d, struct container *c, json_t *old, json_t *new,
		  struct error *err)
{
	struct container_state s = container_state(c);
	struct exec_command cmd;
	int rc = 0;

	exec_command_init(&cmd);
	command_resources(new, &cmd.resources);
	if (s.running && !s.restarting)
		rc = execdriver_update(d->execdriver, c->id, &cmd.resources, err);
	exec_command_done(&cmd);
	if (rc < 0)
		return error_prefix(err, "Cannot update container %s", c->id);
	container_set_json(c, &c->host_config, json_incref(new));
	if (disk_save_host_config(c, err) == 0)
		return 0;
	container_set_json(c, &c->host_config, json_incref(old));
	return -1;
}

static int update(struct job *job, struct daemon *d, struct container *c, struct strlist *warnings,
		  struct error *err)
{
	autojson json_t *partial = NULL, *old = NULL, *new = NULL;
	int rc;

	partial = runconfig_host_config(env_json(job_env(job)), err);
	if (!partial || container_begin(c, OP_CHANGE, job, err) < 0)
		return -1;
	old = container_host_config(c);
	rc = check(d, c, old, partial, warnings, err);
	if (rc == 0) {
		new = apply(old, partial);
		rc = change(d, c, old, new, err);
	}
	container_end(c);
	return rc;
}

int job_update(struct job *job, void *self)
{
	autostrlist struct strlist warnings = STRLIST_INIT;
	autojson json_t *reply = NULL;
	struct container *c = job_container(job, self);
	struct error err;
	int rc;

	if (!c)
		return -1;
	rc = update(job, self, c, &warnings, &err);
	if (rc == 0) {
		disk_sync_later(self, c);
		container_event(self, c, "update", NULL);
	}
	container_unref(c);
	if (rc < 0)
		return job_fail_error(job, &err);
	reply = json_pack("{s:o}", "Warnings",
			  warnings.n ? json_from_strlist(&warnings) : json_null());
	return job_write_json(job, reply);
}
