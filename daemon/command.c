/*
 * Building the command that an exec driver runs: see command.h. Every function here sets one aspect
 * from the JSON that describes it; mounts are in command_mounts.c, security in command_security.c.
 */
#include "daemon/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/container.h"
#include "daemon/environ.h"
#include "daemon/internal.h"
#include "daemon/network.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "runconfig/runconfig.h"

static char *dup_or_null(const char *s)
{
	return s && *s ? xstrdup(s) : NULL;
}

static int build_process(const json_t *config, const json_t *host_config, struct exec_process *p,
			 struct error *err)
{
	const json_t *size = json_get_arr(host_config, "ConsoleSize"); /* height, width */

	if (runconfig_command(config, &p->argv, err) < 0)
		return -1;
	p->tty = json_get_bool(config, "Tty", false);
	environ_build(&p->env, config, p->tty);
	p->cwd = xstrdup(*json_get_str(config, "WorkingDir", "")
				 ? json_get_str(config, "WorkingDir", "")
				 : "/");
	p->open_stdin = json_get_bool(config, "OpenStdin", false);
	p->stdin_once = json_get_bool(config, "StdinOnce", false);
	p->rows = (unsigned short)json_integer_value(json_array_get(size, 0));
	p->cols = (unsigned short)json_integer_value(json_array_get(size, 1));
	command_credentials(config, host_config, p);
	return command_rlimits(host_config, p, err);
}

void command_resources(const json_t *h, struct exec_resources *r)
{
	r->cgroup_parent = dup_or_null(json_get_str(h, "CgroupParent", ""));
	r->memory = json_get_int(h, "Memory", 0);
	r->memory_swap = json_get_int(h, "MemorySwap", 0);
	r->memory_reservation = json_get_int(h, "MemoryReservation", 0);
	r->swappiness = json_get_int(h, "MemorySwappiness", -1);
	r->oom_kill_disable = json_get_bool(h, "OomKillDisable", false);
	r->cpu_shares = (uint64_t)json_get_int(h, "CpuShares", 0);
	r->cpu_period = json_get_int(h, "CpuPeriod", 0);
	r->cpu_quota = json_get_int(h, "CpuQuota", 0);
	r->nano_cpus = json_get_int(h, "NanoCpus", 0);
	r->cpuset_cpus = dup_or_null(json_get_str(h, "CpusetCpus", ""));
	r->cpuset_mems = dup_or_null(json_get_str(h, "CpusetMems", ""));
	r->pids_limit = json_get_int(h, "PidsLimit", 0);
	r->blkio_weight = (uint16_t)json_get_int(h, "BlkioWeight", 0);
	json_get_strlist(h, "DeviceCgroupRules", &r->device_rules);
}

static int build_log(const json_t *host_config, const char *path, struct exec_command *out,
		     struct error *err)
{
	struct runconfig_log log;

	if (runconfig_log(host_config, &log, err) < 0)
		return -1;
	if (!log.enabled)
		return 0;
	out->log_max_size = log.max_size;
	out->log_max_files = log.max_files;
	out->log_compress = log.compress;
	out->log_path = xstrdup(path);
	return 0;
}

/* The pid of the container behind "container:X", to share a namespace with. */
static int peer_pid(struct daemon *d, const char *mode, const char *what, pid_t *pid,
		    struct error *err)
{
	struct container *peer = network_peer(d, mode, err);
	struct container_state s;
	int rc = 0;

	if (!peer)
		return -1;
	s = container_state(peer);
	if (!s.running || !s.pid)
		rc = error_set(err, ERR_CONFLICT, "cannot join %s of a non running container: %s",
			       what, peer->id);
	else
		*pid = s.pid;
	container_unref(peer);
	return rc;
}

static bool is_peer(const char *mode)
{
	return strncmp(mode, "container:", 10) == 0;
}

static int build_namespaces(struct daemon *d, const json_t *h, struct exec_command *out,
			    struct error *err)
{
	const char *ipc = json_get_str(h, "IpcMode", ""), *pid = json_get_str(h, "PidMode", "");

	out->host_ipc = strcmp(ipc, "host") == 0;
	out->host_pid = strcmp(pid, "host") == 0;
	out->host_uts = strcmp(json_get_str(h, "UTSMode", ""), "host") == 0;
	out->host_cgroupns = strcmp(json_get_str(h, "CgroupnsMode", ""), "host") == 0;
	if (is_peer(ipc) && peer_pid(d, ipc, "IPC", &out->join_ipc_ns, err) < 0)
		return -1;
	if (is_peer(pid) && peer_pid(d, pid, "PID", &out->join_pid_ns, err) < 0)
		return -1;
	return 0;
}

static int build_network(struct daemon *d, const json_t *config, const json_t *h,
			 const json_t *network, struct exec_command *out, struct error *err)
{
	const char *kind = network_kind(d, config, h);

	if (strcmp(kind, "container") == 0) {
		out->network.mode = EXEC_NET_JOIN;
		return peer_pid(d, json_get_str(h, "NetworkMode", ""), "network",
				&out->network.join_pid, err);
	}
	if (network)
		network_exec(network, &out->network);
	else
		out->network.mode = strcmp(kind, "host") == 0 ? EXEC_NET_HOST : EXEC_NET_NONE;
	return 0;
}

static int build(struct daemon *d, struct container *c, const json_t *config, const json_t *h,
		 const json_t *network, struct exec_command *out, struct error *err)
{
	snprintf(out->id, sizeof(out->id), "%s", c->id);
	if (build_process(config, h, &out->process, err) < 0 || command_security(h, out, err) < 0 ||
	    command_devices(h, out, err) < 0 || build_namespaces(d, h, out, err) < 0 ||
	    build_network(d, config, h, network, out, err) < 0 ||
	    build_log(h, c->log_path, out, err) < 0 || runconfig_sysctls(h, &out->sysctls, err) < 0)
		return -1;
	command_resources(h, &out->resources);
	out->hostname = xstrdup(json_get_str(config, "Hostname", ""));
	out->domainname = dup_or_null(json_get_str(config, "Domainname", ""));
	out->shm_size = json_get_int(h, "ShmSize", 0);
	out->init = json_get_bool(h, "Init", false);
	out->rootfs.readonly = json_get_bool(h, "ReadonlyRootfs", false);
	return 0;
}

int command_build(struct daemon *d, struct container *c, const json_t *network,
		  struct exec_command *out, struct error *err)
{
	autojson json_t *config = container_config(c);
	autojson json_t *h = container_host_config(c);

	return build(d, c, config, h, network, out, err);
}
