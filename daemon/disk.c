/* Containers on disk: see disk.h. */
#include "daemon/disk.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/internal.h"
#include "daemon/network.h"
#include "pkg/fs.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/timefmt.h"
#include "pkg/workers.h"

#define FILE_MAX (16 * 1024 * 1024) /* more is no file of ours */
#define ASIDE ".removing"

int disk_create(struct container *c, struct error *err)
{
	if (mkdir(c->dir, 0700) < 0)
		return error_sys(err, "cannot create \"%s\"", c->dir);
	return 0;
}

static json_t *or_null(json_t *j)
{
	return j ? json_incref(j) : json_null();
}

/* Everything but the HostConfig. */
static json_t *container_json(struct container *c)
{
	char created[TIMEFMT_SIZE];
	json_t *j = json_object();

	timefmt_rfc3339nano(created, c->created);
	json_object_set_new(j, "ID", json_string(c->id));
	json_object_set_new(j, "Created", json_string(created));
	json_object_set_new(j, "Image", json_string(c->image_id));
	pthread_mutex_lock(&c->lock);
	json_object_set_new(j, "Name", json_string(c->name));
	json_object_set_new(j, "State", state_json(&c->state, true));
	json_object_set_new(j, "Config", or_null(c->config));
	json_object_set_new(j, "NetworkingConfig", or_null(c->networking_config));
	json_object_set_new(j, "NetworkSettings", or_null(c->network));
	json_object_set_new(j, "MountPoints", or_null(c->mounts));
	json_object_set_new(j, "RestartCount", json_integer(c->restart_count));
	c->unsynced = true;
	pthread_mutex_unlock(&c->lock);
	return j;
}

static int save(struct container *c, const char *name, const json_t *j, struct error *err)
{
	autofree char *path = xasprintf("%s/%s", c->dir, name);
	autofree char *text = json_text(j);

	if (fs_save_atomic(AT_FDCWD, path, text, strlen(text), 0600, 0) < 0)
		return error_sys(err, "cannot write \"%s\"", path);
	return 0;
}

int disk_save(struct container *c, struct error *err)
{
	autojson json_t *j = container_json(c);

	return save(c, "config.v2.json", j, err);
}

int disk_save_host_config(struct container *c, struct error *err)
{
	autojson json_t *kept = container_host_config(c), *j = ports_full(kept);

	return save(c, "hostconfig.json", j, err);
}

static void sync_path(const char *dir, const char *name)
{
	autofree char *path = xasprintf("%s/%s", dir, name);
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && fsync(fd) < 0)
		log_warn("cannot sync \"%s\": %s, ignoring", path, error_words(errno));
}

static bool is_unsynced(struct container *c)
{
	bool is;

	pthread_mutex_lock(&c->lock);
	is = c->unsynced && !c->removed;
	pthread_mutex_unlock(&c->lock);
	return is;
}

/* With the token held. What cannot be saved now is not tried again until it changes. */
static void save_and_sync(struct container *c)
{
	struct error err;

	if (disk_save(c, &err) < 0)
		log_error("%s", err.text);
	pthread_mutex_lock(&c->lock);
	c->unsynced = false;
	pthread_mutex_unlock(&c->lock);
	sync_path(c->dir, "config.v2.json");
	sync_path(c->dir, "hostconfig.json");
	sync_path(c->dir, ".");
}

void disk_sync_all(struct daemon *d)
{
	struct container **all = store_list(d->store);

	for (struct container **p = all; *p; p++) {
		if (!is_unsynced(*p) || container_is_auto_remove(*p))
			continue;
		if (!container_try_begin(*p, OP_CHANGE)) {
			disk_sync_later(d, *p);
			continue;
		}
		if (is_unsynced(*p)) /* or it was removed meanwhile */
			save_and_sync(*p);
		container_end(*p);
	}
	store_list_free(all);
}

static void sync_task(void *arg)
{
	disk_sync_all(arg);
	daemon_release(arg);
}

static void on_sync_timer(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd, (void)what; /* a timer has neither */
	pthread_mutex_lock(&d->lock);
	d->sync_planned = false;
	pthread_mutex_unlock(&d->lock);
	daemon_hold(d);
	if (workers_run(sync_task, d) == 0)
		return;
	daemon_release(d);
	log_warn("no thread to sync the containers' files, ignoring");
}

void disk_sync_later(struct daemon *d, struct container *c)
{
	const struct timeval delay = { .tv_sec = 1 };
	bool plan;

	if (container_is_auto_remove(c))
		return; /* nothing of it is wanted after a power cut */
	pthread_mutex_lock(&d->lock);
	plan = !d->sync_planned;
	d->sync_planned = true;
	pthread_mutex_unlock(&d->lock);
	if (plan && event_base_once(d->base, -1, EV_TIMEOUT, on_sync_timer, d, &delay) < 0)
		on_sync_timer(-1, EV_TIMEOUT, d);
}

static json_t *load(const char *dir, const char *name, struct error *err)
{
	autofree char *path = xasprintf("%s/%s", dir, name);
	autobuf struct buf b = BUF_INIT(FILE_MAX);
	json_t *j;

	if (fs_read_file(AT_FDCWD, path, &b) < 0) {
		error_sys(err, "cannot read \"%s\"", path);
		return NULL;
	}
	j = json_parse(buf_text(&b), b.len, err);
	if (!j)
		error_prefix(err, "\"%s\"", path);
	return j;
}

static json_t *member(const json_t *j, const char *key)
{
	json_t *v = json_object_get(j, key);

	return json_is_null(v) ? NULL : json_incref(v);
}

struct container *disk_load(const char *containers_dir, const char *id, struct error *err)
{
	autofree char *dir = xasprintf("%s/%s", containers_dir, id);
	autojson json_t *j = load(dir, "config.v2.json", err);
	autojson json_t *host_config = j ? load(dir, "hostconfig.json", err) : NULL;
	struct container *c;

	if (!j || !host_config)
		return NULL;
	if (strcmp(json_get_str(j, "ID", ""), id) != 0 || !json_get_obj(j, "Config") ||
	    !*json_get_str(j, "Name", "")) {
		error_set(err, ERR_NOT_FOUND, "\"%s\" is not the description of a container", dir);
		return NULL;
	}
	c = container_new(id, containers_dir);
	free(c->name);
	free(c->image_id);
	c->name = xstrdup(json_get_str(j, "Name", ""));
	c->image_id = xstrdup(json_get_str(j, "Image", ""));
	if (timefmt_parse(json_get_str(j, "Created", TIMEFMT_ZERO), &c->created) < 0)
		c->created = (struct timespec){ 0 };
	c->config = member(j, "Config");
	c->host_config = take_json(&host_config);
	ports_slim(c->config, c->host_config);
	c->networking_config = member(j, "NetworkingConfig");
	c->network = member(j, "NetworkSettings");
	c->mounts = member(j, "MountPoints");
	c->restart_count = (int)json_get_int(j, "RestartCount", 0);
	state_load(&c->state, json_get_obj(j, "State"));
	return c;
}

int disk_set_aside(struct container *c, struct error *err)
{
	autofree char *aside = xasprintf("%s" ASIDE, c->dir);

	if (rename(c->dir, aside) < 0 && errno != ENOENT)
		return error_sys(err, "cannot set \"%s\" aside", c->dir);
	return 0;
}

int disk_put_back(struct container *c, struct error *err)
{
	autofree char *aside = xasprintf("%s" ASIDE, c->dir);

	if (rename(aside, c->dir) < 0)
		return error_sys(err, "cannot put \"%s\" back", c->dir);
	return 0;
}

static void delete_tree(const char *path)
{
	if (fs_remove_tree(AT_FDCWD, path) < 0)
		log_warn("cannot delete \"%s\": %s, left for the next start", path,
			 error_words(errno));
}

void disk_delete(struct container *c)
{
	delete_tree(c->dir);
}

void disk_delete_aside(struct container *c)
{
	autofree char *aside = xasprintf("%s" ASIDE, c->dir);

	delete_tree(aside);
}

/* A folder without hostconfig.json or config.v2.json was never finished: they are written first. */
static bool is_complete(const char *dir)
{
	autofree char *config = xasprintf("%s/config.v2.json", dir);
	autofree char *host = xasprintf("%s/hostconfig.json", dir);

	return fs_exists(config) && fs_exists(host);
}

void disk_sweep(const char *containers_dir)
{
	DIR *dir = opendir(containers_dir);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		autofree char *path = xasprintf("%s/%s", containers_dir, e->d_name);

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (!id_is_full(e->d_name) || !is_complete(path))
			delete_tree(path);
	}
	if (dir)
		closedir(dir);
}
