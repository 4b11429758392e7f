/*
 * Limits: their bounds, what excludes what, and what this kernel cannot do. The latter is cleared
 * with a warning, so that the same command works on a smaller machine.
 */
#include <stdlib.h>
#include <string.h>

#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/parse.h"
#include "runconfig/internal.h"
#include "runconfig/schema.h"

#define MIN_MEMORY (6LL << 20)
#define MAX_CPUS 8192 /* of any Linux */

struct check {
	json_t *hc;
	const struct runconfig_host *host;
	bool is_update;
	struct strlist *warnings;
};

static long long get(const struct check *c, const char *name)
{
	return json_get_int(c->hc, name, 0);
}

static void set(const struct check *c, const char *name, long long value)
{
	json_object_set_new_nocheck(c->hc, name, json_integer(value));
}

static void clear(const struct check *c, const char *name, json_t *zero, const char *warning)
{
	json_object_set_new_nocheck(c->hc, name, zero);
	strlist_add(c->warnings, warning);
}

static int bad(struct error *err, const char *text)
{
	return error_set(err, ERR_BAD_REQUEST, "%s", text);
}

static void drop_memory(const struct check *c)
{
	if (get(c, "Memory") > 0 && !c->host->memory) {
		clear(c, "Memory", json_integer(0),
		      "Your kernel does not support memory limit capabilities or the cgroup is not "
		      "mounted. Limitation discarded.");
		set(c, "MemorySwap", -1);
	}
	if (get(c, "Memory") > 0 && get(c, "MemorySwap") != -1 && !c->host->swap)
		clear(c, "MemorySwap", json_integer(-1),
		      "Your kernel does not support swap limit capabilities or the cgroup is not "
		      "mounted. Memory limited without swap.");
	if (get(c, "MemoryReservation") > 0 && !c->host->memory)
		clear(c, "MemoryReservation", json_integer(0),
		      "Your kernel does not support memory soft limit capabilities or the cgroup "
		      "is not mounted. Limitation discarded.");
	if (get(c, "KernelMemory") > 0)
		clear(c, "KernelMemory", json_integer(0),
		      "Your kernel does not support kernel memory limit capabilities or the "
		      "cgroup is not mounted. Limitation discarded.");
}

static int check_memory(const struct check *c, struct error *err)
{
	long long memory = get(c, "Memory"), swap, reserved;

	if (memory != 0 && memory < MIN_MEMORY)
		return bad(err, "Minimum memory limit allowed is 6MB");
	drop_memory(c);
	memory = get(c, "Memory");
	swap = get(c, "MemorySwap");
	reserved = get(c, "MemoryReservation");
	if (memory > 0 && swap > 0 && swap < memory)
		return bad(
			err,
			"Minimum memoryswap limit should be larger than memory limit, see usage");
	if (memory == 0 && swap > 0 && !c->is_update)
		return bad(err, "You should always set the Memory limit when using Memoryswap "
				"limit, see usage");
	if (reserved > 0 && reserved < MIN_MEMORY)
		return bad(err, "Minimum memory reservation allowed is 6MB");
	if (memory > 0 && reserved > 0 && memory < reserved)
		return bad(err, "Minimum memory limit can not be less than memory reservation "
				"limit, see usage");
	return 0;
}

/* Swappiness and the OOM switch are of cgroup v1 alone; the latter tells which one it is. */
static int check_swappiness(const struct check *c, struct error *err)
{
	long long n = json_get_int(c->hc, "MemorySwappiness", -1);

	if (n == -1) {
		json_object_set_new_nocheck(c->hc, "MemorySwappiness", json_null());
		return 0;
	}
	if (!c->host->memory || !c->host->oom_kill_disable) {
		clear(c, "MemorySwappiness", json_null(),
		      "Your kernel does not support memory swappiness capabilities or the cgroup "
		      "is not mounted. Memory swappiness discarded.");
		return 0;
	}
	if (n < 0 || n > 100)
		return error_set(err, ERR_BAD_REQUEST,
				 "Invalid value: %lld, valid memory swappiness range is 0-100", n);
	return 0;
}

static void check_oom_and_pids(const struct check *c)
{
	bool disable = json_get_bool(c->hc, "OomKillDisable", false);

	if (!c->host->oom_kill_disable) {
		json_object_set_new_nocheck(c->hc, "OomKillDisable", json_null());
		if (disable)
			strlist_add(c->warnings, "Your kernel does not support OomKillDisable. "
						 "OomKillDisable discarded.");
	} else if (disable && get(c, "Memory") == 0) {
		strlist_add(c->warnings,
			    "OOM killer is disabled for the container, but no memory limit is "
			    "set, this can result in the system running out of resources.");
	}
	if (get(c, "PidsLimit") > 0 && !c->host->pids)
		clear(c, "PidsLimit", json_null(),
		      "Your kernel does not support PIDs limit capabilities or the cgroup is not "
		      "mounted. PIDs limit discarded.");
}

static int check_nano_cpus(const struct check *c, struct error *err)
{
	long long nano = get(c, "NanoCpus");

	if (nano > 0 && get(c, "CpuPeriod") > 0)
		return bad(err, "Conflicting options: Nano CPUs and CPU Period cannot both be set");
	if (nano > 0 && get(c, "CpuQuota") > 0)
		return bad(err, "Conflicting options: Nano CPUs and CPU Quota cannot both be set");
	if (nano > 0 && !c->host->cpu_cfs)
		return bad(err, "NanoCPUs can not be set, as your kernel does not support CPU CFS "
				"scheduler or the cgroup is not mounted");
	if (nano < 0 || nano > c->host->ncpu * 1000000000LL)
		return error_set(err, ERR_BAD_REQUEST,
				 "Range of CPUs is from 0.01 to %d.00, as there are only %d CPUs "
				 "available",
				 c->host->ncpu, c->host->ncpu);
	return 0;
}

static int check_cpu(const struct check *c, struct error *err)
{
	long long period, quota;

	if (check_nano_cpus(c, err) < 0)
		return -1;
	if (get(c, "CpuShares") < 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "Invalid value %lld for cpu shares: it must not be negative",
				 get(c, "CpuShares"));
	if (get(c, "CpuShares") > 0 && !c->host->cpu_shares)
		clear(c, "CpuShares", json_integer(0),
		      "Your kernel does not support CPU shares or the cgroup is not mounted. "
		      "Shares discarded.");
	if ((get(c, "CpuPeriod") != 0 || get(c, "CpuQuota") != 0) && !c->host->cpu_cfs) {
		clear(c, "CpuPeriod", json_integer(0),
		      "Your kernel does not support CPU CFS scheduler. CPU period/quota "
		      "discarded.");
		set(c, "CpuQuota", 0);
	}
	period = get(c, "CpuPeriod");
	quota = get(c, "CpuQuota");
	if (period != 0 && (period < 1000 || period > 1000000))
		return bad(err, "CPU cfs period can not be less than 1ms (i.e. 1000) or larger "
				"than 1s (i.e. 1000000)");
	if (quota > 0 && quota < 1000)
		return bad(err, "CPU cfs quota can not be less than 1ms (i.e. 1000)");
	if (get(c, "CpuRealtimePeriod") != 0 || get(c, "CpuRealtimeRuntime") != 0)
		return bad(err, "Your kernel does not support CPU real-time scheduler");
	if (get(c, "CpuPercent") > 0)
		clear(c, "CpuPercent", json_integer(0),
		      "linux does not support CPU percent. Percent discarded.");
	return 0;
}

/* One element of a list, "3" or "1-4". */
static int parse_range(const char *s, uint64_t *low, uint64_t *high)
{
	const char *dash = strchr(s, '-');
	autofree char *first = xstrndup(s, dash ? (size_t)(dash - s) : strlen(s));

	if (parse_u64(first, low) < 0)
		return -1;
	*high = *low;
	return dash && (parse_u64(dash + 1, high) < 0 || *high < *low) ? -1 : 0;
}

/* The highest number of a list such as "0,3-4"; name is "cpus" or "mems". */
static int check_set(const char *text, const char *name, uint64_t *highest, struct error *err)
{
	autostrlist struct strlist parts = STRLIST_INIT;

	*highest = 0;
	strlist_split(&parts, text, ',');
	for (size_t i = 0; *text && i < parts.n; i++) {
		uint64_t low, high;

		if (parse_range(parts.v[i], &low, &high) < 0)
			return error_set(err, ERR_BAD_REQUEST,
					 "Invalid value %s for cpuset %s: invalid format: %s", text,
					 name, text);
		if (high > MAX_CPUS)
			return error_set(err, ERR_BAD_REQUEST,
					 "Invalid value %s for cpuset %s: value of out range, "
					 "maximum is %d",
					 text, name, MAX_CPUS);
		if (high > *highest)
			*highest = high;
	}
	return 0;
}

static int check_cpuset(const struct check *c, struct error *err)
{
	const char *cpus = json_get_str(c->hc, "CpusetCpus", "");
	const char *mems = json_get_str(c->hc, "CpusetMems", "");
	uint64_t highest;

	if ((*cpus || *mems) && !c->host->cpuset) {
		clear(c, "CpusetCpus", json_string(""),
		      "Your kernel does not support cpuset or the cgroup is not mounted. Cpuset "
		      "discarded.");
		json_object_set_new_nocheck(c->hc, "CpusetMems", json_string(""));
		return 0;
	}
	if (check_set(mems, "mems", &highest, err) < 0 ||
	    check_set(cpus, "cpus", &highest, err) < 0)
		return -1;
	if (highest > 0 && highest >= (uint64_t)c->host->ncpu)
		return error_set(err, ERR_BAD_REQUEST,
				 "Requested CPUs are not available - requested %s, available: "
				 "0-%d",
				 cpus, c->host->ncpu - 1);
	return 0;
}

/* What is limited per device is not built: the drivers have no place for it. */
static const struct {
	const char *member, *warning;
} per_device[] = {
	{ "BlkioWeightDevice", "Your kernel does not support Block I/O weight_device or the cgroup "
			       "is not mounted. Weight-device discarded." },
	{ "BlkioDeviceReadBps",
	  "Your kernel does not support BPS Block I/O read limit or the cgroup is not mounted. "
	  "Block I/O BPS read limit discarded." },
	{ "BlkioDeviceWriteBps",
	  "Your kernel does not support BPS Block I/O write limit or the cgroup is not mounted. "
	  "Block I/O BPS write limit discarded." },
	{ "BlkioDeviceReadIOps",
	  "Your kernel does not support IOPS Block read limit or the cgroup is not mounted. Block "
	  "I/O IOPS read limit discarded." },
	{ "BlkioDeviceWriteIOps",
	  "Your kernel does not support IOPS Block write limit or the cgroup is not mounted. Block "
	  "I/O IOPS write limit discarded." },
};

static int check_blkio(const struct check *c, struct error *err)
{
	long long weight;

	if (get(c, "BlkioWeight") > 0 && !c->host->blkio_weight)
		clear(c, "BlkioWeight", json_integer(0),
		      "Your kernel does not support Block I/O weight or the cgroup is not "
		      "mounted. Weight discarded.");
	weight = get(c, "BlkioWeight");
	if (weight > 0 && (weight < 10 || weight > 1000))
		return bad(err, "Range of blkio weight is from 10 to 1000");
	for (size_t i = 0; i < array_size(per_device); i++)
		if (!schema_is_zero(json_object_get(c->hc, per_device[i].member)))
			clear(c, per_device[i].member, json_array(), per_device[i].warning);
	return 0;
}

int resources_check(json_t *host_config, const struct runconfig_host *host, bool is_update,
		    struct strlist *warnings, struct error *err)
{
	const struct check c = { host_config, host, is_update, warnings };

	if (check_memory(&c, err) < 0 || check_swappiness(&c, err) < 0)
		return -1;
	check_oom_and_pids(&c);
	if (check_cpu(&c, err) < 0 || check_cpuset(&c, err) < 0)
		return -1;
	return check_blkio(&c, err);
}
