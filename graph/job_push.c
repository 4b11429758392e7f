/* The job `push`: an image, or all tags of a repository, to its registry. */
#include <stdlib.h>
#include <string.h>

#include "graph/jobs.h"
#include "graph/progress.h"
#include "graph/push.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "registry/upload.h"

#define DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_CONFIG "application/vnd.oci.image.config.v1+json"

static bool is_cancelled(void *job)
{
	return job_is_cancelled(job);
}

/* The image of a tag and its layers, a reference. */
static int find_image(struct push *p, const char *tag, char id[DIGEST_SIZE], struct layer **top,
		      struct error *err)
{
	struct reference ref = p->ref;
	const struct img *i = NULL;
	const char *found;

	ref.tag = (char *)tag;
	pthread_mutex_lock(&p->g->lock);
	found = names_find(p->g, &ref);
	if (found)
		i = image_get(p->g, found);
	if (i) {
		memcpy(id, i->id, DIGEST_SIZE);
		*top = i->top;
		if (i->top)
			i->top->refs++;
	}
	pthread_mutex_unlock(&p->g->lock);
	if (!i) {
		autofree char *name = reference_name(&p->ref);

		return error_set(err, ERR_NOT_FOUND, "tag does not exist: %s:%s", name, tag);
	}
	return 0;
}

static int push_config(struct push *p, const struct buf *config, const char *id, struct error *err)
{
	int rc = upload_exists(p->session, p->wire, id, err);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	return upload_text(p->session, p->wire, config->p, config->len, err);
}

/* The manifest's text; the caller frees. */
static char *compose(const char *id, size_t size, json_t *layers, bool oci)
{
	autojson json_t *j = json_pack("{si ss s{ss sI ss} sO}", "schemaVersion", 2, "mediaType",
				       oci ? OCI_MANIFEST : DOCKER_MANIFEST, "config", "mediaType",
				       oci ? OCI_CONFIG : DOCKER_CONFIG, "size", (json_int_t)size,
				       "digest", id, "layers", layers);

	return json_dumps(j, JSON_COMPACT);
}

/* Afterwards the image is known by its digest in that repository, too. */
static int note_digest(struct push *p, const char *digest, const char *id, struct error *err)
{
	struct reference ref = p->ref;
	char old[DIGEST_SIZE];

	ref.digest = (char *)digest;
	return names_set(p->g, &ref, id, old, err);
}

static void tell_end(struct push *p, const char *tag, const char *digest, size_t size)
{
	autojson json_t *aux = json_pack("{s{} s{ss ss sI}}", "progressDetail", "aux", "Tag", tag,
					 "Digest", digest, "Size", (json_int_t)size);
	autofree char *text = json_text(aux);

	progress_sayf(p->job, NULL, "%s: digest: %s size: %zu", tag, digest, size);
	(void)job_printf(p->job, "%s\r\n", text); /* it is pushed, heard or not */
}

static int push_image(struct push *p, const char *tag, const char *id, struct layer *top,
		      struct error *err)
{
	autobuf struct buf config = BUF_INIT(CONFIG_MAX);
	autojson json_t *layers = NULL;
	autofree char *manifest = NULL;
	char digest[DIGEST_SIZE];
	bool oci;

	if (image_text(p->g, id, &config, err) < 0)
		return -1;
	layers = push_layers(p, top, &oci, err);
	if (!layers || push_config(p, &config, id, err) < 0)
		return -1;
	manifest = compose(id, config.len, layers, oci);
	digest_of(manifest, strlen(manifest), digest);
	if (upload_manifest(p->session, p->wire, tag, oci ? OCI_MANIFEST : DOCKER_MANIFEST,
			    manifest, strlen(manifest), err) < 0 ||
	    note_digest(p, digest, id, err) < 0)
		return -1;
	tell_end(p, tag, digest, strlen(manifest));
	return 0;
}

static int push_tag(struct push *p, const char *tag, struct error *err)
{
	struct layer *top = NULL;
	char id[DIGEST_SIZE];
	int rc;

	if (find_image(p, tag, id, &top, err) < 0)
		return -1;
	rc = push_image(p, tag, id, top, err);
	layer_release(p->g, top);
	return rc;
}

static int push_tags(struct push *p, const struct strlist *tags, bool *reached, struct error *err)
{
	int rc;

	p->wire = session_wire(p->session, (struct wire_cancel){ is_cancelled, p->job }, err);
	rc = p->wire ? session_ping(p->session, p->wire, err) : -1;
	*reached = rc == 0;
	for (size_t i = 0; rc == 0 && i < tags->n; i++)
		rc = push_tag(p, tags->v[i], err);
	wire_free(p->wire);
	p->wire = NULL;
	return rc;
}

static int push(struct push *p, const struct strlist *tags, struct error *err)
{
	const char *auth = env_get(job_env(p->job), "X-Registry-Auth", NULL);
	struct sessions all;
	bool reached = false;
	int rc = -1;

	if (sessions_open(p->g->registry, &p->ref, auth, true, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n && rc < 0 && !reached; i++) {
		if (i && err->kind == ERR_CANCELLED)
			break;
		p->session = all.v[i];
		rc = push_tags(p, tags, &reached, err);
	}
	sessions_done(&all);
	if (rc < 0 && err->kind == ERR_UNAVAILABLE)
		err->kind = ERR_INTERNAL;
	return rc;
}

static int read_name(struct push *p, struct strlist *tags, struct error *err)
{
	const char *tag = env_get(job_env(p->job), "tag", "");
	struct reference *ref = &p->ref;

	if (reference_parse(job_arg(p->job, 0), ref, err) < 0 ||
	    (*tag && reference_set_tag(ref, tag, err) < 0))
		return -1;
	if (ref->digest)
		return error_set(err, ERR_BAD_REQUEST, "cannot push a digest reference");
	if (ref->tag)
		strlist_add(tags, ref->tag);
	else
		names_tags(p->g, ref, tags);
	free(ref->tag);
	ref->tag = NULL;
	return 0;
}

int job_push(struct job *job, void *self)
{
	struct push p = { .g = self, .job = job };
	autostrlist struct strlist tags = STRLIST_INIT, there = STRLIST_INIT;
	autofree char *name = NULL;
	struct error err = { 0 };
	int rc = read_name(&p, &tags, &err);

	if (rc == 0) {
		name = reference_name(&p.ref);
		names_tags(p.g, &p.ref, &there);
		if (!there.n)
			rc = error_set(&err, ERR_NOT_FOUND,
				       "An image does not exist locally with the tag: %s", name);
	}
	if (rc == 0) {
		progress_sayf(job, NULL, "The push refers to repository [%s/%s]", p.ref.domain,
			      p.ref.path);
		rc = push(&p, &tags, &err);
	}
	if (rc == 0)
		graph_event_named(p.g, "push", name, name);
	reference_done(&p.ref);
	return rc < 0 ? job_fail_error(job, &err) : 0;
}
