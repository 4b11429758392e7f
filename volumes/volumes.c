/* Local volumes: see volumes.h. */
#include "volumes/volumes.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "pkg/fs.h"
#include "pkg/id.h"
#include "pkg/log.h"
#include "pkg/mem.h"

#define ASIDE ".removing-" /* no volume name begins with a dot */

struct volumes {
	char *dir;
};

static void delete_tree(const char *path)
{
	if (fs_remove_tree(AT_FDCWD, path) < 0)
		log_warn("cannot delete \"%s\": %s, left for the next start", path,
			 error_words(errno));
}

static void sweep(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		autofree char *left = xasprintf("%s/%s", path, e->d_name);

		if (strncmp(e->d_name, ASIDE, strlen(ASIDE)) == 0)
			delete_tree(left);
	}
	if (dir)
		closedir(dir);
}

struct volumes *volumes_open(const char *root, struct error *err)
{
	autofree char *dir = xasprintf("%s/volumes", root);
	struct volumes *v;

	if (fs_mkdir_p(dir, 0701) < 0) {
		error_sys(err, "cannot create \"%s\"", dir);
		return NULL;
	}
	sweep(dir);
	v = xcalloc(1, sizeof(*v));
	v->dir = take_ptr(&dir);
	return v;
}

void volumes_close(struct volumes *v)
{
	if (!v)
		return;
	free(v->dir);
	free(v);
}

bool volumes_name_is_valid(const char *name)
{
	if (!isalnum((unsigned char)*name) || !name[1] || strlen(name) > 255)
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("_.-", *name))
			return false;
	return true;
}

char *volumes_path(const struct volumes *v, const char *name)
{
	return xasprintf("%s/%s/_data", v->dir, name);
}

int volumes_list(const struct volumes *v, struct strlist *names, struct error *err)
{
	DIR *dir = opendir(v->dir);
	struct dirent *e;

	if (!dir)
		return error_sys(err, "cannot read \"%s\"", v->dir);
	while ((e = readdir(dir)))
		if (volumes_name_is_valid(e->d_name) && volumes_has(v, e->d_name))
			strlist_add(names, e->d_name);
	closedir(dir);
	strlist_sort(names);
	return 0;
}

bool volumes_has(const struct volumes *v, const char *name)
{
	autofree char *path = volumes_path(v, name);

	return fs_exists(path);
}

/* Make both folders. 1 when the volume is new, 0 when it was there. */
static int make(const char *folder, const char *data, struct error *err)
{
	bool is_new = true;

	if (mkdir(folder, 0701) < 0) {
		if (errno != EEXIST)
			return error_sys(err, "cannot create \"%s\"", folder);
		is_new = false;
	}
	if (mkdir(data, 0755) < 0 && errno != EEXIST)
		return error_sys(err, "cannot create \"%s\"", data);
	return is_new;
}

int volumes_create(struct volumes *v, const char *name, char **out, bool *created,
		   struct error *err)
{
	autofree char *folder = NULL, *data = NULL;
	char id[ID_SIZE];
	int rc;

	if (!name) {
		id_generate(id);
		name = id;
	} else if (!volumes_name_is_valid(name)) {
		return error_set(err, ERR_BAD_REQUEST,
				 "create %s: \"%s\" includes invalid characters for a local volume "
				 "name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you "
				 "intended to pass a host directory, use absolute path",
				 name, name);
	}
	folder = xasprintf("%s/%s", v->dir, name);
	data = volumes_path(v, name);
	rc = make(folder, data, err);
	if (rc < 0)
		return -1;
	*created = rc == 1;
	*out = xstrdup(name);
	return 0;
}

int volumes_remove(struct volumes *v, const char *name, struct error *err)
{
	autofree char *folder = xasprintf("%s/%s", v->dir, name);
	autofree char *aside = xasprintf("%s/" ASIDE "%s", v->dir, name);

	if (!volumes_name_is_valid(name))
		return error_set(err, ERR_BAD_REQUEST, "\"%s\" is not the name of a volume", name);
	if (rename(folder, aside) < 0)
		return errno == ENOENT ? 0 : error_sys(err, "cannot remove volume \"%s\"", name);
	delete_tree(aside);
	return 0;
}
