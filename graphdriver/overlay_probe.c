/*
 * Can overlayfs be used on a folder? Answered by doing it, in a child with a mount namespace of its
 * own: a stack of two folders is mounted writable, a file of the lower one is deleted and a folder
 * replaced, which needs whiteouts and trusted xattrs. The child is a role of our own binary,
 * docker-probe-overlay; the first thing that fails is what it says on its standard error.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "graphdriver/internal.h"
#include "pkg/buf.h"
#include "pkg/confine.h"
#include "pkg/fs.h"
#include "pkg/mem.h"

#define ROLE "docker-probe-overlay"

static int make_stack(void)
{
	static const char *const folders[] = { "lower", "lower/folder", "upper", "work", "merged" };

	for (size_t i = 0; i < array_size(folders); i++)
		if (mkdir(folders[i], 0700) < 0)
			return -1;
	return mknod("lower/file", S_IFREG | 0600, 0);
}

/* Without types in its folders a file system shows whiteouts as files. */
static int folders_have_types(void)
{
	DIR *d = opendir("lower");
	bool typed = false;
	struct dirent *e;

	if (!d)
		return -1;
	while ((e = readdir(d)))
		typed = typed || (strcmp(e->d_name, "file") == 0 && e->d_type == DT_REG);
	closedir(d);
	errno = 0; /* nothing failed */
	return typed ? 0 : -1;
}

static int mount_stack(void)
{
	return graphdriver_mount_at(".", "lowerdir=lower,upperdir=upper,workdir=work", "merged",
				    GRAPHDRIVER_MOUNT_VOLATILE);
}

static int whiteout_works(void)
{
	struct stat st;

	if (unlink("merged/file") < 0 || lstat("upper/file", &st) < 0)
		return -1;
	errno = EOPNOTSUPP;
	return S_ISCHR(st.st_mode) && st.st_rdev == 0 ? 0 : -1;
}

static int opaque_works(void)
{
	char value[2];

	if (rmdir("merged/folder") < 0 || mkdir("merged/folder", 0700) < 0)
		return -1;
	return getxattr("upper/folder", "trusted.overlay.opaque", value, sizeof(value)) < 0 ? -1
											    : 0;
}

/* argv: role, an empty folder. */
static int run_probe(int argc, char **argv)
{
	static const struct {
		int (*run)(void);
		const char *what;
	} steps[] = {
		{ make_stack, "cannot make folders" },
		{ folders_have_types, "its folders do not tell the types of files (no d_type; "
				      "xfs has it when formatted with ftype=1)" },
		{ confine_unshare_mounts, "cannot make a mount namespace" },
		{ mount_stack, "cannot mount a writable layer on it" },
		{ whiteout_works, "cannot delete a file of a lower layer" },
		{ opaque_works, "cannot replace a folder of a lower layer" },
	};

	if (argc != 2 || chdir(argv[1]) < 0)
		return 2;
	for (size_t i = 0; i < array_size(steps); i++)
		if (steps[i].run() < 0) {
			dprintf(STDERR_FILENO, "%s%s%s", steps[i].what, errno ? ": " : "",
				errno ? error_words(errno) : "");
			return 1;
		}
	return 0;
}

const struct reexec_role graphdriver_probe_role = { ROLE, run_probe };

/* In a folder for the trial. What the child said goes to said; -1 with errno when it could not run. */
static int run_role(char *dir, struct buf *said)
{
	char role[] = ROLE, *argv[] = { role, dir, NULL };
	int pipefd[2], rc;
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return -1;
	rc = reexec_spawn(argv, &(struct proc_fd){ pipefd[1], STDERR_FILENO }, 1, &pid, NULL);
	close(pipefd[1]);
	if (rc == 0) {
		while (buf_read(said, pipefd[0], 1024) > 0)
			;
		rc = proc_wait(pid);
	}
	close(pipefd[0]);
	return rc;
}

int overlay_probe(const char *root, struct error *err)
{
	autobuf struct buf said = BUF_INIT(4096);
	autofree char *dir = layerdir_probe_name(root);
	const char *below = filesystem_name(root);
	int rc;

	if (!dir || mkdir(dir, 0700) < 0)
		return error_sys(err, "cannot create %s", dir ? dir : root);
	rc = run_role(dir, &said);
	if (rc < 0)
		error_sys(err, "cannot start " ROLE);
	else if (rc > 0)
		error_set(err, ERR_INTERNAL, "overlay is not supported over %s: %s", below,
			  said.len ? buf_text(&said) : "its trial did not end well");
	(void)fs_remove_tree(AT_FDCWD, dir); /* hidden, and swept by the next trial */
	if (rc != 0)
		(void)rmdir(root); /* if it is empty, so that nobody takes it for a choice */
	return rc == 0 ? 0 : -1;
}
