/* Users, capabilities, limits, devices and the like for a command: see command.h. */
#include "daemon/command.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "pkg/json.h"
#include "pkg/mem.h"
#include "runconfig/runconfig.h"

#define DEVICES_MAX 4096 /* that one folder of devices may hold */

static const char *const masked_paths[] = {
	"/proc/asound",     "/proc/acpi",        "/proc/interrupts",
	"/proc/kcore",      "/proc/keys",        "/proc/latency_stats",
	"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
	"/proc/scsi",       "/sys/firmware",     "/sys/devices/virtual/powercap",
};

static const char *const readonly_paths[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

void command_credentials(const json_t *config, const json_t *h, struct exec_process *p)
{
	p->user = xstrdup(json_get_str(config, "User", ""));
	json_get_strlist(h, "GroupAdd", &p->groups);
	p->privileged = json_get_bool(h, "Privileged", false);
	p->oom_score_adj = (int)json_get_int(h, "OomScoreAdj", 0);
	p->set_oom_score_adj = p->oom_score_adj != 0;
	p->capabilities = runconfig_capabilities(h);
}

static uint64_t limit_of(const json_t *u, const char *key)
{
	long long n = json_get_int(u, key, 0);

	return n < 0 ? UINT64_MAX : (uint64_t)n;
}

static int add_rlimit(const json_t *u, struct exec_process *p, struct error *err)
{
	const char *name = json_get_str(u, "Name", "");
	int resource = runconfig_rlimit(name);

	if (resource < 0)
		return error_set(err, ERR_INTERNAL, "wrong rlimit value: RLIMIT_%s", name);
	exec_process_add_rlimit(p, resource, limit_of(u, "Soft"), limit_of(u, "Hard"));
	return 0;
}

int command_rlimits(const json_t *h, struct exec_process *p, struct error *err)
{
	const json_t *u;
	size_t i;

	json_array_foreach(json_get_arr(h, "Ulimits"), i, u)
		if (add_rlimit(u, p, err) < 0)
			return -1;
	return 0;
}

static void add_paths(struct strlist *out, const json_t *h, const char *member,
		      const char *const *defaults, size_t n)
{
	const json_t *given = json_get_arr(h, member);

	if (given) {
		json_get_strlist(h, member, out);
		return;
	}
	for (size_t i = 0; i < n; i++)
		strlist_add(out, defaults[i]);
}

static void set_seccomp(struct exec_command *c, const char *said, bool privileged)
{
	if (!said)
		c->seccomp = privileged ? EXEC_SECCOMP_UNCONFINED : EXEC_SECCOMP_DEFAULT;
	else if (strcmp(said, "unconfined") == 0)
		c->seccomp = EXEC_SECCOMP_UNCONFINED;
	else if (strcmp(said, "builtin") == 0)
		c->seccomp = EXEC_SECCOMP_DEFAULT;
	else {
		c->seccomp = EXEC_SECCOMP_PROFILE;
		c->seccomp_profile = xstrdup(said);
	}
}

int command_security(const json_t *h, struct exec_command *c, struct error *err)
{
	bool privileged = json_get_bool(h, "Privileged", false);
	struct runconfig_security s;

	if (runconfig_security(h, &s, err) < 0)
		return -1;
	c->process.no_new_privs = s.no_new_privileges;
	set_seccomp(c, s.seccomp, privileged);
	if (privileged || s.unconfined_paths)
		return 0;
	add_paths(&c->masked_paths, h, "MaskedPaths", masked_paths, array_size(masked_paths));
	add_paths(&c->readonly_paths, h, "ReadonlyPaths", readonly_paths,
		  array_size(readonly_paths));
	return 0;
}

static bool is_device(const struct stat *st)
{
	return S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
}

static void add_device(struct exec_command *c, const char *source, const char *target,
		       const char *access)
{
	struct exec_device *dev = exec_command_add_device(c);

	dev->source = xstrdup(source);
	dev->target = xstrdup(target);
	snprintf(dev->access, sizeof(dev->access), "%.3s", *access ? access : "rwm");
}

/* All devices below a folder, two levels at most (/dev/snd, /dev/dri/by-path). */
static int add_folder(struct exec_command *c, const char *source, const char *target,
		      const char *access, int depth, struct error *err)
{
	DIR *dir = opendir(source);
	struct dirent *e;
	int rc = 0;

	if (!dir)
		return error_sys(err, "cannot read \"%s\"", source);
	while (rc == 0 && (e = readdir(dir))) {
		autofree char *from = xasprintf("%s/%s", source, e->d_name);
		autofree char *to = xasprintf("%s/%s", target, e->d_name);
		struct stat st;

		if (*e->d_name == '.' || lstat(from, &st) < 0)
			continue;
		if (c->ndevices >= DEVICES_MAX)
			rc = error_set(err, ERR_BAD_REQUEST, "too many devices in \"%s\"", source);
		else if (is_device(&st))
			add_device(c, from, to, access);
		else if (S_ISDIR(st.st_mode) && depth < 2)
			rc = add_folder(c, from, to, access, depth + 1, err);
	}
	closedir(dir);
	return rc;
}

static int add_one(struct exec_command *c, const json_t *d, struct error *err)
{
	const char *source = json_get_str(d, "PathOnHost", "");
	const char *target = json_get_str(d, "PathInContainer", "");
	const char *access = json_get_str(d, "CgroupPermissions", "rwm");
	struct stat st;

	if (!*target)
		target = source;
	if (stat(source, &st) < 0)
		return error_sys(err,
				 "error gathering device information while adding custom device "
				 "\"%s\"",
				 source);
	if (S_ISDIR(st.st_mode))
		return add_folder(c, source, target, access, 0, err);
	if (!is_device(&st))
		return error_set(err, ERR_INTERNAL,
				 "error gathering device information while adding custom device "
				 "\"%s\": not a device node",
				 source);
	add_device(c, source, target, access);
	return 0;
}

int command_devices(const json_t *h, struct exec_command *c, struct error *err)
{
	const json_t *d;
	size_t i;

	json_array_foreach(json_get_arr(h, "Devices"), i, d)
		if (add_one(c, d, err) < 0)
			return -1;
	return 0;
}
