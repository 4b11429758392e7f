/* SecurityOpt, LogConfig, Ulimits and Sysctls: lists of words with a meaning of their own. */
#include "runconfig/runconfig.h"

#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/parse.h"
#include "runconfig/internal.h"

#define LOG_MAX_SIZE (10LL << 20)
#define LOG_MAX_FILES 3
#define LOG_FILES_CEILING 1000

static int invalid_option(int which, const char *opt, struct error *err)
{
	return error_set(err, ERR_BAD_REQUEST, "invalid --security-opt %d: \"%s\"", which, opt);
}

/* As Go's strconv.ParseBool has it. */
static bool parse_bool(const char *s, bool *out)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };

	for (size_t i = 0; i < array_size(yes); i++) {
		if (strcmp(s, yes[i]) == 0 || strcmp(s, no[i]) == 0) {
			*out = strcmp(s, yes[i]) == 0;
			return true;
		}
	}
	return false;
}

static int apply_security(const char *opt, struct runconfig_security *out, struct error *err)
{
	const char *sep = strchr(opt, '=');
	size_t n;

	if (strcmp(opt, "no-new-privileges") == 0) {
		out->no_new_privileges = true;
		return 0;
	}
	if (strcmp(opt, "disable") == 0) /* an SELinux label: there is none to disable */
		return 0;
	if (!sep)
		sep = strchr(opt, ':');
	if (!sep)
		return invalid_option(1, opt, err);
	n = (size_t)(sep++ - opt);
	if (n == 5 && strncmp(opt, "label", n) == 0)
		return 0;
	if (n == 7 && strncmp(opt, "seccomp", n) == 0) {
		out->seccomp = sep;
		return 0;
	}
	if (n == 17 && strncmp(opt, "no-new-privileges", n) == 0 &&
	    parse_bool(sep, &out->no_new_privileges))
		return 0;
	if (n == 11 && strncmp(opt, "systempaths", n) == 0 && strcmp(sep, "unconfined") == 0) {
		out->unconfined_paths = true;
		return 0;
	}
	if (n != 8 || strncmp(opt, "apparmor", n) != 0)
		return invalid_option(2, opt, err);
	if (!*sep || strcmp(sep, "unconfined") == 0)
		return 0;
	return error_set(err, ERR_BAD_REQUEST,
			 "AppArmor is not supported on this host, but the profile '%s' was "
			 "specified",
			 sep);
}

int runconfig_security(const json_t *host_config, struct runconfig_security *out, struct error *err)
{
	struct runconfig_security s = { 0 };
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(host_config, "SecurityOpt"), i, v)
		if (apply_security(json_string_value(v), &s, err) < 0)
			return -1;
	*out = s;
	return 0;
}

int security_check(const json_t *host_config, struct error *err)
{
	struct runconfig_security s;

	return runconfig_security(host_config, &s, err);
}

bool security_unconfined_paths(const json_t *host_config)
{
	struct runconfig_security s = { 0 };

	return runconfig_security(host_config, &s, NULL) == 0 && s.unconfined_paths;
}

static const char *log_type(const json_t *host_config)
{
	const char *type = json_get_str(json_get_obj(host_config, "LogConfig"), "Type", "");

	return *type ? type : "json-file";
}

static json_t *log_options(const json_t *host_config)
{
	return json_get_obj(json_get_obj(host_config, "LogConfig"), "Config");
}

static int check_log_mode(const json_t *options, struct error *err)
{
	const char *mode = json_get_str(options, "mode", "");
	const char *size = json_get_str(options, "max-buffer-size", NULL);
	bool non_blocking = strcmp(mode, "non-blocking") == 0;
	int64_t bytes;

	if (*mode && !non_blocking && strcmp(mode, "blocking") != 0)
		return error_set(err, ERR_BAD_REQUEST, "logger: logging mode not supported: %s",
				 mode);
	if (size && !non_blocking)
		return error_set(err, ERR_BAD_REQUEST,
				 "logger: max-buffer-size option is only supported with "
				 "'mode=non-blocking'");
	if (size && parse_ram_bytes(size, &bytes) < 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "error parsing option max-buffer-size: invalid size: '%s'", size);
	return 0;
}

int log_check(const json_t *host_config, struct error *err)
{
	static const char *const known[] = { "max-size",       "max-file",     "compress",
					     "labels",         "labels-regex", "env",
					     "env-regex",      "tag",          "mode",
					     "max-buffer-size" };
	const char *type = log_type(host_config), *key;
	json_t *options = log_options(host_config), *v;

	if (strcmp(type, "none") == 0)
		return 0;
	if (strcmp(type, "json-file") != 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "error looking up logging plugin %s: plugin \"%s\" not found",
				 type, type);
	if (check_log_mode(options, err) < 0)
		return -1;
	json_object_foreach(options, key, v) {
		size_t i = 0;

		while (i < array_size(known) && strcmp(known[i], key) != 0)
			i++;
		if (i == array_size(known))
			return error_set(err, ERR_BAD_REQUEST,
					 "unknown log opt '%s' for json-file log driver", key);
	}
	return 0;
}

/* What the user said, over the defaults. max-size alone keeps one file, as with Docker. */
static int read_log_options(const json_t *options, struct runconfig_log *out, struct error *err)
{
	const char *size = json_get_str(options, "max-size", NULL);
	const char *files = json_get_str(options, "max-file", NULL);
	const char *compress = json_get_str(options, "compress", NULL);
	int64_t n;

	if (size && strcmp(size, "-1") == 0)
		out->max_size = 0;
	else if (size && (parse_ram_bytes(size, &out->max_size) < 0 || out->max_size <= 0))
		return error_set(err, ERR_BAD_REQUEST, "invalid size: '%s'", size);
	if (size && !files)
		out->max_files = 1;
	if (files && (parse_i64(files, &n) < 0 || n > LOG_FILES_CEILING))
		return error_set(err, ERR_BAD_REQUEST, "invalid max-file: '%s'", files);
	if (files && n < 1)
		return error_set(err, ERR_BAD_REQUEST, "max-file cannot be less than 1");
	if (files)
		out->max_files = (int)n;
	if (compress && !parse_bool(compress, &out->compress))
		return error_set(err, ERR_BAD_REQUEST, "invalid compress: '%s'", compress);
	if (out->compress && (out->max_files < 2 || !out->max_size))
		return error_set(err, ERR_BAD_REQUEST,
				 "compress cannot be true when max-file is less than 2 or max-size "
				 "is not set");
	return 0;
}

int runconfig_log(const json_t *host_config, struct runconfig_log *out, struct error *err)
{
	struct runconfig_log l = { true, LOG_MAX_SIZE, LOG_MAX_FILES, false };

	if (strcmp(log_type(host_config), "none") == 0)
		l = (struct runconfig_log){ .max_files = 1 };
	else if (read_log_options(log_options(host_config), &l, err) < 0)
		return error_prefix(err, "failed to initialize logging driver");
	*out = l;
	return 0;
}

int runconfig_rlimit(const char *name)
{
	static const struct {
		const char *name;
		int resource;
	} known[] = {
		{ "as", RLIMIT_AS },
		{ "core", RLIMIT_CORE },
		{ "cpu", RLIMIT_CPU },
		{ "data", RLIMIT_DATA },
		{ "fsize", RLIMIT_FSIZE },
		{ "locks", RLIMIT_LOCKS },
		{ "memlock", RLIMIT_MEMLOCK },
		{ "msgqueue", RLIMIT_MSGQUEUE },
		{ "nice", RLIMIT_NICE },
		{ "nofile", RLIMIT_NOFILE },
		{ "nproc", RLIMIT_NPROC },
		{ "rss", RLIMIT_RSS },
		{ "rtprio", RLIMIT_RTPRIO },
		{ "rttime", RLIMIT_RTTIME },
		{ "sigpending", RLIMIT_SIGPENDING },
		{ "stack", RLIMIT_STACK },
	};

	for (size_t i = 0; i < array_size(known); i++)
		if (strcmp(name, known[i].name) == 0)
			return known[i].resource;
	return -1;
}

/* Which of a container's namespaces a key belongs to; a private one makes it settable. */
static const struct {
	const char *prefix; /* a trailing dot stands for all below */
	const char *mode;   /* the member that may say "host" */
	const char *what;
} sysctl_owners[] = {
	{ "kernel.msgmax", "IpcMode", "ipc" },     { "kernel.msgmnb", "IpcMode", "ipc" },
	{ "kernel.msgmni", "IpcMode", "ipc" },     { "kernel.sem", "IpcMode", "ipc" },
	{ "kernel.shmall", "IpcMode", "ipc" },     { "kernel.shmmax", "IpcMode", "ipc" },
	{ "kernel.shmmni", "IpcMode", "ipc" },     { "kernel.shm_rmid_forced", "IpcMode", "ipc" },
	{ "fs.mqueue.", "IpcMode", "ipc" },        { "net.", "NetworkMode", "network" },
	{ "kernel.domainname", "UTSMode", "uts" },
};

static int check_sysctl(const json_t *host_config, const char *key, struct error *err)
{
	if (strpbrk(key, "/=") || strstr(key, ".."))
		return error_set(err, ERR_BAD_REQUEST, "invalid sysctl name \"%s\"", key);
	for (size_t i = 0; i < array_size(sysctl_owners); i++) {
		const char *prefix = sysctl_owners[i].prefix;
		size_t n = strlen(prefix);

		if (strncmp(key, prefix, n) != 0 || (prefix[n - 1] != '.' && key[n]))
			continue;
		if (strcmp(json_get_str(host_config, sysctl_owners[i].mode, ""), "host") == 0)
			return error_set(err, ERR_BAD_REQUEST,
					 "sysctl \"%s\" not allowed in host %s namespace", key,
					 sysctl_owners[i].what);
		return 0;
	}
	return error_set(err, ERR_BAD_REQUEST,
			 "sysctl \"%s\" is not in a separate kernel namespace", key);
}

int runconfig_sysctls(const json_t *host_config, struct strlist *out, struct error *err)
{
	json_t *all = json_get_obj(host_config, "Sysctls"), *v;
	const char *key;

	json_object_foreach(all, key, v)
		if (check_sysctl(host_config, key, err) < 0)
			return -1;
	json_object_foreach(all, key, v)
		strlist_addf(out, "%s=%s", key, json_string_value(v));
	return 0;
}
