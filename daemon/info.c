/* The job info. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "daemon/hostinfo.h"
#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "engine/job.h"
#include "execdriver/driver.h"
#include "graph/graph.h"
#include "graphdriver/driver.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/timefmt.h"
#include "runconfig/runconfig.h"

static void set(json_t *j, const char *key, const char *value)
{
	json_object_set_new(j, key, json_string(value ? value : ""));
}

static void set_int(json_t *j, const char *key, long long value)
{
	json_object_set_new(j, key, json_integer(value));
}

static void set_bool(json_t *j, const char *key, bool value)
{
	json_object_set_new(j, key, json_boolean(value));
}

static void add_counts(json_t *j, struct daemon *d)
{
	struct container **all = store_list(d->store);
	int running = 0, paused = 0, stopped = 0;

	for (struct container **p = all; *p; p++) {
		struct container_state s = container_state(*p);

		if (s.running && s.paused)
			paused++;
		else if (s.running)
			running++;
		else
			stopped++;
	}
	store_list_free(all);
	set_int(j, "Containers", running + paused + stopped);
	set_int(j, "ContainersRunning", running);
	set_int(j, "ContainersPaused", paused);
	set_int(j, "ContainersStopped", stopped);
	set_int(j, "Images", (long long)graph_count(d->graph));
}

static void add_drivers(json_t *j, struct daemon *d)
{
	const struct graphdriver_ops *ops = graphdriver_ops(d->graphdriver);
	json_t *status = ops->status ? ops->status(graphdriver_self(d->graphdriver)) : json_array();
	const char *note = graphdriver_note(d->graphdriver);

	if (note)
		json_array_append_new(status, json_pack("[s,s]", "Reason", note));
	set(j, "Driver", graphdriver_name(d->graphdriver));
	json_object_set_new(j, "DriverStatus", status);
	json_object_set_new(j, "Plugins",
			    json_pack("{s:[s], s:[s,s,s], s:n, s:[s,s]}", "Volume", "local",
				      "Network", "bridge", "host", "none", "Authorization", "Log",
				      "json-file", "none"));
	set(j, "ExecutionDriver", execdriver_name(d->execdriver));
	set(j, "LoggingDriver", "json-file");
}

static void add_features(json_t *j, struct daemon *d)
{
	const struct exec_features *f = execdriver_features(d->execdriver);

	set_bool(j, "MemoryLimit", f->memory);
	set_bool(j, "SwapLimit", f->swap);
	set_bool(j, "CpuCfsPeriod", f->cpu_cfs);
	set_bool(j, "CpuCfsQuota", f->cpu_cfs);
	set_bool(j, "CPUShares", f->cpu_shares);
	set_bool(j, "CPUSet", f->cpuset);
	set_bool(j, "PidsLimit", f->pids);
	set_bool(j, "OomKillDisable", f->oom_kill_disable);
	set(j, "CgroupDriver", "cgroupfs");
	set(j, "CgroupVersion", f->cgroup_version == 2 ? "2" : "1");
	json_object_set_new(j, "SecurityOptions",
			    f->seccomp ? json_pack("[s]", "name=seccomp,profile=builtin")
				       : json_array());
}

static void add_network(json_t *j, struct job *job, struct daemon *d)
{
	autojson json_t *status = NULL;

	if (nested_job(d, job, "network_status", NULL, NULL, &status, NULL) < 0)
		status = NULL; /* no network driver: nothing is forwarded for it */
	set_bool(j, "IPv4Forwarding", json_get_bool(status, "IPv4Forwarding", false));
	set_bool(j, "BridgeNfIptables", json_get_bool(status, "BridgeNfIptables", false));
	set_bool(j, "BridgeNfIp6tables", json_get_bool(status, "BridgeNfIp6tables", false));
}

static void add_listeners(json_t *j, struct job *job, struct daemon *d)
{
	autojson json_t *count = NULL;

	if (nested_job(d, job, "subscribers_count", NULL, NULL, &count, NULL) < 0)
		count = NULL;
	set_int(j, "NEventsListener", json_get_int(count, "count", 0));
}

static void add_host(json_t *j, struct daemon *d)
{
	struct runconfig_host host;
	char os[128], now[TIMEFMT_SIZE];
	struct utsname u = { 0 };

	hostinfo_limits(d, &host);
	hostinfo_os(os, sizeof(os));
	uname(&u); /* fails for a bad pointer alone */
	set(j, "SystemTime", timefmt_rfc3339nano(now, time_now()));
	set(j, "KernelVersion", u.release);
	set(j, "OperatingSystem", os);
	set(j, "OSVersion", "");
	set(j, "OSType", "linux");
	set(j, "Architecture", u.machine);
	set(j, "Name", u.nodename);
	set_int(j, "NCPU", host.ncpu);
	set_int(j, "MemTotal", host.memory_total);
	set_int(j, "NFd", hostinfo_count("/proc/self/fd"));
	set_int(j, "NGoroutines", hostinfo_count("/proc/self/task"));
}

static void add_registry(json_t *j, const struct daemon *d)
{
	set(j, "IndexServerAddress", "https://index.docker.io/v1/");
	json_object_set_new(j, "RegistryConfig",
			    json_pack("{s:[s], s:{s:{s:s, s:o, s:b, s:b}}, s:o}",
				      "InsecureRegistryCIDRs", "127.0.0.0/8", "IndexConfigs",
				      "docker.io", "Name", "docker.io", "Mirrors",
				      json_from_strv(d->config.registry_mirrors), "Secure", 1,
				      "Official", 1, "Mirrors",
				      json_from_strv(d->config.registry_mirrors)));
}

static void add_swarm(json_t *j)
{
	json_object_set_new(j, "Swarm",
			    json_pack("{s:s, s:s, s:s, s:b, s:s, s:n}", "NodeID", "", "NodeAddr",
				      "", "LocalNodeState", "inactive", "ControlAvailable", 0,
				      "Error", "", "RemoteManagers"));
}

static void add_runtimes(json_t *j)
{
	json_object_set_new(j, "Runtimes", json_pack("{s:{s:s}}", "native", "path", "dockerinit"));
	set(j, "DefaultRuntime", "native");
	set_bool(j, "LiveRestoreEnabled", true);
	set(j, "InitBinary", "dockerinit");
	json_object_set_new(j, "ContainerdCommit", json_pack("{s:s}", "ID", ""));
	json_object_set_new(j, "RuncCommit", json_pack("{s:s}", "ID", ""));
	json_object_set_new(j, "InitCommit", json_pack("{s:s}", "ID", ""));
}

static void add_warnings(json_t *j, struct daemon *d)
{
	const struct exec_features *f = execdriver_features(d->execdriver);
	const char *note = graphdriver_note(d->graphdriver);
	json_t *w = json_array();

	if (note)
		json_array_append_new(w, json_sprintf("WARNING: the %s storage driver copies every "
						      "layer: %s",
						      graphdriver_name(d->graphdriver), note));
	if (!f->memory)
		json_array_append_new(w, json_string("WARNING: No memory limit support"));
	if (!f->swap)
		json_array_append_new(w, json_string("WARNING: No swap limit support"));
	if (!f->seccomp)
		json_array_append_new(w, json_string("WARNING: No seccomp support"));
	json_object_set_new(j, "Warnings", w);
}

int job_info(struct job *job, void *self)
{
	autojson json_t *j = json_object();
	struct daemon *d = self;

	set(j, "ID", d->id);
	add_counts(j, d);
	add_drivers(j, d);
	add_features(j, d);
	add_network(j, job, d);
	add_listeners(j, job, d);
	add_host(j, d);
	add_registry(j, d);
	add_swarm(j);
	add_runtimes(j);
	add_warnings(j, d);
	set_bool(j, "Debug", d->config.debug);
	set(j, "DockerRootDir", d->config.root);
	set(j, "HttpProxy", "");
	set(j, "HttpsProxy", "");
	set(j, "NoProxy", "");
	json_object_set_new(j, "Labels", json_from_strv(d->config.labels));
	set_bool(j, "ExperimentalBuild", false);
	set(j, "ServerVersion", d->config.version);
	set(j, "Isolation", "");
	return job_write_json(job, j);
}
