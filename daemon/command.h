/* From a container's configuration to the command that an exec driver runs. */
#ifndef DAEMON_COMMAND_H
#define DAEMON_COMMAND_H

#include <jansson.h>

#include "execdriver/driver.h"
#include "pkg/error.h"

struct container;
struct daemon;

/*
 * Fill out (initialised by the caller, who also releases it): process, mounts, network, limits, log.
 * The rootfs is the caller's to set. network is what allocate_interface said, or NULL. ERR_NOT_FOUND
 * and ERR_CONFLICT for containers that it is to share namespaces with.
 */
int command_build(struct daemon *d, struct container *c, const json_t *network,
		  struct exec_command *out, struct error *err);

/* The pieces, for tests and for exec; each reads members of a complete Config or HostConfig. */
int command_security(const json_t *host_config, struct exec_command *out, struct error *err);
int command_rlimits(const json_t *host_config, struct exec_process *out, struct error *err);
int command_devices(const json_t *host_config, struct exec_command *out, struct error *err);
void command_resources(const json_t *host_config, struct exec_resources *out);
/* User, groups, capabilities, privileges: what a first process and an exec have in common. */
void command_credentials(const json_t *config, const json_t *host_config, struct exec_process *out);

/* command_mounts.c */
int command_mounts(struct container *c, const char *files_dir, struct exec_command *out,
		   struct error *err);

#endif
