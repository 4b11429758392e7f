/* The job `import`: an image of one layer from a tar, on stdin or from a URL. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/job.h"
#include "graph/config.h"
#include "graph/fetch.h"
#include "graph/internal.h"
#include "graph/jobs.h"
#include "graph/platform.h"
#include "graph/target.h"
#include "pkg/json.h"
#include "pkg/mem.h"
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

static int write_status(struct job *job, const char *status)
{
	autojson json_t *j = json_pack("{ss}", "status", status);
	autofree char *text = json_text(j);

	return job_printf(job, "%s\r\n", text);
}

/* A URL as users write it: without a scheme it is http. */
static char *complete_url(const char *src)
{
	return strstr(src, "://") ? xstrdup(src) : xasprintf("http://%s", src);
}

static struct layer *download(struct import *im, struct error *err)
{
	autofree char *url = complete_url(im->src), *status = NULL;
	struct fetch *f = fetch_open(url, is_cancelled, im->job, err);
	struct layer_source src = { .read = fetch_read, .from = f };
	struct layer *l;

	if (!f)
		return NULL;
	status = xasprintf("Downloading from %s", url);
	(void)write_status(im->job, status); /* a client that left shows when it is read from */
	l = layer_add(im->g, NULL, &src, err);
	if (!l && fetch_error(f))
		error_set(err, ERR_INTERNAL, "Get \"%s\": %s", url, fetch_error(f));
	fetch_close(f);
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
	(void)write_status(job, id); /* the image is there, read or not */
	return 0;
}
