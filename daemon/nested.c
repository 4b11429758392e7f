/* Jobs that the daemon runs by name: those of the network driver, and `log`. */
#include "daemon/internal.h"

#include <stdio.h>

#include "engine/engine.h"
#include "engine/job.h"
#include "pkg/buf.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"

#define REPLY_MAX (64 << 20) /* bytes: every port of both families */

static int read_reply(const struct buf *b, const char *name, json_t **reply, struct error *err)
{
	*reply = json_parse(buf_text(b), b->len, err);
	return *reply ? 0 : error_prefix(err, "job %s", name);
}

int nested_job(struct daemon *d, struct job *parent, const char *name, const char *arg, json_t *env,
	       json_t **reply, struct error *err)
{
	struct job *j =
		parent ? job_new_nested(parent, name, NULL) : job_new(d->engine, name, NULL);
	autobuf struct buf b = BUF_INIT(REPLY_MAX);
	int rc;

	if (arg)
		job_add_arg(j, arg);
	if (env)
		env_merge(job_env(j), env);
	json_decref(env);
	if (reply)
		output_add(job_out(j), sink_buf(&b));
	rc = job_run(j, err);
	job_free(j);
	return rc < 0 || !reply ? rc : read_reply(&b, name, reply, err);
}

/* Labels, image and name of the container, with the caller's attributes over them. */
static json_t *event_attributes(const json_t *config, const char *name, const json_t *extra)
{
	json_t *a = json_object();

	if (json_get_obj(config, "Labels"))
		json_object_update(a, json_get_obj(config, "Labels"));
	json_object_set_new(a, "image", json_string(json_get_str(config, "Image", "")));
	json_object_set_new(a, "name", json_string(*name == '/' ? name + 1 : name));
	if (extra)
		json_object_update(a, (json_t *)extra);
	return a;
}

void container_event(struct daemon *d, struct container *c, const char *action, json_t *attributes)
{
	autojson json_t *config = container_config(c);
	autofree char *name = container_name(c);
	struct job *j =
		job_new(d->engine, "log", action, c->id, json_get_str(config, "Image", ""), NULL);
	struct error err;

	env_set_json(job_env(j), "Attributes", event_attributes(config, name, attributes));
	json_decref(attributes);
	if (job_run(j, &err) < 0)
		log_debug("event %s of %s: %s, ignoring", action, c->id, err.text);
	job_free(j);
}

void container_event_with(struct daemon *d, struct container *c, const char *action,
			  const char *key, const char *value)
{
	container_event(d, c, action, json_pack("{s:s}", key, value));
}
