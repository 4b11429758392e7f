/* The job `distribution_inspect`: what a registry has under a name, without pulling it. */
#include <string.h>

#include "pkg/buf.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/reference.h"
#include "registry/internal.h"
#include "registry/session.h"

#define DOCUMENT_MAX (8 * 1024 * 1024)

static bool is_cancelled(void *job)
{
	return job_is_cancelled(job);
}

static void add_platform(json_t *list, const json_t *from)
{
	const char *variant = json_get_str(from, "variant", "");
	json_t *p = json_pack("{ss ss}", "architecture", json_get_str(from, "architecture", ""),
			      "os", json_get_str(from, "os", ""));

	if (*variant)
		json_object_set_new(p, "variant", json_string(variant));
	json_array_append_new(list, p);
}

/* A manifest does not say for which machine it is: its config does. */
static int add_own_platform(struct session *s, struct wire *h, const json_t *manifest, json_t *list,
			    struct error *err)
{
	autofree char *path = xasprintf("/blobs/%s", json_get_str(json_get_obj(manifest, "config"),
								  "digest", "unknown"));
	struct session_request q = { .method = "GET", .path = path, .length = -1, .patient = true };
	autobuf struct buf body = BUF_INIT(DOCUMENT_MAX);
	autojson json_t *config = NULL;
	int status = session_call(s, h, &q, err);

	if (status < 0)
		return -1;
	if (status != 200)
		return session_fail(h, status, err);
	if (wire_read_all(h, &body, err) < 0)
		return -1;
	wire_end(h);
	config = json_parse(buf_text(&body), body.len, err);
	if (!config)
		return error_prefix(err, "image config");
	add_platform(list, config);
	return 0;
}

static json_t *inspect(struct session *s, struct wire *h, const struct reference *ref,
		       bool *reached, struct error *err)
{
	autobuf struct buf body = BUF_INIT(DOCUMENT_MAX);
	autojson json_t *document = NULL, *platforms = json_array();
	autofree char *type = NULL;
	const json_t *list, *d;
	char digest[DIGEST_SIZE];
	size_t i;

	*reached = session_ping(s, h, err) == 0 && !session_is_mirror(s);
	if ((!*reached && !session_is_mirror(s)) ||
	    session_manifest(s, h, ref->digest ? ref->digest : ref->tag, &body, digest, &type,
			     err) < 0)
		return NULL;
	document = json_parse(buf_text(&body), body.len, err);
	if (!document)
		return NULL;
	list = json_get_arr(document, "manifests");
	json_array_foreach(list, i, d)
		add_platform(platforms, json_get_obj(d, "platform"));
	if (!list && add_own_platform(s, h, document, platforms, err) < 0)
		return NULL;
	return json_pack("{s{ss ss sI} sO}", "Descriptor", "mediaType", type, "digest", digest,
			 "size", (json_int_t)body.len, "Platforms", platforms);
}

int job_distribution_inspect(struct job *job, void *self)
{
	autoreference struct reference ref = REFERENCE_INIT;
	const char *auth = env_get(job_env(job), "X-Registry-Auth", NULL);
	autojson json_t *answer = NULL;
	struct error err = { 0 };
	struct sessions all;
	bool reached = false;

	if (reference_parse(job_arg(job, 0), &ref, &err) < 0)
		return job_fail_error(job, &err);
	reference_default_tag(&ref);
	if (sessions_open(self, &ref, auth, false, &all, &err) < 0)
		return job_fail_error(job, &err);
	for (size_t i = 0; i < all.n && !answer && !reached; i++) {
		struct wire *h =
			session_wire(all.v[i], (struct wire_cancel){ is_cancelled, job }, &err);

		answer = h ? inspect(all.v[i], h, &ref, &reached, &err) : NULL;
		wire_free(h);
	}
	sessions_done(&all);
	return answer ? job_write_json(job, answer) : job_fail_error(job, &err);
}
