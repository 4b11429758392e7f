/* The job `pull`: an image, or all tags of a repository, from a registry. */
#include <stdlib.h>
#include <string.h>

#include "graph/jobs.h"
#include "graph/progress.h"
#include "graph/pull.h"
#include "pkg/json.h"
#include "pkg/mem.h"

static bool is_cancelled(void *job)
{
	return job_is_cancelled(job);
}

/* In the words that people look for. */
static int explain(struct pull *p, const char *tag, struct error *err)
{
	autofree char *repo = reference_name(&p->ref);
	bool is_digest = strchr(tag, ':');

	if (!err)
		return -1;
	if (strncmp(err->text, "denied: ", 8) == 0) {
		err->kind = ERR_NOT_FOUND;
		return error_prefix(err,
				    "pull access denied for %s, repository does not exist or may "
				    "require 'docker login'",
				    repo);
	}
	if (strncmp(err->text, "manifest unknown", 16) == 0)
		return error_prefix(err, "manifest for %s%s%s not found", repo,
				    is_digest ? "@" : ":", tag);
	if (strncmp(err->text, "name unknown", 12) == 0)
		return error_prefix(err, "repository %s not found", repo);
	if (err->kind == ERR_UNAVAILABLE)
		err->kind = ERR_INTERNAL;
	return -1;
}

static int name_it(struct pull *p, const char *tag, const char *digest, const char *id,
		   struct error *err)
{
	struct reference named = p->ref;
	char old[DIGEST_SIZE];

	named.digest = (char *)digest;
	if (names_set(p->g, &named, id, old, err) < 0)
		return -1;
	if (strchr(tag, ':'))
		return 0;
	named.digest = NULL;
	named.tag = (char *)tag;
	if (names_set(p->g, &named, id, old, err) < 0)
		return -1;
	p->newer |= strcmp(old, id) != 0;
	return 0;
}

static int pull_tag(struct pull *p, const char *tag, struct error *err)
{
	struct manifest m = { 0 };
	char id[DIGEST_SIZE];
	int rc;

	rc = pull_manifest(p, tag, &m, err);
	if (rc == 0)
		progress_sayf(p->job, tag, "Pulling from %s", p->ref.path);
	if (rc == 0)
		rc = pull_image(p, m.json, id, err);
	if (rc == 0)
		rc = name_it(p, tag, m.digest, id, err);
	json_decref(m.json);
	if (rc < 0)
		return explain(p, tag, err);
	progress_sayf(p->job, NULL, "Digest: %s", m.digest);
	return 0;
}

static void tell_status(struct pull *p, const char *tag)
{
	autofree char *repo = reference_name(&p->ref);

	progress_sayf(p->job, NULL, "Status: %s for %s%s%s",
		      p->newer ? "Downloaded newer image" : "Image is up to date", repo,
		      !tag               ? ""
		      : strchr(tag, ':') ? "@"
					 : ":",
		      tag ? tag : "");
}

static void tell_event(struct pull *p, const char *tag)
{
	autofree char *repo = reference_name(&p->ref);
	autofree char *name =
		tag ? xasprintf("%s%s%s", repo, strchr(tag, ':') ? "@" : ":", tag) : xstrdup(repo);

	graph_event_named(p->g, "pull", name, repo);
}

static int pull_all(struct pull *p, struct error *err)
{
	autostrlist struct strlist tags = STRLIST_INIT;

	if (session_tags(p->session, p->wire, &tags, err) < 0)
		return explain(p, "", err);
	for (size_t i = 0; i < tags.n; i++) {
		if (!reference_tag_is_valid(tags.v[i]))
			return error_set(err, ERR_BAD_REQUEST, "invalid tag \"%s\" in the list",
					 tags.v[i]);
		if (pull_tag(p, tags.v[i], err) < 0)
			return -1;
	}
	return 0;
}

/* From one place. *reached: it is there, and speaks to us. */
static int pull_from(struct pull *p, struct session *s, const char *tag, bool *reached,
		     struct error *err)
{
	int rc = -1;

	p->session = s;
	p->wire = session_wire(s, (struct wire_cancel){ is_cancelled, p->job }, err);
	*reached = p->wire && session_ping(s, p->wire, err) == 0;
	if (*reached)
		rc = tag ? pull_tag(p, tag, err) : pull_all(p, err);
	wire_free(p->wire);
	p->wire = NULL;
	return rc;
}

/*
 * A mirror that fails is passed over. With the registry itself, the way without TLS is for those that
 * have none: not for those that said no.
 */
static int pull(struct pull *p, const char *tag, struct error *err)
{
	const char *auth = env_get(job_env(p->job), "X-Registry-Auth", NULL);
	struct sessions all;
	bool reached = false;
	int rc = -1;

	if (sessions_open(p->g->registry, &p->ref, auth, false, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n && rc < 0; i++) {
		if (reached && !session_is_mirror(all.v[i - 1]))
			break;
		if (i && err->kind == ERR_CANCELLED)
			break;
		rc = pull_from(p, all.v[i], tag, &reached, err);
	}
	sessions_done(&all);
	return rc;
}

/* "busybox" and "latest" or "sha256:..."; no tag and no digest: all of them. */
static int read_name(struct pull *p, char **tag, struct error *err)
{
	const char *given = env_get(job_env(p->job), "tag", "");
	bool with_digest = strchr(given, ':');
	autofree char *text = xasprintf("%s%s%s", job_arg(p->job, 0),
					!*given       ? ""
					: with_digest ? "@"
						      : ":",
					given);
	struct reference *ref = &p->ref;

	if (reference_parse(text, ref, err) < 0)
		return -1;
	*tag = ref->digest ? take_ptr(&ref->digest) : take_ptr(&ref->tag);
	free(ref->tag);
	free(ref->digest);
	ref->tag = ref->digest = NULL;
	return 0;
}

int job_pull(struct job *job, void *self)
{
	const char *platform = env_get(job_env(job), "platform", "");
	struct pull p = { .g = self, .job = job, .platform_given = *platform };
	autofree char *tag = NULL;
	struct error err = { 0 };
	int rc = read_name(&p, &tag, &err);

	if (rc == 0)
		rc = platform_parse(platform, &p.platform, &err);
	if (rc == 0)
		rc = pull(&p, tag, &err);
	if (rc == 0) {
		tell_status(&p, tag);
		tell_event(&p, tag);
	}
	reference_done(&p.ref);
	platform_done(&p.platform);
	return rc < 0 ? job_fail_error(job, &err) : 0;
}
