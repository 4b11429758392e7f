/* Capabilities by name, and the set that a container gets. Source: capabilities(7), Linux 6.8. */
#include <string.h>
#include <strings.h>

#include "pkg/json.h"
#include "pkg/mem.h"
#include "runconfig/internal.h"

/* The index is the capability's number. */
static const char *const names[] = {
	"CHOWN",
	"DAC_OVERRIDE",
	"DAC_READ_SEARCH",
	"FOWNER",
	"FSETID",
	"KILL",
	"SETGID",
	"SETUID",
	"SETPCAP",
	"LINUX_IMMUTABLE",
	"NET_BIND_SERVICE",
	"NET_BROADCAST",
	"NET_ADMIN",
	"NET_RAW",
	"IPC_LOCK",
	"IPC_OWNER",
	"SYS_MODULE",
	"SYS_RAWIO",
	"SYS_CHROOT",
	"SYS_PTRACE",
	"SYS_PACCT",
	"SYS_ADMIN",
	"SYS_BOOT",
	"SYS_NICE",
	"SYS_RESOURCE",
	"SYS_TIME",
	"SYS_TTY_CONFIG",
	"MKNOD",
	"LEASE",
	"AUDIT_WRITE",
	"AUDIT_CONTROL",
	"SETFCAP",
	"MAC_OVERRIDE",
	"MAC_ADMIN",
	"SYSLOG",
	"WAKE_ALARM",
	"BLOCK_SUSPEND",
	"AUDIT_READ",
	"PERFMON",
	"BPF",
	"CHECKPOINT_RESTORE",
};

static const char *const defaults[] = {
	"CHOWN",   "DAC_OVERRIDE", "FSETID",           "FOWNER",
	"MKNOD",   "NET_RAW",      "SETGID",           "SETUID",
	"SETFCAP", "SETPCAP",      "NET_BIND_SERVICE", "SYS_CHROOT",
	"KILL",    "AUDIT_WRITE",
};

#define ALL_CAPS ((UINT64_C(1) << array_size(names)) - 1)

int runconfig_capability(const char *name)
{
	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	for (size_t i = 0; i < array_size(names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return (int)i;
	return -1;
}

static uint64_t bit_of(const char *name)
{
	int n = runconfig_capability(name);

	return n < 0 ? 0 : UINT64_C(1) << n;
}

/* What a list names, and whether ALL is in it. */
static uint64_t set_of(const json_t *list, bool *all)
{
	uint64_t set = 0;
	const json_t *v;
	size_t i;

	*all = false;
	json_array_foreach(list, i, v) {
		*all = *all || strcasecmp(json_string_value(v), "ALL") == 0;
		set |= bit_of(json_string_value(v));
	}
	return set;
}

/* A single name wins over ALL on the other side: --cap-drop ALL --cap-add CHOWN leaves CHOWN. */
uint64_t runconfig_capabilities(const json_t *host_config)
{
	bool add_all, drop_all;
	uint64_t added = set_of(json_object_get(host_config, "CapAdd"), &add_all);
	uint64_t dropped = set_of(json_object_get(host_config, "CapDrop"), &drop_all), set = 0;

	if (json_get_bool(host_config, "Privileged", false))
		return ALL_CAPS;
	if (add_all)
		return ALL_CAPS & ~dropped;
	if (drop_all)
		return added;
	for (size_t i = 0; i < array_size(defaults); i++)
		set |= bit_of(defaults[i]);
	return (set & ~dropped) | added;
}

static int check_list(const json_t *host_config, const char *member, struct error *err)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(host_config, member), i, v) {
		autofree char *name = xstrdup(json_string_value(v));

		if (strcasecmp(name, "ALL") == 0 || runconfig_capability(name) >= 0)
			continue;
		for (char *p = name; *p; p++)
			if (*p >= 'a' && *p <= 'z')
				*p -= 'a' - 'A';
		return error_set(err, ERR_BAD_REQUEST, "invalid %s: unknown capability: \"%s%s\"",
				 member, strncmp(name, "CAP_", 4) == 0 ? "" : "CAP_", name);
	}
	return 0;
}

int capabilities_check(const json_t *host_config, struct error *err)
{
	if (check_list(host_config, "CapAdd", err) < 0)
		return -1;
	return check_list(host_config, "CapDrop", err);
}
