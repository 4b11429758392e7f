/* Creating a container and waiting for it: what `run`, `create`, `start` and `attach` share. */
#include "api/client/container.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pkg/fs.h"
#include "pkg/mem.h"
#include "pkg/term.h"

/* The API has no code for this: Docker's own client reads the words, so scripts rely on them. */
int start_failure_status(const struct error *err)
{
	static const struct {
		const char *words;
		int status;
	} rows[] = {
		{ "executable file not found", EXIT_NO_COMMAND },
		{ "no such file or directory", EXIT_NO_COMMAND },
		{ "system cannot find the file specified", EXIT_NO_COMMAND },
		{ "permission denied", EXIT_CANNOT_INVOKE },
		{ "is a directory", EXIT_CANNOT_INVOKE },
	};

	if (err->kind == ERR_UNAVAILABLE)
		return EXIT_DAEMON;
	for (size_t i = 0; i < array_size(rows); i++)
		if (strcasestr(err->text, rows[i].words))
			return rows[i].status;
	return EXIT_DAEMON;
}

static int open_cidfile(const char *path, int *fd, struct error *err)
{
	if (!path)
		return 0;
	*fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (*fd >= 0)
		return 0;
	if (errno == EEXIST)
		return error_set(err, ERR_CONFLICT,
				 "container ID file found, make sure the other container isn't "
				 "running or delete %s",
				 path);
	return error_sys(err, "failed to create the container ID file %s", path);
}

static void set_console_size(json_t *body)
{
	unsigned rows, columns;

	if (term_size(STDOUT_FILENO, &rows, &columns) == 0)
		json_object_set_new_nocheck(json_object_get(body, "HostConfig"), "ConsoleSize",
					    json_pack("[i, i]", (int)rows, (int)columns));
}

static int post_create(struct call *call, const struct run_opts *o, const json_t *body,
		       json_t **reply, struct error *err)
{
	autobuf struct buf path = BUF_INIT(1 << 16);

	buf_adds(&path, "/containers/create");
	if (o->name)
		api_query(&path, "name", o->name);
	if (o->platform)
		api_query(&path, "platform", o->platform);
	return api_call(call->client, "POST", buf_text(&path), body, reply, err);
}

static int pull_missing(struct call *call, const struct run_opts *o, bool missing,
			struct error *err)
{
	const char *image = call->args.v[0];
	const char *last = strrchr(image, '/');
	bool tagged = strpbrk(last ? last : image, ":@") != NULL;

	if (missing && !o->quiet)
		call_warn(call, "Unable to find image '%s%s' locally", image,
			  tagged ? "" : ":latest");
	return image_pull(call, image, o->platform, o->quiet, false, job_err(call->job), err);
}

static int create_or_pull(struct call *call, const struct run_opts *o, const json_t *body,
			  json_t **reply, struct error *err)
{
	const char *pull = o->pull ? o->pull : "missing";

	if (strcmp(pull, "always") == 0 && pull_missing(call, o, false, err) < 0)
		return -1;
	if (post_create(call, o, body, reply, err) == 0)
		return 0;
	if (err->kind != ERR_NOT_FOUND || strcmp(pull, "missing") != 0)
		return -1;
	if (pull_missing(call, o, true, err) < 0)
		return -1;
	return post_create(call, o, body, reply, err);
}

/* Resolvers on the loopback address are the host's, which containers do not reach. */
static void warn_of_local_dns(struct call *call, const struct run_opts *o)
{
	for (size_t i = 0; i < o->dns.n; i++)
		if (strncmp(o->dns.v[i], "127.", 4) == 0 || strcmp(o->dns.v[i], "::1") == 0) {
			call_warn(call, "WARNING: Localhost DNS (%s) may fail in containers.",
				  o->dns.v[i]);
			return;
		}
}

static int check_options(const struct run_opts *o, struct error *err)
{
	if (!o->pull || strcmp(o->pull, "always") == 0 || strcmp(o->pull, "missing") == 0 ||
	    strcmp(o->pull, "never") == 0)
		return 0;
	return error_set(err, ERR_BAD_REQUEST,
			 "invalid pull option: '%s': must be one of \"always\", \"missing\" or "
			 "\"never\"",
			 o->pull);
}

/*
 * A MAC address is an endpoint's from API 1.44 on, where the container's own is frowned at; older
 * daemons know the latter alone. So the version must be settled before the body is sent.
 */
static int settle_mac(struct client *c, json_t *body, struct error *err)
{
	const json_t *networking = json_object_get(body, "NetworkingConfig");
	json_t *endpoints = json_get_obj(networking, "EndpointsConfig"), *endpoint;
	const char *mode = json_get_str(json_object_get(body, "HostConfig"), "NetworkMode", "");
	bool own = json_object_get(body, "MacAddress") != NULL, others = false;
	const char *name;

	json_object_foreach(endpoints, name, endpoint)
		others |= json_object_get(endpoint, "MacAddress") && strcmp(name, mode) != 0;
	if (!own && !others)
		return 0;
	if (api_settle_version(c, err) < 0)
		return -1;
	if (api_at_least(c, 44))
		json_object_del(body, "MacAddress");
	else if (others)
		return error_set(err, ERR_BAD_REQUEST,
				 "\"specify mac-address per network\" requires API version 1.44, "
				 "but the Docker daemon API version is %s",
				 c->version);
	return 0;
}

json_t *container_body(struct call *call, const struct run_opts *o, struct error *err)
{
	return check_options(o, err) == 0 ? run_body(o, &call->args, err) : NULL;
}

int container_create(struct call *call, const struct run_opts *o, json_t *body, char **id,
		     struct error *err)
{
	autojson json_t *reply = NULL;
	autostrlist struct strlist warnings = STRLIST_INIT;
	autoclose int cidfile = -1;
	const char *text;

	if (settle_mac(call->client, body, err) < 0 || open_cidfile(o->cidfile, &cidfile, err) < 0)
		return -1;
	if (o->tty)
		set_console_size(body);
	warn_of_local_dns(call, o);
	if (create_or_pull(call, o, body, &reply, err) < 0) {
		if (cidfile >= 0)
			unlink(o->cidfile); /* it is ours, and empty */
		return -1;
	}
	text = json_get_str(reply, "Id", "");
	json_get_strlist(reply, "Warnings", &warnings);
	for (size_t i = 0; i < warnings.n; i++)
		call_warn(call, "WARNING: %s", warnings.v[i]);
	if (cidfile >= 0 && fs_write_all(cidfile, text, strlen(text)) < 0)
		return error_sys(err, "failed to write the container ID to the file");
	*id = xstrdup(text);
	return 0;
}

void container_attach_path(struct buf *path, const char *id, int streams, const char *detach_keys)
{
	api_path(path, "/containers/", id, "/attach?stream=1");
	if (streams & RUN_STDIN)
		api_query(path, "stdin", "1");
	if (streams & RUN_STDOUT)
		api_query(path, "stdout", "1");
	if (streams & RUN_STDERR)
		api_query(path, "stderr", "1");
	if (detach_keys)
		api_query(path, "detachKeys", detach_keys);
}

int container_ask_wait(struct attached *a, const char *id, const char *condition, struct error *err)
{
	autobuf struct buf path = BUF_INIT(1 << 16);
	struct httpc_request req = { .method = "POST" };

	api_path(&path, "/containers/", id, "/wait");
	if (condition)
		api_query(&path, "condition", condition);
	req.path = buf_text(&path);
	if (!a->wait)
		a->wait = api_connection(a->call->client, err);
	return a->wait ? api_send(a->call->client, a->wait, &req, err) : -1;
}

int container_waiting(struct attached *a, struct error *err)
{
	struct httpc_response resp;

	/* Daemons below 1.30 send no head before the end: then nothing may be waited for here. */
	if (!api_at_least(a->call->client, 30))
		return 0;
	return api_receive(a->call->client, a->wait, &resp, err);
}

static int read_status(struct attached *a, int *status, struct error *err)
{
	autojson json_t *reply = NULL;
	struct httpc_response resp;
	const char *trouble;

	if (!api_at_least(a->call->client, 30) &&
	    api_receive(a->call->client, a->wait, &resp, err) < 0)
		return -1;
	reply = api_read_json(a->wait, err);
	if (!reply)
		return -1;
	trouble = json_get_str(json_get_obj(reply, "Error"), "Message", "");
	if (*trouble)
		return error_set(err, ERR_INTERNAL, "%s", trouble);
	*status = (int)json_get_int(reply, "StatusCode", EXIT_DAEMON);
	return 0;
}

/* The daemon went away. If another takes its place, that one knows the container. */
static int ask_again(struct attached *a, const char *id, int *status)
{
	int tries = attached_outlived_daemon(a) ? 100 : 1;

	while (tries--) {
		struct error err = { .kind = ERR_NONE };

		httpc_free(a->wait);
		a->wait = NULL;
		if (container_ask_wait(a, id, NULL, &err) == 0 && container_waiting(a, &err) == 0 &&
		    read_status(a, status, &err) == 0)
			return 0;
		if (err.kind != ERR_UNAVAILABLE)
			return -1;
		if (tries)
			(void)poll(NULL, 0, 100);
	}
	return -1;
}

int container_exit_status(struct attached *a, const char *id, int *status, struct error *err)
{
	struct error why;

	if (read_status(a, status, &why) == 0 ||
	    (why.kind == ERR_UNAVAILABLE && ask_again(a, id, status) == 0))
		return 0;
	return error_set(err, why.kind, "Error: error waiting for container: %s", why.text);
}
