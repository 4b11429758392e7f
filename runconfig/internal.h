/* What the files of this folder share. */
#ifndef RUNCONFIG_INTERNAL_H
#define RUNCONFIG_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>

#include "pkg/error.h"
#include "pkg/strlist.h"
#include "runconfig/runconfig.h"

/* Conflicts that the user's own words have, before an image's config is merged in. */
int conflicts_check(const json_t *config, const json_t *host_config, const json_t *networking,
		    struct error *err);

/* Bounds and conflicts of the resource members; clears what the host cannot do, with a warning. */
int resources_check(json_t *host_config, const struct runconfig_host *host, bool is_update,
		    struct strlist *warnings, struct error *err);

/* Binds, Mounts, Tmpfs and VolumesFrom of a HostConfig, together. */
int mounts_check(const json_t *host_config, struct error *err);

int ports_check(const json_t *host_config, struct error *err);
int capabilities_check(const json_t *host_config, struct error *err);
int security_check(const json_t *host_config, struct error *err);
/* Does SecurityOpt ask for unmasked system paths? */
bool security_unconfined_paths(const json_t *host_config);
int log_check(const json_t *host_config, struct error *err);

/* "container:X": X, else NULL. */
const char *mode_container(const char *mode);

#endif
