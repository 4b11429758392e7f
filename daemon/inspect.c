/* The job container_inspect. */
#include <stdio.h>
#include <string.h>

#include "daemon/execs.h"
#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "daemon/mounts.h"
#include "daemon/network.h"
#include "engine/job.h"
#include "graph/graph.h"
#include "graphdriver/driver.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/timefmt.h"
#include "runconfig/runconfig.h"

static void set_text(json_t *j, const char *key, const char *value)
{
	json_object_set_new(j, key, json_string(value));
}

static void set_path(json_t *j, const char *key, const struct container *c, const char *name)
{
	autofree char *path = xasprintf("%s/%s", c->dir, name);

	set_text(j, key, path);
}

/* Path and Args: what is run. */
static void set_command(json_t *j, const json_t *config)
{
	autostrlist struct strlist argv = STRLIST_INIT;
	struct error err;

	if (runconfig_command(config, &argv, &err) < 0)
		log_debug("inspect: %s", err.text); /* an old container of another engine */
	set_text(j, "Path", argv.n ? argv.v[0] : "");
	json_object_set_new(j, "Args", json_from_strv(argv.n ? argv.v + 1 : NULL));
}

static json_t *graph_driver_json(struct daemon *d, struct container *c)
{
	const struct graphdriver_ops *ops = graphdriver_ops(d->graphdriver);
	json_t *data =
		ops->metadata ? ops->metadata(graphdriver_self(d->graphdriver), c->id) : NULL;

	return json_pack("{s:s, s:o}", "Name", graphdriver_name(d->graphdriver), "Data",
			 data ? data : json_null());
}

static void set_paths(json_t *j, struct container *c)
{
	bool ran = container_state(c).started.tv_sec != 0;

	set_path(j, "ResolvConfPath", c, "resolv.conf");
	set_path(j, "HostnamePath", c, "hostname");
	set_path(j, "HostsPath", c, "hosts");
	set_text(j, "LogPath", ran ? c->log_path : "");
}

static void set_sizes(json_t *j, struct daemon *d, struct container *c)
{
	int64_t rw, rootfs;
	struct error err;

	if (graph_rw_size(d->graph, c->id, &rw, &rootfs, &err) < 0) {
		log_warn("size of %s: %s, ignoring", c->id, err.text);
		return;
	}
	json_object_set_new(j, "SizeRw", json_integer(rw));
	json_object_set_new(j, "SizeRootFs", json_integer(rootfs));
}

/* Links are shown as paths: who is linked to, and as what. */
static json_t *shown_host_config(struct daemon *d, struct container *c, json_t *host_config)
{
	autojson json_t *links = links_shown(d, c, host_config), *full = ports_full(host_config);
	json_t *copy;

	if (json_is_null(links))
		return json_incref(full);
	copy = json_copy(full);
	json_object_set(copy, "Links", links);
	return copy;
}

static json_t *inspect(struct daemon *d, struct container *c, bool size, unsigned version)
{
	autojson json_t *config = container_config(c), *h = container_host_config(c);
	autojson json_t *mounts = container_mounts(c);
	struct container_state s = container_state(c);
	autofree char *name = container_name(c);
	char created[TIMEFMT_SIZE];
	json_t *j = json_object();

	set_text(j, "Id", c->id);
	set_text(j, "Created", timefmt_rfc3339nano(created, c->created));
	set_command(j, config);
	json_object_set_new(j, "State", state_json(&s, false));
	set_text(j, "Image", c->image_id);
	set_paths(j, c);
	set_text(j, "Name", name);
	json_object_set_new(j, "RestartCount", json_integer(container_restart_count(c)));
	set_text(j, "Driver", graphdriver_name(d->graphdriver));
	set_text(j, "Platform", "linux");
	set_text(j, "MountLabel", "");
	set_text(j, "ProcessLabel", "");
	set_text(j, "AppArmorProfile", "");
	json_object_set_new(j, "ExecIDs", execs_running_ids(d->execs, c->id));
	json_object_set_new(j, "HostConfig", shown_host_config(d, c, h));
	json_object_set_new(j, "GraphDriver", graph_driver_json(d, c));
	if (size)
		set_sizes(j, d, c);
	json_object_set_new(j, "Mounts", mounts_shown(mounts));
	json_object_set(j, "Config", config);
	json_object_set_new(j, "NetworkSettings", network_settings_json(c, version));
	return j;
}

int job_container_inspect(struct job *job, void *self)
{
	struct container *c = job_container(job, self);
	autojson json_t *reply = NULL;

	if (!c)
		return -1;
	reply = inspect(self, c, env_get_bool(job_env(job), "size"), job_api_version(job));
	container_unref(c);
	return job_write_json(job, reply);
}
