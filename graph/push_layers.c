/*
 * The layers of a push: see push.h. A few threads take them one after the other; the job's thread
 * tells the client.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "graph/origin.h"
#include "graph/packer.h"
#include "graph/progress.h"
#include "graph/push.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/workers.h"
#include "registry/upload.h"

#define THREADS 3
#define TELL_MS 100
#define ASK_MAX 5 /* blobs that the registry is asked for before a layer is packed */
#define DOCKER_GZIP "application/vnd.docker.image.rootfs.diff.tar.gzip"
#define OCI_LAYER "application/vnd.oci.image.layer.v1.tar"

enum step { STEP_WAITING, STEP_ASKING, STEP_SENDING, STEP_THERE, STEP_MOUNTED, STEP_SENT };

struct load {
	struct layer *layer; /* held by the image's */
	char short_id[13];
	struct packer packer;
	_Atomic enum step step;
	enum step told;
	long long told_bytes;
	char *mounted_from;
	json_t *blob; /* an origin */
};

struct loads {
	struct push *push;
	char *repository;
	struct load *v; /* base first */
	size_t n;
	atomic_bool stop;
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t changed;
	size_t next; /* counted from the top, as Docker does */
	unsigned threads;
	bool failed;
	struct error err;
};

static bool is_stopped(void *loads)
{
	return atomic_load(&((struct loads *)loads)->stop);
}

/* "library/busybox" of "docker.io/library/busybox" if it is in our registry; else NULL. */
static const char *path_here(const struct loads *all, const char *repository)
{
	const char *domain = all->push->ref.domain;
	size_t n = strlen(domain);

	return strncmp(repository, domain, n) == 0 && repository[n] == '/' ? repository + n + 1
									   : NULL;
}

/* A blob that the registry may have: 1, 0 or -1. */
static int ask_for(struct loads *all, struct load *l, struct wire *w, json_t *origin,
		   struct error *err)
{
	struct push *p = all->push;
	const char *digest = json_get_str(origin, "digest", "");
	const char *path = path_here(all, json_get_str(origin, "repository", ""));
	int rc;

	if (!path || !digest_is_valid(digest))
		return 0; /* what is of other registries is no business of this one */
	rc = upload_exists(p->session, w, digest, err);
	if (rc > 0) {
		atomic_store(&l->step, STEP_THERE);
	} else if (rc == 0 && strcmp(path, p->ref.path) != 0) {
		rc = upload_mount(p->session, w, digest, path, err);
		if (rc > 0) {
			l->mounted_from = xstrdup(path);
			atomic_store(&l->step, STEP_MOUNTED);
		}
	}
	if (rc > 0)
		l->blob = json_incref(origin);
	return rc;
}

static int send(struct loads *all, struct load *l, struct wire *w, struct error *err)
{
	const struct upload u = { packer_begin, packer_read, packer_end, &l->packer, -1 };
	char digest[DIGEST_SIZE];

	atomic_store(&l->step, STEP_SENDING);
	if (upload_blob(all->push->session, w, &u, digest, err) < 0)
		return -1;
	l->blob = origin_new(digest, l->packer.packed, DOCKER_GZIP, all->repository);
	atomic_store(&l->step, STEP_SENT);
	return 0;
}

static int bring(struct loads *all, struct load *l, struct wire *w, struct error *err)
{
	autojson json_t *origins = origin_read(all->push->g, l->layer);
	json_t *origin, *noted;
	size_t i;
	int rc = 0;

	atomic_store(&l->step, STEP_ASKING);
	json_array_foreach(origins, i, origin) {
		if (i == ASK_MAX || rc)
			break;
		rc = ask_for(all, l, w, origin, err);
	}
	if (rc == 0)
		rc = send(all, l, w, err);
	if (rc < 0)
		return -1;
	noted = origin_new(json_get_str(l->blob, "digest", ""), json_get_int(l->blob, "size", 0),
			   json_get_str(l->blob, "mediaType", ""), all->repository);
	origin_add(all->push->g, l->layer, noted);
	json_decref(noted);
	return 0;
}

/* The next one, the top first; NULL: no more. */
static struct load *take_next(struct loads *all)
{
	struct load *l = NULL;

	pthread_mutex_lock(&all->lock);
	if (!all->failed && all->next < all->n)
		l = &all->v[all->n - 1 - all->next++];
	pthread_mutex_unlock(&all->lock);
	return l;
}

static void work(void *arg)
{
	struct loads *all = arg;
	struct error err = { 0 };
	struct wire *w =
		session_wire(all->push->session, (struct wire_cancel){ is_stopped, all }, &err);
	struct load *l;
	int rc = w ? 0 : -1;

	while (rc == 0 && (l = take_next(all)))
		rc = bring(all, l, w, &err);
	wire_free(w);
	pthread_mutex_lock(&all->lock);
	if (rc < 0 && !all->failed) {
		all->failed = true;
		all->err = err;
		atomic_store(&all->stop, true);
	}
	all->threads--;
	pthread_cond_broadcast(&all->changed);
	pthread_mutex_unlock(&all->lock);
}

/* ---- the job's thread ---- */

static void tell(struct loads *all, struct load *l)
{
	static const char *const words[] = {
		[STEP_WAITING] = "Preparing",
		[STEP_ASKING] = "Preparing",
		[STEP_THERE] = "Layer already exists",
		[STEP_SENT] = "Pushed",
	};
	enum step step = atomic_load(&l->step);
	long long bytes = atomic_load(&l->packer.bytes);

	if (step == STEP_SENDING && bytes > l->told_bytes) {
		progress_say(all->push->job, l->short_id, "Pushing",
			     json_pack("{sI sI}", "current", (json_int_t)bytes, "total",
				       (json_int_t)l->packer.size));
		l->told_bytes = bytes;
	}
	if (step == l->told || step == STEP_SENDING || step == STEP_ASKING)
		return;
	l->told = step;
	if (step == STEP_MOUNTED)
		progress_sayf(all->push->job, l->short_id, "Mounted from %s", l->mounted_from);
	else
		progress_say(all->push->job, l->short_id, words[step], NULL);
}

static void start_threads(struct loads *all)
{
	for (size_t i = 0; i < THREADS && i < all->n; i++) {
		pthread_mutex_lock(&all->lock);
		all->threads++;
		pthread_mutex_unlock(&all->lock);
		if (workers_run(work, all) == 0)
			continue;
		pthread_mutex_lock(&all->lock);
		all->threads--;
		if (!all->threads && !all->failed) {
			all->failed = true;
			error_set(&all->err, ERR_UNAVAILABLE, "no thread to push a layer");
		}
		pthread_mutex_unlock(&all->lock);
	}
}

static bool wait_a_little(struct loads *all)
{
	struct timespec until;
	bool goes_on;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += TELL_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&all->lock);
	if (all->threads)
		pthread_cond_timedwait(&all->changed, &all->lock, &until);
	goes_on = all->threads;
	pthread_mutex_unlock(&all->lock);
	return goes_on;
}

static int run(struct loads *all, struct error *err)
{
	bool goes_on = true;

	for (size_t i = all->n; i-- > 0;)
		progress_say(all->push->job, all->v[i].short_id, "Preparing", NULL);
	start_threads(all);
	while (goes_on) {
		goes_on = wait_a_little(all);
		if (job_is_cancelled(all->push->job))
			atomic_store(&all->stop, true);
		for (size_t i = all->n; i-- > 0;)
			tell(all, &all->v[i]);
	}
	if (all->failed && err)
		*err = all->err;
	return all->failed ? -1 : 0;
}

/* ---- descriptors ---- */

/* Docker's own manifests know gzip; anything else makes it an OCI one. */
static const char *oci_type(const char *type)
{
	if (strncmp(type, OCI_LAYER, strlen(OCI_LAYER)) == 0)
		return type;
	if (strstr(type, "zstd"))
		return OCI_LAYER "+zstd";
	return strstr(type, "gzip") ? OCI_LAYER "+gzip" : OCI_LAYER;
}

static bool is_for_docker(const char *type)
{
	return strcmp(type, DOCKER_GZIP) == 0 || strcmp(type, OCI_LAYER "+gzip") == 0;
}

static json_t *descriptors(const struct loads *all, bool *oci)
{
	json_t *list = json_array();

	*oci = false;
	for (size_t i = 0; i < all->n; i++)
		*oci |= !is_for_docker(json_get_str(all->v[i].blob, "mediaType", ""));
	for (size_t i = 0; i < all->n; i++) {
		const json_t *b = all->v[i].blob;
		const char *type = json_get_str(b, "mediaType", "");

		json_array_append_new(list, json_pack("{ss sI ss}", "mediaType",
						      *oci ? oci_type(type) : DOCKER_GZIP, "size",
						      (json_int_t)json_get_int(b, "size", 0),
						      "digest", json_get_str(b, "digest", "")));
	}
	return list;
}

static void fill(struct loads *all, struct layer *top)
{
	size_t at;

	for (struct layer *l = top; l; l = l->parent)
		all->n++;
	all->v = xcalloc(all->n + 1, sizeof(*all->v));
	at = all->n;
	for (struct layer *l = top; l; l = l->parent) {
		struct load *load = &all->v[--at];

		load->layer = l;
		memcpy(load->short_id, digest_hex(l->diff), 12);
		packer_init(&load->packer, all->push->g, l);
	}
}

json_t *push_layers(struct push *p, struct layer *top, bool *oci, struct error *err)
{
	struct loads all = { .push = p };
	json_t *list = NULL;

	all.repository = xasprintf("%s/%s", p->ref.domain, p->ref.path);
	pthread_mutex_init(&all.lock, NULL);
	pthread_cond_init(&all.changed, NULL);
	fill(&all, top);
	if (run(&all, err) == 0)
		list = descriptors(&all, oci);
	for (size_t i = 0; i < all.n; i++) {
		packer_done(&all.v[i].packer);
		json_decref(all.v[i].blob);
		free(all.v[i].mounted_from);
	}
	free(all.v);
	free(all.repository);
	pthread_mutex_destroy(&all.lock);
	pthread_cond_destroy(&all.changed);
	return list;
}
