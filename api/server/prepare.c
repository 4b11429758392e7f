/*
 * From a request to a job: args out of path and query, env out of query, JSON body and headers.
 * What a query says stays text; the job reads it as what it needs.
 */
#include "api/server/routes.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "engine/job.h"
#include "pkg/httpuri.h"
#include "pkg/mem.h"

#define JSON_BODY_MAX (4 * 1024 * 1024)
#define JSON_BODY_MS (30 * 1000)
#define NO_START_BODY_SINCE 124

int prepare_params(struct request *r, struct error *err)
{
	(void)err;
	for (size_t i = 0; i < r->nparams; i++)
		strlist_add(&r->args, r->params[i]);
	return 0;
}

int prepare_create(struct request *r, struct error *err)
{
	const char *name = env_get(r->query, "name", "");

	(void)err;
	if (*name)
		strlist_add(&r->args, name);
	return 0;
}

/* The host configuration came with start until 1.24. */
int prepare_start(struct request *r, struct error *err)
{
	if (r->version >= NO_START_BODY_SINCE && (r->head->chunked || r->head->length > 7))
		return error_set(err, ERR_BAD_REQUEST,
				 "starting container with non-empty request body was deprecated "
				 "since API v1.22 and removed in v1.24");
	return prepare_params(r, err);
}

int prepare_logs(struct request *r, struct error *err)
{
	if (!env_get_bool(r->query, "stdout") && !env_get_bool(r->query, "stderr"))
		return error_set(err, ERR_BAD_REQUEST,
				 "Bad parameters: you must choose at least one stream");
	return prepare_params(r, err);
}

/* REPO and TAG of the query, behind what is there. */
static void add_repo(struct request *r)
{
	const char *repo = env_get(r->query, "repo", ""), *tag = env_get(r->query, "tag", "");

	if (*repo || *tag)
		strlist_add(&r->args, repo);
	if (*tag)
		strlist_add(&r->args, tag);
}

int prepare_tag(struct request *r, struct error *err)
{
	if (!*env_get(r->query, "repo", ""))
		return error_set(err, ERR_BAD_REQUEST, "invalid reference format");
	prepare_params(r, err);
	add_repo(r);
	return 0;
}

/* fromImage pulls, fromSrc imports. */
int prepare_image_create(struct request *r, struct error *err)
{
	const char *image = env_get(r->query, "fromImage", "");
	const char *source = env_get(r->query, "fromSrc", "");

	if (*image) {
		strlist_add(&r->args, image);
		return 0;
	}
	if (!*source)
		return error_set(err, ERR_BAD_REQUEST, "one of fromImage and fromSrc is required");
	r->job_name = "import";
	strlist_add(&r->args, source);
	add_repo(r);
	return 0;
}

int prepare_image_names(struct request *r, struct error *err)
{
	(void)err;
	env_get_list(r->query, "names", &r->args);
	return 0;
}

int prepare_search(struct request *r, struct error *err)
{
	(void)err;
	strlist_add(&r->args, env_get(r->query, "term", ""));
	return 0;
}

static void add_pair(struct env *query, const char *key, const char *value)
{
	if (!*key)
		return;
	if (env_has(query, key))
		env_add(query, key, value);
	else
		env_set(query, key, value);
}

int prepare_query(struct request *r, struct error *err)
{
	const char *p = r->head->query;

	while (p && *p) {
		size_t n = strcspn(p, "&"), key_len = strcspn(p, "=&");
		bool has_value = key_len < n;
		autofree char *key = http_decode_query(p, key_len);
		autofree char *value = has_value
					       ? http_decode_query(p + key_len + 1, n - key_len - 1)
					       : xstrdup("");

		if (!key || !value)
			return error_set(err, ERR_BAD_REQUEST, "malformed query: \"%.*s\"",
					 n < 200 ? (int)n : 200, p);
		add_pair(r->query, key, value);
		p += n + (p[n] == '&');
	}
	return 0;
}

/* No type is fine for no body; else it must be JSON, whatever its parameters. */
static int check_type(const struct request *r, struct error *err)
{
	static const char json[] = "application/json";
	const char *type = http_header(r->head, "Content-Type");
	size_t n = sizeof(json) - 1;

	if (!type || !*type) {
		if (!r->head->chunked && !r->head->length)
			return 0;
		type = "";
	}
	if (strncasecmp(type, json, n) == 0 && (!type[n] || strchr("; \t", type[n])))
		return 0;
	return error_set(err, ERR_BAD_REQUEST,
			 "unsupported Content-Type header (%s): must be 'application/json'", type);
}

static int read_body(struct request *r, struct buf *text, struct error *err)
{
	char part[16384];
	ssize_t n;

	r->body.deadline = server_now_ms() + JSON_BODY_MS;
	while ((n = body_read(&r->body, part, sizeof(part))) > 0)
		if (buf_add(text, part, (size_t)n) < 0)
			return error_set(err, ERR_BAD_REQUEST, "request body too large");
	if (n == 0)
		return 0;
	if (errno == EPROTO)
		return error_set(err, ERR_BAD_REQUEST, "malformed chunk in the request body");
	if (errno == ETIMEDOUT)
		return error_set(err, ERR_BAD_REQUEST, "the request body took too long");
	return error_set(err, ERR_BAD_REQUEST, "unexpected EOF");
}

static bool is_blank(const struct buf *text)
{
	return strspn(buf_text(text), " \t\r\n") == text->len;
}

int prepare_body(struct request *r, struct error *err)
{
	autobuf struct buf text = BUF_INIT(JSON_BODY_MAX);
	unsigned flags = r->route->flags;

	if (!(flags & ROUTE_JSON))
		return 0;
	if (check_type(r, err) < 0 || read_body(r, &text, err) < 0)
		return -1;
	if (is_blank(&text)) {
		if (flags & ROUTE_OPTIONAL)
			return 0;
		return error_set(err, ERR_BAD_REQUEST, "invalid JSON: EOF");
	}
	if (strcmp(text.p, "null") == 0) /* as good as an empty object, to Docker */
		return 0;
	return env_decode(job_env(r->job), text.p, text.len, err);
}

void prepare_headers(struct request *r)
{
	static const char *const names[] = { "X-Registry-Auth", "X-Registry-Config" };
	struct env *env = job_env(r->job);

	for (size_t i = 0; i < array_size(names); i++) {
		const char *value = http_header(r->head, names[i]);

		env_unset(env, names[i]);
		if (value && http_is_utf8(value, strlen(value)))
			env_set(env, names[i], value);
	}
	env_set_int(env, "apiversion", r->version);
}
