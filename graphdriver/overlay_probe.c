/*
 * Can overlayfs be used on a folder? Answered by doing it, in a child with a mount namespace of its
 * own: a stack of two folders is mounted writable and a file of the lower one is deleted, which
 * needs whiteouts and trusted xattrs. The child is a role of our own binary: docker-probe-overlay.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "graphdriver/internal.h"
#include "pkg/confine.h"
#include "pkg/fs.h"
#include "pkg/id.h"
#include "pkg/mem.h"

#define ROLE "docker-probe-overlay"

static int make_stack(void)
{
	static const char *const folders[] = { "lower", "upper", "work", "merged" };

	for (size_t i = 0; i < array_size(folders); i++)
		if (mkdir(folders[i], 0700) < 0)
			return -1;
	return mknod("lower/file", S_IFREG | 0600, 0);
}

static int whiteout_works(void)
{
	struct stat st;

	if (unlink("merged/file") < 0 || lstat("upper/file", &st) < 0)
		return -1;
	return S_ISCHR(st.st_mode) && st.st_rdev == 0 ? 0 : -1;
}

/* argv: role, an empty folder. */
static int run_probe(int argc, char **argv)
{
	if (argc != 2 || chdir(argv[1]) < 0 || make_stack() < 0 || confine_unshare_mounts() < 0)
		return 1;
	if (graphdriver_mount_at(".", "lowerdir=lower,upperdir=upper,workdir=work", "merged",
				 GRAPHDRIVER_MOUNT_VOLATILE) < 0)
		return 1;
	return whiteout_works() < 0;
}

const struct reexec_role graphdriver_probe_role = { ROLE, run_probe };

bool overlay_probe(const char *root)
{
	char random[17];
	autofree char *dir = NULL;
	bool existed = fs_exists(root), works = false;
	pid_t pid;

	id_random_hex(random, 8);
	dir = xasprintf("%s/.probe-%s", root, random);
	if (fs_mkdir_p(dir, 0700) == 0) {
		char role[] = ROLE;
		char *argv[] = { role, dir, NULL };

		works = reexec_spawn(argv, NULL, 0, &pid, NULL) == 0 && proc_wait(pid) == 0;
	}
	(void)fs_remove_tree(AT_FDCWD, dir); /* hidden, empty but for our own files: harmless */
	if (!existed && !works)
		(void)rmdir(root); /* so that the next start does not take it for a choice */
	return works;
}
