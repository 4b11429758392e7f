/* Mount points of a container: see mounts.h. */
#include "daemon/mounts.h"

#include <stdio.h>
#include <string.h>

#include "daemon/container.h"
#include "daemon/internal.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "runconfig/runconfig.h"
#include "volumes/volumes.h"

/* What is being resolved. */
struct resolver {
	struct daemon *d;
	json_t *mounts; /* the result so far */
};

static json_t *find(const json_t *mounts, const char *destination)
{
	json_t *v;
	size_t i;

	json_array_foreach(mounts, i, v)
		if (strcmp(json_get_str(v, "Destination", ""), destination) == 0)
			return v;
	return NULL;
}

int mounts_has(const json_t *mounts, const char *destination)
{
	return find(mounts, destination) != NULL;
}

/* Append a mount point; taken. ERR_BAD_REQUEST when its place is taken already. */
static int add(struct resolver *r, json_t *mount, struct error *err)
{
	const char *destination = json_get_str(mount, "Destination", "");

	if (mounts_has(r->mounts, destination)) {
		error_set(err, ERR_BAD_REQUEST, "Duplicate mount point: %s", destination);
		json_decref(mount);
		return -1;
	}
	json_array_append_new(r->mounts, mount);
	return 0;
}

static json_t *bind_mount(const char *source, const char *destination, const char *mode, bool rw,
			  const char *propagation)
{
	autofree char *clean = runconfig_path_clean(destination);

	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "Type", "bind", "Source", source,
			 "Destination", clean, "Mode", mode, "RW", rw, "Propagation", propagation);
}

/* The mount of a volume, which is made when it is missing; name NULL: an anonymous one. */
static json_t *volume_mount(struct resolver *r, const char *name, const char *destination,
			    const char *mode, bool rw, struct error *err)
{
	autofree char *clean = runconfig_path_clean(destination);
	autofree char *made = NULL, *path = NULL;
	bool created;
	json_t *j;

	if (volumes_create(r->d->volumes, name, &made, &created, err) < 0)
		return NULL;
	path = volumes_path(r->d->volumes, made);
	j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s}", "Type", "volume", "Name", made,
		      "Source", path, "Destination", clean, "Driver", "local", "Mode", mode, "RW",
		      rw, "Propagation", "");
	if (!name)
		json_object_set_new(j, "Anonymous", json_true());
	return j;
}

/* The daemon's own folder must not pin the mounts of a container that sees it. */
static const char *default_propagation(const struct daemon *d, const char *source)
{
	size_t n = strlen(source);
	const char *root = d->config.root;

	if (strcmp(source, "/") == 0)
		return "rslave";
	return strncmp(root, source, n) == 0 && (root[n] == '/' || !root[n]) ? "rslave"
									     : "rprivate";
}

static int add_bind(struct resolver *r, const char *spec, struct error *err)
{
	struct runconfig_bind b;
	json_t *j;

	if (runconfig_bind_parse(spec, &b, err) < 0)
		return -1;
	if (b.is_path) {
		autofree char *source = runconfig_path_clean(b.source);
		const char *p = b.propagation ? b.propagation : default_propagation(r->d, source);

		j = bind_mount(source, b.target, b.mode, !b.readonly, p);
		json_object_set_new(j, "CreateSource", json_true());
	} else {
		j = volume_mount(r, b.source, b.target, *b.mode ? b.mode : "z", !b.readonly, err);
	}
	runconfig_bind_done(&b);
	return j ? add(r, j, err) : -1;
}

static json_t *mount_of_bind(struct resolver *r, const json_t *m, const char *target)
{
	const json_t *options = json_get_obj(m, "BindOptions");
	const char *source = json_get_str(m, "Source", "");
	const char *propagation = json_get_str(options, "Propagation", "");
	json_t *j = bind_mount(source, target, "", !json_get_bool(m, "ReadOnly", false),
			       *propagation ? propagation : default_propagation(r->d, source));

	if (json_get_bool(options, "CreateMountpoint", false))
		json_object_set_new(j, "CreateSource", json_true());
	if (json_get_bool(options, "NonRecursive", false))
		json_object_set_new(j, "NonRecursive", json_true());
	return j;
}

static json_t *mount_of_tmpfs(const json_t *m, const char *target)
{
	const json_t *options = json_get_obj(m, "TmpfsOptions");
	autofree char *clean = runconfig_path_clean(target);
	long long size = json_get_int(options, "SizeBytes", 0);
	long long mode = json_get_int(options, "Mode", 0);
	char data[128];
	size_t n = (size_t)snprintf(data, sizeof(data), "noexec,nosuid,nodev");

	if (size > 0)
		n += (size_t)snprintf(data + n, sizeof(data) - n, ",size=%lld", size);
	if (mode > 0)
		snprintf(data + n, sizeof(data) - n, ",mode=%llo", mode);
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:s}", "Type", "tmpfs", "Source", "",
			 "Destination", clean, "Mode", "", "RW",
			 !json_get_bool(m, "ReadOnly", false), "Propagation", "", "Data", data);
}

/* One of Mounts, whose members were checked already. */
static int add_mount(struct resolver *r, const json_t *m, struct error *err)
{
	const char *type = json_get_str(m, "Type", "");
	const char *target = json_get_str(m, "Target", "");
	const char *source = json_get_str(m, "Source", "");
	json_t *j;

	if (strcmp(type, "bind") == 0)
		j = mount_of_bind(r, m, target);
	else if (strcmp(type, "tmpfs") == 0)
		j = mount_of_tmpfs(m, target);
	else
		j = volume_mount(r, *source ? source : NULL, target, "z",
				 !json_get_bool(m, "ReadOnly", false), err);
	return j ? add(r, j, err) : -1;
}

/* "container[:ro|rw]": its binds and volumes; a place that is taken stays as it is. */
static int add_volumes_from(struct resolver *r, const char *spec, struct error *err)
{
	autojson json_t *theirs = NULL;
	autofree char *name = NULL;
	struct container *c;
	bool readonly;
	json_t *v;
	size_t i;

	if (runconfig_volumes_from_parse(spec, &name, &readonly, err) < 0)
		return -1;
	c = store_lookup(r->d->store, name, err);
	if (!c) {
		if (err)
			err->kind = ERR_BAD_REQUEST;
		return -1;
	}
	theirs = container_mounts(c);
	container_unref(c);
	json_array_foreach(theirs, i, v) {
		json_t *copy = json_copy(v);

		if (readonly)
			json_object_set_new(copy, "RW", json_false());
		json_object_set_new(copy, "Mode", json_string(readonly ? "ro" : ""));
		json_object_del(copy, "Anonymous"); /* theirs to remove */
		if (strcmp(json_get_str(v, "Type", ""), "tmpfs") == 0 ||
		    mounts_has(r->mounts, json_get_str(v, "Destination", "")))
			json_decref(copy);
		else
			json_array_append_new(r->mounts, copy);
	}
	return 0;
}

/* The paths that the image or the user calls volumes, where nothing else is mounted. */
static int add_anonymous(struct resolver *r, const json_t *config, const json_t *host_config,
			 struct error *err)
{
	const json_t *tmpfs = json_get_obj(host_config, "Tmpfs");
	const char *path;
	json_t *v;

	json_object_foreach(json_get_obj(config, "Volumes"), path, v) {
		autofree char *clean = runconfig_path_clean(path);

		if (strcmp(clean, "/") == 0)
			return error_set(err, ERR_BAD_REQUEST,
					 "invalid volume: destination can't be '/'");
		if (mounts_has(r->mounts, clean) || json_object_get(tmpfs, path))
			continue;
		v = volume_mount(r, NULL, clean, "", true, err);
		if (!v || add(r, v, err) < 0)
			return -1;
	}
	return 0;
}

static int resolve(struct resolver *r, const json_t *config, const json_t *host_config,
		   struct error *err)
{
	json_t *v;
	size_t i;

	json_array_foreach(json_get_arr(host_config, "Binds"), i, v)
		if (add_bind(r, json_string_value(v), err) < 0)
			return -1;
	json_array_foreach(json_get_arr(host_config, "Mounts"), i, v)
		if (add_mount(r, v, err) < 0)
			return -1;
	json_array_foreach(json_get_arr(host_config, "VolumesFrom"), i, v)
		if (add_volumes_from(r, json_string_value(v), err) < 0)
			return -1;
	return add_anonymous(r, config, host_config, err);
}

json_t *mounts_resolve(struct daemon *d, const json_t *config, const json_t *host_config,
		       struct error *err)
{
	struct resolver r = { .d = d, .mounts = json_array() };

	if (resolve(&r, config, host_config, err) == 0)
		return r.mounts;
	mounts_remove_anonymous(d, r.mounts);
	json_decref(r.mounts);
	return NULL;
}

/* Does a container of the store have a volume of this name among its mounts? */
static bool is_in_use(struct daemon *d, const char *volume)
{
	struct container **all = store_list(d->store);
	bool used = false;

	for (struct container **p = all; *p && !used; p++) {
		autojson json_t *mounts = container_mounts(*p);
		json_t *v;
		size_t i;

		json_array_foreach(mounts, i, v)
			if (strcmp(json_get_str(v, "Name", ""), volume) == 0)
				used = true;
	}
	store_list_free(all);
	return used;
}

void mounts_remove_anonymous(struct daemon *d, const json_t *mounts)
{
	json_t *v;
	size_t i;

	json_array_foreach(mounts, i, v) {
		const char *name = json_get_str(v, "Name", "");
		struct error e;

		if (!json_get_bool(v, "Anonymous", false) || is_in_use(d, name))
			continue;
		if (volumes_remove(d->volumes, name, &e) < 0)
			log_warn("%s, ignoring", e.text);
	}
}

json_t *mounts_shown(const json_t *mounts)
{
	static const char *const members[] = { "Type",   "Name", "Source", "Destination",
					       "Driver", "Mode", "RW",     "Propagation" };
	json_t *out = json_array(), *v;
	size_t i;

	json_array_foreach(mounts, i, v) {
		json_t *shown = json_object();

		for (size_t m = 0; m < array_size(members); m++)
			if (json_object_get(v, members[m]))
				json_object_set(shown, members[m], json_object_get(v, members[m]));
		json_array_append_new(out, shown);
	}
	return out;
}
