/* The root filesystem in a plan: Docker's default mounts, the command's own, devices, links. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "execdriver/native/native.h"
#include "pkg/mem.h"

static const struct {
	const char *fstype, *source, *target, *data;
	unsigned long flags;
} default_mounts[] = {
	{ "proc", "proc", "/proc", "", MS_NOSUID | MS_NOEXEC | MS_NODEV },
	{ "tmpfs", "tmpfs", "/dev", "mode=755,size=65536k", MS_NOSUID | MS_STRICTATIME },
	{ "devpts", "devpts", "/dev/pts", "newinstance,ptmxmode=0666,mode=0620,gid=5",
	  MS_NOSUID | MS_NOEXEC },
	{ "sysfs", "sysfs", "/sys", "", MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY },
	{ "mqueue", "mqueue", "/dev/mqueue", "", MS_NOSUID | MS_NOEXEC | MS_NODEV },
};

static const struct {
	const char *path;
	unsigned minor_no;
	unsigned major_no;
} default_devices[] = {
	{ "/dev/null", 3, 1 },   { "/dev/zero", 5, 1 },    { "/dev/full", 7, 1 },
	{ "/dev/random", 8, 1 }, { "/dev/urandom", 9, 1 }, { "/dev/tty", 0, 5 },
};

static const struct {
	const char *contents, *path;
} default_links[] = {
	{ "pts/ptmx", "/dev/ptmx" },          { "/proc/self/fd", "/dev/fd" },
	{ "/proc/self/fd/0", "/dev/stdin" },  { "/proc/self/fd/1", "/dev/stdout" },
	{ "/proc/self/fd/2", "/dev/stderr" }, { "/proc/kcore", "/dev/core" },
};

/* Does the user mount something of his own there? */
static bool is_overridden(const struct exec_command *c, const char *target)
{
	for (size_t i = 0; i < c->nmounts; i++)
		if (strcmp(c->mounts[i].target, target) == 0)
			return true;
	return false;
}

static void put_mount(struct plan_writer *w, const char *fstype, const char *source,
		      const char *target, const char *data, unsigned long flags,
		      unsigned long propagation, unsigned plan_flags)
{
	char numbers[3][24];

	snprintf(numbers[0], sizeof(numbers[0]), "%lu", flags);
	snprintf(numbers[1], sizeof(numbers[1]), "%lu", propagation);
	snprintf(numbers[2], sizeof(numbers[2]), "%u", plan_flags);
	plan_put(w, PLAN_MOUNT, fstype, source, target, data, numbers[0], numbers[1], numbers[2],
		 NULL);
}

static void put_bind(struct plan_writer *w, const char *source, const char *target,
		     unsigned plan_flags)
{
	put_mount(w, "bind", source, target, "", 0, MS_PRIVATE | MS_REC,
		  PLAN_MOUNT_BIND | plan_flags);
}

static void put_root(struct native *d, const struct exec_command *c, struct plan_writer *w)
{
	plan_put(w, PLAN_ROOT_TARGET, d->root_target, NULL);
	if (c->rootfs.kind == ROOTFS_DIR) {
		plan_put(w, PLAN_ROOT_DIR, c->rootfs.path, NULL);
	} else {
		autofree char *options = xasprintf("%s%s", c->rootfs.options,
						   c->rootfs.is_volatile ? ",volatile" : "");

		plan_put(w, PLAN_ROOT_OVERLAY, c->rootfs.path, options, NULL);
	}
	if (c->rootfs.readonly)
		plan_put(w, PLAN_ROOT_READONLY, NULL);
}

/* A container sees its own cgroups, read-only unless it is privileged. */
static void put_cgroups(const struct native *d, const struct exec_command *c, struct plan_writer *w)
{
	const struct cgroups *cg = &d->cgroups;
	unsigned long ro = c->process.privileged ? 0 : MS_RDONLY;
	unsigned long flags = MS_NOSUID | MS_NOEXEC | MS_NODEV;

	if (is_overridden(c, "/sys/fs/cgroup"))
		return;
	if (cg->version == 2) {
		if (c->host_cgroupns)
			put_bind(w, cg->h[0].mount, "/sys/fs/cgroup",
				 PLAN_MOUNT_CONFINED | (ro ? PLAN_MOUNT_RDONLY : 0));
		else
			put_mount(w, "cgroup2", "cgroup", "/sys/fs/cgroup", "", flags | ro, 0, 0);
		return;
	}
	put_mount(w, "tmpfs", "tmpfs", "/sys/fs/cgroup", "mode=755", flags, 0, 0);
	for (size_t i = 0; i < cg->n; i++) {
		autofree char *dir = cgroup_dir(cg, i, c->resources.cgroup_parent, c->id);
		autofree char *target = xasprintf("/sys/fs/cgroup/%s", cg->h[i].name);

		put_bind(w, dir, target,
			 PLAN_MOUNT_CREATE | PLAN_MOUNT_CONFINED | (ro ? PLAN_MOUNT_RDONLY : 0));
	}
}

static void put_default_mounts(const struct native *d, const struct exec_command *c,
			       struct plan_writer *w)
{
	autofree char *shm =
		xasprintf("mode=1777,size=%lld", (long long)(c->shm_size ? c->shm_size : 64 << 20));
	unsigned long flags = MS_NOSUID | MS_NOEXEC | MS_NODEV;

	for (size_t i = 0; i < array_size(default_mounts); i++) {
		unsigned long f = default_mounts[i].flags;

		/* What a user puts over /proc is looked at when it is mounted. */
		if (strcmp(default_mounts[i].target, "/proc") != 0 &&
		    is_overridden(c, default_mounts[i].target))
			continue;
		if (c->process.privileged)
			f &= ~(unsigned long)MS_RDONLY;
		if (strcmp(default_mounts[i].target, "/sys") == 0 &&
		    c->network.mode == EXEC_NET_HOST && c->process.privileged) {
			put_bind(w, "/sys", "/sys", 0);
			continue;
		}
		put_mount(w, default_mounts[i].fstype, default_mounts[i].source,
			  default_mounts[i].target, default_mounts[i].data, f, 0, 0);
	}
	put_cgroups(d, c, w);
	if (c->host_ipc)
		put_bind(w, "/dev/shm", "/dev/shm", PLAN_MOUNT_CREATE);
	else if (!is_overridden(c, "/dev/shm"))
		put_mount(w, "tmpfs", "shm", "/dev/shm", shm, flags, 0, PLAN_MOUNT_CREATE);
}

static void put_device(struct plan_writer *w, const char *path, const struct stat *st)
{
	char text[5][16];

	snprintf(text[0], sizeof(text[0]), "%u", major(st->st_rdev));
	snprintf(text[1], sizeof(text[1]), "%u", minor(st->st_rdev));
	snprintf(text[2], sizeof(text[2]), "%u", st->st_mode & 07777);
	snprintf(text[3], sizeof(text[3]), "%u", st->st_uid);
	snprintf(text[4], sizeof(text[4]), "%u", st->st_gid);
	plan_put(w, PLAN_DEVICE, path, S_ISBLK(st->st_mode) ? "b" : "c", text[0], text[1], text[2],
		 text[3], text[4], NULL);
}

static int put_own_device(struct plan_writer *w, const struct exec_device *dev, struct error *err)
{
	struct stat st;

	if (stat(dev->source, &st) < 0)
		return error_set(
			err, ERR_INTERNAL,
			"error gathering device information while adding custom device \"%s\": %s",
			dev->source,
			errno == ENOENT ? "no such file or directory" : strerror(errno));
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return error_set(err, ERR_INTERNAL,
				 "error gathering device information while adding custom device "
				 "\"%s\": not a device node",
				 dev->source);
	put_device(w, dev->target, &st);
	return 0;
}

/* Every device node of the host's /dev, for --privileged. Terminals and pipes are the container's own. */
static void put_host_devices(struct plan_writer *w, const char *folder, int depth)
{
	static const char *const own[] = { ".",      "..",   "pts",   "shm",    "fd",
					   "mqueue", ".lxc", ".udev", "console" };
	DIR *dir = opendir(folder);
	struct dirent *e;
	struct stat st;

	while (dir && (e = readdir(dir))) {
		autofree char *path = xasprintf("%s/%s", folder, e->d_name);
		bool skip = false;

		for (size_t i = 0; i < array_size(own); i++)
			skip = skip || strcmp(own[i], e->d_name) == 0;
		if (skip || fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < 4)
			put_host_devices(w, path, depth + 1);
		else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
			put_device(w, path, &st);
	}
	if (dir)
		closedir(dir);
}

static int put_devices(const struct exec_command *c, struct plan_writer *w, struct error *err)
{
	if (is_overridden(c, "/dev"))
		return 0;
	for (size_t i = 0; i < array_size(default_links); i++)
		plan_put(w, PLAN_SYMLINK, default_links[i].contents, default_links[i].path, NULL);
	if (c->process.privileged)
		put_host_devices(w, "/dev", 0);
	for (size_t i = 0; i < array_size(default_devices); i++) {
		struct stat st = { .st_mode = S_IFCHR | 0666 };

		st.st_rdev = makedev(default_devices[i].major_no, default_devices[i].minor_no);
		put_device(w, default_devices[i].path, &st);
	}
	for (size_t i = 0; i < c->ndevices; i++)
		if (put_own_device(w, &c->devices[i], err) < 0)
			return -1;
	return 0;
}

static int propagation_of(const char *name, unsigned long *out, struct error *err)
{
	static const struct {
		const char *name;
		unsigned long flags;
	} names[] = {
		{ "private", MS_PRIVATE }, { "rprivate", MS_PRIVATE | MS_REC },
		{ "slave", MS_SLAVE },     { "rslave", MS_SLAVE | MS_REC },
		{ "shared", MS_SHARED },   { "rshared", MS_SHARED | MS_REC },
	};

	for (size_t i = 0; i < array_size(names); i++)
		if (strcmp(names[i].name, name && *name ? name : "rprivate") == 0) {
			*out = names[i].flags;
			return 0;
		}
	return error_set(err, ERR_BAD_REQUEST, "invalid propagation mode \"%s\"", name);
}

/* "size=64m,mode=1777,noexec,ro" -> flags for mount(2), and the rest as data. */
static unsigned long split_options(const char *options, unsigned long flags, struct buf *data)
{
	static const struct {
		const char *name;
		unsigned long set, clear;
	} known[] = {
		{ "ro", MS_RDONLY, 0 },
		{ "rw", 0, MS_RDONLY },
		{ "nosuid", MS_NOSUID, 0 },
		{ "suid", 0, MS_NOSUID },
		{ "nodev", MS_NODEV, 0 },
		{ "dev", 0, MS_NODEV },
		{ "noexec", MS_NOEXEC, 0 },
		{ "exec", 0, MS_NOEXEC },
		{ "sync", MS_SYNCHRONOUS, 0 },
		{ "noatime", MS_NOATIME, 0 },
		{ "nodiratime", MS_NODIRATIME, 0 },
		{ "relatime", MS_RELATIME, 0 },
		{ "strictatime", MS_STRICTATIME, 0 },
	};
	autostrlist struct strlist words = STRLIST_INIT;

	strlist_split(&words, options ? options : "", ',');
	for (size_t i = 0; i < words.n; i++) {
		size_t k = 0;

		while (k < array_size(known) && strcmp(known[k].name, words.v[i]) != 0)
			k++;
		if (k < array_size(known))
			flags = (flags & ~known[k].clear) | known[k].set;
		else if (*words.v[i])
			buf_addf(data, "%s%s", data->len ? "," : "", words.v[i]);
	}
	return flags;
}

static int put_own_mounts(const struct exec_command *c, struct plan_writer *w, struct error *err)
{
	for (size_t i = 0; i < c->nmounts; i++) {
		const struct exec_mount *m = &c->mounts[i];
		autobuf struct buf data = BUF_INIT(4096);
		unsigned long propagation = 0, flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
		unsigned pf = PLAN_MOUNT_CREATE;

		if (propagation_of(m->propagation, &propagation, err) < 0)
			return -1;
		if (m->flags & EXEC_MOUNT_READONLY) {
			pf |= PLAN_MOUNT_RDONLY;
			flags |= MS_RDONLY;
		}
		if (m->flags & EXEC_MOUNT_NONRECURSIVE)
			pf |= PLAN_MOUNT_NONREC;
		if (m->source) {
			put_mount(w, "bind", m->source, m->target, "", 0, propagation,
				  pf | PLAN_MOUNT_BIND);
			continue;
		}
		flags = split_options(m->data, flags, &data);
		put_mount(w, m->fstype, m->fstype, m->target, buf_text(&data), flags, 0, pf);
	}
	return 0;
}

static void put_paths(struct plan_writer *w, enum plan_tag tag, const struct strlist *paths)
{
	for (size_t i = 0; i < paths->n; i++)
		plan_put(w, tag, paths->v[i], NULL);
}

int plan_rootfs(struct native *d, const struct exec_command *c, struct plan_writer *w,
		struct error *err)
{
	put_root(d, c, w);
	put_default_mounts(d, c, w);
	if (put_devices(c, w, err) < 0 || put_own_mounts(c, w, err) < 0)
		return -1;
	put_paths(w, PLAN_READONLY, &c->readonly_paths);
	put_paths(w, PLAN_MASK, &c->masked_paths);
	return 0;
}
