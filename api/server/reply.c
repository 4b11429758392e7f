/*
 * Answers that are not a job's, and what becomes of a job's error. Kinds of errors become statuses
 * here and nowhere else.
 */
#include "api/server/request.h"

#include <string.h>

#include "api/server/routes.h"
#include "engine/job.h"
#include "pkg/httpuri.h"
#include "pkg/mem.h"

#define JSON_ERRORS_SINCE 124 /* API version: older clients read plain text */
#define ERROR_MAX 8192

int reply_status(enum error_kind kind)
{
	static const int statuses[] = {
		[ERR_NOT_MODIFIED] = 304, [ERR_BAD_REQUEST] = 400, [ERR_UNAUTHORIZED] = 401,
		[ERR_FORBIDDEN] = 403,    [ERR_NOT_FOUND] = 404,   [ERR_NOT_ACCEPTABLE] = 406,
		[ERR_CONFLICT] = 409,     [ERR_INTERNAL] = 500,    [ERR_NOT_IMPLEMENTED] = 501,
		[ERR_UNAVAILABLE] = 503,  [ERR_CANCELLED] = 499,
	};

	if ((size_t)kind >= array_size(statuses) || !statuses[kind])
		return 500;
	return statuses[kind];
}

void reply_text(struct request *r, int status, const char *type, const char *text)
{
	struct response *resp = &r->response;

	buf_reset(&resp->held);
	resp->status = status;
	resp->type = type;
	resp->stream = false;
	if (*text)
		(void)response_write(resp, text, strlen(text)); /* the end tells */
	(void)response_end(resp); /* the client is gone: the connection ends, nobody to tell */
}

void reply_message(struct request *r, int status, const char *text)
{
	autobuf struct buf b = BUF_INIT(ERROR_MAX);

	if (status == 304) {
		reply_text(r, status, NULL, "");
		return;
	}
	if (r->version < JSON_ERRORS_SINCE) {
		buf_addf(&b, "%s\n", text);
		reply_text(r, status, "text/plain; charset=utf-8", buf_text(&b));
		return;
	}
	buf_adds(&b, "{\"message\":");
	http_add_json_string(&b, text);
	buf_adds(&b, "}\n");
	reply_text(r, status, "application/json", buf_text(&b));
}

void reply_error(struct request *r, const struct error *err)
{
	/* A job that was cancelled because the client went has nobody to answer. */
	if (err->kind == ERR_CANCELLED)
		r->response.keep_alive = false;
	reply_message(r, reply_status(err->kind), err->text);
}

static void end_progress(struct response *resp, const struct error *err)
{
	autobuf struct buf b = BUF_INIT(ERROR_MAX);

	buf_adds(&b, "{\"errorDetail\":{\"message\":");
	http_add_json_string(&b, err->text);
	buf_adds(&b, "},\"error\":");
	http_add_json_string(&b, err->text);
	buf_adds(&b, "}\r\n");
	if (response_write(resp, b.p, b.len) == 0)
		(void)response_end(resp); /* as in reply_text() */
}

void reply_failure(struct request *r, const struct error *err)
{
	struct response *resp = &r->response;
	unsigned flags = r->route->flags;

	if (resp->failed)
		return;
	if (resp->started ? flags & ROUTE_PROGRESS
			  : flags & ROUTE_ALWAYS_OK && err->kind != ERR_UNAVAILABLE)
		end_progress(resp, err);
	else if (!resp->started)
		reply_error(r, err);
	else
		resp->failed =
			true; /* the body stops short: the client must not take it as whole */
}
