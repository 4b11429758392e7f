/* A folder of folders by id, with a trash: see internal.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "graphdriver/internal.h"
#include "pkg/fs.h"
#include "pkg/id.h"
#include "pkg/mem.h"

#define TMP_PREFIX ".new-"
#define PROBE_PREFIX ".probe-"

static bool is_unfinished(const char *name)
{
	return strncmp(name, TMP_PREFIX, strlen(TMP_PREFIX)) == 0 ||
	       strncmp(name, PROBE_PREFIX, strlen(PROBE_PREFIX)) == 0;
}

/* Put what an earlier run was making into the trash. */
static int sweep_unfinished(struct layerdir *l, struct error *err)
{
	int fd = openat(l->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return error_sys(err, "cannot read %s", l->root);
	}
	while ((e = readdir(d)))
		if (is_unfinished(e->d_name))
			layerdir_abort(l, e->d_name);
	closedir(d);
	return 0;
}

int layerdir_open(struct layerdir *l, const char *root, trash_deleter *deleter, struct error *err)
{
	autofree char *trash = xasprintf("%s/" LAYERDIR_TRASH, root);

	*l = (struct layerdir){ .fd = -1 };
	if (fs_mkdir_p(root, 0711) < 0)
		return error_sys(err, "cannot create %s", root);
	l->fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->fd < 0)
		return error_sys(err, "cannot open %s", root);
	l->root = xstrdup(root);
	l->trash = trash_open(trash, deleter, err);
	if (!l->trash || sweep_unfinished(l, err) < 0) {
		layerdir_close(l);
		return -1;
	}
	return 0;
}

void layerdir_close(struct layerdir *l)
{
	trash_close(l->trash);
	if (l->fd >= 0)
		close(l->fd);
	free(l->root);
	*l = (struct layerdir){ .fd = -1 };
}

int layerdir_check_id(const char *id, struct error *err)
{
	if (*id && *id != '.' && !strchr(id, '/') && !strpbrk(id, ":,\\") && strlen(id) < 200)
		return 0;
	return error_set(err, ERR_BAD_REQUEST, "\"%s\" cannot be the name of a layer", id);
}

bool layerdir_exists(const struct layerdir *l, const char *id)
{
	struct stat st;

	return layerdir_check_id(id, NULL) == 0 &&
	       fstatat(l->fd, id, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int layerdir_remove(struct layerdir *l, const char *id, struct error *err)
{
	if (layerdir_check_id(id, err) < 0)
		return -1;
	if (trash_put(l->trash, l->fd, id) < 0)
		return error_sys(err, "cannot remove layer %s", id);
	return 0;
}

int layerdir_list(const struct layerdir *l, struct strlist *ids, struct error *err)
{
	int fd = openat(l->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return error_sys(err, "cannot read %s", l->root);
	}
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			strlist_add(ids, e->d_name);
	closedir(d);
	return 0;
}

int layerdir_begin_bare(const struct layerdir *l, const char *id, char tmp[LAYERDIR_TMP_SIZE],
			struct error *err)
{
	char random[17];

	if (layerdir_check_id(id, err) < 0)
		return -1;
	if (layerdir_exists(l, id))
		return error_set(err, ERR_CONFLICT, "layer %s exists already", id);
	id_random_hex(random, 8);
	snprintf(tmp, LAYERDIR_TMP_SIZE, TMP_PREFIX "%s", random);
	return 0;
}

int layerdir_begin(const struct layerdir *l, const char *id, char tmp[LAYERDIR_TMP_SIZE],
		   struct error *err)
{
	if (layerdir_begin_bare(l, id, tmp, err) < 0)
		return -1;
	if (mkdirat(l->fd, tmp, 0710) < 0)
		return error_sys(err, "cannot create layer %s", id);
	return 0;
}

int layerdir_commit(struct layerdir *l, const char *tmp, const char *id, struct error *err)
{
	if (renameat2(l->fd, tmp, l->fd, id, RENAME_NOREPLACE) == 0)
		return 0;
	error_sys(err, "cannot create layer %s", id);
	layerdir_abort(l, tmp);
	return -1;
}

void layerdir_abort(struct layerdir *l, const char *tmp)
{
	(void)trash_put(l->trash, l->fd, tmp); /* else the next start finds it */
}

int layerdir_copy_owner(int dirfd, const char *from, const char *to)
{
	struct stat st;

	if (fstatat(dirfd, from, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	if ((st.st_uid || st.st_gid) && fchownat(dirfd, to, st.st_uid, st.st_gid, 0) < 0)
		return -1;
	return fchmodat(dirfd, to, st.st_mode & 07777, 0);
}

/* What was left by trials that a crash interrupted: nobody else is at it, roots are locked. */
static void sweep_trials(const char *root)
{
	DIR *d = opendir(root);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strncmp(e->d_name, PROBE_PREFIX, strlen(PROBE_PREFIX)) == 0)
			(void)fs_remove_tree(dirfd(d), e->d_name); /* hidden: harmless */
	if (d)
		closedir(d);
}

char *layerdir_probe_name(const char *root)
{
	char random[17];

	if (fs_mkdir_p(root, 0711) < 0)
		return NULL;
	sweep_trials(root);
	id_random_hex(random, 8);
	return xasprintf("%s/" PROBE_PREFIX "%s", root, random);
}
