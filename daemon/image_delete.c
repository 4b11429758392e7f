/*
 * The job image_delete: the store deletes, this side knows which containers are in the way. By name
 * an image with more names only loses that one; its last name, or its id, must not be in use.
 */
#include <string.h>

#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "engine/job.h"
#include "graph/graph.h"
#include "pkg/json.h"
#include "pkg/mem.h"

struct container *image_user(struct daemon *d, const char *image_id, bool *running)
{
	struct container **all = store_list(d->store), *found = NULL;

	*running = false;
	for (struct container **p = all; *p && !*running; p++) {
		if (strcmp((*p)->image_id, image_id) != 0)
			continue;
		*running = container_state(*p).running;
		if (!found || *running) {
			container_unref(found);
			found = container_ref(*p);
		}
	}
	store_list_free(all);
	return found;
}

/* Did the user say (the beginning of) the id, and not a name? */
static bool is_id(const struct image *image, const char *name)
{
	const char *hex = strchr(image->id, ':') + 1;

	if (strncmp(name, "sha256:", 7) == 0)
		name += 7;
	return strncmp(hex, name, strlen(name)) == 0;
}

static int refuse(const struct image *image, const char *name, const struct container *user,
		  bool running, struct error *err)
{
	const char *hex = strchr(image->id, ':') + 1;

	if (running)
		return error_set(err, ERR_CONFLICT,
				 "conflict: unable to delete %.12s (cannot be forced) - image is "
				 "being used by running container %.12s",
				 hex, user->id);
	if (is_id(image, name))
		return error_set(err, ERR_CONFLICT,
				 "conflict: unable to delete %.12s (must be forced) - image is "
				 "being used by stopped container %.12s",
				 hex, user->id);
	return error_set(err, ERR_CONFLICT,
			 "conflict: unable to remove repository reference \"%s\" (must force) - "
			 "container %.12s is using its referenced image %.12s",
			 name, user->id, hex);
}

static int check_users(struct daemon *d, const struct image *image, const char *name, bool force,
		       struct error *err)
{
	struct container *user;
	bool running;
	int rc = 0;

	if (!is_id(image, name) && image->tags.n > 1)
		return 0; /* it only loses a name */
	user = image_user(d, image->id, &running);
	if (user && (running || !force))
		rc = refuse(image, name, user, running, err);
	container_unref(user);
	return rc;
}

static int delete (struct job *job, struct daemon *d, const char *name, json_t *done,
		   struct error *err)
{
	bool force = env_get_bool(job_env(job), "force");
	bool noprune = env_get_bool(job_env(job), "noprune");
	struct image *image = graph_lookup(d->graph, name, err);
	int rc;

	if (!image)
		return -1;
	rc = check_users(d, image, name, force, err);
	image_free(image);
	return rc < 0 ? -1 : graph_delete(d->graph, name, force, noprune, done, err);
}

int job_image_delete(struct job *job, void *self)
{
	autojson json_t *done = json_array();
	struct error err;

	if (delete (job, self, job_arg(job, 0), done, &err) < 0)
		return job_fail_error(job, &err);
	return job_write_json(job, done);
}
