/* Paths inside a root: see path.h. */
#include "pkg/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pkg/mem.h"

#define LINKS_MAX 40 /* as the kernel follows */

static int open_resolved(int root_fd, const char *path, int flags, mode_t mode, __u64 resolve)
{
	struct open_how how = {
		.flags = (__u64)(unsigned)flags | O_CLOEXEC,
		.mode = flags & (O_CREAT | O_TMPFILE) ? mode & 07777 : 0,
		.resolve = resolve,
	};
	int fd;

	/* EAGAIN: a rename raced with a ".." in the path; the kernel asks to try again. */
	for (int tries = 0; tries < 32; tries++) {
		fd = (int)syscall(SYS_openat2, root_fd, *path ? path : ".", &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd;
}

int path_open_in_root(int root_fd, const char *path, int flags, mode_t mode)
{
	return open_resolved(root_fd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int path_open_beneath(int root_fd, const char *path, int flags, mode_t mode)
{
	return open_resolved(root_fd, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

/* Length of the part that begins at s. */
static size_t part_length(const char *s)
{
	return strcspn(s, "/");
}

void path_clean(char *path)
{
	const char *in = path;
	char *out = path; /* end of what is kept so far */

	while (*in) {
		size_t n = part_length(in);

		if (n == 2 && in[0] == '.' && in[1] == '.') {
			while (out > path && *--out != '/')
				;
		} else if (n && !(n == 1 && in[0] == '.')) {
			if (out > path)
				*out++ = '/';
			memmove(out, in, n);
			out += n;
		}
		in += n;
		in += *in == '/';
	}
	*out = '\0';
}

/* Split "/a/b/c" into the folder "/a/b" and the name "c". */
static char *parent_of(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');

	*name = slash ? slash + 1 : path;
	return slash && slash > path ? xstrndup(path, (size_t)(slash - path)) : xstrdup("/");
}

/* Where the link `name` of a folder leads, as a path in the root; NULL when it is no link. */
static char *link_target(int dirfd, const char *name, const char *folder)
{
	char text[4096];
	ssize_t n = readlinkat(dirfd, name, text, sizeof(text) - 1);

	if (n < 0)
		return NULL;
	text[n] = '\0';
	return text[0] == '/' ? xstrdup(text) : xasprintf("%s/%s", folder, text);
}

static int make_folder(int root_fd, const char *path, mode_t mode, int links)
{
	autofree char *parent = NULL, *target = NULL;
	autoclose int fd = path_open_in_root(root_fd, path, O_PATH | O_DIRECTORY, 0);
	const char *name;

	if (fd >= 0)
		return 0;
	if (errno != ENOENT)
		return -1;
	if (links > LINKS_MAX) {
		errno = ELOOP;
		return -1;
	}
	parent = parent_of(path, &name);
	if (!*name) /* "/a/" */
		return make_folder(root_fd, parent, mode, links);
	if (make_folder(root_fd, parent, mode, links) < 0)
		return -1;
	fd = path_open_in_root(root_fd, parent, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return -1;
	if (mkdirat(fd, name, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return -1;
	/* Somebody was faster, or it is a link to what does not exist. */
	target = link_target(fd, name, parent);
	return target ? make_folder(root_fd, target, mode, links + 1) : 0;
}

int path_mkdir_in_root(int root_fd, const char *path, mode_t mode)
{
	return make_folder(root_fd, path, mode, 0);
}

int path_touch_in_root(int root_fd, const char *path)
{
	autofree char *parent = NULL;
	autoclose int fd = path_open_in_root(root_fd, path, O_PATH, 0);
	const char *name;

	if (fd >= 0)
		return 0;
	if (errno != ENOENT)
		return -1;
	parent = parent_of(path, &name);
	if (path_mkdir_in_root(root_fd, parent, 0755) < 0)
		return -1;
	fd = path_open_in_root(root_fd, path, O_WRONLY | O_CREAT | O_NOCTTY, 0644);
	return fd < 0 ? -1 : 0;
}
