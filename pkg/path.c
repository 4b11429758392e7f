/* Paths inside a root: see path.h. */
#include "pkg/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_resolved(int root_fd, const char *path, int flags, mode_t mode, __u64 resolve)
{
	struct open_how how = {
		.flags = (__u64)(unsigned)flags | O_CLOEXEC,
		.mode = flags & (O_CREAT | __O_TMPFILE) ? mode & 07777 : 0,
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
