/*
 * Walking trees: see walk.h. Folders that are still to be visited wait on a list of paths, so that
 * neither the stack nor descriptors are spent on depth.
 */
#include "pkg/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "pkg/mem.h"
#include "pkg/path.h"
#include "pkg/strlist.h"

static int read_names(DIR *d, struct strlist *names)
{
	struct dirent *e;

	for (errno = 0; (e = readdir(d)); errno = 0)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			strlist_add(names, e->d_name);
	strlist_sort(names);
	return errno ? -1 : 0;
}

static int visit_entry(int dir, const char *folder, const char *name, walk_fn *fn, void *arg,
		       struct strlist *folders)
{
	autofree char *path = xasprintf("%s%s%s", folder, *folder ? "/" : "", name);
	struct walk_entry e = { .dir = dir, .name = name, .path = path };
	int rc;

	if (fstatat(dir, name, &e.st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	rc = fn(arg, &e);
	if (rc == 0 && S_ISDIR(e.st.st_mode))
		strlist_take(folders, take_ptr(&path));
	return rc < 0 ? -1 : 0;
}

/* Visit what is in one folder; its own folders are appended. */
static int visit_folder(int root_fd, const char *folder, walk_fn *fn, void *arg,
			struct strlist *folders)
{
	autostrlist struct strlist names = STRLIST_INIT;
	int fd = path_open_beneath(root_fd, folder, O_RDONLY | O_DIRECTORY, 0), rc;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		if (fd >= 0)
			close(fd);
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -1;
	}
	rc = read_names(d, &names);
	for (size_t i = 0; rc == 0 && i < names.n; i++)
		rc = visit_entry(fd, folder, names.v[i], fn, arg, folders);
	closedir(d);
	return rc;
}

/* Move the folders that were found to the stack, the first one on top. */
static void push(struct strlist *stack, struct strlist *found)
{
	while (found->n) {
		strlist_take(stack, found->v[--found->n]);
		found->v[found->n] = NULL;
	}
}

int walk_tree(int root_fd, walk_fn *fn, void *arg)
{
	autostrlist struct strlist stack = STRLIST_INIT, found = STRLIST_INIT;
	int rc = visit_folder(root_fd, "", fn, arg, &found);

	push(&stack, &found);
	while (rc == 0 && stack.n) {
		autofree char *folder = stack.v[--stack.n];

		stack.v[stack.n] = NULL;
		rc = visit_folder(root_fd, folder, fn, arg, &found);
		push(&stack, &found);
	}
	return rc;
}
