/*
 * The root filesystem of a container, inside its own mount namespace. Every target is opened inside
 * the root first (paths.c) and then mounted on by descriptor, so that no link in an image and no
 * race with a neighbour leads a mount astray.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "dockerinit/init.h"
#include "pkg/mem.h"
#include "pkg/path.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

static int root_fd = -1; /* of the mounted root; one process, one root */

static int tree_clone(const char *path, bool recursive)
{
	return (int)syscall(SYS_open_tree, AT_FDCWD, path,
			    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0));
}

static int tree_attach(int tree, int target)
{
	return (int)syscall(SYS_move_mount, tree, "", target, "",
			    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static int tree_set(int tree, unsigned long long set, unsigned long long propagation,
		    bool recursive)
{
	struct mount_attr attr = { .attr_set = set, .propagation = propagation };

	return (int)syscall(SYS_mount_setattr, tree, "",
			    AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof(attr));
}

void root_mount(const struct plan *plan)
{
	const char *target = plan_get(plan, PLAN_ROOT_TARGET), *folder;
	struct plan_record rec;

	/* Nothing that is mounted here reaches the host; what the host mounts may reach us. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		child_fail_sys("making / a slave mount");
	if (plan_find(plan, PLAN_ROOT_OVERLAY, &rec)) {
		folder = plan_field(&rec);
		if (chdir(folder) < 0)
			child_fail_sys("entering %s", folder);
		if (mount("overlay", target, "overlay", 0, plan_field(&rec)) < 0)
			child_fail_sys("mounting the root filesystem (overlay)");
	} else {
		folder = plan_get(plan, PLAN_ROOT_DIR);
		if (mount(folder, target, NULL, MS_BIND | MS_REC, NULL) < 0)
			child_fail_sys("mounting the root filesystem %s", folder);
	}
	root_fd = open(target, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0 || fchdir(root_fd) < 0)
		child_fail_sys("entering the root filesystem");
}

/* A bind of a file needs a file to sit on, everything else a folder. */
static void make_target(const char *target, const char *source)
{
	struct stat st;
	int rc;

	if (source && stat(source, &st) == 0 && !S_ISDIR(st.st_mode))
		rc = path_touch_in_root(root_fd, target);
	else
		rc = path_mkdir_in_root(root_fd, target, 0755);
	if (rc < 0)
		child_fail_sys("creating mount point \"%s\"", target);
}

/* Files of /proc that a user may cover, with what LXCFS and its like provide. */
static const char *const coverable[] = {
	"/proc/cpuinfo", "/proc/diskstats",
	"/proc/meminfo", "/proc/stat",
	"/proc/swaps",   "/proc/uptime",
	"/proc/loadavg", "/proc/slabinfo",
	"/proc/net/dev", "/proc/sys/kernel/ns_last_pid",
};

static bool is_proc(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* Nothing else may lie over /proc: a container could read or fake there what it must not. */
static void refuse_proc(int fd, const char *source, const char *target)
{
	autoclose int from = -1;

	if (!is_proc(fd))
		return;
	for (size_t i = 0; i < array_size(coverable); i++)
		if (strcmp(target, coverable[i]) == 0)
			return;
	from = source ? open(source, O_PATH | O_CLOEXEC) : -1;
	if (strcmp(target, "/proc") == 0 && from >= 0 && is_proc(from))
		return;
	child_fail(128, "\"%s\" cannot be mounted because it is inside /proc", target);
}

static void mount_bind(const char *source, int target, const char *name, unsigned flags,
		       unsigned long propagation)
{
	bool rec = !(flags & PLAN_MOUNT_NONREC);
	autoclose int tree = tree_clone(source, rec);

	if (tree < 0)
		child_fail_sys("bind source \"%s\"", source);
	if (propagation &&
	    tree_set(tree, 0, propagation & ~(unsigned long)MS_REC, propagation & MS_REC) < 0)
		child_fail_sys("propagation of \"%s\"", name);
	if (flags & PLAN_MOUNT_CONFINED &&
	    tree_set(tree, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0, rec) < 0)
		child_fail_sys("confining \"%s\"", name);
	if (flags & PLAN_MOUNT_RDONLY && tree_set(tree, MOUNT_ATTR_RDONLY, 0, rec) < 0)
		child_fail_sys("making \"%s\" read-only", name);
	if (tree_attach(tree, target) < 0)
		child_fail_sys("mounting \"%s\" to \"%s\"", source, name);
}

static void mount_one(struct plan_record *rec)
{
	const char *fstype = plan_field(rec), *source = plan_field(rec), *target = plan_field(rec);
	const char *data = plan_field(rec);
	unsigned long mountflags = (unsigned long)plan_number(rec);
	unsigned long propagation = (unsigned long)plan_number(rec);
	unsigned flags = (unsigned)plan_number(rec);
	bool bind = flags & PLAN_MOUNT_BIND;
	autoclose int fd = path_open_in_root(root_fd, target, O_PATH, 0);
	char path[40];

	if (fd < 0 && errno == ENOENT) {
		make_target(target, bind ? source : NULL);
		fd = path_open_in_root(root_fd, target, O_PATH, 0);
	}
	if (fd < 0)
		child_fail_sys("mount point \"%s\"", target);
	if (strcmp(fstype, "proc") != 0)
		refuse_proc(fd, bind ? source : NULL, target);
	if (bind) {
		mount_bind(source, fd, target, flags, propagation);
		return;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (mount(source, path, fstype, mountflags, *data ? data : NULL) < 0)
		child_fail_sys("mounting %s to \"%s\"", fstype, target);
}

static void make_device(struct plan_record *rec)
{
	const char *path = plan_field(rec);
	mode_t type = plan_field(rec)[0] == 'b' ? S_IFBLK : S_IFCHR;
	unsigned major_no = (unsigned)plan_number(rec), minor_no = (unsigned)plan_number(rec);
	mode_t mode = (mode_t)plan_number(rec);
	uid_t uid = (uid_t)plan_number(rec);
	gid_t gid = (gid_t)plan_number(rec);
	autofree char *folder = xstrdup(path);
	char *name = strrchr(folder, '/');
	autoclose int dir = -1;

	*name++ = '\0';
	if (path_mkdir_in_root(root_fd, *folder ? folder : "/", 0755) < 0)
		child_fail_sys("creating \"%s\"", folder);
	dir = path_open_in_root(root_fd, *folder ? folder : "/", O_PATH | O_DIRECTORY, 0);
	if (dir < 0 || (unlinkat(dir, name, 0) < 0 && errno != ENOENT) ||
	    mknodat(dir, name, type | mode, makedev(major_no, minor_no)) < 0)
		child_fail_sys("creating device node \"%s\"", path);
	if ((uid || gid) && fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		child_fail_sys("owner of device node \"%s\"", path);
}

static void make_symlink(struct plan_record *rec)
{
	const char *contents = plan_field(rec), *path = plan_field(rec);
	const char *name = strrchr(path, '/') + 1;
	autofree char *folder = xstrndup(path, (size_t)(name - path));
	autoclose int dir = path_open_in_root(root_fd, folder, O_PATH | O_DIRECTORY, 0);

	if (dir < 0 || (symlinkat(contents, dir, name) < 0 && errno != EEXIST))
		child_fail_sys("creating link \"%s\"", path);
}

void root_populate(const struct plan *plan)
{
	struct plan_reader r = PLAN_READER(plan);
	struct plan_record rec;
	mode_t mask = umask(0);

	while (plan_next(&r, &rec)) {
		if (rec.tag == PLAN_MOUNT)
			mount_one(&rec);
		else if (rec.tag == PLAN_DEVICE)
			make_device(&rec);
		else if (rec.tag == PLAN_SYMLINK)
			make_symlink(&rec);
	}
	umask(mask);
}

void root_enter(void)
{
	/* pivot_root(".", ".") stacks the old root on the new one, from where it is taken away. */
	if (fchdir(root_fd) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		child_fail_sys("pivot_root");
	if (umount2(".", MNT_DETACH) < 0)
		child_fail_sys("leaving the host's root");
	if (chdir("/") < 0)
		child_fail_sys("entering the new root");
	close(root_fd);
	root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		child_fail_sys("opening the new root");
}

/* The node that masks files, made by ourselves a moment ago; verified, not trusted. */
static int open_null(void)
{
	int fd = path_open_in_root(root_fd, "/dev/null", O_PATH | O_NOFOLLOW, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		child_fail_sys("opening /dev/null");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		child_fail(128, "/dev/null of the container is not the null device");
	return fd;
}

/* The target without following a last link; -1 when it does not exist, which is fine. */
static int open_sealed(const char *path)
{
	int fd = path_open_in_root(root_fd, path, O_PATH | O_NOFOLLOW, 0);
	struct stat st;

	if (fd < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			child_fail_sys("opening \"%s\" to seal it", path);
		return -1;
	}
	if (fstat(fd, &st) < 0)
		child_fail_sys("looking at \"%s\"", path);
	if (S_ISLNK(st.st_mode))
		child_fail(128, "\"%s\" is a link, not sealing it", path);
	return fd;
}

/* Cover fd with what tree holds, and check by descriptor that this is what now lies there. */
static void cover(const char *path, int fd, int tree)
{
	struct stat want, got;
	autoclose int now = -1;

	if (fstat(tree, &want) < 0 || tree_attach(tree, fd) < 0)
		child_fail_sys("masking \"%s\"", path);
	now = path_open_in_root(root_fd, path, O_PATH | O_NOFOLLOW, 0);
	if (now < 0 || fstat(now, &got) < 0 || got.st_dev != want.st_dev ||
	    got.st_ino != want.st_ino)
		child_fail(128, "masking \"%s\": something else lies there", path);
}

/* An empty read-only folder as a detached mount. */
static int empty_folder(void)
{
	autoclose int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);

	if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		child_fail_sys("an empty folder for masks");
	return (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
}

static void mask_path(const char *path, int null)
{
	autoclose int fd = open_sealed(path), tree = -1;
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		tree = empty_folder();
	else
		tree = (int)syscall(SYS_open_tree, null, "",
				    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree < 0)
		child_fail_sys("masking \"%s\"", path);
	cover(path, fd, tree);
}

static void seal_readonly(const char *path)
{
	autoclose int fd = open_sealed(path), tree = -1;

	if (fd < 0)
		return;
	tree = (int)syscall(SYS_open_tree, fd, "",
			    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	if (tree < 0 || tree_set(tree, MOUNT_ATTR_RDONLY, 0, true) < 0)
		child_fail_sys("making \"%s\" read-only", path);
	cover(path, fd, tree);
}

void root_seal(const struct plan *plan)
{
	struct plan_reader r = PLAN_READER(plan);
	struct plan_record rec;
	autoclose int null = plan_has(plan, PLAN_MASK) ? open_null() : -1;

	while (plan_next(&r, &rec)) {
		if (rec.tag == PLAN_READONLY)
			seal_readonly(plan_field(&rec));
		else if (rec.tag == PLAN_MASK)
			mask_path(plan_field(&rec), null);
	}
	if (plan_has(plan, PLAN_ROOT_READONLY) &&
	    tree_set(root_fd, MOUNT_ATTR_RDONLY, 0, false) < 0)
		child_fail_sys("making the root filesystem read-only");
	close(root_fd);
	root_fd = -1;
}
