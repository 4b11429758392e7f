/* The job `import`: an image of one layer from a tar, on stdin or from a URL. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/job.h"
#include "graph/config.h"
#include "graph/internal.h"
#include "graph/jobs.h"
#include "graph/platform.h"
#include "graph/progress.h"
#include "graph/target.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "registry/wire.h"
#include "runconfig/runconfig.h"

struct import {
	struct graph *g;
	struct job *job;
	const char *src;
	bool is_named;
	struct reference name;
	struct platform platform;
	json_t *config; /* the runtime Config */
};

static ssize_t read_job(void *from, void *p, size_t n)
{
	return input_read(from, p, n);
}

static bool is_cancelled(void *job)
{
	return job_is_cancelled(job);
}

/* A URL as users write it: without a scheme it is http. */
static char *complete_url(const char *src)
{
	return strstr(src, "://") ? xstrdup(src) : xasprintf("http://%s", src);
}

/* The body of the answer, as a source of bytes. */
struct download {
	struct wire *wire;
	struct error err; /* why it broke off */
};

static ssize_t read_download(void *from, void *p, size_t n)
{
	struct download *d = from;
	ssize_t got = wire_read(d->wire, p, n, &d->err);

	if (got < 0)
		errno = EIO;
	return got;
}

static struct layer *receive(struct import *im, struct download *d, const char *url,
			     struct error *err)
{
	struct layer_source src = { .read = read_download, .from = d };
	struct wire_request r = { .method = "GET", .url = url, .length = -1 };
	int status = wire_begin(d->wire, &r, err);
	struct layer *l;

	if (status < 0)
		return NULL;
	if (status != 200) {
		error_set(err, ERR_INTERNAL, "Get \"%s\": got HTTP status code %d", url, status);
		return NULL;
	}
	progress_sayf(im->job, NULL, "Downloading from %s", url);
	l = layer_add(im->g, NULL, &src, err);
	if (!l && d->err.kind != ERR_NONE)
		*err = d->err;
	return l;
}

static struct layer *download(struct import *im, struct error *err)
{
	autofree char *url = complete_url(im->src);
	struct download d = { .wire = wire_new(NULL, (struct wire_cancel){ is_cancelled, im->job },
					       err) };
	struct layer *l = d.wire ? receive(im, &d, url, err) : NULL;

	wire_free(d.wire);
	return l;
}

static struct layer *get_layer(struct import *im, struct error *err)
{
	struct layer_source src = { .read = read_job, .from = job_in(im->job) };

	return strcmp(im->src, "-") == 0 ? layer_add(im->g, NULL, &src, err) : download(im, err);
}

static json_t *compose(const struct import *im, const struct layer *l)
{
	const char *message = env_get(job_env(im->job), "message", "");
	autofree char *plain = xasprintf("Imported from %s", im->src);
	struct config_entry entry = { .comment = *message ? message : plain };
	json_t *config = config_new();

	json_object_set_new(config, "architecture", json_string(im->platform.architecture));
	json_object_set_new(config, "os", json_string(im->platform.os));
	if (im->platform.variant)
		json_object_set_new(config, "variant", json_string(im->platform.variant));
	json_object_set(config, "config", im->config);
	json_object_set_new(config, "comment", json_string(entry.comment));
	config_add_entry(config, &entry, l->diff);
	return config;
}

static int save(struct import *im, struct layer *l, char id[DIGEST_SIZE], struct error *err)
{
	autojson json_t *config = compose(im, l);
	autofree char *text = json_text(config);
	char old[DIGEST_SIZE];

	if (image_add(im->g, text, strlen(text), NULL, l, id, err) < 0)
		return -1;
	return im->is_named ? names_set(im->g, &im->name, id, old, err) : 0;
}

/* All that can be wrong with the request itself, before a byte is read. */
static int prepare(struct import *im, struct error *err)
{
	autostrlist struct strlist changes = STRLIST_INIT;
	autojson json_t *config = json_object();
	const char *repo = job_arg(im->job, 1);

	im->is_named = repo && *repo;
	if (im->is_named && target_parse(repo, job_arg(im->job, 2), &im->name, err) < 0)
		return -1;
	if (platform_parse(env_get(job_env(im->job), "platform", ""), &im->platform, err) < 0)
		return -1;
	env_get_list(job_env(im->job), "changes", &changes);
	if (runconfig_apply_changes(config, &changes, err) < 0)
		return -1;
	im->config = runconfig_config(config, err);
	return im->config ? 0 : -1;
}

static int run(struct import *im, char id[DIGEST_SIZE], struct error *err)
{
	struct layer *l;
	int rc;

	if (prepare(im, err) < 0)
		return -1;
	l = get_layer(im, err);
	if (!l)
		return -1;
	rc = save(im, l, id, err);
	layer_release(im->g, l);
	return rc;
}

int job_import(struct job *job, void *self)
{
	struct import im = { .g = self, .job = job, .src = job_arg(job, 0) };
	struct error err = { 0 };
	char id[DIGEST_SIZE];
	int rc = run(&im, id, &err);

	reference_done(&im.name);
	platform_done(&im.platform);
	json_decref(im.config);
	if (rc < 0)
		return job_fail_error(job, &err);
	graph_event(im.g, "import", id, id);
	progress_say(job, NULL, id, NULL); /* the image is there, read or not */
	return 0;
}
