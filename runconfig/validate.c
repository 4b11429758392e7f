/*
 * Do the values of a complete Config and HostConfig make sense? Order and sentences are Docker's:
 * users and their scripts know them. What only shows at start (a device that is missing, an option
 * of a tmpfs) is not asked here.
 */
#include "runconfig/runconfig.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/signals.h"
#include "runconfig/internal.h"
#include "runconfig/schema.h"

#define MIN_DURATION_NS 1000000

static int check_env(const json_t *config, struct error *err)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(config, "Env"), i, v) {
		const char *s = json_string_value(v);

		if (*s == '\0' || *s == '=')
			return error_set(err, ERR_BAD_REQUEST, "invalid environment variable: %s",
					 s);
	}
	return 0;
}

static int check_health(const json_t *config, struct error *err)
{
	static const char *const durations[] = { "Interval", "Timeout", "StartPeriod",
						 "StartInterval" };
	const json_t *h = json_get_obj(config, "Healthcheck");

	for (size_t i = 0; h && i < array_size(durations); i++) {
		long long ns = json_get_int(h, durations[i], 0);

		if (ns != 0 && ns < MIN_DURATION_NS)
			return error_set(err, ERR_BAD_REQUEST,
					 "%s in Healthcheck cannot be less than 1ms", durations[i]);
	}
	if (json_get_int(h, "Retries", 0) < 0)
		return error_set(err, ERR_BAD_REQUEST, "Retries in Healthcheck cannot be negative");
	return 0;
}

static int check_config(const json_t *config, struct error *err)
{
	const char *dir = json_get_str(config, "WorkingDir", "");
	const char *sig = json_get_str(config, "StopSignal", "");

	if (*dir && *dir != '/')
		return error_set(err, ERR_BAD_REQUEST,
				 "the working directory '%s' is invalid, it needs to be an "
				 "absolute path",
				 dir);
	if (*sig && signal_parse(sig) < 0)
		return error_set(err, ERR_BAD_REQUEST, "Invalid signal: %s", sig);
	if (check_env(config, err) < 0)
		return -1;
	return check_health(config, err);
}

static int check_restart(const json_t *host_config, struct error *err)
{
	const json_t *policy = json_get_obj(host_config, "RestartPolicy");
	const char *name = json_get_str(policy, "Name", "");
	long long max = json_get_int(policy, "MaximumRetryCount", 0);

	if (!*name)
		return 0;
	if (strcmp(name, "on-failure") == 0) {
		if (max < 0)
			return error_set(err, ERR_BAD_REQUEST,
					 "maximum retry count cannot be negative");
		return 0;
	}
	if (strcmp(name, "always") != 0 && strcmp(name, "unless-stopped") != 0 &&
	    strcmp(name, "no") != 0)
		return error_set(err, ERR_BAD_REQUEST, "invalid restart policy '%s'", name);
	if (max != 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "maximum retry count cannot be used with restart policy '%s'",
				 name);
	return 0;
}

static int check_auto_remove(const json_t *host_config, struct error *err)
{
	const char *name = json_get_str(json_get_obj(host_config, "RestartPolicy"), "Name", "");

	if (json_get_bool(host_config, "AutoRemove", false) && *name && strcmp(name, "no") != 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "can't create 'AutoRemove' container with restart policy");
	return 0;
}

static bool is_address(const char *s)
{
	unsigned char addr[16];

	return inet_pton(AF_INET, s, addr) == 1 || inet_pton(AF_INET6, s, addr) == 1;
}

/* "host:ip", where the ip may be "host-gateway"; newer clients also write "host=ip". */
static int check_extra_hosts(const json_t *host_config, struct error *err)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(host_config, "ExtraHosts"), i, v) {
		const char *s = json_string_value(v), *sep = s + strcspn(s, ":=");

		if (!*sep || sep == s)
			return error_set(err, ERR_BAD_REQUEST, "bad format for add-host: \"%s\"",
					 s);
		if (strcmp(sep + 1, "host-gateway") != 0 && !is_address(sep + 1))
			return error_set(err, ERR_BAD_REQUEST,
					 "invalid IP address in add-host: \"%s\"", sep + 1);
	}
	return 0;
}

static int check_dns(const json_t *host_config, struct error *err)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(host_config, "Dns"), i, v)
		if (!is_address(json_string_value(v)))
			return error_set(err, ERR_BAD_REQUEST, "%s is not an ip address",
					 json_string_value(v));
	return 0;
}

/*
 * Modes that nobody knows are let through, as Docker does, and mean the private default. Only
 * CgroupnsMode was always checked.
 */
static int check_namespaces(const json_t *host_config, struct error *err)
{
	const char *mode = json_get_str(host_config, "CgroupnsMode", "");

	if (*mode && strcmp(mode, "private") != 0 && strcmp(mode, "host") != 0)
		return error_set(err, ERR_BAD_REQUEST, "invalid cgroup namespace mode: %s", mode);
	return 0;
}

static int check_runtime(const json_t *host_config, struct error *err)
{
	static const char *const known[] = { "", "runc", "native", "io.containerd.runc.v2" };
	const char *name = json_get_str(host_config, "Runtime", "");

	for (size_t i = 0; i < array_size(known); i++)
		if (strcmp(name, known[i]) == 0)
			return 0;
	return error_set(err, ERR_BAD_REQUEST, "Unknown runtime specified %s", name);
}

static int check_numbers(const json_t *host_config, struct error *err)
{
	long long score = json_get_int(host_config, "OomScoreAdj", 0);

	if (json_get_int(host_config, "ShmSize", 0) < 0)
		return error_set(err, ERR_BAD_REQUEST, "SHM size can not be less than 0");
	if (score < -1000 || score > 1000)
		return error_set(err, ERR_BAD_REQUEST,
				 "Invalid value %lld, range for oom score adj is [-1000, 1000]",
				 score);
	return 0;
}

static void warn_published(const json_t *host_config, struct strlist *warnings)
{
	if (schema_is_zero(json_object_get(host_config, "PortBindings")) &&
	    !json_get_bool(host_config, "PublishAllPorts", false))
		return;
	if (strcmp(json_get_str(host_config, "NetworkMode", ""), "host") == 0)
		strlist_add(warnings, "Published ports are discarded when using host network mode");
}

/*
 * What a later stage brings: it is kept and shown, but it does nothing yet, and the user hears so. A
 * member leaves this table when it works.
 */
static const struct {
	bool of_host_config;
	const char *member, *what;
} not_yet[] = {
	{ false, "Healthcheck", "Health checks are" },
};
static const char *const log_not_yet[] = {
	"compress", "labels", "labels-regex", "env", "env-regex", "tag", "mode", "max-buffer-size"
};

static void warn_not_yet(const json_t *config, const json_t *host_config, struct strlist *warnings)
{
	const json_t *options = json_get_obj(json_get_obj(host_config, "LogConfig"), "Config");

	for (size_t i = 0; i < array_size(not_yet); i++) {
		const json_t *o = not_yet[i].of_host_config ? host_config : config;

		if (!schema_is_zero(json_object_get(o, not_yet[i].member)))
			strlist_addf(warnings, "%s not served by this engine yet: discarded.",
				     not_yet[i].what);
	}
	for (size_t i = 0; i < array_size(log_not_yet); i++)
		if (json_object_get(options, log_not_yet[i]))
			strlist_addf(warnings,
				     "Log option %s is not served by this engine yet: "
				     "discarded.",
				     log_not_yet[i]);
}

/* What cannot be had at all. */
static int check_unsupported(const json_t *host_config, struct error *err)
{
	if (!schema_is_zero(json_object_get(host_config, "DeviceRequests")))
		return error_set(err, ERR_INTERNAL,
				 "could not select device driver \"\" with capabilities: [[gpu]]");
	if (!schema_is_zero(json_object_get(host_config, "StorageOpt")))
		return error_set(
			err, ERR_BAD_REQUEST,
			"--storage-opt is supported only for overlay over xfs with 'pquota' "
			"mount option");
	return 0;
}

/* The defaults that depend on other members; the others are in the tables. */
static void set_defaults(json_t *config, json_t *host_config)
{
	long long memory = json_get_int(host_config, "Memory", 0);
	bool bare = json_get_bool(host_config, "Privileged", false) ||
		    security_unconfined_paths(host_config);

	if (bare) {
		static const char *const paths[] = { "MaskedPaths", "ReadonlyPaths" };

		for (size_t i = 0; i < array_size(paths); i++)
			if (json_is_null(json_object_get(host_config, paths[i])))
				json_object_set_new_nocheck(host_config, paths[i], json_array());
	}
	schema_set_defaults(&schema_host_config, host_config);
	schema_set_defaults(&schema_config, config);
	if (memory > 0 && json_get_int(host_config, "MemorySwap", 0) == 0)
		json_object_set_new_nocheck(host_config, "MemorySwap", json_integer(2 * memory));
}

typedef int check_fn(const json_t *host_config, struct error *err);

static int run_checks(check_fn *const *checks, const json_t *host_config, struct error *err)
{
	for (; *checks; checks++)
		if ((*checks)(host_config, err) < 0)
			return -1;
	return 0;
}

int runconfig_validate(json_t *config, json_t *host_config, const struct runconfig_host *host,
		       struct strlist *warnings, struct error *err)
{
	static check_fn *const before[] = { check_auto_remove, mounts_check,  check_extra_hosts,
					    ports_check,       check_restart, capabilities_check,
					    check_dns,         NULL };
	static check_fn *const after[] = {
		check_numbers,     check_runtime, check_namespaces, security_check, log_check,
		check_unsupported, NULL
	};

	if (check_config(config, err) < 0 || run_checks(before, host_config, err) < 0 ||
	    resources_check(host_config, host, false, warnings, err) < 0 ||
	    run_checks(after, host_config, err) < 0)
		return -1;
	warn_published(host_config, warnings);
	warn_not_yet(config, host_config, warnings);
	set_defaults(config, host_config);
	return 0;
}

int runconfig_validate_update(json_t *host_config, const struct runconfig_host *host,
			      struct strlist *warnings, struct error *err)
{
	if (check_restart(host_config, err) < 0)
		return -1;
	return resources_check(host_config, host, true, warnings, err);
}
