/* Flags of `run` with a syntax of their own: devices, ulimits, security options, health checks. */
#include "api/client/run_opts.h"

#include <fcntl.h>
#include <string.h>

#include "pkg/fs.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/parse.h"

#define PROFILE_MAX (4 << 20)

static bool is_device_mode(const char *s)
{
	return *s && strspn(s, "rwm") == strlen(s);
}

static int add_device(json_t *devices, const char *spec, struct error *err)
{
	autostrlist struct strlist parts = STRLIST_INIT;
	const char *target, *mode = "rwm";

	strlist_split(&parts, spec, ':');
	if (!*spec || parts.n > 3)
		return error_set(err, ERR_BAD_REQUEST, "invalid device specification: %s", spec);
	target = parts.v[0];
	if (parts.n == 2 && is_device_mode(parts.v[1]))
		mode = parts.v[1];
	else if (parts.n > 1)
		target = parts.v[1];
	if (parts.n == 3)
		mode = parts.v[2];
	if (!is_device_mode(mode))
		return error_set(err, ERR_BAD_REQUEST, "invalid device mode: %s", mode);
	json_array_append_new(devices,
			      json_pack("{s:s, s:s, s:s}", "PathOnHost", parts.v[0],
					"PathInContainer", target, "CgroupPermissions", mode));
	return 0;
}

/* "PATH:NUMBER" rows of a throttle. */
static int set_throttles(const struct strlist *specs, const char *key, const char *value_key,
			 bool bytes, json_t *host_config, struct error *err)
{
	autojson json_t *list = json_array();

	for (size_t i = 0; i < specs->n; i++) {
		const char *colon = strrchr(specs->v[i], ':');
		autofree char *path =
			xstrndup(specs->v[i], colon ? (size_t)(colon - specs->v[i]) : 0);
		int64_t value;

		if (!colon || *path != '/' ||
		    (bytes ? parse_ram_bytes(colon + 1, &value) : parse_i64(colon + 1, &value)) < 0)
			return error_set(err, ERR_BAD_REQUEST, "bad format: %s", specs->v[i]);
		json_array_append_new(list, json_pack("{s:s, s:I}", "Path", path, value_key,
						      (json_int_t)value));
	}
	if (specs->n)
		json_object_set_nocheck(host_config, key, list);
	return 0;
}

int run_devices(const struct run_opts *o, json_t *host_config, struct error *err)
{
	autojson json_t *devices = json_array();

	for (size_t i = 0; i < o->device.n; i++)
		if (add_device(devices, o->device.v[i], err) < 0)
			return -1;
	if (o->device.n)
		json_object_set_nocheck(host_config, "Devices", devices);
	if (set_throttles(&o->device_read_bps, "BlkioDeviceReadBps", "Rate", true, host_config,
			  err) < 0 ||
	    set_throttles(&o->device_write_bps, "BlkioDeviceWriteBps", "Rate", true, host_config,
			  err) < 0 ||
	    set_throttles(&o->device_read_iops, "BlkioDeviceReadIOps", "Rate", false, host_config,
			  err) < 0 ||
	    set_throttles(&o->device_write_iops, "BlkioDeviceWriteIOps", "Rate", false, host_config,
			  err) < 0)
		return -1;
	return set_throttles(&o->blkio_weight_device, "BlkioWeightDevice", "Weight", false,
			     host_config, err);
}

static int parse_limit(const char *s, int64_t *out)
{
	if (strcmp(s, "unlimited") == 0) {
		*out = -1;
		return 0;
	}
	return parse_i64(s, out);
}

static int add_ulimit(json_t *list, const char *spec, struct error *err)
{
	static const char *const names[] = {
		"core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue", "nice",
		"nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack"
	};
	size_t n = strcspn(spec, "="), i = 0;
	autofree char *name = xstrndup(spec, n), *soft_text = NULL;
	const char *value = spec + n + (spec[n] == '='), *colon = strchr(value, ':');
	int64_t soft, hard;

	while (i < array_size(names) && strcmp(names[i], name) != 0)
		i++;
	if (!spec[n] || !*value)
		return error_set(err, ERR_BAD_REQUEST, "invalid ulimit argument: %s", spec);
	if (i == array_size(names))
		return error_set(err, ERR_BAD_REQUEST, "invalid ulimit type: %s", name);
	soft_text = xstrndup(value, colon ? (size_t)(colon - value) : strlen(value));
	if (parse_limit(soft_text, &soft) < 0 || parse_limit(colon ? colon + 1 : value, &hard) < 0)
		return error_set(err, ERR_BAD_REQUEST, "invalid ulimit argument: %s", spec);
	if (hard != -1 && (soft == -1 || soft > hard))
		return error_set(err, ERR_BAD_REQUEST,
				 "ulimit soft limit must be less than or equal to hard limit: %s > "
				 "%s",
				 soft_text, colon ? colon + 1 : value);
	json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "Name", name, "Soft",
					      (json_int_t)soft, "Hard", (json_int_t)hard));
	return 0;
}

int run_ulimits(const struct run_opts *o, json_t *host_config, struct error *err)
{
	autojson json_t *list = json_array();

	for (size_t i = 0; i < o->ulimit.n; i++)
		if (add_ulimit(list, o->ulimit.v[i], err) < 0)
			return error_prefix(err, "invalid argument \"%s\" for \"--ulimit\" flag",
					    o->ulimit.v[i]);
	if (o->ulimit.n)
		json_object_set_nocheck(host_config, "Ulimits", list);
	return 0;
}

/* The daemon may run elsewhere: a profile in a file is sent along, as compact JSON. */
static int add_seccomp(json_t *list, const char *profile, struct error *err)
{
	autobuf struct buf text = BUF_INIT(PROFILE_MAX);
	autojson json_t *json = NULL;
	autofree char *compact = NULL, *option = NULL;

	if (strcmp(profile, "unconfined") == 0 || strcmp(profile, "builtin") == 0) {
		option = xasprintf("seccomp=%s", profile);
	} else {
		if (fs_read_file(AT_FDCWD, profile, &text) < 0)
			return error_sys(err, "opening seccomp profile (%s) failed", profile);
		json = json_parse(buf_text(&text), text.len, err);
		if (!json)
			return error_prefix(err, "seccomp profile (%s)", profile);
		compact = json_text(json);
		option = xasprintf("seccomp=%s", compact);
	}
	json_array_append_new(list, json_string_nocheck(option));
	return 0;
}

int run_security(const struct run_opts *o, json_t *host_config, struct error *err)
{
	autojson json_t *list = json_array();

	for (size_t i = 0; i < o->security_opt.n; i++) {
		const char *opt = o->security_opt.v[i];

		if (strcmp(opt, "systempaths=unconfined") == 0) {
			json_object_set_new_nocheck(host_config, "MaskedPaths", json_array());
			json_object_set_new_nocheck(host_config, "ReadonlyPaths", json_array());
		} else if (strncmp(opt, "seccomp=", 8) == 0 || strncmp(opt, "seccomp:", 8) == 0) {
			if (add_seccomp(list, opt + 8, err) < 0)
				return -1;
		} else {
			json_array_append_new(list, json_string_nocheck(opt));
		}
	}
	if (json_array_size(list))
		json_object_set_nocheck(host_config, "SecurityOpt", list);
	return 0;
}

int run_health(const struct run_opts *o, json_t *config, struct error *err)
{
	const struct {
		const char *key;
		int64_t value;
	} numbers[] = {
		{ "Interval", o->health_interval },
		{ "Timeout", o->health_timeout },
		{ "StartPeriod", o->health_start_period },
		{ "StartInterval", o->health_start_interval },
		{ "Retries", o->health_retries },
	};
	autojson json_t *check = json_object();

	if (o->health_cmd && *o->health_cmd)
		json_object_set_new_nocheck(check, "Test",
					    json_pack("[s, s]", "CMD-SHELL", o->health_cmd));
	for (size_t i = 0; i < array_size(numbers); i++) {
		if (numbers[i].value < 0)
			return error_set(err, ERR_BAD_REQUEST, "--health-* cannot be negative");
		if (numbers[i].value)
			json_object_set_new_nocheck(check, numbers[i].key,
						    json_integer(numbers[i].value));
	}
	if (o->no_healthcheck && json_object_size(check))
		return error_set(err, ERR_BAD_REQUEST,
				 "--no-healthcheck conflicts with --health-* options");
	if (o->no_healthcheck)
		json_object_set_new_nocheck(check, "Test", json_pack("[s]", "NONE"));
	if (json_object_size(check))
		json_object_set_nocheck(config, "Healthcheck", check);
	return 0;
}
