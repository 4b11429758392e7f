/*
 * The job `image_export`: images as an archive, see save.h. All that can be missing is looked for
 * before the first byte. What describes the archive comes first in it, then the blobs, base layers
 * before what stands on them, so that a reader can take them as they come.
 */
#include <errno.h>
#include <string.h>

#include "engine/job.h"
#include "graph/jobs.h"
#include "graph/layertar.h"
#include "graph/platform.h"
#include "graph/save.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/tar.h"

struct archive {
	struct job *job;
	struct tar_writer *w;
	bool gone; /* the client is */
};

/* A tar_sink: to the client. */
static int send_part(void *to, const void *p, size_t n)
{
	struct archive *a = to;

	if (!job_is_cancelled(a->job) && output_write(job_out(a->job), p, n) == 0)
		return 0;
	a->gone = true;
	errno = EPIPE;
	return -1;
}

/* A record_sink: content of the entry that was begun. */
static int put_part(void *to, const void *p, size_t n)
{
	struct archive *a = to;

	return tar_write_data(a->w, p, n);
}

/* Times are not an image's matter: the same images are the same archive, byte for byte. */
static int begin(struct archive *a, enum tar_type type, const char *name, int64_t size,
		 struct error *err)
{
	autofree char *own = xstrdup(name);
	struct tar_entry e = {
		.type = type, .name = own, .mode = type == TAR_DIR ? 0755 : 0644, .size = size
	};

	return tar_write_entry(a->w, &e) < 0 ? error_sys(err, "cannot write the archive") : 0;
}

static int put_file(struct archive *a, const char *name, const void *p, size_t n, struct error *err)
{
	if (begin(a, TAR_FILE, name, (int64_t)n, err) < 0)
		return -1;
	return n && tar_write_data(a->w, p, n) < 0 ? error_sys(err, "cannot write the archive") : 0;
}

static int begin_blob(struct archive *a, const char *digest, int64_t size, struct error *err)
{
	autofree char *name = xasprintf("blobs/sha256/%s", digest_hex(digest));

	return begin(a, TAR_FILE, name, size, err);
}

static int put_blob(struct archive *a, const char *digest, const void *p, size_t n,
		    struct error *err)
{
	autofree char *name = xasprintf("blobs/sha256/%s", digest_hex(digest));

	return put_file(a, name, p, n, err);
}

static int put_image(struct archive *a, const struct save *s, const struct save_image *i,
		     struct error *err)
{
	autobuf struct buf config = BUF_INIT(CONFIG_MAX);

	if (put_blob(a, i->manifest_digest, i->manifest, strlen(i->manifest), err) < 0 ||
	    save_read_config(s, i->id, &config, err) < 0)
		return -1;
	return put_blob(a, i->id, buf_text(&config), config.len, err);
}

static int put_layer(struct archive *a, const struct save *s, const struct save_layer *l,
		     struct error *err)
{
	if (begin_blob(a, l->layer->diff, l->size, err) < 0)
		return -1;
	return layertar_write(s->g, l->layer, l->size, put_part, a, err);
}

static int put_texts(struct archive *a, const struct save *s, struct error *err)
{
	const struct {
		const char *name, *text;
	} files[] = {
		{ "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}" },
		{ "index.json", s->index },
		{ "manifest.json", s->docker_manifest },
		{ "repositories", s->repositories },
	};

	for (size_t i = 0; i < array_size(files); i++)
		if (put_file(a, files[i].name, files[i].text, strlen(files[i].text), err) < 0)
			return -1;
	return 0;
}

static int put_all(struct archive *a, const struct save *s, struct error *err)
{
	if (put_texts(a, s, err) < 0 || begin(a, TAR_DIR, "blobs/", 0, err) < 0 ||
	    begin(a, TAR_DIR, "blobs/sha256/", 0, err) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++)
		if (put_image(a, s, &s->images[i], err) < 0)
			return -1;
	for (size_t i = 0; i < s->nlayers; i++)
		if (put_layer(a, s, &s->layers[i], err) < 0)
			return -1;
	return tar_write_end(a->w) < 0 ? error_sys(err, "cannot write the archive") : 0;
}

static int write_archive(struct job *job, const struct save *s, struct error *err)
{
	struct archive a = { .job = job };
	int rc;

	a.w = tar_writer_new(send_part, &a);
	rc = put_all(&a, s, err);
	tar_writer_free(a.w);
	return a.gone ? error_set(err, ERR_CANCELLED, "the client is gone") : rc;
}

/* As `docker save --platform` asks: an image here has one platform. first: of what name has added. */
static int check_platform(struct save *s, size_t first, const char *name, const struct platform *p,
			  struct error *err)
{
	for (size_t i = first; i < s->n; i++) {
		autojson json_t *config = image_config(s->g, s->images[i].id, err);

		if (!config)
			return -1;
		if (platform_score(p, config) == 0)
			return error_set(err, ERR_NOT_FOUND,
					 "image with reference %s was found but does not provide "
					 "the specified platform (%s/%s%s%s)",
					 name, p->os, p->architecture, p->variant ? "/" : "",
					 p->variant ? p->variant : "");
	}
	return 0;
}

/* {"os":"linux","architecture":"arm64"} since API 1.48, or "linux/arm64". Nothing asked: no os in *p. */
static int read_platform(const char *text, struct platform *p, struct error *err)
{
	autojson json_t *j = *text == '{' ? json_parse(text, strlen(text), err) : NULL;
	autofree char *words = NULL;
	const char *variant;

	if (*text != '{')
		return *text ? platform_parse(text, p, err) : 0;
	if (!j)
		return -1;
	variant = json_get_str(j, "variant", "");
	words = xasprintf("%s/%s%s%s", json_get_str(j, "os", ""),
			  json_get_str(j, "architecture", ""), *variant ? "/" : "", variant);
	return platform_parse(words, p, err);
}

static int add_all(struct save *s, struct job *job, struct error *err)
{
	struct platform wanted = { 0 };
	int rc = read_platform(env_get(job_env(job), "platform", ""), &wanted, err);

	for (size_t i = 0; rc == 0 && i < job_argc(job); i++) {
		size_t first = s->n;

		rc = save_add(s, job_arg(job, i), err);
		if (rc == 0 && wanted.os)
			rc = check_platform(s, first, job_arg(job, i), &wanted, err);
	}
	platform_done(&wanted);
	return rc;
}

int job_image_export(struct job *job, void *self)
{
	struct save s = { .g = self };
	struct error err = { 0 };
	int rc = -1;

	if (add_all(&s, job, &err) == 0 && save_prepare(&s, &err) == 0)
		rc = write_archive(job, &s, &err);
	for (size_t i = 0; rc == 0 && i < s.n; i++)
		graph_event(s.g, "save", s.images[i].id, s.images[i].id);
	save_done(&s);
	return rc < 0 ? job_fail_error(job, &err) : 0;
}
