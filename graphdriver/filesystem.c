/* What file systems there are: under a folder, and in the kernel. See internal.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "graphdriver/internal.h"
#include "pkg/fs.h"
#include "pkg/mem.h"

const char *filesystem_name(const char *path)
{
	static const struct {
		unsigned long magic;
		const char *name;
	} known[] = {
		{ 0x0000ef53, "extfs" },     { 0x58465342, "xfs" },      { 0x9123683e, "btrfs" },
		{ 0x01021994, "tmpfs" },     { 0xf2f52010, "f2fs" },     { 0x2fc12fc1, "zfs" },
		{ 0x00006969, "nfs" },       { 0x65735546, "fuse" },     { 0x0000f15f, "ecryptfs" },
		{ 0x794c7630, "overlayfs" }, { 0x61756673, "aufs" },     { 0x858458f6, "ramfs" },
		{ 0x73717368, "squashfs" },  { 0xff534d42, "cifs" },     { 0x01021997, "9p" },
		{ 0x00004d44, "msdos" },     { 0x52654973, "reiserfs" },
	};
	struct statfs fs;

	if (statfs(path, &fs) == 0)
		for (size_t i = 0; i < array_size(known); i++)
			if (known[i].magic == (unsigned long)fs.f_type)
				return known[i].name;
	return "<unknown>";
}

/* /proc/filesystems has "nodev\tNAME" or "\tNAME" on each line. */
static bool is_listed(const char *name)
{
	autofree char *line = xasprintf("\t%s\n", name);
	autobuf struct buf list = BUF_INIT(64 * 1024);

	return fs_read_file(AT_FDCWD, "/proc/filesystems", &list) == 0 &&
	       strstr(buf_text(&list), line);
}

bool kernel_has_filesystem(const char *name)
{
	int fd = fsopen(name, FSOPEN_CLOEXEC); /* makes the kernel load the module */

	if (fd >= 0)
		close(fd);
	return fd >= 0 || is_listed(name);
}
