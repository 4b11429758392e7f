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
 * a line in warnings; what cannot be is ERR_BAD_REQUEST in Docker's words.
 */
int runconfig_validate(json_t *config, json_t *host_config, const struct runconfig_host *host,
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

#endif
