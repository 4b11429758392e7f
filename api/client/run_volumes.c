/* -v, --tmpfs and --mount: Binds, Volumes, Tmpfs and Mounts of a create request. */
#include "api/client/run_opts.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "pkg/csv.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/parse.h"

/* "./x" and "../x" are of the client's directory, which the daemon cannot know. Caller frees. */
static char *absolute(const char *path)
{
	char cwd[PATH_MAX];

	if ((strcmp(path, ".") != 0 && strncmp(path, "./", 2) != 0 && strcmp(path, "..") != 0 &&
	     strncmp(path, "../", 3) != 0) ||
	    !getcwd(cwd, sizeof(cwd)))
		return xstrdup(path);
	if (path[0] == '.' && path[1] == '/')
		path += 2;
	return strcmp(path, ".") == 0 ? xstrdup(cwd) : xasprintf("%s/%s", cwd, path);
}

int run_volumes(const struct run_opts *o, json_t *config, json_t *host_config, struct error *err)
{
	autojson json_t *binds = json_array(), *volumes = json_object(), *tmpfs = json_object();

	for (size_t i = 0; i < o->volume.n; i++) {
		const char *spec = o->volume.v[i];
		size_t n = strcspn(spec, ":");
		autofree char *source = xstrndup(spec, n), *from = absolute(source), *bind = NULL;

		if (!*spec)
			return error_set(err, ERR_BAD_REQUEST, "invalid empty volume spec");
		if (!spec[n]) {
			json_object_set_new_nocheck(volumes, spec, json_object());
			continue;
		}
		bind = xasprintf("%s%s", from, spec + n);
		json_array_append_new(binds, json_string_nocheck(bind));
	}
	for (size_t i = 0; i < o->tmpfs.n; i++) {
		const char *spec = o->tmpfs.v[i];
		size_t n = strcspn(spec, ":");
		autofree char *path = xstrndup(spec, n);

		json_object_set_new_nocheck(tmpfs, path,
					    json_string_nocheck(spec + n + (spec[n] == ':')));
	}
	if (json_array_size(binds))
		json_object_set_nocheck(host_config, "Binds", binds);
	if (json_object_size(volumes))
		json_object_set_nocheck(config, "Volumes", volumes);
	if (json_object_size(tmpfs))
		json_object_set_nocheck(host_config, "Tmpfs", tmpfs);
	return 0;
}

/* The member object of a mount, made when it is first needed. Borrowed. */
static json_t *member(json_t *mount, const char *name)
{
	json_t *v = json_object_get(mount, name);

	if (!v) {
		v = json_object();
		json_object_set_new_nocheck(mount, name, v);
	}
	return v;
}

static int bad_value(const char *key, const char *value, struct error *err)
{
	return error_set(err, ERR_BAD_REQUEST, "invalid value for %s: %s", key, value);
}

static void set_text(json_t *o, const char *key, const char *value)
{
	json_object_set_new_nocheck(o, key, json_string_nocheck(value));
}

static int set_mount_bool(json_t *o, const char *member_name, const char *key, const char *value,
			  struct error *err)
{
	static const char *const yes[] = { "", "1", "t", "true" };
	static const char *const no[] = { "0", "f", "false" };

	for (size_t i = 0; i < array_size(yes); i++)
		if (strcasecmp(value, yes[i]) == 0)
			return json_object_set_new_nocheck(o, member_name, json_true());
	for (size_t i = 0; i < array_size(no); i++)
		if (strcasecmp(value, no[i]) == 0)
			return json_object_set_new_nocheck(o, member_name, json_false());
	return bad_value(key, value, err);
}

static int set_tmpfs(json_t *mount, const char *key, const char *value, struct error *err)
{
	json_t *options = member(mount, "TmpfsOptions");
	int64_t size;
	char *end;

	if (strcmp(key, "tmpfs-size") == 0) {
		if (parse_ram_bytes(value, &size) < 0)
			return bad_value(key, value, err);
		return json_object_set_new_nocheck(options, "SizeBytes", json_integer(size));
	}
	size = strtol(value, &end, 8);
	if (end == value || *end)
		return bad_value(key, value, err);
	return json_object_set_new_nocheck(options, "Mode", json_integer(size));
}

static int set_volume(json_t *mount, const char *key, const char *value, struct error *err)
{
	json_t *options = member(mount, "VolumeOptions");

	if (strcmp(key, "volume-nocopy") == 0)
		return set_mount_bool(options, "NoCopy", key, value, err);
	if (strcmp(key, "volume-label") == 0)
		run_add_pair(member(options, "Labels"), value);
	else if (strcmp(key, "volume-driver") == 0)
		set_text(member(options, "DriverConfig"), "Name", value);
	else if (strcmp(key, "volume-opt") == 0)
		run_add_pair(member(member(options, "DriverConfig"), "Options"), value);
	else
		set_text(options, "Subpath", value);
	return 0;
}

static int set_field(json_t *mount, const char *key, const char *value, struct error *err)
{
	static const struct {
		const char *key, *member;
	} texts[] = {
		{ "type", "Type" },
		{ "source", "Source" },
		{ "src", "Source" },
		{ "target", "Target" },
		{ "destination", "Target" },
		{ "dst", "Target" },
		{ "consistency", "Consistency" },
	};
	static const char *const volume_keys[] = { "volume-nocopy", "volume-label", "volume-driver",
						   "volume-opt", "volume-subpath" };

	for (size_t i = 0; i < array_size(texts); i++)
		if (strcmp(key, texts[i].key) == 0) {
			set_text(mount, texts[i].member, value);
			return 0;
		}
	for (size_t i = 0; i < array_size(volume_keys); i++)
		if (strcmp(key, volume_keys[i]) == 0)
			return set_volume(mount, key, value, err);
	if (strcmp(key, "readonly") == 0 || strcmp(key, "ro") == 0)
		return set_mount_bool(mount, "ReadOnly", key, value, err);
	if (strcmp(key, "tmpfs-size") == 0 || strcmp(key, "tmpfs-mode") == 0)
		return set_tmpfs(mount, key, value, err);
	if (strcmp(key, "bind-propagation") == 0)
		set_text(member(mount, "BindOptions"), "Propagation", value);
	else if (strcmp(key, "bind-nonrecursive") == 0)
		return set_mount_bool(member(mount, "BindOptions"), "NonRecursive", key, value,
				      err);
	else
		return error_set(err, ERR_BAD_REQUEST, "unexpected key '%s' in '%s=%s'", key, key,
				 value);
	return 0;
}

static int parse_mount(const char *spec, json_t *mount, struct error *err)
{
	autostrlist struct strlist fields = STRLIST_INIT;

	set_text(mount, "Type", "volume");
	if (csv_split(spec, &fields, err) < 0)
		return -1;
	for (size_t i = 0; i < fields.n; i++) {
		char *eq = strchr(fields.v[i], '=');

		if (eq)
			*eq = '\0';
		if (set_field(mount, fields.v[i], eq ? eq + 1 : "", err) < 0)
			return -1;
	}
	if (!*json_get_str(mount, "Target", ""))
		return error_set(err, ERR_BAD_REQUEST, "target is required");
	return 0;
}

int run_mounts(const struct run_opts *o, json_t *host_config, struct error *err)
{
	autojson json_t *mounts = json_array();

	for (size_t i = 0; i < o->mount.n; i++) {
		json_t *mount = json_object();

		json_array_append_new(mounts, mount);
		if (parse_mount(o->mount.v[i], mount, err) < 0)
			return error_prefix(err, "invalid argument \"%s\" for \"--mount\" flag",
					    o->mount.v[i]);
		if (strcmp(json_get_str(mount, "Type", ""), "bind") == 0) {
			autofree char *from = absolute(json_get_str(mount, "Source", ""));

			set_text(mount, "Source", from);
		}
	}
	if (json_array_size(mounts))
		json_object_set_nocheck(host_config, "Mounts", mounts);
	return 0;
}
