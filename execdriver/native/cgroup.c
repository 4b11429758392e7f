/* Cgroups: which hierarchies there are, limits as file writes in a plan, freezing, sweeping. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "execdriver/native/native.h"
#include "pkg/fs.h"
#include "pkg/id.h"
#include "pkg/mem.h"
#include "pkg/parse.h"

/* ---- what the host has ---- */

static bool lists(const char *comma_list, const char *word)
{
	autofree char *needle = xasprintf(",%s,", word);

	return strstr(comma_list, needle) != NULL;
}

int cgroup_find(const struct cgroups *cg, const char *controller)
{
	for (size_t i = 0; i < cg->n; i++)
		if (lists(cg->h[i].controllers, controller))
			return (int)i;
	return -1;
}

/* The controllers among the options of a v1 mount: names without '=' and without rw, noatime... */
static char *controllers_of(const char *super_options)
{
	autostrlist struct strlist words = STRLIST_INIT;
	struct buf out = BUF_INIT(4096);

	strlist_split(&words, super_options, ',');
	buf_addc(&out, ',');
	for (size_t i = 0; i < words.n; i++)
		if (strcmp(words.v[i], "rw") != 0 && strcmp(words.v[i], "ro") != 0 &&
		    strncmp(words.v[i], "release_agent", 13) != 0)
			buf_addf(&out, "%s,", words.v[i]);
	return buf_take(&out);
}

static void add_hierarchy(struct cgroups *cg, const char *mount, char *controllers)
{
	struct cgroup_hierarchy *h;

	if (cg->n == CGROUP_MAX) {
		free(controllers);
		return;
	}
	h = &cg->h[cg->n++];
	h->mount = xstrdup(mount);
	h->controllers = controllers;
	h->name = xstrdup(strrchr(mount, '/') + 1);
}

/* One line of mountinfo: "... root mountpoint options - fstype source superoptions". */
static void read_mount(struct cgroups *cg, char *line, char **unified)
{
	char *dash = strstr(line, " - "), *mount = line, *type, *super;

	if (!dash)
		return;
	*dash = '\0';
	type = dash + 3;
	for (int field = 0; field < 4 && mount; field++) {
		mount = strchr(mount, ' ');
		mount = mount ? mount + 1 : NULL;
	}
	super = strchr(type, ' ');
	super = super ? strchr(super + 1, ' ') : NULL;
	if (!mount || !super)
		return;
	mount[strcspn(mount, " ")] = '\0';
	if (strncmp(type, "cgroup2 ", 8) == 0 && !*unified)
		*unified = xstrdup(mount);
	else if (strncmp(type, "cgroup ", 7) == 0)
		add_hierarchy(cg, mount, controllers_of(super + 1));
}

static int find_hierarchies(struct cgroups *cg, struct error *err)
{
	autobuf struct buf text = BUF_INIT(8 * 1024 * 1024);
	autofree char *unified = NULL;
	char *line, *rest;

	if (fs_read_file(AT_FDCWD, "/proc/self/mountinfo", &text) < 0)
		return error_sys(err, "reading the mounts");
	rest = text.p;
	while ((line = strsep(&rest, "\n")))
		read_mount(cg, line, &unified);
	cg->version = cg->n ? 1 : 2;
	if (cg->n)
		return 0;
	if (!unified)
		return error_set(err, ERR_INTERNAL, "no cgroup hierarchy is mounted");
	add_hierarchy(cg, unified, xstrdup(","));
	return 0;
}

/* ---- the folder of all containers ---- */

static void copy_file(const char *from_dir, const char *to_dir, const char *file)
{
	autofree char *from = xasprintf("%s/%s", from_dir, file);
	autofree char *to = xasprintf("%s/%s", to_dir, file);
	autobuf struct buf old = BUF_INIT(4096), text = BUF_INIT(4096);

	if (fs_read_file(AT_FDCWD, to, &old) == 0 && old.len > 1)
		return;
	if (fs_read_file(AT_FDCWD, from, &text) == 0 && text.len)
		fs_write_str(AT_FDCWD, to, text.p);
}

/* A v1 cpuset is unusable until it has cpus and memory nodes; children then copy their parent's. */
static void prepare_cpuset(const struct cgroup_hierarchy *h, const char *dir)
{
	autofree char *clone = xasprintf("%s/cgroup.clone_children", dir);

	copy_file(h->mount, dir, "cpuset.cpus");
	copy_file(h->mount, dir, "cpuset.mems");
	fs_write_str(AT_FDCWD, clone, "1");
}

/* Hand what controllers a folder has on to the folders below it. */
static void enable_below(const char *dir)
{
	static const char *const wanted[] = { "+cpu", "+memory", "+pids", "+cpuset", "+io" };
	autofree char *file = xasprintf("%s/cgroup.subtree_control", dir);

	for (size_t i = 0; i < array_size(wanted); i++)
		fs_write_str(AT_FDCWD, file, wanted[i]); /* what is not there is seen later */
}

/* Hand every controller of the root down to our folder, as far as it has them. */
static void enable_controllers(struct cgroup_hierarchy *h, const char *dir)
{
	autofree char *file = xasprintf("%s/cgroup.controllers", dir);
	autobuf struct buf have = BUF_INIT(4096);

	enable_below(h->mount);
	enable_below(dir);
	if (fs_read_file(AT_FDCWD, file, &have) < 0)
		return;
	free(h->controllers);
	for (char *p = buf_text(&have) ? have.p : NULL; p && *p; p++)
		if (*p == ' ' || *p == '\n')
			*p = ',';
	h->controllers = xasprintf(",%s,devices,freezer,", buf_text(&have));
}

static int make_parent(struct cgroups *cg, struct error *err)
{
	for (size_t i = 0; i < cg->n; i++) {
		autofree char *dir = xasprintf("%s%s", cg->h[i].mount, cg->parent);

		if (mkdir(dir, 0755) < 0 && errno != EEXIST)
			return error_sys(err, "making cgroup %s", dir);
		if (cg->version == 2)
			enable_controllers(&cg->h[i], dir);
		else if (lists(cg->h[i].controllers, "cpuset"))
			prepare_cpuset(&cg->h[i], dir);
	}
	return 0;
}

/* A parent of the user's own: made with all above it, and given what its children need. */
int cgroup_make_parent(struct cgroups *cg, const char *parent, struct error *err)
{
	autofree char *guarded = xasprintf("%s/", parent);

	if (parent[0] != '/' || strstr(guarded, "/../"))
		return error_set(err, ERR_BAD_REQUEST, "invalid cgroup parent: \"%s\"", parent);
	for (size_t i = 0; i < cg->n; i++) {
		autofree char *dir = xasprintf("%s%s", cg->h[i].mount, parent);
		size_t top = strlen(cg->h[i].mount);

		for (char *end = strchr(dir + top + 1, '/');; end = strchr(end + 1, '/')) {
			autofree char *level =
				end ? xstrndup(dir, (size_t)(end - dir)) : xstrdup(dir);

			if (mkdir(level, 0755) < 0 && errno != EEXIST)
				return error_sys(err, "making cgroup %s", level);
			if (cg->version == 1 && lists(cg->h[i].controllers, "cpuset"))
				prepare_cpuset(&cg->h[i], level);
			else if (cg->version == 2)
				enable_below(level);
			if (!end)
				break;
		}
	}
	return 0;
}

static bool has_file(const struct cgroups *cg, const char *controller, const char *file)
{
	int i = cgroup_find(cg, controller);
	autofree char *path = NULL;

	if (i < 0)
		return false;
	path = xasprintf("%s%s/%s", cg->h[i].mount, cg->parent, file);
	return access(path, F_OK) == 0;
}

static void find_features(struct cgroups *cg)
{
	struct exec_features *f = &cg->features;
	bool v1 = cg->version == 1;

	f->cgroup_version = cg->version;
	f->memory = cgroup_find(cg, "memory") >= 0;
	f->swap = has_file(cg, "memory", v1 ? "memory.memsw.limit_in_bytes" : "memory.swap.max");
	f->cpu_shares = has_file(cg, "cpu", v1 ? "cpu.shares" : "cpu.weight");
	f->cpu_cfs = has_file(cg, "cpu", v1 ? "cpu.cfs_quota_us" : "cpu.max");
	f->cpuset = cgroup_find(cg, "cpuset") >= 0;
	f->pids = cgroup_find(cg, "pids") >= 0;
	f->blkio_weight =
		v1 ? has_file(cg, "blkio", "blkio.weight") : has_file(cg, "io", "io.weight");
	f->oom_kill_disable = v1 && has_file(cg, "memory", "memory.oom_control");
	f->seccomp = access("/proc/sys/kernel/seccomp/actions_avail", F_OK) == 0;
}

/* Several daemons on one host keep apart: only the usual exec root gets the usual name. */
static char *parent_name(const char *exec_root)
{
	uint32_t hash = 2166136261u;

	if (strcmp(exec_root, "/var/run/docker") == 0 || strcmp(exec_root, "/run/docker") == 0)
		return xstrdup("/docker");
	for (const char *p = exec_root; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	return xasprintf("/docker-%08" PRIx32, hash);
}

int cgroups_open(struct cgroups *cg, const char *exec_root, struct error *err)
{
	*cg = (struct cgroups){ 0 };
	cg->parent = parent_name(exec_root);
	if (find_hierarchies(cg, err) < 0 || make_parent(cg, err) < 0)
		return -1;
	find_features(cg);
	return 0;
}

void cgroups_close(struct cgroups *cg)
{
	for (size_t i = 0; i < cg->n; i++) {
		autofree char *dir = xasprintf("%s%s", cg->h[i].mount, cg->parent);

		rmdir(dir); /* stays while a container does */
		free(cg->h[i].mount);
		free(cg->h[i].controllers);
		free(cg->h[i].name);
	}
	free(cg->parent);
}

char *cgroup_dir(const struct cgroups *cg, size_t i, const char *parent, const char *id)
{
	return xasprintf("%s%s/%s", cg->h[i].mount, parent ? parent : cg->parent, id);
}

/* ---- limits ---- */

typedef void write_fn(void *arg, const char *dir, const char *file, const char *value);

struct limit_writer {
	const struct cgroups *cg;
	const char *parent, *id;
	write_fn *write;
	void *arg;
};

static void put(const struct limit_writer *w, const char *controller, const char *file,
		const char *value)
{
	int i = cgroup_find(w->cg, controller);

	if (i >= 0) {
		autofree char *dir = cgroup_dir(w->cg, (size_t)i, w->parent, w->id);

		w->write(w->arg, dir, file, value);
	}
}

static void put_int(const struct limit_writer *w, const char *controller, const char *file,
		    int64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, value);
	put(w, controller, file, text);
}

/* Microseconds of CPU time per period, from --cpus or --cpu-quota. */
static void cpu_time(const struct exec_resources *r, int64_t *quota, int64_t *period)
{
	*period = r->cpu_period ? r->cpu_period : 100000;
	*quota = r->nano_cpus ? r->nano_cpus * *period / 1000000000 : r->cpu_quota;
}

static void limits_v1(const struct limit_writer *w, const struct exec_resources *r)
{
	int64_t quota, period, swap = r->memory_swap ? r->memory_swap : r->memory * 2;

	if (r->memory > 0) {
		put_int(w, "memory", "memory.limit_in_bytes", r->memory);
		if (w->cg->features.swap)
			put_int(w, "memory", "memory.memsw.limit_in_bytes", swap);
	}
	if (r->memory_reservation > 0)
		put_int(w, "memory", "memory.soft_limit_in_bytes", r->memory_reservation);
	if (r->swappiness >= 0)
		put_int(w, "memory", "memory.swappiness", r->swappiness);
	if (r->oom_kill_disable)
		put(w, "memory", "memory.oom_control", "1");
	if (r->cpu_shares)
		put_int(w, "cpu", "cpu.shares", (int64_t)r->cpu_shares);
	cpu_time(r, &quota, &period);
	if (quota || r->cpu_period) {
		put_int(w, "cpu", "cpu.cfs_period_us", period);
		put_int(w, "cpu", "cpu.cfs_quota_us", quota ? quota : -1);
	}
	if (r->blkio_weight)
		put_int(w, "blkio", "blkio.weight", r->blkio_weight);
}

static void limits_v2(const struct limit_writer *w, const struct exec_resources *r)
{
	int64_t quota, period;
	char text[64];

	if (r->memory > 0) {
		put_int(w, "memory", "memory.max", r->memory);
		if (r->memory_swap < 0)
			put(w, "memory", "memory.swap.max", "max");
		else
			put_int(w, "memory", "memory.swap.max",
				r->memory_swap ? r->memory_swap - r->memory : r->memory);
	}
	if (r->memory_reservation > 0)
		put_int(w, "memory", "memory.low", r->memory_reservation);
	if (r->cpu_shares) /* shares of 2..262144 on a weight of 1..10000 */
		put_int(w, "cpu", "cpu.weight", 1 + ((int64_t)r->cpu_shares - 2) * 9999 / 262142);
	cpu_time(r, &quota, &period);
	if (quota || r->cpu_period) {
		if (quota > 0)
			snprintf(text, sizeof(text), "%" PRId64 " %" PRId64, quota, period);
		else
			snprintf(text, sizeof(text), "max %" PRId64, period);
		put(w, "cpu", "cpu.max", text);
	}
	if (r->blkio_weight)
		put_int(w, "io", "io.weight", 1 + (r->blkio_weight - 10) * 9999 / 990);
}

static void limits(const struct limit_writer *w, const struct exec_resources *r)
{
	if (w->cg->version == 1)
		limits_v1(w, r);
	else
		limits_v2(w, r);
	if (r->cpuset_cpus && *r->cpuset_cpus)
		put(w, "cpuset", "cpuset.cpus", r->cpuset_cpus);
	if (r->cpuset_mems && *r->cpuset_mems)
		put(w, "cpuset", "cpuset.mems", r->cpuset_mems);
	if (r->pids_limit > 0)
		put_int(w, "pids", "pids.max", r->pids_limit);
}

static void write_to_plan(void *arg, const char *dir, const char *file, const char *value)
{
	autofree char *path = xasprintf("%s/%s", dir, file);

	plan_put(arg, PLAN_CGROUP_WRITE, path, value, "must", NULL);
}

void plan_cgroups(const struct native *d, const struct exec_command *c, struct plan_writer *w)
{
	const struct cgroups *cg = &d->cgroups;
	const char *parent = c->resources.cgroup_parent;
	struct limit_writer lw = { cg, parent, c->id, write_to_plan, w };
	int memory = cgroup_find(cg, "memory");

	for (size_t i = 0; i < cg->n; i++) {
		autofree char *dir = cgroup_dir(cg, i, parent, c->id);

		plan_put(w, PLAN_CGROUP, dir, NULL);
		if (cg->version == 1 && lists(cg->h[i].controllers, "devices"))
			plan_devices_v1(dir, c, w);
	}
	if (cg->version == 2) {
		plan_put(w, PLAN_CGROUP_V2, NULL);
		plan_devices_v2(c, w);
	}
	limits(&lw, &c->resources);
	if (memory >= 0) {
		autofree char *dir = cgroup_dir(cg, (size_t)memory, parent, c->id);
		autofree char *file =
			xasprintf("%s/%s", dir,
				  cg->version == 1 ? "memory.oom_control" : "memory.events");

		plan_put(w, PLAN_OOM_FILE, file, NULL);
	}
}

static void write_now(void *arg, const char *dir, const char *file, const char *value)
{
	autofree char *path = xasprintf("%s/%s", dir, file);
	struct error *err = arg;

	if (fs_write_str(AT_FDCWD, path, value) < 0 && err->kind == ERR_NONE)
		error_sys(err, "writing \"%s\" to %s", value, file);
}

int cgroup_update(const struct cgroups *cg, const char *id, const struct exec_resources *r,
		  struct error *err)
{
	struct error first = { 0 };
	struct limit_writer lw = { cg, r->cgroup_parent, id, write_now, &first };

	limits(&lw, r);
	if (first.kind == ERR_NONE)
		return 0;
	if (err)
		*err = first;
	return -1;
}

/* ---- the freezer ---- */

/* v1: FROZEN is asked for and comes about; v2: cgroup.events says so. */
static bool is_frozen(const struct cgroups *cg, const char *dir)
{
	autofree char *file =
		xasprintf("%s/%s", dir, cg->version == 1 ? "freezer.state" : "cgroup.events");
	autobuf struct buf text = BUF_INIT(4096);

	if (fs_read_file(AT_FDCWD, file, &text) < 0)
		return false;
	return strstr(buf_text(&text), cg->version == 1 ? "FROZEN" : "frozen 1") != NULL;
}

int cgroup_freeze(const struct cgroups *cg, const char *parent, const char *id, bool frozen,
		  struct error *err)
{
	struct timespec pause = { .tv_nsec = 1000 * 1000 };
	int i = cgroup_find(cg, "freezer");
	autofree char *dir = NULL, *file = NULL;

	if (i < 0)
		return error_set(err, ERR_INTERNAL, "this host has no freezer cgroup");
	dir = cgroup_dir(cg, (size_t)i, NULL, id);
	file = xasprintf("%s/%s", dir, cg->version == 1 ? "freezer.state" : "cgroup.freeze");
	for (int tries = 0; tries < 500; tries++) {
		if (fs_write_str(AT_FDCWD, file,
				 cg->version == 2 ? (frozen ? "1" : "0")
				 : frozen         ? "FROZEN"
						  : "THAWED") < 0)
			return error_sys(err, "writing %s", file);
		if (!frozen || is_frozen(cg, dir))
			return 0;
		nanosleep(&pause, NULL);
	}
	cgroup_freeze(cg, parent, id, false, NULL);
	return error_set(err, ERR_INTERNAL, "unable to freeze: a process does not come to rest");
}

/* ---- what is left over ---- */

static void kill_members(const char *dir)
{
	autofree char *file = xasprintf("%s/cgroup.procs", dir);
	autobuf struct buf pids = BUF_INIT(1024 * 1024);
	char *line, *rest;
	uint32_t pid;

	if (fs_read_file(AT_FDCWD, file, &pids) < 0 || !pids.len)
		return;
	rest = pids.p;
	while ((line = strsep(&rest, "\n")))
		if (parse_u32(line, &pid) == 0 && pid > 1)
			kill((pid_t)pid, SIGKILL);
}

static void remove_dir(const char *dir)
{
	struct timespec pause = { .tv_nsec = 2 * 1000 * 1000 };

	for (int tries = 0; tries < 50; tries++) {
		if (rmdir(dir) == 0 || errno != EBUSY)
			return;
		kill_members(dir);
		nanosleep(&pause, NULL);
	}
}

void cgroup_remove(const struct cgroups *cg, const char *parent, const char *id)
{
	for (size_t i = 0; i < cg->n; i++) {
		autofree char *dir = cgroup_dir(cg, i, parent, id);

		remove_dir(dir);
	}
}

/* Call remove_dir() for every folder of containers that unwanted() names. */
static void sweep(const struct cgroups *cg, bool (*unwanted)(const char *name, const void *arg),
		  const void *arg)
{
	for (size_t i = 0; i < cg->n; i++) {
		autofree char *parent = xasprintf("%s%s", cg->h[i].mount, cg->parent);
		DIR *dir = opendir(parent);
		struct dirent *e;

		while (dir && (e = readdir(dir)))
			if (unwanted(e->d_name, arg)) {
				autofree char *path = xasprintf("%s/%s", parent, e->d_name);

				remove_dir(path);
			}
		if (dir)
			closedir(dir);
	}
}

static bool is_unknown(const char *name, const void *known_ids)
{
	return id_is_full(name) && !strlist_has(known_ids, name);
}

static bool is_warm(const char *name, const void *arg)
{
	(void)arg;
	return strncmp(name, "warm-", 5) == 0;
}

void cgroup_sweep(const struct cgroups *cg, const struct strlist *known_ids)
{
	sweep(cg, is_unknown, known_ids);
}

void cgroup_sweep_warm(const struct cgroups *cg)
{
	sweep(cg, is_warm, NULL);
}
