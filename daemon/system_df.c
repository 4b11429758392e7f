/*
 * The job system_df: what takes how much room on the disk. Lists come from the jobs that make them
 * for clients; volumes are walked through here.
 *
 * Counted everywhere are the bytes of regular files as their lengths say (holes included; no blocks,
 * no folders), and a file with several names once. Docker adds the lengths of symbolic links, and
 * `du --apparent-size` those of folders as well: both are next to nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "engine/job.h"
#include "graph/graph.h"
#include "pkg/json.h"
#include "pkg/map.h"
#include "pkg/mem.h"
#include "pkg/timefmt.h"
#include "pkg/walk.h"
#include "volumes/volumes.h"

#define API_TYPES 142 /* from here on `type` is looked at, and BuilderSize is gone */

enum part { PART_CONTAINERS = 1, PART_IMAGES = 2, PART_VOLUMES = 4, PART_BUILD_CACHE = 8 };
#define PART_ALL (PART_CONTAINERS | PART_IMAGES | PART_VOLUMES | PART_BUILD_CACHE)

static int read_parts(struct job *job, unsigned *parts, struct error *err)
{
	static const struct {
		const char *name;
		enum part part;
	} known[] = {
		{ "container", PART_CONTAINERS },
		{ "image", PART_IMAGES },
		{ "volume", PART_VOLUMES },
		{ "build-cache", PART_BUILD_CACHE },
	};
	autostrlist struct strlist types = STRLIST_INIT;

	env_get_list(job_env(job), "type", &types);
	*parts = types.n && job_api_version(job) >= API_TYPES ? 0 : PART_ALL;
	for (size_t i = 0; *parts != PART_ALL && i < types.n; i++) {
		size_t k = 0;

		while (k < array_size(known) && strcmp(known[k].name, types.v[i]) != 0)
			k++;
		if (k == array_size(known))
			return error_set(err, ERR_BAD_REQUEST, "unknown object type: %s",
					 types.v[i]);
		*parts |= known[k].part;
	}
	return 0;
}

/* ---- images and containers ---- */

static json_t *list(struct daemon *d, struct job *job, const char *name, json_t *env,
		    struct error *err)
{
	json_t *reply;

	json_object_set_new(env, "apiversion", json_integer(job_api_version(job)));
	return nested_job(d, job, name, NULL, env, &reply, err) < 0 ? NULL : reply;
}

/* How many containers use each image. */
static void count_users(struct daemon *d, json_t *images)
{
	struct container **all = store_list(d->store);
	struct map users = MAP_INIT; /* image id -> number, as a pointer */
	json_t *image;
	size_t i;

	for (struct container **p = all; *p; p++) {
		uintptr_t n = (uintptr_t)map_get(&users, (*p)->image_id);

		map_set(&users, (*p)->image_id, (void *)(n + 1));
	}
	store_list_free(all);
	json_array_foreach(images, i, image) {
		uintptr_t n = (uintptr_t)map_get(&users, json_get_str(image, "Id", ""));

		json_object_set_new(image, "Containers", json_integer((json_int_t)n));
	}
	map_done(&users);
}

static int add_images(struct daemon *d, struct job *job, json_t *out, struct error *err)
{
	autojson json_t *sizes = graph_layer_sizes(d->graph);
	json_t *images = list(d, job, "images", json_pack("{ss}", "shared-size", "1"), err), *v;
	json_int_t sum = 0;
	const char *chain;

	if (!images)
		return -1;
	count_users(d, images);
	json_object_foreach(sizes, chain, v)
		sum += json_integer_value(v);
	json_object_set_new(out, "LayersSize", json_integer(sum));
	json_object_set_new(out, "Images", images);
	return 0;
}

static int add_containers(struct daemon *d, struct job *job, json_t *out, struct error *err)
{
	json_t *env = json_pack("{ss ss}", "all", "1", "size", "1");
	json_t *containers = list(d, job, "containers", env, err);

	if (!containers)
		return -1;
	json_object_set_new(out, "Containers", containers);
	return 0;
}

/* ---- volumes ---- */

struct sum {
	struct job *job;
	int64_t bytes;
	struct map seen; /* "dev:ino" of files with several names */
};

static int add_file(void *arg, const struct walk_entry *e)
{
	struct sum *s = arg;
	char key[48];

	if (job_is_cancelled(s->job)) {
		errno = ECANCELED;
		return -1;
	}
	if (!S_ISREG(e->st.st_mode))
		return 0;
	snprintf(key, sizeof(key), "%ju:%ju", (uintmax_t)e->st.st_dev, (uintmax_t)e->st.st_ino);
	if (e->st.st_nlink < 2 || !map_set(&s->seen, key, s))
		s->bytes += e->st.st_size;
	return 0;
}

/* Bytes of a volume's files; -1 in *size when it went meanwhile. */
static int measure(struct job *job, const char *path, int64_t *size, struct error *err)
{
	autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct sum s = { .job = job };
	int rc;

	*size = -1;
	if (fd < 0)
		return errno == ENOENT ? 0 : error_sys(err, "cannot read \"%s\"", path);
	rc = walk_tree(fd, add_file, &s);
	map_done(&s.seen);
	if (rc < 0 && job_is_cancelled(job))
		return error_set(err, ERR_CANCELLED, "cancelled");
	if (rc < 0)
		return error_sys(err, "cannot read \"%s\"", path);
	*size = s.bytes;
	return 0;
}

/* How many containers have each volume among their mounts: numbers, as pointers. */
static void count_links(struct daemon *d, struct map *links)
{
	struct container **all = store_list(d->store);

	for (struct container **p = all; *p; p++) {
		autojson json_t *mounts = container_mounts(*p);
		const json_t *m;
		size_t i;

		json_array_foreach(mounts, i, m) {
			const char *name = json_get_str(m, "Name", "");

			if (*name)
				map_set(links, name, (void *)((uintptr_t)map_get(links, name) + 1));
		}
	}
	store_list_free(all);
}

static json_t *volume_json(struct daemon *d, const char *name, int64_t size, intptr_t links)
{
	autofree char *data = volumes_path(d->volumes, name);
	autofree char *folder = xstrndup(data, (size_t)(strrchr(data, '/') - data));
	char created[TIMEFMT_SIZE] = TIMEFMT_ZERO;
	struct stat st;

	if (stat(folder, &st) == 0)
		timefmt_rfc3339nano(created, (struct timespec){ .tv_sec = st.st_mtim.tv_sec });
	return json_pack("{ss ss s{} ss ss sn ss s{sI sI}}", "CreatedAt", created, "Driver",
			 "local", "Labels", "Mountpoint", data, "Name", name, "Options", "Scope",
			 "local", "UsageData", "RefCount", (json_int_t)links, "Size",
			 (json_int_t)size);
}

static int add_volumes(struct daemon *d, struct job *job, json_t *out, struct error *err)
{
	autostrlist struct strlist names = STRLIST_INIT;
	autojson json_t *volumes = json_array();
	struct map links = MAP_INIT;
	int rc = volumes_list(d->volumes, &names, err);

	count_links(d, &links);
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		autofree char *path = volumes_path(d->volumes, names.v[i]);
		int64_t size;

		rc = measure(job, path, &size, err);
		if (rc == 0 && size >= 0)
			json_array_append_new(volumes,
					      volume_json(d, names.v[i], size,
							  (intptr_t)map_get(&links, names.v[i])));
	}
	map_done(&links);
	if (rc == 0)
		json_object_set(out, "Volumes", volumes);
	return rc;
}

/* What was not asked for is null, and takes no time. */
static int measure_all(struct daemon *d, struct job *job, json_t *out, struct error *err)
{
	unsigned parts;

	if (read_parts(job, &parts, err) < 0)
		return -1;
	if ((parts & PART_IMAGES && add_images(d, job, out, err) < 0) ||
	    (parts & PART_CONTAINERS && add_containers(d, job, out, err) < 0) ||
	    (parts & PART_VOLUMES && add_volumes(d, job, out, err) < 0))
		return -1;
	if (parts & PART_BUILD_CACHE) /* what a build can use again are images */
		json_object_set_new(out, "BuildCache", json_array());
	if (job_api_version(job) < API_TYPES)
		json_object_set_new(out, "BuilderSize", json_integer(0));
	return 0;
}

int job_system_df(struct job *job, void *self)
{
	autojson json_t *out = json_pack("{si sn sn sn sn}", "LayersSize", 0, "Images",
					 "Containers", "Volumes", "BuildCache");
	struct error err = { 0 };

	if (measure_all(self, job, out, &err) < 0)
		return job_fail_error(job, &err);
	return job_write_json(job, out);
}
