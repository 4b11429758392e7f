/* The job commit: an image of a container's write layer. */
#include <string.h>

#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "engine/job.h"
#include "graph/graph.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "runconfig/runconfig.h"

/* Members of the env that are not of the body. */
static bool has_body(const json_t *env)
{
	static const char *const query[] = { "apiversion", "container", "repo",    "tag",
					     "author",     "comment",   "changes", "pause" };
	size_t n = json_object_size(env);

	for (size_t i = 0; i < array_size(query); i++)
		n -= json_object_get(env, query[i]) != NULL;
	return n > 0;
}

/* The body with its gaps filled from the container, or without a body the container's own. */
static json_t *base_config(const json_t *env, struct container *c, struct error *err)
{
	autojson json_t *own = container_config(c);
	json_t *config;

	if (!has_body(env))
		return json_deep_copy(own);
	config = runconfig_config(env, err);
	if (config)
		runconfig_merge(config, own);
	return config;
}

static json_t *new_config(struct job *job, struct container *c, struct error *err)
{
	autostrlist struct strlist changes = STRLIST_INIT;
	autojson json_t *config = base_config(env_json(job_env(job)), c, err);

	if (!config)
		return NULL;
	env_get_list(job_env(job), "changes", &changes);
	if (runconfig_apply_changes(config, &changes, err) < 0)
		return NULL;
	return take_json(&config);
}

static char *name_of(struct env *env)
{
	const char *repo = env_get(env, "repo", ""), *tag = env_get(env, "tag", "");

	if (!*repo)
		return NULL;
	return *tag ? xasprintf("%s:%s", repo, tag) : xstrdup(repo);
}

static char *command_text(const json_t *config)
{
	autostrlist struct strlist argv = STRLIST_INIT;
	autobuf struct buf b = BUF_INIT(4096);
	struct error err;

	if (runconfig_command(config, &argv, &err) < 0)
		return xstrdup("");
	for (size_t i = 0; i < argv.n; i++)
		(void)buf_addf(&b, "%s%s", i ? " " : "", argv.v[i]); /* a long one is cut short */
	return buf_take(&b);
}

static int commit_config(struct job *job, struct daemon *d, struct container *c, json_t *config,
			 char id[72], struct error *err)
{
	struct env *env = job_env(job);
	autofree char *name = name_of(env), *created_by = command_text(config);
	struct graph_commit g = { .container_id = c->id,
				  .parent_id = *c->image_id ? c->image_id : NULL,
				  .config = config,
				  .author = env_get(env, "author", ""),
				  .comment = env_get(env, "comment", ""),
				  .created_by = created_by,
				  .repo_tag = name };

	return graph_commit(d->graph, &g, id, err);
}

/* Frozen while it is copied, unless the user says otherwise; 1 when it is to be thawed. */
static int freeze(struct job *job, struct daemon *d, struct container *c, struct error *err)
{
	struct container_state s = container_state(c);
	bool pause = !env_has(job_env(job), "pause") || env_get_bool(job_env(job), "pause");

	if (!pause || !s.running || s.paused || s.restarting)
		return 0;
	return container_set_paused(d, c, job, true, err) < 0 ? -1 : 1;
}

static int commit(struct job *job, struct daemon *d, struct container *c, char id[72],
		  struct error *err)
{
	autojson json_t *config = new_config(job, c, err);
	struct error thaw;
	int frozen, rc;

	if (!config)
		return -1;
	frozen = freeze(job, d, c, err);
	if (frozen < 0)
		return -1;
	rc = commit_config(job, d, c, config, id, err);
	if (frozen && container_set_paused(d, c, NULL, false, &thaw) < 0)
		log_warn("cannot unpause %s after the commit: %s", c->id, thaw.text);
	return rc;
}

int job_commit(struct job *job, void *self)
{
	const char *name = env_get(job_env(job), "container", "");
	autojson json_t *reply = NULL;
	struct daemon *d = self;
	struct container *c;
	struct error err;
	char id[72];
	int rc;

	if (!*name)
		return job_fail(job, ERR_BAD_REQUEST, "invalid name or ID supplied: \"\"");
	c = store_lookup(d->store, name, &err);
	if (!c)
		return job_fail_error(job, &err);
	rc = commit(job, d, c, id, &err);
	if (rc == 0)
		container_event_with(d, c, "commit", "imageID", id);
	container_unref(c);
	if (rc < 0)
		return job_fail_error(job, &err);
	reply = json_pack("{s:s}", "Id", id);
	return job_write_json(job, reply);
}
