/* The job start. */
#include <string.h>

#include "daemon/disk.h"
#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "engine/job.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "runconfig/runconfig.h"

#define BODY_UNTIL 124 /* from this API version on, the host config comes with create alone */

/* Members of the env that are not of the body. */
static bool is_parameter(const char *key)
{
	static const char *const known[] = { "apiversion", "detachKeys", "checkpoint",
					     "checkpoint-dir", "name" };

	for (size_t i = 0; i < array_size(known); i++)
		if (strcmp(known[i], key) == 0)
			return true;
	return false;
}

static bool has_body(const json_t *env)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)env, key, v)
		if (!is_parameter(key))
			return true;
	return false;
}

/* Clients of old send the whole host config with the start. */
static int take_host_config(struct job *job, struct container *c, struct error *err)
{
	const json_t *body = env_json(job_env(job));
	json_t *h;
	int rc;

	if (!has_body(body))
		return 0;
	if (job_api_version(job) >= BODY_UNTIL)
		return error_set(err, ERR_BAD_REQUEST,
				 "starting container with non-empty request body was deprecated "
				 "since API v1.22 and removed in v1.24");
	h = runconfig_host_config(body, err);
	if (!h)
		return -1;
	if (container_begin(c, OP_CHANGE, job, err) < 0) {
		json_decref(h);
		return -1;
	}
	container_set_json(c, &c->host_config, h);
	rc = disk_save_host_config(c, err);
	container_end(c);
	return rc;
}

int job_start(struct job *job, void *self)
{
	struct daemon *d = self;
	struct container *c = job_container(job, d);
	struct error err;
	int rc;

	if (!c)
		return -1;
	rc = take_host_config(job, c, &err);
	if (rc == 0)
		rc = container_run(d, c, job, 0, &err);
	container_unref(c);
	return rc < 0 ? job_fail_error(job, &err) : 0;
}
