/*
 * What a root holds already: the layers of one of our drivers, which is used again then, or those of
 * another engine, which must not be taken for ours. Drivers that we have not are named here, too.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "graphdriver/internal.h"
#include "pkg/fs.h"
#include "pkg/mem.h"

enum prior { PRIOR_NONE, PRIOR_EMPTY, PRIOR_LAYERS };

/* Folders that other engines make in a root. */
static const char *const foreign_drivers[] = { "aufs", "overlay2", "devicemapper", "zfs",
					       "fuse-overlayfs" };

/* What is left of a trial is no choice; the trash, which a driver makes when it is opened, is. */
static enum prior look_into(const char *root, const char *driver)
{
	autofree char *path = xasprintf("%s/%s", root, driver);
	enum prior found = PRIOR_NONE;
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && found != PRIOR_LAYERS && (e = readdir(d))) {
		if (e->d_name[0] != '.')
			found = PRIOR_LAYERS;
		else if (strcmp(e->d_name, LAYERDIR_TRASH) == 0)
			found = PRIOR_EMPTY;
	}
	if (d)
		closedir(d);
	return found;
}

char *unsupported_reason(const char *name)
{
	if (strcmp(name, "aufs") == 0 && !kernel_has_filesystem(name))
		return xstrdup("AUFS was not found in /proc/filesystems");
	for (size_t i = 0; i < array_size(foreign_drivers); i++)
		if (strcmp(foreign_drivers[i], name) == 0)
			return xasprintf("there is no %s driver here, overlay does its work", name);
	return NULL;
}

/* No layers of ours: then those of another engine would be missed, without a word. */
static int check_foreign(const char *root, struct error *err)
{
	for (size_t i = 0; i < array_size(foreign_drivers); i++) {
		const char *name = foreign_drivers[i];
		autofree char *why = NULL;

		if (look_into(root, name) != PRIOR_LAYERS)
			continue;
		why = unsupported_reason(name);
		return error_set(err, ERR_CONFLICT,
				 "prior storage driver %s failed: driver not supported: %s. %s/%s "
				 "stays as it is; choose another root (-g), or a storage driver to "
				 "begin anew with (-s)",
				 name, why, root, name);
	}
	return 0;
}

static int refuse_several(const char *root, const char *const *names, struct error *err)
{
	autofree char *list = xstrdup("");

	for (; names[1]; names++) {
		char *longer;

		if (look_into(root, *names) != PRIOR_LAYERS)
			continue;
		longer = xasprintf("%s%s%s", list, *list ? ", " : "", *names);
		free(list);
		list = longer;
	}
	return error_set(err, ERR_CONFLICT,
			 "%s contains several valid graphdrivers: %s; Please cleanup or explicitly "
			 "choose storage driver (-s <DRIVER>)",
			 root, list);
}

const char *prior_driver(const char *root, const char *const *names, struct error *err)
{
	const char *empty = NULL, *used = NULL;

	for (size_t i = 0; names[i]; i++) {
		enum prior found = look_into(root, names[i]);

		if (found == PRIOR_LAYERS && used && names[i + 1]) {
			refuse_several(root, names, err);
			return NULL;
		}
		if (found == PRIOR_LAYERS && !used)
			used = names[i];
		if (found == PRIOR_EMPTY && !empty)
			empty = names[i];
	}
	if (used || empty)
		return used ? used : empty;
	return check_foreign(root, err) < 0 ? NULL : "";
}

/* Docker's overlay had ID/root and ID/upper where ours has ID/diff. */
static bool has_foreign_layer(const char *dir)
{
	DIR *d = opendir(dir);
	bool found = false;
	struct dirent *e;

	while (d && !found && (e = readdir(d))) {
		autofree char *root = xasprintf("%s/%s/root", dir, e->d_name);
		autofree char *upper = xasprintf("%s/%s/upper", dir, e->d_name);

		found = e->d_name[0] != '.' && (fs_exists(root) || fs_exists(upper));
	}
	if (d)
		closedir(d);
	return found;
}

int prior_check_layout(const char *dir, const char *driver, struct error *err)
{
	autofree char *vfs = xasprintf("%s/dir", dir);
	autofree char *btrfs = xasprintf("%s/subvolumes", dir);
	bool foreign = strcmp(driver, "vfs") == 0     ? fs_exists(vfs)
		       : strcmp(driver, "btrfs") == 0 ? fs_exists(btrfs)
						      : has_foreign_layer(dir);

	if (!foreign)
		return 0;
	return error_set(err, ERR_CONFLICT,
			 "%s holds the layers of another engine; choose another root (-g)", dir);
}
