/* Comparing extended attributes: see xattr.h. */
#include "pkg/xattr.h"

#include <errno.h>
#include <limits.h>
#include <linux/limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>
#include <sys/xattr.h>

#include "pkg/mem.h"

/* The names, each with its NUL: their bytes, or -1 with errno. Caller frees. */
static ssize_t list_names(int fd, char **names)
{
	ssize_t n = flistxattr(fd, NULL, 0);

	if (n > 0) {
		*names = xmalloc(XATTR_LIST_MAX); /* room for what comes meanwhile */
		n = flistxattr(fd, *names, XATTR_LIST_MAX);
	}
	return n < 0 && errno == EOPNOTSUPP ? 0 : n;
}

/* 1, 0 or -1; also 0 when b has no such attribute. */
static int same_value(int a, int b, const char *name)
{
	autofree char *mine = xmalloc(XATTR_SIZE_MAX), *other = xmalloc(XATTR_SIZE_MAX);
	ssize_t n = fgetxattr(a, name, mine, XATTR_SIZE_MAX);
	ssize_t m = n < 0 ? n : fgetxattr(b, name, other, XATTR_SIZE_MAX);

	if (m < 0)
		return errno == ENODATA || errno == EOPNOTSUPP ? 0 : -1;
	return n == m && memcmp(mine, other, (size_t)n) == 0;
}

int xattr_same(int a, int b)
{
	autofree char *mine = NULL, *others = NULL;
	ssize_t n = list_names(a, &mine), m = list_names(b, &others);

	if (n < 0 || m < 0)
		return -1;
	if (n != m)
		return 0; /* the names alone differ */
	for (const char *name = mine; name && name < mine + n; name += strlen(name) + 1) {
		int same = same_value(a, b, name);

		if (same != 1)
			return same;
	}
	return 1;
}
