/*
 * Config and HostConfig: JSON in and out, checked and complete. Both are JSON objects all the way;
 * tables in this folder say which members there are, of what type, with which default.
 */
#ifndef RUNCONFIG_RUNCONFIG_H
#define RUNCONFIG_RUNCONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "pkg/error.h"
#include "pkg/strlist.h"

/*
 * The Config, HostConfig and NetworkingConfig of a create body, each a new reference. Keys match in
 * any case, unknown ones are dropped, missing ones get their zero value (inspect shows them all).
 * Memory, CpuShares... as Config members (API below 1.18) move to HostConfig. A member of the wrong
 * type is ERR_BAD_REQUEST, worded as Go words it: "json: cannot unmarshal string into Go struct field
 * ContainerConfigWrapper.Env of type []string".
 */
struct runconfig {
	json_t *config, *host_config, *networking_config;
};
void runconfig_done(struct runconfig *rc);
int runconfig_decode(const json_t *body, struct runconfig *out, struct error *err);

/* Complete a lone object, as for `start` with a body, `commit`, `update`. New reference. */
json_t *runconfig_config(const json_t *partial, struct error *err);
json_t *runconfig_host_config(const json_t *partial, struct error *err);

/* Fill what the user left out of config from an image's Config (rules: Engine API, create). */
void runconfig_merge(json_t *config, const json_t *image_config);

/* What this kernel and host can do, for the checks; see struct exec_features. */
struct runconfig_host {
	int ncpu;
	int64_t memory_total;
	bool memory, swap, cpu_cfs, cpu_shares, cpuset, pids, blkio_weight, oom_kill_disable;
};
/*
 * Check values and conflicts, after the merge. What the kernel lacks is cleared from host_config with
 * a line in warnings; what cannot be is ERR_BAD_REQUEST in Docker's words. On success Docker's
 * defaults stand where nothing was said (ShmSize, NetworkMode "default", LogConfig, MaskedPaths,
 * MemorySwap = 2 x Memory...). Not asked: what only the daemon knows (names of other containers and
 * networks, CgroupnsMode's default).
 */
int runconfig_validate(json_t *config, json_t *host_config, const struct runconfig_host *host,
		       struct strlist *warnings, struct error *err);

/* The same for the body of `update`: limits and restart policy alone, no defaults. */
int runconfig_validate_update(json_t *host_config, const struct runconfig_host *host,
			      struct strlist *warnings, struct error *err);

/* argv = Entrypoint + Cmd. ERR_BAD_REQUEST "no command specified" when there is none. */
int runconfig_command(const json_t *config, struct strlist *argv, struct error *err);

/*
 * Apply Dockerfile-like instructions (CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER,
 * VOLUME, WORKDIR, HEALTHCHECK, MAINTAINER) to a Config, for `import -c` and `commit -c`. Others:
 * ERR_BAD_REQUEST "foo is not a valid change command".
 */
int runconfig_apply_changes(json_t *config, const struct strlist *changes, struct error *err);

/* One bind, "src:dst[:opts]" or a volume name, parsed. Members are freed by runconfig_bind_done(). */
struct runconfig_bind {
	char *source; /* host path, volume name, or NULL for an anonymous volume */
	char *target;
	char *mode;        /* the options as given, "" when none */
	char *propagation; /* or NULL */
	bool readonly, is_path, nocopy;
};
int runconfig_bind_parse(const char *spec, struct runconfig_bind *out, struct error *err);
void runconfig_bind_done(struct runconfig_bind *b);

/* "CONTAINER[:ro|rw|z|Z]" of VolumesFrom. *container is the caller's to free. */
int runconfig_volumes_from_parse(const char *spec, char **container, bool *readonly,
				 struct error *err);

/* An absolute path without empty, "." and ".." parts, by its letters alone. The caller frees. */
char *runconfig_path_clean(const char *path);

/* Number of a capability, "NET_ADMIN" or "cap_net_admin"; -1 when there is none of that name. */
int runconfig_capability(const char *name);
/* What Privileged, CapAdd and CapDrop leave of all of them: bit n is capability n. */
uint64_t runconfig_capabilities(const json_t *host_config);

/* SecurityOpt taken apart. Texts are borrowed from the HostConfig, NULL when not said. */
struct runconfig_security {
	bool no_new_privileges;
	bool unconfined_paths; /* nothing masked, nothing read-only */
	const char *seccomp;   /* "unconfined", "builtin" or a profile's JSON */
};
int runconfig_security(const json_t *host_config, struct runconfig_security *out,
		       struct error *err);

/* LogConfig for the json-file driver, with our defaults: 3 files of 10 MB. For `start`. */
struct runconfig_log {
	bool enabled;     /* false: the driver "none" */
	int64_t max_size; /* bytes; 0: never rotated */
	int max_files;    /* at least 1 */
	bool compress;
};
int runconfig_log(const json_t *host_config, struct runconfig_log *out, struct error *err);

/* RLIMIT_x of an Ulimit's name ("nofile"); -1 when there is none. */
int runconfig_rlimit(const char *name);

/*
 * Sysctls as "key=value" lines appended to out. ERR_BAD_REQUEST for a key that is not of the
 * container's own namespaces. For `start`.
 */
int runconfig_sysctls(const json_t *host_config, struct strlist *out, struct error *err);

#endif
