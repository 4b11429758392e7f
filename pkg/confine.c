/* Giving up privileges: see confine.h. */
#include "pkg/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

const uint64_t confine_file_caps = CONFINE_CAP(CAP_CHOWN) | CONFINE_CAP(CAP_DAC_OVERRIDE) |
				   CONFINE_CAP(CAP_FOWNER) | CONFINE_CAP(CAP_FSETID) |
				   CONFINE_CAP(CAP_MKNOD) | CONFINE_CAP(CAP_SETFCAP);

static int drop_bounding(uint64_t keep)
{
	for (int cap = 0; cap < 64; cap++) {
		if (keep & CONFINE_CAP(cap))
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
			if (errno == EINVAL)
				return 0; /* beyond the last one that this kernel knows */
			return -1;
		}
	}
	return 0;
}

static int set_caps(uint64_t keep)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (__u32)(keep >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return (int)syscall(SYS_capset, &head, data);
}

/* Namespaces without network or IPC. Where even that is denied, capabilities do the rest. */
static int leave_namespaces(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC) == 0 || errno == EPERM || errno == EINVAL)
		return 0;
	return -1;
}

int confine_enter(const char *root, uint64_t keep)
{
	struct rlimit none = { 0, 0 };

	umask(0);
	if (setrlimit(RLIMIT_CORE, &none) < 0 || leave_namespaces() < 0)
		return -1;
	if (chroot(root) < 0 || chdir("/") < 0)
		return -1;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return -1;
	if (drop_bounding(keep) < 0 || set_caps(keep) < 0)
		return -1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int confine_unshare_mounts(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		return -1;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}
