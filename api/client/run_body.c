/*
 * From the flags of `run` to the body of the create request. What is a plain copy stands in tables;
 * what has a syntax of its own is in run_ports.c, run_volumes.c and run_specs.c.
 */
#include "api/client/run_opts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/parse.h"

#define AT(m) offsetof(struct run_opts, m)

struct copy {
	size_t offset;
	const char *key;
	int64_t unset; /* integers and tristates: not sent when they have this value */
};

static const struct copy config_texts[] = {
	{ AT(hostname), "Hostname", 0 },
	{ AT(domainname), "Domainname", 0 },
	{ AT(user), "User", 0 },
	{ AT(workdir), "WorkingDir", 0 },
	{ AT(stop_signal), "StopSignal", 0 },
};

static const struct copy host_texts[] = {
	{ AT(cidfile), "ContainerIDFile", 0 },
	{ AT(volume_driver), "VolumeDriver", 0 },
	{ AT(ipc), "IpcMode", 0 },
	{ AT(pid), "PidMode", 0 },
	{ AT(uts), "UTSMode", 0 },
	{ AT(userns), "UsernsMode", 0 },
	{ AT(cgroupns), "CgroupnsMode", 0 },
	{ AT(runtime), "Runtime", 0 },
	{ AT(isolation), "Isolation", 0 },
};

static const struct copy resource_texts[] = {
	{ AT(cgroup_parent), "CgroupParent", 0 },
	{ AT(cpuset_cpus), "CpusetCpus", 0 },
	{ AT(cpuset_mems), "CpusetMems", 0 },
};

static const struct copy host_lists[] = {
	{ AT(volumes_from), "VolumesFrom", 0 },
	{ AT(cap_add), "CapAdd", 0 },
	{ AT(cap_drop), "CapDrop", 0 },
	{ AT(add_host), "ExtraHosts", 0 },
	{ AT(dns), "Dns", 0 },
	{ AT(dns_opt), "DnsOptions", 0 },
	{ AT(dns_search), "DnsSearch", 0 },
	{ AT(group_add), "GroupAdd", 0 },
	{ AT(link), "Links", 0 },
	{ AT(device_cgroup_rule), "DeviceCgroupRules", 0 },
};

static const struct copy host_bools[] = {
	{ AT(privileged), "Privileged", 0 },
	{ AT(publish_all), "PublishAllPorts", 0 },
	{ AT(read_only), "ReadonlyRootfs", 0 },
	{ AT(rm), "AutoRemove", 0 },
};

static const struct copy host_maps[] = {
	{ AT(sysctl), "Sysctls", 0 },
	{ AT(storage_opt), "StorageOpt", 0 },
	{ AT(annotation), "Annotations", 0 },
};

static const struct copy resource_ints[] = {
	{ AT(memory), "Memory", 0 },
	{ AT(memory_swap), "MemorySwap", 0 },
	{ AT(memory_reservation), "MemoryReservation", 0 },
	{ AT(memory_swappiness), "MemorySwappiness", -1 },
	{ AT(kernel_memory), "KernelMemory", 0 },
	{ AT(cpu_shares), "CpuShares", 0 },
	{ AT(nano_cpus), "NanoCpus", 0 },
	{ AT(cpu_period), "CpuPeriod", 0 },
	{ AT(cpu_quota), "CpuQuota", 0 },
	{ AT(cpu_rt_period), "CpuRealtimePeriod", 0 },
	{ AT(cpu_rt_runtime), "CpuRealtimeRuntime", 0 },
	{ AT(pids_limit), "PidsLimit", 0 },
	{ AT(blkio_weight), "BlkioWeight", 0 },
};

static const void *at(const struct run_opts *o, const struct copy *c)
{
	return (const char *)o + c->offset;
}

static void copy_texts(const struct run_opts *o, const struct copy *c, size_t n, json_t *to)
{
	for (; n--; c++) {
		const char *text = *(const char *const *)at(o, c);

		if (text && *text)
			json_object_set_new_nocheck(to, c->key, json_string_nocheck(text));
	}
}

static void copy_lists(const struct run_opts *o, const struct copy *c, size_t n, json_t *to)
{
	for (; n--; c++) {
		const struct strlist *list = at(o, c);

		if (list->n)
			json_object_set_new_nocheck(to, c->key, json_from_strlist(list));
	}
}

static void copy_bools(const struct run_opts *o, const struct copy *c, size_t n, json_t *to)
{
	for (; n--; c++)
		if (*(const bool *)at(o, c))
			json_object_set_new_nocheck(to, c->key, json_true());
}

static void copy_ints(const struct run_opts *o, const struct copy *c, size_t n, json_t *to)
{
	for (; n--; c++) {
		int64_t v = *(const int64_t *)at(o, c);

		if (v != c->unset)
			json_object_set_new_nocheck(to, c->key, json_integer(v));
	}
}

void run_add_pair(json_t *object, const char *pair)
{
	size_t n = strcspn(pair, "=");
	autofree char *key = xstrndup(pair, n);

	json_object_set_new_nocheck(object, key, json_string_nocheck(pair + n + (pair[n] == '=')));
}

static void copy_maps(const struct run_opts *o, const struct copy *c, size_t n, json_t *to)
{
	for (; n--; c++) {
		const struct strlist *list = at(o, c);
		json_t *map;

		if (!list->n)
			continue;
		map = json_object();
		for (size_t i = 0; i < list->n; i++)
			run_add_pair(map, list->v[i]);
		json_object_set_new_nocheck(to, c->key, map);
	}
}

int run_streams(const struct run_opts *o, struct error *err)
{
	int streams = 0;

	if (o->detach)
		return 0;
	if (!o->attach.n)
		return RUN_STDOUT | RUN_STDERR | (o->stdin_open ? RUN_STDIN : 0);
	for (size_t i = 0; i < o->attach.n; i++) {
		const char *name = o->attach.v[i];

		if (strcasecmp(name, "stdin") == 0)
			streams |= RUN_STDIN;
		else if (strcasecmp(name, "stdout") == 0)
			streams |= RUN_STDOUT;
		else if (strcasecmp(name, "stderr") == 0)
			streams |= RUN_STDERR;
		else
			return error_set(err, ERR_BAD_REQUEST,
					 "invalid argument \"%s\" for \"-a, --attach\" flag: valid "
					 "streams are STDIN, STDOUT and STDERR",
					 name);
	}
	return streams;
}

static int set_process(const struct run_opts *o, const struct strlist *args, json_t *config,
		       struct error *err)
{
	int streams = run_streams(o, err);

	if (streams < 0)
		return -1;
	json_object_set_new_nocheck(config, "Image", json_string_nocheck(args->v[0]));
	if (args->n > 1)
		json_object_set_new_nocheck(config, "Cmd", json_from_strv(args->v + 1));
	if (o->entrypoint) /* "" takes the image's away */
		json_object_set_new_nocheck(config, "Entrypoint", json_pack("[s]", o->entrypoint));
	json_object_set_new_nocheck(config, "Tty", json_boolean(o->tty));
	json_object_set_new_nocheck(config, "OpenStdin", json_boolean(o->stdin_open));
	json_object_set_new_nocheck(config, "StdinOnce",
				    json_boolean(o->stdin_open && streams & RUN_STDIN));
	json_object_set_new_nocheck(config, "AttachStdin", json_boolean(streams & RUN_STDIN));
	json_object_set_new_nocheck(config, "AttachStdout", json_boolean(streams & RUN_STDOUT));
	json_object_set_new_nocheck(config, "AttachStderr", json_boolean(streams & RUN_STDERR));
	if (o->stop_timeout != INT64_MIN)
		json_object_set_new_nocheck(config, "StopTimeout", json_integer(o->stop_timeout));
	if (!o->networking)
		json_object_set_new_nocheck(config, "NetworkDisabled", json_true());
	return 0;
}

static int make_config(const struct run_opts *o, const struct strlist *args, json_t *config,
		       struct error *err)
{
	autostrlist struct strlist env = STRLIST_INIT;
	json_t *labels = json_object();

	json_object_set_new_nocheck(config, "Labels", labels);
	copy_texts(o, config_texts, array_size(config_texts), config);
	if (set_process(o, args, config, err) < 0 ||
	    run_env(&o->env_file, &o->env, &env, err) < 0 ||
	    run_labels(&o->label_file, &o->label, labels, err) < 0 ||
	    run_health(o, config, err) < 0)
		return -1;
	if (env.n)
		json_object_set_new_nocheck(config, "Env", json_from_strlist(&env));
	return 0;
}

int run_restart_policy(const char *text, json_t *host_config, struct error *err)
{
	size_t n = text ? strcspn(text, ":") : 0;
	uint32_t count = 0;
	json_t *policy;

	if (text && text[n] && parse_u32(text + n + 1, &count) < 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid restart policy format: maximum retry count must be an "
				 "integer");
	if (text && text[n] && n == 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid restart policy format: no policy provided before colon");
	policy = json_object();
	json_object_set_new_nocheck(policy, "Name",
				    n ? json_stringn_nocheck(text, n) : json_string("no"));
	json_object_set_new_nocheck(policy, "MaximumRetryCount", json_integer(count));
	json_object_set_new_nocheck(host_config, "RestartPolicy", policy);
	return 0;
}

void run_resources(const struct run_opts *o, json_t *host_config)
{
	copy_texts(o, resource_texts, array_size(resource_texts), host_config);
	copy_ints(o, resource_ints, array_size(resource_ints), host_config);
	if (o->oom_kill_disable >= 0)
		json_object_set_new_nocheck(host_config, "OomKillDisable",
					    json_boolean(o->oom_kill_disable));
}

static void set_log_config(const struct run_opts *o, json_t *host_config)
{
	json_t *options;

	if (!o->log_driver && !o->log_opt.n)
		return;
	options = json_object();
	for (size_t i = 0; i < o->log_opt.n; i++)
		run_add_pair(options, o->log_opt.v[i]);
	json_object_set_new_nocheck(host_config, "LogConfig",
				    json_pack("{s:s, s:o}", "Type",
					      o->log_driver ? o->log_driver : "", "Config",
					      options));
}

/* -lxc-conf "key = value", as early Docker sent it. */
static void set_lxc_conf(const struct run_opts *o, json_t *host_config)
{
	json_t *list = json_array();

	for (size_t i = 0; i < o->lxc_conf.n; i++) {
		const char *pair = o->lxc_conf.v[i];
		size_t n = strcspn(pair, "="), key = n;

		while (key && pair[key - 1] == ' ')
			key--;
		n += pair[n] == '=';
		n += strspn(pair + n, " ");
		json_array_append_new(list, json_pack("{s:s%, s:s}", "Key", pair, key, "Value",
						      pair + n));
	}
	json_object_set_new_nocheck(host_config, "LxcConf", list);
}

static int make_host_config(const struct run_opts *o, json_t *config, json_t *host,
			    struct error *err)
{
	copy_texts(o, host_texts, array_size(host_texts), host);
	copy_lists(o, host_lists, array_size(host_lists), host);
	copy_bools(o, host_bools, array_size(host_bools), host);
	copy_maps(o, host_maps, array_size(host_maps), host);
	run_resources(o, host);
	set_log_config(o, host);
	if (o->lxc_conf.n)
		set_lxc_conf(o, host);
	if (o->init >= 0)
		json_object_set_new_nocheck(host, "Init", json_boolean(o->init));
	if (o->shm_size)
		json_object_set_new_nocheck(host, "ShmSize", json_integer(o->shm_size));
	if (o->oom_score_adj)
		json_object_set_new_nocheck(host, "OomScoreAdj", json_integer(o->oom_score_adj));
	if (run_restart_policy(o->restart, host, err) < 0 ||
	    run_networks(o, config, host, err) < 0 || run_ports(o, config, host, err) < 0 ||
	    run_volumes(o, config, host, err) < 0 || run_mounts(o, host, err) < 0 ||
	    run_devices(o, host, err) < 0 || run_ulimits(o, host, err) < 0)
		return -1;
	return run_security(o, host, err);
}

static int check_conflicts(const struct run_opts *o, struct error *err)
{
	if (o->memory_swappiness < -1 || o->memory_swappiness > 100)
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid value: %lld. Valid memory swappiness range is 0-100",
				 (long long)o->memory_swappiness);
	if (o->rm && o->restart && *o->restart && strcmp(o->restart, "no") != 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "conflicting options: cannot specify both --restart and --rm");
	return 0;
}

json_t *run_body(const struct run_opts *o, const struct strlist *args, struct error *err)
{
	autojson json_t *config = json_object(), *host = json_object();

	if (check_conflicts(o, err) < 0 || make_config(o, args, config, err) < 0 ||
	    make_host_config(o, config, host, err) < 0)
		return NULL;
	json_object_set_nocheck(config, "HostConfig", host);
	return take_json(&config);
}
