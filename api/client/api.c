/* Requests to the daemon, and its refusals as sentences. See internal.h. */
#include "api/client/internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pkg/mem.h"
#include "pkg/parse.h"

#define REPLY_MAX (256 << 20)
#define MESSAGE_MAX (1 << 20)

void api_path(struct buf *b, const char *before, const char *piece, const char *after)
{
	buf_adds(b, before);
	httpc_escape(b, piece, "/:@+=,");
	buf_adds(b, after);
}

void api_query(struct buf *b, const char *key, const char *value)
{
	buf_addc(b, strchr(buf_text(b), '?') ? '&' : '?');
	buf_addf(b, "%s=", key);
	httpc_escape(b, value, "");
}

bool api_at_least(const struct client *c, int minor)
{
	int64_t have;

	return strncmp(c->version, "1.", 2) != 0 || parse_i64(c->version + 2, &have) < 0 ||
	       have >= minor;
}

void api_explain(struct client *c, struct error *err)
{
	const char *host = c->options->host;
	char why[sizeof(err->text)];

	if (err->kind != ERR_UNAVAILABLE)
		return;
	memcpy(why, err->text, sizeof(why));
	if (err->sys == ENOENT || err->sys == ECONNREFUSED)
		error_set(
			err, ERR_UNAVAILABLE,
			"Cannot connect to the Docker daemon at %s. Is the docker daemon running?",
			host);
	else if (err->sys == EACCES || err->sys == EPERM)
		error_set(
			err, ERR_UNAVAILABLE,
			"permission denied while trying to connect to the Docker daemon socket at "
			"%s: %s",
			host, why);
	else
		error_set(err, ERR_UNAVAILABLE, "error during connect: %s: %s", host, why);
}

struct httpc *api_connection(struct client *c, struct error *err)
{
	struct httpc *conn = httpc_new(c->options->host, err);

	if (conn && client_wants_tls(c))
		httpc_set_wrap(conn, client_wrap_tls, c);
	return conn;
}

/* The kept connection, unless there is another. */
static struct httpc *choose(struct client *c, struct httpc *conn, struct error *err)
{
	if (conn)
		return conn;
	if (!c->conn)
		c->conn = api_connection(c, err);
	return c->conn;
}

int api_send(struct client *c, struct httpc *conn, const struct httpc_request *req,
	     struct error *err)
{
	autobuf struct buf path = BUF_INIT(1 << 20);
	struct httpc_request versioned = *req;
	struct error why;

	conn = choose(c, conn, err);
	if (!conn)
		return -1;
	buf_addf(&path, "/v%s", c->version);
	if (buf_adds(&path, req->path) < 0)
		return error_set(err, ERR_BAD_REQUEST, "the request is too long");
	versioned.path = buf_text(&path);
	if (httpc_send(conn, &versioned, &why) == 0)
		return 0;
	api_explain(c, &why);
	if (err)
		*err = why;
	return -1;
}

static enum error_kind kind_of(int status)
{
	static const struct {
		int status;
		enum error_kind kind;
	} kinds[] = {
		{ 400, ERR_BAD_REQUEST },     { 401, ERR_UNAUTHORIZED },   { 403, ERR_FORBIDDEN },
		{ 404, ERR_NOT_FOUND },       { 406, ERR_NOT_ACCEPTABLE }, { 409, ERR_CONFLICT },
		{ 501, ERR_NOT_IMPLEMENTED }, { 503, ERR_UNAVAILABLE },
	};

	for (size_t i = 0; i < array_size(kinds); i++)
		if (kinds[i].status == status)
			return kinds[i].kind;
	return ERR_INTERNAL;
}

/* The daemon's refusal: {"message": ...}, or plain text from old ones and for attach. */
static int refused(struct httpc *conn, const struct httpc_response *resp, struct error *err)
{
	autobuf struct buf body = BUF_INIT(MESSAGE_MAX);
	autojson json_t *j = NULL;
	const char *text;
	size_t n;

	(void)httpc_read_all(conn, &body, NULL); /* what came of it is what there is to tell */
	j = json_parse(buf_text(&body), body.len, NULL);
	text = json_get_str(j, "message", j ? "" : buf_text(&body));
	n = strlen(text);
	while (n && isspace((unsigned char)text[n - 1]))
		n--;
	if (!n)
		return error_set(err, kind_of(resp->status),
				 "Error response from daemon: the request was answered with %d %s",
				 resp->status, resp->reason);
	return error_set(err, kind_of(resp->status), "Error response from daemon: %.*s", (int)n,
			 text);
}

int api_receive(struct client *c, struct httpc *conn, struct httpc_response *resp,
		struct error *err)
{
	struct error why;

	conn = choose(c, conn, err);
	if (!conn)
		return -1;
	if (httpc_receive(conn, resp, &why) < 0) {
		api_explain(c, &why);
		if (err)
			*err = why;
		return -1;
	}
	return resp->status >= 400 ? refused(conn, resp, err) : 0;
}

/* An older daemon refuses our version and tells its own: go on with that one. */
static bool lower_version(struct client *c, const struct httpc_response *resp)
{
	int64_t theirs, ours;

	if (resp->status != 400 || c->version_fixed || strncmp(resp->api_version, "1.", 2) != 0 ||
	    parse_i64(resp->api_version + 2, &theirs) < 0 || parse_i64(c->version + 2, &ours) < 0 ||
	    theirs >= ours)
		return false;
	snprintf(c->version, sizeof(c->version), "1.%d", (int)theirs);
	return true;
}

int api_begin(struct client *c, struct httpc *conn, const struct httpc_request *req,
	      struct httpc_response *resp, struct error *err)
{
	*resp = (struct httpc_response){ 0 };
	if (api_send(c, conn, req, err) < 0)
		return -1;
	if (api_receive(c, conn, resp, err) == 0)
		return 0;
	if (req->read_body || !lower_version(c, resp))
		return -1;
	if (api_send(c, conn, req, err) < 0)
		return -1;
	return api_receive(c, conn, resp, err);
}

json_t *api_read_json(struct httpc *conn, struct error *err)
{
	autobuf struct buf body = BUF_INIT(REPLY_MAX);

	if (httpc_read_all(conn, &body, err) < 0)
		return NULL;
	return body.len ? json_parse(body.p, body.len, err) : json_null();
}

int api_call(struct client *c, const char *method, const char *path, const json_t *body,
	     json_t **reply, struct error *err)
{
	autofree char *text = body ? json_text(body) : NULL;
	struct httpc_request req = { .method = method, .path = path };
	struct httpc_response resp;
	autojson json_t *answer = NULL;

	if (text) {
		req.content_type = "application/json";
		req.body = text;
		req.body_len = strlen(text);
	}
	if (api_begin(c, NULL, &req, &resp, err) < 0)
		return -1;
	if (reply) {
		answer = api_read_json(c->conn, err);
		if (!answer)
			return -1;
		*reply = take_json(&answer);
		return 0;
	}
	return httpc_drain(c->conn, err);
}

int api_settle_version(struct client *c, struct error *err)
{
	return c->version_fixed ? 0 : api_call(c, "GET", "/_ping", NULL, NULL, err);
}

int api_get(struct client *c, const char *path, json_t **reply, struct error *err)
{
	return api_call(c, "GET", path, NULL, reply, err);
}

int api_container_post(struct client *c, const char *name, const char *action, struct error *err)
{
	autobuf struct buf path = BUF_INIT(1 << 16);

	api_path(&path, "/containers/", name, "/");
	buf_adds(&path, action);
	return api_call(c, "POST", buf_text(&path), NULL, NULL, err);
}

int api_copy_out(struct call *call, struct httpc *conn, struct error *err)
{
	autofree char *part = xmalloc(65536);
	ssize_t n;

	while ((n = httpc_read(conn, part, 65536, err)) > 0)
		if (call_out(call, part, (size_t)n) < 0)
			return error_set(err, ERR_CANCELLED, "write: %s", strerror(EPIPE));
	return n < 0 ? -1 : 0;
}

char *api_filters(const struct strlist *filters, struct error *err)
{
	autojson json_t *all = json_object();

	if (!filters->n)
		return NULL;
	for (size_t i = 0; i < filters->n; i++) {
		const char *f = filters->v[i], *eq = strchr(f, '=');
		autofree char *key = xstrndup(f, eq ? (size_t)(eq - f) : 0);
		json_t *values;

		if (!eq) {
			error_set(
				err, ERR_BAD_REQUEST,
				"invalid argument \"%s\" for \"-f, --filter\" flag: bad format of "
				"filter (expected name=value)",
				f);
			return NULL;
		}
		values = json_object_get(all, key);
		if (!values) {
			values = json_object();
			json_object_set_new_nocheck(all, key, values);
		}
		json_object_set_new_nocheck(values, eq + 1, json_true());
	}
	return json_text(all);
}
