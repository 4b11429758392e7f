/* The job `auth`: are these credentials good? */
#include <string.h>
#include <strings.h>

#include "pkg/buf.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/reference.h"
#include "registry/internal.h"
#include "registry/session.h"

static bool is_cancelled(void *job)
{
	return job_is_cancelled(job);
}

/* "https://host:5000/v1/" as configurations have it: the host and port; the caller frees. */
static char *domain_of(const char *server)
{
	const char *host = strstr(server, "://");

	host = host ? host + 3 : server;
	if (!*host || strcmp(server, DOCKER_HUB_INDEX) == 0 ||
	    strncmp(host, "index.docker.io", 15) == 0)
		return xstrdup(DOCKER_HUB);
	return xstrndup(host, strcspn(host, "/"));
}

/* *reached: it answered, so that its word counts. */
static int try(struct session *s, struct job *job, bool *reached, struct error *err)
{
	struct session_request q = { .method = "GET", .path = "/v2/", .length = -1 };
	struct wire *h = session_wire(s, (struct wire_cancel){ is_cancelled, job }, err);
	int status = h ? session_call(s, h, &q, err) : -1, rc = status < 0 ? -1 : 0;

	*reached = status >= 0;
	if (status >= 0 && status != 200) {
		rc = session_fail(h, status, err);
		if (status == 401)
			error_prefix(err, "Get \"%s/v2/\"", session_base(s));
	}
	wire_free(h);
	return rc;
}

/* The first endpoint that answers decides: its no is a no. */
static int log_in(struct registry *r, struct job *job, const char *auth, struct error *err)
{
	autojson json_t *j = json_parse(auth, strlen(auth), err);
	autofree char *domain = j ? domain_of(json_get_str(j, "serveraddress", "")) : NULL;
	struct reference ref = { .domain = domain, .path = (char *)"" };
	struct sessions all;
	bool reached = false;
	int rc = -1;

	if (!j)
		return -1;
	if (!json_get_str(j, "username", NULL) && !json_get_str(j, "identitytoken", NULL))
		return error_set(err, ERR_BAD_REQUEST, "username and password are required");
	if (sessions_open(r, &ref, auth, true, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n && rc < 0 && !reached; i++) {
		rc = try(all.v[i], job, &reached, err);
		reached |= rc < 0 && err->kind == ERR_UNAUTHORIZED;
	}
	sessions_done(&all);
	return rc;
}

int job_auth(struct job *job, void *self)
{
	autofree char *auth = json_text(env_json(job_env(job)));
	autojson json_t *answer = NULL;
	struct error err = { 0 };

	if (log_in(self, job, auth, &err) < 0)
		return job_fail_error(job, &err);
	answer = json_pack("{ss ss}", "Status", "Login Succeeded", "IdentityToken", "");
	return job_write_json(job, answer);
}
