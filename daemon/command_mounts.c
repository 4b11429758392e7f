/*
 * The mounts of a command, in the order in which they are to be made: parents before what lies
 * below them; then the files that the daemon writes for the container.
 */
#include "daemon/command.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/container.h"
#include "daemon/mounts.h"
#include "pkg/fs.h"
#include "pkg/json.h"
#include "pkg/mem.h"

/* One mount point with what it is sorted by. */
struct entry {
	const char *target, *tmpfs; /* tmpfs: the options of --tmpfs, else NULL */
	const json_t *mount;        /* else one of mounts.h */
	size_t depth, order;
};

static size_t depth_of(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/' && path[1];
	return n;
}

static int by_depth(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int prepare_source(const char *source, struct error *err)
{
	struct stat st;

	if (stat(source, &st) == 0)
		return 0;
	if (fs_mkdir_p(source, 0755) < 0)
		return error_sys(err, "error while creating mount source path '%s'", source);
	return 0;
}

static void add_tmpfs(struct exec_command *out, const char *target, const char *data, bool rw)
{
	struct exec_mount *m = exec_command_add_mount(out);

	m->target = xstrdup(target);
	m->fstype = xstrdup("tmpfs");
	m->data = xstrdup(data);
	m->flags = rw ? 0 : EXEC_MOUNT_READONLY;
}

static void add_bind(struct exec_command *out, const char *source, const char *target, bool rw,
		     const char *propagation, bool recursive)
{
	struct exec_mount *m = exec_command_add_mount(out);

	m->source = xstrdup(source);
	m->target = xstrdup(target);
	m->fstype = xstrdup("bind");
	m->propagation = *propagation ? xstrdup(propagation) : NULL;
	m->flags = (rw ? 0 : EXEC_MOUNT_READONLY) | (recursive ? 0 : EXEC_MOUNT_NONRECURSIVE);
}

static int add_entry(struct exec_command *out, const struct entry *e, struct error *err)
{
	const char *source = json_get_str(e->mount, "Source", "");
	bool rw = json_get_bool(e->mount, "RW", true);

	if (e->tmpfs) {
		autofree char *data =
			xasprintf("noexec,nosuid,nodev%s%s", *e->tmpfs ? "," : "", e->tmpfs);

		add_tmpfs(out, e->target, data, true);
		return 0;
	}
	if (strcmp(json_get_str(e->mount, "Type", ""), "tmpfs") == 0) {
		add_tmpfs(out, e->target, json_get_str(e->mount, "Data", ""), rw);
		return 0;
	}
	if (json_get_bool(e->mount, "CreateSource", false) && prepare_source(source, err) < 0)
		return -1;
	add_bind(out, source, e->target, rw, json_get_str(e->mount, "Propagation", ""),
		 !json_get_bool(e->mount, "NonRecursive", false));
	return 0;
}

/* All mount points of the user, sorted; the caller frees. */
static struct entry *collect(const json_t *mounts, const json_t *tmpfs, size_t *n)
{
	struct entry *v =
		xcalloc(json_array_size(mounts) + json_object_size(tmpfs) + 1, sizeof(*v));
	const char *path;
	json_t *m;
	size_t i;

	*n = 0;
	json_array_foreach(mounts, i, m)
		v[(*n)++] =
			(struct entry){ .target = json_get_str(m, "Destination", "/"), .mount = m };
	json_object_foreach((json_t *)tmpfs, path, m)
		v[(*n)++] =
			(struct entry){ .target = path,
					.tmpfs = json_is_string(m) ? json_string_value(m) : "" };
	for (i = 0; i < *n; i++) {
		v[i].depth = depth_of(v[i].target);
		v[i].order = i;
	}
	qsort(v, *n, sizeof(*v), by_depth);
	return v;
}

/* resolv.conf, hostname and hosts, where the user has not put something of their own. */
static void add_files(const char *dir, const json_t *mounts, bool rw, struct exec_command *out)
{
	static const char *const files[] = { "resolv.conf", "hostname", "hosts" };

	for (size_t i = 0; i < array_size(files); i++) {
		autofree char *source = xasprintf("%s/%s", dir, files[i]);
		autofree char *target = xasprintf("/etc/%s", files[i]);

		if (!mounts_has(mounts, target))
			add_bind(out, source, target, rw, "rprivate", true);
	}
}

int command_mounts(struct container *c, const char *files_dir, struct exec_command *out,
		   struct error *err)
{
	autojson json_t *mounts = container_mounts(c);
	autojson json_t *h = container_host_config(c);
	autofree struct entry *entries = NULL;
	size_t n;

	entries = collect(mounts, json_get_obj(h, "Tmpfs"), &n);
	for (size_t i = 0; i < n; i++)
		if (add_entry(out, &entries[i], err) < 0)
			return -1;
	if (files_dir)
		add_files(files_dir, mounts, !json_get_bool(h, "ReadonlyRootfs", false), out);
	return 0;
}
