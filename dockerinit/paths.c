/* Paths inside a root filesystem, which may be hostile: openat2(2) resolves them as in a chroot. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dockerinit/init.h"
#include "pkg/mem.h"

int path_open_in(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? 0644 : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	do
		fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	return fd;
}

/* Split "/a/b/c" into the folder "/a/b" and the name "c". */
static char *parent_of(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');

	*name = slash ? slash + 1 : path;
	return slash && slash > path ? xstrndup(path, (size_t)(slash - path)) : xstrdup("/");
}

int path_mkdir_in(int root, const char *path, mode_t mode)
{
	autofree char *parent = NULL;
	autoclose int fd = path_open_in(root, path, O_PATH | O_DIRECTORY);
	const char *name;

	if (fd >= 0)
		return 0;
	if (errno != ENOENT)
		return -1;
	parent = parent_of(path, &name);
	if (!*name) /* "/a/" */
		return path_mkdir_in(root, parent, mode);
	if (path_mkdir_in(root, parent, mode) < 0)
		return -1;
	fd = path_open_in(root, parent, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return -1;
	return mkdirat(fd, name, mode) < 0 && errno != EEXIST ? -1 : 0;
}

int path_touch_in(int root, const char *path)
{
	autofree char *parent = NULL;
	autoclose int fd = path_open_in(root, path, O_PATH);
	const char *name;

	if (fd >= 0)
		return 0;
	if (errno != ENOENT)
		return -1;
	parent = parent_of(path, &name);
	if (path_mkdir_in(root, parent, 0755) < 0)
		return -1;
	fd = path_open_in(root, path, O_WRONLY | O_CREAT | O_NOCTTY);
	return fd < 0 ? -1 : 0;
}
