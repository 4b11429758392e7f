/* The job `search`: the one thing that still speaks the registry API v1, on Docker Hub and others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/buf.h"
#include "pkg/filters.h"
#include "pkg/httpc.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/parse.h"
#include "registry/internal.h"

#define ANSWER_MAX (8 * 1024 * 1024)
#define LIMIT_DEFAULT 25
#define LIMIT_MAX 100

static bool is_cancelled(void *job)
{
	return job_is_cancelled(job);
}

/* "host:5000/term": the index asked, and the term; no host: Docker Hub's. The caller frees. */
static char *index_of(const char **term)
{
	size_t n = strcspn(*term, "/");
	autofree char *first = xstrndup(*term, n);

	if (!(*term)[n] || (!strpbrk(first, ".:") && strcmp(first, "localhost") != 0))
		return xstrdup("index.docker.io");
	*term += n + 1;
	if (strcmp(first, DOCKER_HUB) == 0)
		return xstrdup("index.docker.io");
	return take_ptr(&first);
}

static bool wants(json_t *filters, const char *key, bool is)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_get_arr(filters, key), i, v)
		if (parse_truth(json_string_value(v)) != is)
			return false;
	return true;
}

static bool matches(json_t *filters, const json_t *r)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_get_arr(filters, "stars"), i, v)
		if (json_get_int(r, "star_count", 0) < atoll(json_string_value(v)))
			return false;
	return wants(filters, "is-official", json_get_bool(r, "is_official", false)) &&
	       wants(filters, "is-automated", json_get_bool(r, "is_automated", false));
}

static int by_stars(const void *a, const void *b)
{
	long long x = json_get_int(*(const json_t *const *)a, "star_count", 0);
	long long y = json_get_int(*(const json_t *const *)b, "star_count", 0);

	return x < y ? 1 : x > y ? -1 : 0;
}

/* Those that match, the ones with most stars first. */
static json_t *choose(const json_t *answer, json_t *filters)
{
	const json_t *results = json_get_arr(answer, "results");
	autofree json_t **all = xcalloc(json_array_size(results) + 1, sizeof(json_t *));
	json_t *out = json_array(), *r;
	size_t n = 0, i;

	json_array_foreach(results, i, r)
		if (matches(filters, r))
			all[n++] = r;
	qsort(all, n, sizeof(*all), by_stars);
	for (i = 0; i < n; i++)
		json_array_append(out, all[i]);
	return out;
}

static int ask(const struct endpoint *e, struct job *job, const char *term, int64_t limit,
	       const struct credentials *c, struct buf *body, struct error *err)
{
	struct wire *h = wire_new(&e->tls, (struct wire_cancel){ is_cancelled, job }, err);
	autostrlist struct strlist headers = STRLIST_INIT;
	autobuf struct buf url = BUF_INIT(64 * 1024);
	struct wire_request r = { .method = "GET", .headers = &headers, .length = -1 };
	int status, rc = -1;

	buf_addf(&url, "%s/v1/search?q=", e->base);
	httpc_escape(&url, term, "");
	buf_addf(&url, "&n=%lld", (long long)limit);
	r.url = buf_text(&url);
	if (c->user)
		credentials_basic(c, &headers);
	status = h ? wire_begin(h, &r, err) : -1;
	if (status >= 0 && status != 200)
		error_set(err, ERR_INTERNAL, "Unexpected status code %d", status);
	else if (status == 200)
		rc = wire_read_all(h, body, err);
	wire_free(h);
	return rc;
}

static json_t *search(struct registry *r, struct job *job, int64_t limit, json_t *filters,
		      struct error *err)
{
	const char *term = job_arg(job, 0);
	autofree char *index = index_of(&term);
	autobuf struct buf body = BUF_INIT(ANSWER_MAX);
	autojson json_t *answer = NULL;
	struct credentials c;
	struct endpoints all;
	int rc = -1;

	if (credentials_parse(env_get(job_env(job), "X-Registry-Auth", NULL), &c, err) < 0)
		return NULL;
	if (endpoints_find(r, index, true, &all, err) == 0)
		for (size_t i = 0; i < all.n && rc < 0; i++)
			rc = ask(&all.v[i], job, term, limit, &c, &body, err);
	endpoints_done(&all);
	credentials_done(&c);
	answer = rc == 0 ? json_parse(buf_text(&body), body.len, err) : NULL;
	return answer ? choose(answer, filters) : NULL;
}

int job_search(struct job *job, void *self)
{
	static const char *const known[] = { "is-automated", "is-official", "stars", NULL };
	int64_t limit = env_get_int(job_env(job), "limit", 0);
	autojson json_t *filters = NULL, *found = NULL;
	struct error err = { 0 };

	if (!limit)
		limit = LIMIT_DEFAULT;
	if (limit < 1 || limit > LIMIT_MAX)
		return job_fail(job, ERR_BAD_REQUEST, "limit %lld is outside the range of [1, 100]",
				(long long)limit);
	filters = filters_parse(env_get(job_env(job), "filters", ""), &err);
	if (filters && filters_check_keys(filters, known, &err) == 0)
		found = search(self, job, limit, filters, &err);
	return found ? job_write_json(job, found) : job_fail_error(job, &err);
}
