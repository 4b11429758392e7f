/* The job `tag`. */
#include <string.h>

#include "engine/job.h"
#include "graph/internal.h"
#include "graph/jobs.h"
#include "graph/target.h"
#include "pkg/mem.h"

int target_parse(const char *repo, const char *tag, struct reference *ref, struct error *err)
{
	if (reference_parse(repo, ref, err) < 0)
		return -1;
	if (ref->digest)
		return error_set(err, ERR_BAD_REQUEST,
				 "refusing to create a tag with a digest reference");
	if (tag && *tag && reference_set_tag(ref, tag, err) < 0)
		return -1;
	reference_default_tag(ref);
	if (strcmp(ref->domain, "docker.io") == 0 && strcmp(ref->path, "library/sha256") == 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "refusing to create an ambiguous tag using digest algorithm as "
				 "name");
	return 0;
}

int job_tag(struct job *job, void *self)
{
	struct graph *g = self;
	autoreference struct reference ref = REFERENCE_INIT;
	char id[DIGEST_SIZE], old[DIGEST_SIZE];
	autofree char *name = NULL;
	struct error err = { 0 };

	if (lookup_id(g, job_arg(job, 0), id, &err) < 0 ||
	    target_parse(job_arg(job, 1), job_arg(job, 2), &ref, &err) < 0 ||
	    names_set(g, &ref, id, old, &err) < 0)
		return job_fail_error(job, &err);
	name = reference_text(&ref);
	graph_event(g, "tag", id, name);
	return 0;
}
