/*
 * Binds, Mounts, Tmpfs and VolumesFrom: each on its own, and that no two of them claim one target.
 */
#include <string.h>
#include <unistd.h>

#include "pkg/json.h"
#include "pkg/mem.h"
#include "runconfig/internal.h"

/* Remember a target; ERR_BAD_REQUEST when it was claimed before. */
static int claim(struct strlist *targets, const char *target, struct error *err)
{
	autofree char *clean = runconfig_path_clean(target);

	if (strlist_has(targets, clean))
		return error_set(err, ERR_BAD_REQUEST, "Duplicate mount point: %s", clean);
	strlist_take(targets, take_ptr(&clean));
	return 0;
}

static int check_target(const char *target, struct error *err)
{
	autofree char *clean = runconfig_path_clean(target);

	if (*target == '/' && strcmp(clean, "/") == 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid specification: destination can't be '/'");
	if (*target != '/')
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid mount path: '%s' mount path must be absolute", target);
	return 0;
}

static int missing(const char *field, struct error *err)
{
	return error_set(err, ERR_BAD_REQUEST, "field %s must not be empty", field);
}

static int extra(const char *field, struct error *err)
{
	return error_set(err, ERR_BAD_REQUEST, "field %s must not be specified", field);
}

static int check_propagation(const json_t *m, struct error *err)
{
	static const char *const known[] = { "",       "private", "rprivate", "slave",
					     "rslave", "shared",  "rshared" };
	const char *p = json_get_str(json_get_obj(m, "BindOptions"), "Propagation", "");

	for (size_t i = 0; i < array_size(known); i++)
		if (strcmp(p, known[i]) == 0)
			return 0;
	return error_set(err, ERR_BAD_REQUEST, "invalid propagation mode: %s", p);
}

static int check_bind(const json_t *m, struct error *err)
{
	const char *source = json_get_str(m, "Source", "");

	if (!*source)
		return missing("Source", err);
	if (check_propagation(m, err) < 0)
		return -1;
	if (json_get_obj(m, "VolumeOptions"))
		return extra("VolumeOptions", err);
	if (json_get_obj(m, "TmpfsOptions"))
		return extra("TmpfsOptions", err);
	if (*source != '/')
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid mount path: '%s' mount path must be absolute", source);
	if (access(source, F_OK) < 0 &&
	    !json_get_bool(json_get_obj(m, "BindOptions"), "CreateMountpoint", false))
		return error_set(err, ERR_BAD_REQUEST, "bind source path does not exist: %s",
				 source);
	return 0;
}

static int check_volume(const json_t *m, struct error *err)
{
	if (json_get_obj(m, "BindOptions"))
		return extra("BindOptions", err);
	if (json_get_obj(m, "TmpfsOptions"))
		return extra("TmpfsOptions", err);
	if (!*json_get_str(m, "Source", "") && json_get_bool(m, "ReadOnly", false))
		return error_set(err, ERR_BAD_REQUEST,
				 "must not set ReadOnly mode when using anonymous volumes");
	return 0;
}

static int check_tmpfs(const json_t *m, struct error *err)
{
	if (json_get_obj(m, "BindOptions"))
		return extra("BindOptions", err);
	if (json_get_obj(m, "VolumeOptions"))
		return extra("VolumeOptions", err);
	if (*json_get_str(m, "Source", ""))
		return extra("Source", err);
	return 0;
}

static int check_mount(const json_t *m, struct error *err)
{
	static const struct {
		const char *type;
		int (*check)(const json_t *m, struct error *err);
	} types[] = {
		{ "bind", check_bind },
		{ "volume", check_volume },
		{ "tmpfs", check_tmpfs },
	};
	const char *type = json_get_str(m, "Type", ""), *target = json_get_str(m, "Target", "");

	if (!*target)
		return missing("Target", err);
	if (check_target(target, err) < 0)
		return -1;
	for (size_t i = 0; i < array_size(types); i++)
		if (strcmp(type, types[i].type) == 0)
			return types[i].check(m, err);
	return error_set(err, ERR_BAD_REQUEST, "mount type unknown");
}

static int check_mounts(const json_t *host_config, struct strlist *targets, struct error *err)
{
	const json_t *m;
	size_t i;

	json_array_foreach(json_object_get(host_config, "Mounts"), i, m) {
		if (check_mount(m, err) < 0)
			return error_prefix(err, "invalid mount config for type \"%s\"",
					    json_get_str(m, "Type", ""));
		if (claim(targets, json_get_str(m, "Target", ""), err) < 0)
			return -1;
	}
	return 0;
}

static int check_binds(const json_t *host_config, struct strlist *targets, struct error *err)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(host_config, "Binds"), i, v) {
		struct runconfig_bind b;
		int rc;

		if (runconfig_bind_parse(json_string_value(v), &b, err) < 0)
			return -1;
		rc = claim(targets, b.target, err);
		runconfig_bind_done(&b);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int check_tmpfs_map(const json_t *host_config, struct strlist *targets, struct error *err)
{
	json_t *tmpfs = json_get_obj(host_config, "Tmpfs"), *v;
	const char *target;

	json_object_foreach(tmpfs, target, v)
		if (check_target(target, err) < 0 || claim(targets, target, err) < 0)
			return -1;
	return 0;
}

static int check_volumes_from(const json_t *host_config, struct error *err)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(host_config, "VolumesFrom"), i, v) {
		autofree char *container = NULL;
		bool readonly;

		if (runconfig_volumes_from_parse(json_string_value(v), &container, &readonly, err) <
		    0)
			return -1;
	}
	return 0;
}

int mounts_check(const json_t *host_config, struct error *err)
{
	autostrlist struct strlist targets = STRLIST_INIT;

	if (check_mounts(host_config, &targets, err) < 0 ||
	    check_binds(host_config, &targets, err) < 0 ||
	    check_tmpfs_map(host_config, &targets, err) < 0)
		return -1;
	return check_volumes_from(host_config, err);
}
