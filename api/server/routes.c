/*
 * The one table of routes, and how a path is matched. Rows are tried in order, so a literal comes
 * before the pattern that would take it too. A job that nobody has registered yet is answered 501.
 */
#include "api/server/routes.h"

#include <stdio.h>
#include <string.h>

#include "api/version.h"
#include "pkg/mem.h"
#include "pkg/parse.h"

#define TAR "application/x-tar"
#define BYTES "application/octet-stream"
#define JSON ROUTE_JSON
#define JSON_OR_NOTHING (ROUTE_JSON | ROUTE_OPTIONAL)
#define LIVE (ROUTE_STREAM | ROUTE_CANCEL)
#define PROGRESS (ROUTE_STREAM | ROUTE_PROGRESS)

/* An answer of our own: no job. */
#define OURS(answer) NULL, 200, 0, NULL, NULL, answer, 0, 0
#define PLAIN(job, status) job, status, 0, NULL, NULL, NULL, 0, 0
#define WITH(job, status, flags) job, status, flags, NULL, NULL, NULL, 0, 0
#define ARGS(job, status, flags, prepare) job, status, flags, NULL, prepare, NULL, 0, 0

const struct route routes[] = {
	/* the engine */
	{ "GET", "/_ping", OURS(answer_ping) },
	{ "HEAD", "/_ping", OURS(answer_ping) },
	{ "GET", "/version", PLAIN("version", 200) },
	{ "GET", "/info", PLAIN("info", 200) },
	{ "GET", "/events", WITH("events", 200, LIVE) },
	{ "POST", "/auth", WITH("auth", 200, JSON) },
	{ "GET", "/system/df", WITH("system_df", 200, ROUTE_CANCEL) },
	{ "POST", "/session", PLAIN("session", 200) },
	{ "POST", "/grpc", PLAIN("grpc", 200) },
	{ "GET", "/debug/vars", PLAIN("debug_vars", 200) },
	{ "GET", "/debug/pprof/", PLAIN("debug_pprof", 200) },
	{ "GET", "/debug/pprof/{name}", PLAIN("debug_pprof", 200) },

	/* containers */
	{ "GET", "/containers/json", PLAIN("containers", 200) },
	{ "GET", "/containers/ps", "containers", 200, 0, NULL, NULL, NULL, 0, 121 },
	{ "POST", "/containers/create", ARGS("create", 201, JSON, prepare_create) },
	{ "POST", "/containers/prune", PLAIN("containers_prune", 200) },
	{ "GET", "/containers/{id}/json", PLAIN("container_inspect", 200) },
	{ "GET", "/containers/{id}/top", PLAIN("top", 200) },
	{ "GET", "/containers/{id}/logs", "logs", 200, LIVE, NULL, prepare_logs, run_logs, 0, 0 },
	{ "GET", "/containers/{id}/changes", PLAIN("container_changes", 200) },
	{ "GET", "/containers/{id}/export", "export", 200, LIVE, BYTES, NULL, NULL, 0, 0 },
	{ "GET", "/containers/{id}/stats", WITH("container_stats", 200, LIVE) },
	{ "POST", "/containers/{id}/resize", PLAIN("resize", 200) },
	{ "POST", "/containers/{id}/start", ARGS("start", 204, JSON_OR_NOTHING, prepare_start) },
	{ "POST", "/containers/{id}/stop", PLAIN("stop", 204) },
	{ "POST", "/containers/{id}/restart", PLAIN("restart", 204) },
	{ "POST", "/containers/{id}/kill", PLAIN("kill", 204) },
	{ "POST", "/containers/{id}/update", WITH("update", 200, JSON_OR_NOTHING) },
	{ "POST", "/containers/{id}/rename", PLAIN("rename", 204) },
	{ "POST", "/containers/{id}/pause", PLAIN("pause", 204) },
	{ "POST", "/containers/{id}/unpause", PLAIN("unpause", 204) },
	{ "POST", "/containers/{id}/attach", "attach", 200, 0, NULL, NULL, run_attach, 0, 0 },
	{ "GET", "/containers/{id}/attach/ws", PLAIN("attach_ws", 200) },
	{ "POST", "/containers/{id}/wait", WITH("wait", 200, ROUTE_CANCEL) },
	{ "HEAD", "/containers/{id}/archive", PLAIN("archive_stat", 200) },
	{ "GET", "/containers/{id}/archive", "archive_get", 200, LIVE, TAR, NULL, NULL, 0, 0 },
	{ "PUT", "/containers/{id}/archive", WITH("archive_put", 200, ROUTE_STDIN) },
	{ "POST", "/containers/{id}/copy", "container_copy", 200, JSON | ROUTE_STREAM, TAR, NULL,
	  NULL, 0, 124 },
	{ "GET", "/containers/{id}/checkpoints", OURS(answer_experimental) },
	{ "POST", "/containers/{id}/checkpoints", OURS(answer_experimental) },
	{ "DELETE", "/containers/{id}/checkpoints/{name}", OURS(answer_experimental) },
	{ "DELETE", "/containers/{id...}", PLAIN("rm", 204) },

	/* exec */
	{ "POST", "/containers/{id}/exec", WITH("exec_create", 201, JSON) },
	{ "POST", "/exec/{id}/start", "exec_start", 200, JSON_OR_NOTHING, NULL, NULL,
	  run_exec_start, 0, 0 },
	{ "POST", "/exec/{id}/resize", PLAIN("exec_resize", 200) },
	{ "GET", "/exec/{id}/json", PLAIN("exec_inspect", 200) },

	/* images */
	{ "GET", "/images/json", PLAIN("images", 200) },
	{ "GET", "/images/search", ARGS("search", 200, ROUTE_CANCEL, prepare_search) },
	{ "GET", "/images/get", "image_export", 200, LIVE, TAR, prepare_image_names, NULL, 0, 0 },
	{ "POST", "/images/create",
	  ARGS("pull", 200, PROGRESS | ROUTE_STDIN | ROUTE_CANCEL, prepare_image_create) },
	{ "POST", "/images/load", WITH("load", 200, PROGRESS | ROUTE_STDIN | ROUTE_ALWAYS_OK) },
	{ "POST", "/images/prune", PLAIN("images_prune", 200) },
	{ "GET", "/images/{name...}/get", "image_export", 200, LIVE, TAR, NULL, NULL, 0, 0 },
	{ "GET", "/images/{name...}/history", PLAIN("history", 200) },
	{ "GET", "/images/{name...}/json", PLAIN("image_inspect", 200) },
	{ "GET", "/images/{name...}/attestations", PLAIN("image_attestations", 200) },
	{ "POST", "/images/{name...}/push", WITH("push", 200, PROGRESS | ROUTE_CANCEL) },
	{ "POST", "/images/{name...}/tag", ARGS("tag", 201, 0, prepare_tag) },
	{ "DELETE", "/images/{name...}", PLAIN("image_delete", 200) },
	{ "POST", "/commit", WITH("commit", 201, JSON_OR_NOTHING) },

	/* build */
	{ "POST", "/build", WITH("build", 200, PROGRESS | ROUTE_STDIN | ROUTE_CANCEL) },
	{ "POST", "/build/prune", PLAIN("build_prune", 200) },
	{ "POST", "/build/cancel", PLAIN("build_cancel", 204) },
	{ "GET", "/distribution/{name...}/json", WITH("distribution_inspect", 200, ROUTE_CANCEL) },

	/* networks */
	{ "GET", "/networks", PLAIN("networks", 200) },
	{ "GET", "/networks/", PLAIN("networks", 200) },
	{ "POST", "/networks/create", WITH("network_create", 201, JSON) },
	{ "POST", "/networks/prune", PLAIN("networks_prune", 200) },
	{ "GET", "/networks/{id...}", PLAIN("network_inspect", 200) },
	{ "DELETE", "/networks/{id...}", PLAIN("network_rm", 204) },
	{ "POST", "/networks/{id...}/connect", WITH("network_connect", 200, JSON) },
	{ "POST", "/networks/{id...}/disconnect", WITH("network_disconnect", 200, JSON) },

	/* volumes */
	{ "GET", "/volumes", PLAIN("volumes", 200) },
	{ "POST", "/volumes/create", WITH("volume_create", 201, JSON_OR_NOTHING) },
	{ "POST", "/volumes/prune", PLAIN("volumes_prune", 200) },
	{ "GET", "/volumes/{name...}", PLAIN("volume_inspect", 200) },
	{ "DELETE", "/volumes/{name...}", PLAIN("volume_rm", 204) },
	{ "PUT", "/volumes/{name...}", "volume_update", 200, JSON, NULL, NULL, NULL, 142, 0 },

	/* plugins */
	{ "GET", "/plugins", PLAIN("plugins", 200) },
	{ "GET", "/plugins/privileges", PLAIN("plugin_privileges", 200) },
	{ "POST", "/plugins/pull", WITH("plugin_pull", 200, PROGRESS | ROUTE_STDIN) },
	{ "POST", "/plugins/create", WITH("plugin_create", 204, ROUTE_STDIN) },
	{ "GET", "/plugins/{name...}/json", PLAIN("plugin_inspect", 200) },
	{ "POST", "/plugins/{name...}/enable", PLAIN("plugin_enable", 200) },
	{ "POST", "/plugins/{name...}/disable", PLAIN("plugin_disable", 200) },
	{ "POST", "/plugins/{name...}/push", WITH("plugin_push", 200, PROGRESS) },
	{ "POST", "/plugins/{name...}/set", WITH("plugin_set", 204, ROUTE_STDIN) },
	{ "POST", "/plugins/{name...}/upgrade",
	  WITH("plugin_upgrade", 200, PROGRESS | ROUTE_STDIN) },
	{ "GET", "/plugins/{name...}", "plugin_inspect", 200, 0, NULL, NULL, NULL, 0, 125 },
	{ "DELETE", "/plugins/{name...}", PLAIN("plugin_rm", 200) },

	/* swarm */
	{ "GET", "/swarm", OURS(answer_no_swarm) },
	{ "POST", "/swarm/init", OURS(answer_no_swarm_mode) },
	{ "POST", "/swarm/join", OURS(answer_no_swarm_mode) },
	{ "POST", "/swarm/leave", OURS(answer_not_in_swarm) },
	{ "POST", "/swarm/update", OURS(answer_no_swarm) },
	{ "GET", "/swarm/unlockkey", OURS(answer_no_swarm) },
	{ "POST", "/swarm/unlock", OURS(answer_not_in_swarm) },
	{ "GET", "/services", OURS(answer_no_swarm) },
	{ "POST", "/services/create", OURS(answer_no_swarm) },
	{ "GET", "/services/{id}", OURS(answer_no_swarm) },
	{ "DELETE", "/services/{id}", OURS(answer_no_swarm) },
	{ "POST", "/services/{id}/update", OURS(answer_no_swarm) },
	{ "GET", "/services/{id}/logs", OURS(answer_no_swarm) },
	{ "GET", "/nodes", OURS(answer_no_swarm) },
	{ "GET", "/nodes/{id}", OURS(answer_no_swarm) },
	{ "DELETE", "/nodes/{id}", OURS(answer_no_swarm) },
	{ "POST", "/nodes/{id}/update", OURS(answer_no_swarm) },
	{ "GET", "/tasks", OURS(answer_no_swarm) },
	{ "GET", "/tasks/{id}", OURS(answer_no_swarm) },
	{ "GET", "/tasks/{id}/logs", OURS(answer_no_swarm) },
	{ "GET", "/secrets", OURS(answer_no_swarm) },
	{ "POST", "/secrets/create", OURS(answer_no_swarm) },
	{ "GET", "/secrets/{id}", OURS(answer_no_swarm) },
	{ "DELETE", "/secrets/{id}", OURS(answer_no_swarm) },
	{ "POST", "/secrets/{id}/update", OURS(answer_no_swarm) },
	{ "GET", "/configs", OURS(answer_no_swarm) },
	{ "POST", "/configs/create", OURS(answer_no_swarm) },
	{ "GET", "/configs/{id}", OURS(answer_no_swarm) },
	{ "DELETE", "/configs/{id}", OURS(answer_no_swarm) },
	{ "POST", "/configs/{id}/update", OURS(answer_no_swarm) },
	{ 0 },
};

/*
 * Match {x} (one segment) or {x...} (as much as leaves what is behind it at the path's end); n is
 * what it took, 0 when it cannot.
 */
static size_t match_param(const char *brace, const char *path, const char **rest)
{
	const char *end = strchr(brace, '}') + 1;
	size_t len = strlen(path), tail = strlen(end);

	*rest = end;
	if (end[-2] != '.')
		return strcspn(path, "/");
	return len > tail && strcmp(path + len - tail, end) == 0 ? len - tail : 0;
}

static bool match(const char *pattern, const char *path, struct request *r)
{
	while (*pattern) {
		size_t n;

		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		n = match_param(pattern, path, &pattern);
		if (!n || r->nparams == array_size(r->params))
			return false;
		r->params[r->nparams++] = xstrndup(path, n);
		path += n;
	}
	return !*path;
}

static bool serves(const struct route *route, int version)
{
	return version >= route->since && (!route->until || version < route->until);
}

bool route_find(struct request *r, const char *method, const char *path)
{
	for (const struct route *row = routes; row->method; row++) {
		if (strcmp(row->method, method) != 0 || !serves(row, r->version))
			continue;
		if (match(row->pattern, path, r)) {
			r->route = row;
			return true;
		}
		while (r->nparams)
			free(r->params[--r->nparams]);
	}
	return false;
}

const char *route_split_version(const char *path, char **version)
{
	size_t n;

	*version = NULL;
	if (path[0] != '/' || path[1] != 'v')
		return path;
	n = strspn(path + 2, "0123456789.");
	if (!n || path[2 + n] != '/')
		return path;
	*version = xstrndup(path + 2, n);
	return path + 2 + n;
}

/* The next number of a dotted version; what is no number is 0, as Docker counts. */
static unsigned long next_part(const char **p)
{
	autofree char *text = xstrndup(*p, strcspn(*p, "."));
	uint64_t n = 0;

	*p += strlen(text);
	*p += **p == '.';
	if (parse_u64(text, &n) < 0 && *text)
		return 1000000; /* more than any */
	return n < 1000000 ? (unsigned long)n : 1000000;
}

static int compare_versions(const char *a, const char *b)
{
	while (*a || *b) {
		unsigned long x = next_part(&a), y = next_part(&b);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

int route_check_version(const char *version, int *number, struct error *err)
{
	const char *p = version;
	unsigned long major = next_part(&p), minor = next_part(&p);

	*number = (int)(major > 99 ? 9999 : major * 100 + (minor > 99 ? 99 : minor));
	if (compare_versions(version, API_VERSION) > 0)
		return error_set(
			err, ERR_BAD_REQUEST,
			"client version %s is too new. Maximum supported API version is %s",
			version, API_VERSION);
	if (compare_versions(version, API_VERSION_MIN) < 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "client version %s is too old. Minimum supported API version is "
				 "%s, please upgrade your client to a newer version",
				 version, API_VERSION_MIN);
	return 0;
}
