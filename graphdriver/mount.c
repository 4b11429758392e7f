/* Mounting a layer in a mount namespace of one's own, for roles: see driver.h. */
#include <errno.h>
#include <sys/mount.h>
#include <unistd.h>

#include "graphdriver/driver.h"
#include "pkg/mem.h"

static int mount_overlay(const char *options, const char *target, unsigned flags)
{
	unsigned long ms = flags & GRAPHDRIVER_MOUNT_READONLY ? MS_RDONLY : 0;
	autofree char *fast = xasprintf("%s,volatile", options);

	if (flags & GRAPHDRIVER_MOUNT_VOLATILE &&
	    mount("overlay", target, "overlay", ms, fast) == 0)
		return 0;
	return mount("overlay", target, "overlay", ms, options);
}

int graphdriver_mount_at(const char *path, const char *options, const char *target, unsigned flags)
{
	if (*options)
		return chdir(path) < 0 ? -1 : mount_overlay(options, target, flags);
	return mount(path, target, NULL, MS_BIND, NULL);
}
