/* docker version, info and events: the daemon as such. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "api/client/flag_lists.h"
#include "api/client/format.h"
#include "api/client/internal.h"
#include "api/client/progress.h"
#include "api/client/when.h"
#include "api/version.h"
#include "pkg/gotemplate.h"
#include "pkg/mem.h"
#include "pkg/units.h"

#define OUTPUT_MAX (64 << 20)

struct format_opts {
	const char *format;
};

static const struct mflag format_flags[] = {
	{ "f,-format", MFLAG_STRING, offsetof(struct format_opts, format), NULL,
	  "Output as 'json' or by a Go template", NULL },
	{ 0 },
};

static const char *machine(void)
{
	static const char *const names[][2] = { { "x86_64", "amd64" },
						{ "aarch64", "arm64" },
						{ "armv7l", "arm" },
						{ "i686", "386" } };
	static struct utsname u; /* the same for the life of the process */

	if (uname(&u) < 0)
		return "unknown";
	for (size_t i = 0; i < array_size(names); i++)
		if (strcmp(u.machine, names[i][0]) == 0)
			return names[i][1];
	return u.machine;
}

static json_t *client_version(const struct client *c)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "Version",
			 c->options->version ? c->options->version : "", "ApiVersion", c->version,
			 "DefaultAPIVersion", API_VERSION, "GitCommit",
			 c->options->git_commit ? c->options->git_commit : "", "Os", "linux",
			 "Arch", machine(), "Context", "default");
}

static void version_line(struct buf *out, const char *indent, const char *name, const char *value)
{
	autofree char *label = xasprintf("%s:", name);

	if (value && *value)
		buf_addf(out, "%s%-*s%s\n", indent, 20 - (int)strlen(indent), label, value);
}

static void print_client(struct buf *out, const json_t *v)
{
	autofree char *os = xasprintf("%s/%s", json_get_str(v, "Os", ""), machine());

	buf_adds(out, "Client:\n");
	version_line(out, " ", "Version", json_get_str(v, "Version", ""));
	version_line(out, " ", "API version", json_get_str(v, "ApiVersion", ""));
	version_line(out, " ", "Git commit", json_get_str(v, "GitCommit", ""));
	version_line(out, " ", "OS/Arch", os);
	version_line(out, " ", "Context", json_get_str(v, "Context", ""));
}

static void print_engine(struct buf *out, const json_t *v)
{
	autofree char *api = xasprintf("%s (minimum version %s)", json_get_str(v, "ApiVersion", ""),
				       json_get_str(v, "MinAPIVersion", "")),
		      *os = xasprintf("%s/%s", json_get_str(v, "Os", ""),
				      json_get_str(v, "Arch", ""));

	buf_adds(out, " Engine:\n");
	version_line(out, "  ", "Version", json_get_str(v, "Version", ""));
	version_line(out, "  ", "API version", api);
	version_line(out, "  ", "Go version", json_get_str(v, "GoVersion", ""));
	version_line(out, "  ", "Git commit", json_get_str(v, "GitCommit", ""));
	version_line(out, "  ", "Built", json_get_str(v, "BuildTime", ""));
	version_line(out, "  ", "OS/Arch", os);
	version_line(out, "  ", "Experimental",
		     json_get_bool(v, "Experimental", false) ? "true" : "false");
}

static void print_server(struct buf *out, const json_t *v)
{
	const char *platform = json_get_str(json_get_obj(v, "Platform"), "Name", "");
	const json_t *component;
	size_t i;

	buf_addf(out, "\nServer:%s%s\n", *platform ? " " : "", platform);
	print_engine(out, v);
	json_array_foreach(json_object_get(v, "Components"), i, component) {
		const json_t *details = json_get_obj(component, "Details");

		if (strcmp(json_get_str(component, "Name", ""), "Engine") == 0)
			continue;
		buf_addf(out, " %s:\n", json_get_str(component, "Name", ""));
		version_line(out, "  ", "Version", json_get_str(component, "Version", ""));
		version_line(out, "  ", "GitCommit", json_get_str(details, "GitCommit", ""));
	}
}

static int run_version(struct call *call)
{
	const struct format_opts *o = call->opts;
	autojson json_t *server = NULL, *client = NULL, *both = NULL;
	autobuf struct buf out = BUF_INIT(OUTPUT_MAX);
	struct error err, format_err;
	int rc = api_get(call->client, "/version", &server, &err);

	client = client_version(call->client);
	both = json_pack("{s:O, s:O?}", "Client", client, "Server", server);
	if (o->format && *o->format) {
		if (object_print(call, o->format, both, &format_err) < 0)
			return call_complain(call, rc < 0 ? &err : &format_err);
	} else {
		print_client(&out, client);
		if (rc == 0)
			print_server(&out, server);
		call_out(call, out.p, out.len);
	}
	return rc < 0 ? call_complain(call, &err) : 0;
}

const struct command_impl cmd_version = { .run = run_version,
					  .flags = format_flags,
					  .opts_size = sizeof(struct format_opts) };

/* One line of `info`: a member, how it is shown. */
enum show {
	SHOW_TEXT,
	SHOW_NUMBER,
	SHOW_BOOL,
	SHOW_BYTES,
	SHOW_LIST,
	SHOW_PLUGINS,
	SHOW_POOLS,
};

static const struct info_row {
	const char *label, *member;
	enum show how;
	int indent;
} info_rows[] = {
	{ "Containers", "Containers", SHOW_NUMBER, 1 },
	{ "Running", "ContainersRunning", SHOW_NUMBER, 2 },
	{ "Paused", "ContainersPaused", SHOW_NUMBER, 2 },
	{ "Stopped", "ContainersStopped", SHOW_NUMBER, 2 },
	{ "Images", "Images", SHOW_NUMBER, 1 },
	{ "Server Version", "ServerVersion", SHOW_TEXT, 1 },
	{ "Storage Driver", "Driver", SHOW_TEXT, 1 },
	{ NULL, "DriverStatus", SHOW_LIST, 2 },
	{ "Execution Driver", "ExecutionDriver", SHOW_TEXT, 1 },
	{ "Logging Driver", "LoggingDriver", SHOW_TEXT, 1 },
	{ "Cgroup Driver", "CgroupDriver", SHOW_TEXT, 1 },
	{ "Cgroup Version", "CgroupVersion", SHOW_TEXT, 1 },
	{ "Plugins", "Plugins", SHOW_PLUGINS, 1 },
	{ "Default Runtime", "DefaultRuntime", SHOW_TEXT, 1 },
	{ "Init Binary", "InitBinary", SHOW_TEXT, 1 },
	{ "Security Options", "SecurityOptions", SHOW_LIST, 1 },
	{ "Kernel Version", "KernelVersion", SHOW_TEXT, 1 },
	{ "Operating System", "OperatingSystem", SHOW_TEXT, 1 },
	{ "OSType", "OSType", SHOW_TEXT, 1 },
	{ "Architecture", "Architecture", SHOW_TEXT, 1 },
	{ "CPUs", "NCPU", SHOW_NUMBER, 1 },
	{ "Total Memory", "MemTotal", SHOW_BYTES, 1 },
	{ "Name", "Name", SHOW_TEXT, 1 },
	{ "ID", "ID", SHOW_TEXT, 1 },
	{ "Docker Root Dir", "DockerRootDir", SHOW_TEXT, 1 },
	{ "Debug Mode", "Debug", SHOW_BOOL, 1 },
	{ "Experimental", "ExperimentalBuild", SHOW_BOOL, 1 },
	{ "Live Restore Enabled", "LiveRestoreEnabled", SHOW_BOOL, 1 },
	{ "Default Address Pools", "DefaultAddressPools", SHOW_POOLS, 1 },
};

/* Lists hold texts, or pairs of name and value. */
static void print_list(struct buf *out, const struct info_row *row, const json_t *list)
{
	const json_t *e;
	size_t i;

	if (row->label)
		buf_addf(out, "%*s%s:\n", row->indent, "", row->label);
	json_array_foreach(list, i, e) {
		const char *first = json_string_value(json_array_get(e, 0));
		const char *second = json_string_value(json_array_get(e, 1));

		if (json_is_string(e))
			buf_addf(out, "%*s%s\n", row->indent + 1, "", json_string_value(e));
		else if (first && second)
			buf_addf(out, "%*s%s: %s\n", row->indent, "", first, second);
	}
}

/* A line for each kind of plugin, with the names of those that there are. */
static void print_plugins(struct buf *out, const json_t *plugins)
{
	static const char *const kinds[] = { "Volume", "Network", "Authorization", "Log" };

	for (size_t i = 0; i < array_size(kinds); i++) {
		autostrlist struct strlist names = STRLIST_INIT;

		json_get_strlist(plugins, kinds[i], &names);
		if (!names.n)
			continue;
		buf_addf(out, "  %s:", kinds[i]);
		for (size_t k = 0; k < names.n; k++)
			buf_addf(out, " %s", names.v[k]);
		buf_addc(out, '\n');
	}
}

static void print_pools(struct buf *out, const json_t *pools)
{
	const json_t *pool;
	size_t i;

	json_array_foreach(pools, i, pool)
		buf_addf(out, "   Base: %s, Size: %lld\n", json_get_str(pool, "Base", ""),
			 json_get_int(pool, "Size", 0));
}

static void print_info_row(struct buf *out, const struct info_row *row, const json_t *info)
{
	const json_t *v = json_object_get(info, row->member);
	char size[UNITS_SIZE];

	if (!v || json_is_null(v))
		return;
	if (row->how == SHOW_LIST) {
		if (json_array_size(v))
			print_list(out, row, v);
		return;
	}
	if (row->how == SHOW_PLUGINS || row->how == SHOW_POOLS) {
		buf_addf(out, "%*s%s:\n", row->indent, "", row->label);
		(row->how == SHOW_PLUGINS ? print_plugins : print_pools)(out, v);
		return;
	}
	buf_addf(out, "%*s%s: ", row->indent, "", row->label);
	if (row->how == SHOW_NUMBER)
		buf_addf(out, "%lld\n", (long long)json_integer_value(v));
	else if (row->how == SHOW_BOOL)
		buf_addf(out, "%s\n", json_is_true(v) ? "true" : "false");
	else if (row->how == SHOW_BYTES)
		buf_addf(out, "%s\n", units_binary(size, json_number_value(v)));
	else
		buf_addf(out, "%s\n", json_is_string(v) ? json_string_value(v) : "");
}

static int print_info(struct call *call, const json_t *info)
{
	autobuf struct buf out = BUF_INIT(OUTPUT_MAX);
	const json_t *warning;
	size_t i;

	buf_addf(&out,
		 "Client:\n Version:    %s\n Context:    default\n Debug Mode: %s\n\nServer:\n",
		 call->client->options->version ? call->client->options->version : "",
		 call->client->options->debug ? "true" : "false");
	for (i = 0; i < array_size(info_rows); i++)
		print_info_row(&out, &info_rows[i], info);
	buf_addc(&out, '\n');
	call_out(call, out.p, out.len);
	json_array_foreach(json_object_get(info, "Warnings"), i, warning)
		call_warn(call, "%s", json_is_string(warning) ? json_string_value(warning) : "");
	return 0;
}

static int run_info(struct call *call)
{
	const struct format_opts *o = call->opts;
	autojson json_t *info = NULL;
	struct error err;

	if (api_get(call->client, "/info", &info, &err) < 0)
		return call_complain(call, &err);
	if (!o->format || !*o->format)
		return print_info(call, info);
	if (object_print(call, o->format, info, &err) < 0)
		return call_complain(call, &err);
	return 0;
}

const struct command_impl cmd_info = { .run = run_info,
				       .flags = format_flags,
				       .opts_size = sizeof(struct format_opts) };

struct events_opts {
	const char *since, *until, *format;
	struct strlist filter;
};

#define AT(m) offsetof(struct events_opts, m)
static const struct mflag events_flags[] = {
	{ "f,-filter", MFLAG_LIST, AT(filter), "filter", "Show those that match NAME=VALUE",
	  flag_filter },
	{ "-format", MFLAG_STRING, AT(format), NULL, "Output as 'json' or by a Go template", NULL },
	{ "#since,-since", MFLAG_STRING, AT(since), NULL, "From this time on, or from so long ago",
	  NULL },
	{ "-until", MFLAG_STRING, AT(until), NULL, "Up to this time, or until so long ago", NULL },
	{ 0 },
};

/* Local time with nanoseconds and the offset: 2014-09-16T06:17:46.000000000+02:00, or Z. */
static void add_time(struct buf *out, const json_t *event)
{
	long long nano = json_get_int(event, "timeNano", 0);
	time_t t = nano ? nano / 1000000000 : json_get_int(event, "time", 0);
	char text[40], zone[8];
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(zone, sizeof(zone), "%z", &tm);
	buf_addf(out, "%s.%09lld", text, nano % 1000000000);
	if (strcmp(zone, "+0000") == 0)
		buf_addc(out, 'Z');
	else
		buf_addf(out, "%.3s:%s", zone, zone + 3);
}

static void add_event(struct buf *out, const json_t *event)
{
	const json_t *actor = json_get_obj(event, "Actor");
	autojson json_t *attributes = json_incref(json_get_obj(actor, "Attributes"));
	autostrlist struct strlist pairs = STRLIST_INIT;
	const char *key;
	json_t *value;

	json_object_foreach(attributes, key, value)
		strlist_addf(&pairs, "%s=%s", key,
			     json_is_string(value) ? json_string_value(value) : "");
	strlist_sort(&pairs);
	add_time(out, event);
	buf_addf(out, " %s %s %s", json_get_str(event, "Type", ""),
		 json_get_str(event, "Action", json_get_str(event, "status", "")),
		 json_get_str(actor, "ID", json_get_str(event, "id", "")));
	for (size_t i = 0; i < pairs.n; i++)
		buf_addf(out, "%s%s%s", i ? ", " : " (", pairs.v[i], i + 1 == pairs.n ? ")" : "");
	buf_addc(out, '\n');
}

static int show_event(void *to, const json_t *event, struct error *err)
{
	struct call *call = to;
	const struct events_opts *o = call->opts;
	autobuf struct buf out = BUF_INIT(OUTPUT_MAX);

	if (o->format && *o->format)
		return object_print(call, o->format, (json_t *)event, err);
	add_event(&out, event);
	if (call_out(call, out.p, out.len) < 0)
		return error_set(err, ERR_CANCELLED, "nobody reads the output");
	return 0;
}

static int make_path(const struct events_opts *o, struct buf *path, struct error *err)
{
	autofree char *since = NULL, *until = NULL, *filters = NULL;

	filters = api_filters(&o->filter, err);
	if ((o->filter.n && !filters) || (o->since && !(since = when_parse(o->since, err))) ||
	    (o->until && !(until = when_parse(o->until, err))))
		return -1;
	buf_adds(path, "/events");
	if (since)
		api_query(path, "since", since);
	if (until)
		api_query(path, "until", until);
	if (filters)
		api_query(path, "filters", filters);
	return 0;
}

static int run_events(struct call *call)
{
	autobuf struct buf path = BUF_INIT(1 << 16);
	struct httpc_request req = { .method = "GET" };
	struct httpc_response resp;
	struct error err;

	if (make_path(call->opts, &path, &err) < 0)
		return call_complain(call, &err);
	req.path = buf_text(&path);
	if (api_begin(call->client, NULL, &req, &resp, &err) < 0 ||
	    progress_each(call->client->conn, show_event, call, &err) < 0)
		return err.kind == ERR_CANCELLED ? -1 : call_complain(call, &err);
	return 0;
}

const struct command_impl cmd_events = { .run = run_events,
					 .flags = events_flags,
					 .opts_size = sizeof(struct events_opts) };
