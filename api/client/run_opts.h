/* What `run` and `create` can be told, and the body of the create request that it makes. */
#ifndef API_CLIENT_RUN_OPTS_H
#define API_CLIENT_RUN_OPTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "pkg/error.h"
#include "pkg/mflag.h"
#include "pkg/strlist.h"

struct run_opts {
	/* of the client */
	bool detach, sig_proxy, quiet;
	const char *cidfile, *name, *pull, *platform, *detach_keys;
	struct strlist attach;
	/* of the process */
	bool tty, stdin_open, privileged;
	const char *user, *workdir, *entrypoint, *hostname, *domainname, *stop_signal;
	int64_t stop_timeout;
	struct strlist env, env_file, label, label_file, group_add, cap_add, cap_drop, security_opt,
		ulimit, sysctl;
	int init;
	/* of its files */
	bool read_only;
	struct strlist volume, mount, tmpfs, volumes_from, device, device_cgroup_rule, storage_opt;
	const char *volume_driver;
	/* of its network */
	bool publish_all, networking;
	const char *mac_address, *ip, *ip6;
	struct strlist network, dns, dns_search, dns_opt, add_host, expose, publish, link,
		network_alias, link_local_ip;
	/* its namespaces */
	const char *ipc, *pid, *uts, *userns, *cgroupns, *cgroup_parent;
	/* its limits */
	int64_t memory, memory_swap, memory_reservation, memory_swappiness, kernel_memory, shm_size;
	int64_t cpu_shares, nano_cpus, cpu_period, cpu_quota, cpu_rt_period, cpu_rt_runtime,
		pids_limit, oom_score_adj, blkio_weight;
	const char *cpuset_cpus, *cpuset_mems;
	int oom_kill_disable;
	struct strlist device_read_bps, device_write_bps, device_read_iops, device_write_iops,
		blkio_weight_device;
	/* how it is kept */
	bool rm;
	const char *restart, *runtime, *isolation, *log_driver;
	struct strlist log_opt, annotation, lxc_conf;
	/* its health */
	bool no_healthcheck;
	const char *health_cmd;
	int64_t health_interval, health_timeout, health_start_period, health_start_interval,
		health_retries;
};

extern const struct run_opts run_defaults;
#define RUN_ONLY_FLAGS 3                  /* in front: `create` does without them */
extern const struct mflag run_flags[];    /* all */
extern const struct mflag update_flags[]; /* of `update`, into the same struct */

/* The body of a create: image and command in args. A new object, or NULL with ERR_BAD_REQUEST. */
json_t *run_body(const struct run_opts *o, const struct strlist *args, struct error *err);
/* Resources and RestartPolicy of an update, from the same options. */
void run_resources(const struct run_opts *o, json_t *host_config);
int run_restart_policy(const char *text, json_t *host_config, struct error *err);

/* Which streams are ours: bits of enum run_streams. -1 with err for an -a that is none of them. */
enum run_streams { RUN_STDIN = 1, RUN_STDOUT = 2, RUN_STDERR = 4 };
int run_streams(const struct run_opts *o, struct error *err);

/* Pieces of the body, each of which adds to config or host_config. 0, or -1 with err. */
int run_ports(const struct run_opts *o, json_t *config, json_t *host_config, struct error *err);
/* --network and what belongs to it: NetworkMode, EndpointsConfig and the old Config.MacAddress. */
int run_networks(const struct run_opts *o, json_t *config, json_t *host_config, struct error *err);
int flag_network(const char *text, void *list, struct error *err); /* checks the long notation */
int run_volumes(const struct run_opts *o, json_t *config, json_t *host_config, struct error *err);
int run_mounts(const struct run_opts *o, json_t *host_config, struct error *err);
int run_devices(const struct run_opts *o, json_t *host_config, struct error *err);
int run_ulimits(const struct run_opts *o, json_t *host_config, struct error *err);
int run_security(const struct run_opts *o, json_t *host_config, struct error *err);
int run_health(const struct run_opts *o, json_t *config, struct error *err);
/* Environment of --env-file and -e, labels of --label-file and -l. */
int run_env(const struct strlist *files, const struct strlist *given, struct strlist *out,
	    struct error *err);
int run_labels(const struct strlist *files, const struct strlist *given, json_t *out,
	       struct error *err);
/* "key=value" or "key" -> member; value "" when there is none. */
void run_add_pair(json_t *object, const char *pair);

#endif
