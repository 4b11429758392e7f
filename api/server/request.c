/*
 * One request on its worker: from a parsed head to the end of the answer. It finds the route, makes
 * the job, gives it args, env and streams, and decides what becomes of the connection.
 */
#include "api/server/request.h"

#include <string.h>

#include "api/server/routes.h"
#include "api/version.h"
#include "engine/engine.h"
#include "engine/job.h"
#include "pkg/httpuri.h"
#include "pkg/log.h"
#include "pkg/mem.h"

static void request_init(struct request *r, struct conn *c)
{
	*r = (struct request){ .server = c->server,
			       .conn = c,
			       .head = c->head,
			       .query = env_new(),
			       .version = API_VERSION_INT };
	body_init(&r->body, c);
	response_init(&r->response, c, &r->body);
}

static void request_done(struct request *r)
{
	job_free(r->job);
	response_done(&r->response);
	for (size_t i = 0; i < r->nparams; i++)
		free(r->params[i]);
	strlist_done(&r->args);
	env_free(r->query);
	free(r->version_text);
	free(r->path);
}

/* "//" and the like are not looked at: the client is sent to the clean path. */
static bool redirect(struct request *r, const char *path)
{
	autofree char *clean = http_clean_path(path);
	autobuf struct buf extra = BUF_INIT(128 * 1024);

	if (strcmp(clean, path) == 0)
		return false;
	buf_adds(&extra, "Location: ");
	http_encode_path(&extra, clean);
	if (r->head->query)
		buf_addf(&extra, "?%s", r->head->query);
	buf_adds(&extra, "\r\n");
	r->response.extra = extra.p;
	reply_text(r, 301, NULL, "");
	r->response.extra = NULL;
	return true;
}

static bool has_route(struct request *r)
{
	const char *rest = route_split_version(r->path, &r->version_text);
	struct error err;
	int number = API_VERSION_INT;
	bool good = !r->version_text || route_check_version(r->version_text, &number, &err) == 0;

	r->version = number;
	if (!route_find(r, r->head->method, rest)) {
		r->version = API_VERSION_INT; /* Docker knows no version here: always JSON */
		reply_message(r, 404, "page not found");
		return false;
	}
	if (!good)
		reply_error(r, &err);
	return good;
}

static int not_implemented(const struct request *r, struct error *err)
{
	return error_set(err, ERR_NOT_IMPLEMENTED,
			 "%s %s is not implemented: this engine has no job \"%s\"",
			 r->route->method, r->route->pattern, r->job_name);
}

static int make_job(struct request *r, struct error *err)
{
	int (*prepare)(struct request *, struct error *) = r->route->prepare;

	r->job_name = r->route->job;
	if (prepare_query(r, err) < 0 || (prepare ? prepare : prepare_params)(r, err) < 0)
		return -1;
	if (!engine_has(r->server->engine, r->job_name))
		return not_implemented(r, err);
	r->job = job_new(r->server->engine, r->job_name, NULL);
	for (size_t i = 0; i < r->args.n; i++)
		job_add_arg(r->job, r->args.v[i]);
	env_merge(job_env(r->job), env_json(r->query));
	if (prepare_body(r, err) < 0)
		return -1;
	prepare_headers(r);
	return 0;
}

static void run_job(struct request *r)
{
	struct response *resp = &r->response;
	struct error err;

	if (make_job(r, &err) < 0) {
		reply_error(r, &err);
		return;
	}
	resp->job = r->job;
	resp->status = r->route->status;
	resp->type = r->route->type ? r->route->type : "application/json";
	resp->stream = r->route->flags & ROUTE_STREAM;
	/* With a body still to come, the end of it is no hang-up. */
	if (r->route->flags & ROUTE_CANCEL && body_at_end(&r->body))
		job_watch_hangup(r->job, r->conn->fd);
	(r->route->run ? r->route->run : run_plain)(r);
	resp->job = NULL;
}

void run_plain(struct request *r)
{
	struct sink out = { .write = response_write, .to = &r->response };
	struct error err;

	output_add(job_out(r->job), out);
	if (r->route->flags & ROUTE_STDIN) {
		r->body.job = r->job;
		input_set(job_in(r->job), body_source(&r->body));
	}
	if (job_run(r->job, &err) < 0)
		reply_failure(r, &err);
	else
		(void)response_end(&r->response); /* a client that is gone: the connection ends */
}

static void answer(struct request *r)
{
	if (r->server->logging)
		log_info("%s %s", r->head->method, r->head->path);
	r->path = http_decode_path(r->head->path);
	if (!r->path) {
		reply_message(r, 400, "malformed escape in the path");
		return;
	}
	if (strcmp(r->head->method, "OPTIONS") == 0) {
		answer_options(r);
		return;
	}
	if ((*r->path == '/' && redirect(r, r->path)) || !has_route(r))
		return;
	if (r->route->job)
		run_job(r);
	else
		r->route->run(r);
}

static enum conn_end how_it_goes_on(struct request *r)
{
	if (r->given)
		return CONN_GIVEN;
	if (r->response.failed || !r->response.started)
		return CONN_CLOSE;
	if (r->response.keep_alive && body_drain(&r->body))
		return CONN_KEEP;
	/* Closing over bytes that nobody has read would take the answer away from the client. */
	return CONN_LINGER;
}

void request_run(void *conn)
{
	struct conn *c = conn;
	struct request r;
	enum conn_end end;

	request_init(&r, c);
	answer(&r);
	end = how_it_goes_on(&r);
	request_done(&r);
	conn_return(c, end);
}
