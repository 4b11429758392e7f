/* The job create: a container from a body, an image and a name. */
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "daemon/disk.h"
#include "daemon/hostinfo.h"
#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "daemon/mounts.h"
#include "daemon/names.h"
#include "daemon/network.h"
#include "engine/job.h"
#include "execdriver/driver.h"
#include "graph/graph.h"
#include "pkg/fs.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/timefmt.h"
#include "runconfig/runconfig.h"

#define NAME_ATTEMPTS 6

/* A body with nothing in it describes no container. */
static bool is_empty(const json_t *env)
{
	static const char *const parameters[] = { "apiversion", "name", "platform" };
	size_t n = json_object_size(env);

	for (size_t i = 0; i < array_size(parameters); i++)
		n -= json_object_get(env, parameters[i]) != NULL;
	return n == 0;
}

/* "linux/amd64[/variant]" against what the image is for. */
static int check_platform(const char *wanted, const struct image *image, const char *name,
			  struct error *err)
{
	const char *os = json_get_str(image->config, "os", "linux");
	const char *arch = json_get_str(image->config, "architecture", "");
	autofree char *actual = xasprintf("%s/%s", os, arch);
	size_t n = strlen(actual);

	if (!*wanted || strcmp(wanted, os) == 0 ||
	    (strncmp(wanted, actual, n) == 0 && (!wanted[n] || wanted[n] == '/')))
		return 0;
	return error_set(err, ERR_NOT_FOUND,
			 "image with reference %s was found but does not match the specified "
			 "platform: wanted %s, actual: %s",
			 name, wanted, actual);
}

/* Merge with the image, if there is one; its id goes to the container. */
static int merge_image(struct job *job, struct daemon *d, struct container *c,
		       const struct runconfig *rc, struct error *err)
{
	const char *name = json_get_str(rc->config, "Image", "");
	struct image *image;

	if (!*name)
		return 0;
	image = graph_lookup(d->graph, name, err);
	if (!image)
		return -1;
	if (check_platform(env_get(job_env(job), "platform", ""), image, name, err) < 0) {
		image_free(image);
		return -1;
	}
	runconfig_merge(rc->config, json_get_obj(image->config, "config"));
	free(c->image_id);
	c->image_id = xstrdup(image->id);
	image_free(image);
	return 0;
}

static int validate(struct daemon *d, const struct runconfig *rc, struct strlist *warnings,
		    struct error *err)
{
	autostrlist struct strlist argv = STRLIST_INIT;
	struct runconfig_host host;

	hostinfo_limits(d, &host);
	if (runconfig_command(rc->config, &argv, err) < 0)
		return -1;
	return runconfig_validate(rc->config, rc->host_config, &host, warnings, err);
}

/* "container:NAME" is kept by id: names change. */
static int pin_peer(struct daemon *d, json_t *host_config, const char *member, struct error *err)
{
	const char *mode = json_get_str(host_config, member, "");
	autofree char *pinned = NULL;
	struct container *peer;

	if (strncmp(mode, "container:", 10) != 0)
		return 0;
	peer = network_peer(d, mode, err);
	if (!peer)
		return err && err->kind == ERR_NOT_FOUND ? 0 : -1; /* start will say so */
	pinned = xasprintf("container:%s", peer->id);
	json_object_set_new(host_config, member, json_string(pinned));
	container_unref(peer);
	return 0;
}

/* In the network of another its name is the other's, which is the one in hosts. */
static void take_hostname(struct daemon *d, const struct runconfig *rc)
{
	const char *mode = json_get_str(rc->host_config, "NetworkMode", "");
	struct container *peer = network_peer(d, mode, NULL);
	autojson json_t *theirs = peer ? container_config(peer) : NULL;

	for (const char *const *key = (const char *const[]){ "Hostname", "Domainname", NULL };
	     peer && *key; key++)
		json_object_set_new(rc->config, *key, json_string(json_get_str(theirs, *key, "")));
	container_unref(peer);
}

/* Without a word from the user: the id's beginning, or the host's where that is what it sees. */
static void default_hostname(struct daemon *d, const struct container *c,
			     const struct runconfig *rc)
{
	const char *kind = network_kind(d, rc->config, rc->host_config);
	char host[65] = "";

	if (strcmp(kind, "container") == 0)
		take_hostname(d, rc);
	if (*json_get_str(rc->config, "Hostname", ""))
		return;
	if (strcmp(kind, "host") == 0 ||
	    strcmp(json_get_str(rc->host_config, "UTSMode", ""), "host") == 0)
		gethostname(host, sizeof(host) - 1);
	else
		snprintf(host, sizeof(host), "%.12s", c->id);
	json_object_set_new(rc->config, "Hostname", json_string(host));
}

/* Where nothing is said: the host's on cgroup v1, one of its own on v2. */
static void default_cgroupns(const struct daemon *d, json_t *host_config)
{
	int version = execdriver_features(d->execdriver)->cgroup_version;

	if (!*json_get_str(host_config, "CgroupnsMode", ""))
		json_object_set_new(host_config, "CgroupnsMode",
				    json_string(version == 2 ? "private" : "host"));
}

static int check_endpoints(const struct runconfig *rc, unsigned apiversion, struct error *err)
{
	const json_t *endpoints = json_get_obj(rc->networking_config, "EndpointsConfig");

	if (json_object_size(endpoints) > 1 && apiversion < 144)
		return error_set(err, ERR_BAD_REQUEST,
				 "Container cannot be connected to network endpoints");
	return 0;
}

/* Everything that is decided before anything is made. */
static int decide(struct job *job, struct daemon *d, struct container *c, struct runconfig *rc,
		  struct strlist *warnings, struct error *err)
{
	if (is_empty(env_json(job_env(job))))
		return error_set(err, ERR_BAD_REQUEST,
				 "Config cannot be empty in order to create a container");
	if (runconfig_decode(env_json(job_env(job)), rc, err) < 0)
		return -1;
	if (merge_image(job, d, c, rc, err) < 0 || validate(d, rc, warnings, err) < 0 ||
	    check_endpoints(rc, job_api_version(job), err) < 0 ||
	    links_settle(d, rc->host_config, err) < 0 ||
	    pin_peer(d, rc->host_config, "NetworkMode", err) < 0 ||
	    pin_peer(d, rc->host_config, "IpcMode", err) < 0 ||
	    pin_peer(d, rc->host_config, "PidMode", err) < 0)
		return -1;
	default_hostname(d, c, rc);
	default_cgroupns(d, rc->host_config);
	ports_slim(rc->config, rc->host_config);
	c->config = json_incref(rc->config);
	c->host_config = json_incref(rc->host_config);
	c->networking_config =
		network_plan(d, job, rc->config, rc->host_config, rc->networking_config, err);
	return c->networking_config ? 0 : -1;
}

static int reserve_given(struct daemon *d, struct container *c, const char *name, struct error *err)
{
	autofree char *canonical = name_canonical(name);

	if (!name_is_valid(name))
		return error_set(err, ERR_BAD_REQUEST,
				 "Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are "
				 "allowed",
				 name);
	if (store_reserve_name(d->store, canonical, c->id, err) < 0)
		return -1;
	free(c->name);
	c->name = take_ptr(&canonical);
	return 0;
}

static int reserve_name(struct daemon *d, struct container *c, const char *given, struct error *err)
{
	char name[NAME_MADE_UP_SIZE];

	if (given && *given)
		return reserve_given(d, c, given, err);
	for (int i = 0; i < NAME_ATTEMPTS; i++) {
		name_make_up(name, i);
		if (reserve_given(d, c, name, err) == 0)
			return 0;
	}
	snprintf(name, sizeof(name), "%.12s", c->id);
	return reserve_given(d, c, name, err);
}

static int write_files(struct container *c, struct error *err)
{
	if (disk_create(c, err) < 0)
		return -1;
	if (disk_save(c, err) == 0 && disk_save_host_config(c, err) == 0)
		return 0;
	disk_delete(c);
	return -1;
}

/* What is made: volumes, write layer, files; in reverse order undone. The name is reserved. */
static int make(struct daemon *d, struct container *c, struct error *err)
{
	const char *image = *c->image_id ? c->image_id : NULL;

	c->mounts = mounts_resolve(d, c->config, c->host_config, err);
	if (!c->mounts)
		return -1;
	if (graph_rw_create(d->graph, c->id, image, err) < 0)
		goto undo_mounts;
	if (write_files(c, err) < 0)
		goto undo_layer;
	return 0;
undo_layer:
	if (graph_rw_remove(d->graph, c->id, NULL) < 0)
		log_warn("cannot remove the write layer of %s, left for the next start", c->id);
undo_mounts:
	mounts_remove_anonymous(d, c->mounts);
	return -1;
}

static int create(struct job *job, struct daemon *d, struct container *c, struct runconfig *rc,
		  struct strlist *warnings, struct error *err)
{
	if (decide(job, d, c, rc, warnings, err) < 0 ||
	    reserve_name(d, c, job_arg(job, 0), err) < 0)
		return -1;
	if (make(d, c, err) < 0) {
		store_release_name(d->store, c->name);
		return -1;
	}
	store_add(d->store, c);
	disk_sync_later(d, c);
	container_event(d, c, "create", NULL);
	return 0;
}

int job_create(struct job *job, void *self)
{
	autostrlist struct strlist warnings = STRLIST_INIT;
	autojson json_t *reply = NULL;
	struct runconfig rc = { 0 };
	struct daemon *d = self;
	struct container *c;
	char id[ID_SIZE];
	struct error err;
	int status;

	id_generate(id);
	c = container_new(id, d->containers_dir);
	c->created = time_now();
	status = create(job, d, c, &rc, &warnings, &err);
	runconfig_done(&rc);
	container_unref(c);
	if (status < 0)
		return job_fail_error(job, &err);
	reply = json_pack("{s:s, s:o}", "Id", id, "Warnings", json_from_strlist(&warnings));
	return job_write_json(job, reply);
}
