/*
 * Paths that came from outside, inside a root they must not leave.
 */
#ifndef PKG_PATH_H
#define PKG_PATH_H

#include <stddef.h>
#include <sys/types.h>

/*
 * openat2(2) with RESOLVE_IN_ROOT: absolute paths, ".." and symbolic links all stay below root_fd.
 * Needs Linux 5.6. A descriptor (O_CLOEXEC is added), or -1 with errno.
 */
int path_open_in_root(int root_fd, const char *path, int flags, mode_t mode);

/* The same, and no symbolic link is followed at all (ELOOP). */
int path_open_beneath(int root_fd, const char *path, int flags, mode_t mode);

/*
 * Make a folder and all above it, inside the root; or an empty file, with the folders above it. What is
 * there already is fine. A link that leads nowhere is followed, and what it names is made, as far as
 * that lies in the root. 0, -1 and errno.
 */
int path_mkdir_in_root(int root_fd, const char *path, mode_t mode);
int path_touch_in_root(int root_fd, const char *path);

/*
 * Clean a path by its text: no leading, double or trailing slash, no "." and ".." parts (".." takes
 * the part before it away, and nothing at the top). "" stands for the root itself. In place.
 */
void path_clean(char *path);

#endif
