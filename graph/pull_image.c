/* From a manifest to an image of the store: see pull.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "graph/progress.h"
#include "graph/pull.h"
#include "graph/transfer.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "registry/blob.h"

#define TELL_MS 100 /* between two looks at what came in */
#define SHORT_ID 12
#define LAYERS_MAX 127 /* as with Docker; overlay can stack about as many */
#define RESTARTS_MAX 3

/* One layer on its way. */
struct piece {
	struct transfer_blob blob;
	char short_id[SHORT_ID + 1]; /* of the blob, for people */
	struct transfer *transfer;   /* NULL: it is here, or not begun */
	bool here, finished, joined; /* joined: the transfer is another pull's */
	int64_t told;
	int restarts;
};

struct stack {
	struct pull *pull;
	struct piece *v;
	size_t n;
	struct layer *top; /* of what is adopted so far, a reference */
};

/* ---- the manifest ---- */

static int check_layer_type(const json_t *layer, struct error *err)
{
	const char *type = json_get_str(layer, "mediaType", "");

	if (strstr(type, "foreign") || strstr(type, "nondistributable"))
		return error_set(err, ERR_NOT_IMPLEMENTED,
				 "foreign layers are not supported: layer %s (%s)",
				 json_get_str(layer, "digest", ""), type);
	if (strncmp(type, "application/vnd.docker.image.rootfs.diff.tar", 44) == 0 ||
	    (strncmp(type, "application/vnd.oci.image.layer.v1.tar", 38) == 0 &&
	     !strstr(type, "encrypted")))
		return 0;
	return error_set(err, ERR_BAD_REQUEST, "unsupported media type \"%s\" of layer %s", type,
			 json_get_str(layer, "digest", ""));
}

static int check_config_type(const json_t *config, struct error *err)
{
	const char *type = json_get_str(config, "mediaType", "");

	if (!*type || strcmp(type, "application/vnd.docker.container.image.v1+json") == 0 ||
	    strcmp(type, "application/vnd.oci.image.config.v1+json") == 0 ||
	    strcmp(type, "application/octet-stream") == 0) /* of old registries */
		return 0;
	return error_set(err, ERR_BAD_REQUEST,
			 "invalid media type for an image config: \"%s\": this is no image", type);
}

static int check_descriptor(const json_t *d, struct error *err)
{
	if (!digest_is_valid(json_get_str(d, "digest", "")))
		return error_set(err, ERR_BAD_REQUEST, "unsupported digest \"%s\" in manifest",
				 json_get_str(d, "digest", ""));
	if (json_get_int(d, "size", -1) < 0)
		return error_set(err, ERR_BAD_REQUEST, "invalid size in manifest");
	return 0;
}

static int read_config(struct pull *p, const json_t *descriptor, struct buf *text,
		       struct error *err)
{
	const char *digest = json_get_str(descriptor, "digest", "");
	char part[16384], have[DIGEST_SIZE];
	struct blob *b;
	ssize_t n;
	int rc = 0;

	if (check_config_type(descriptor, err) < 0 || check_descriptor(descriptor, err) < 0)
		return -1;
	b = blob_open(p->session, p->wire, digest, json_get_int(descriptor, "size", -1));
	while (rc == 0 && (n = blob_read(b, part, sizeof(part))) != 0)
		if (n < 0)
			rc = -1;
		else if (buf_add(text, part, (size_t)n) < 0)
			rc = error_set(err, ERR_BAD_REQUEST, "the image config is too large");
	if (blob_error(b) && err)
		*err = *blob_error(b);
	blob_close(b);
	if (rc < 0)
		return -1;
	digest_of(buf_text(text), text->len, have);
	if (strcmp(have, digest) != 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "image config verification failed for digest %s", digest);
	return 0;
}

static int check_platform(const struct pull *p, const json_t *config, struct error *err)
{
	const char *os = json_get_str(config, "os", "linux");
	const char *arch = json_get_str(config, "architecture", "");

	if (*os && strcmp(os, "linux") != 0)
		return error_set(err, ERR_BAD_REQUEST, "cannot pull %s image on linux", os);
	if (p->platform_given && platform_score(&p->platform, config) == 0)
		return error_set(err, ERR_NOT_FOUND,
				 "image was found but does not match the specified platform: "
				 "wanted %s/%s, actual: %s/%s",
				 p->platform.os, p->platform.architecture, os, arch);
	return 0;
}

/* ---- its layers ---- */

static void stack_done(struct stack *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].transfer)
			transfer_leave(s->v[i].transfer);
	layer_release(s->pull->g, s->top);
	free(s->v);
}

static int fill_piece(struct piece *piece, const json_t *layer, const json_t *diff,
		      const char *repository, struct error *err)
{
	if (check_layer_type(layer, err) < 0 || check_descriptor(layer, err) < 0)
		return -1;
	piece->blob = (struct transfer_blob){
		.digest = json_get_str(layer, "digest", ""),
		.diff_id = json_string_value(diff),
		.type = json_get_str(layer, "mediaType", ""),
		.repository = repository,
		.size = json_get_int(layer, "size", -1),
	};
	memcpy(piece->short_id, digest_hex(piece->blob.digest), SHORT_ID);
	return 0;
}

/* What the store has of it already, from the base on. */
static void take_known(struct stack *s, const struct strlist *chains)
{
	for (size_t i = s->n; i-- > 0;) {
		struct layer *l = layer_get(s->pull->g, chains->v[i]);

		if (!l)
			continue;
		s->top = l;
		for (size_t k = 0; k <= i; k++)
			s->v[k].here = true;
		return;
	}
}

static void tell(struct stack *s, struct piece *piece, const char *status)
{
	progress_say(s->pull->job, piece->short_id, status, NULL);
}

static void start(struct stack *s, struct piece *piece)
{
	if (ready_has(s->pull->g, piece->blob.diff_id)) {
		piece->finished = true; /* from a pull that was broken off */
		return;
	}
	piece->finished = false;
	piece->transfer = transfer_start(s->pull->g->transfers, s->pull->session, s->top,
					 &piece->blob, &piece->joined);
}

/* That a layer does not come from another pull's registry says nothing about ours. */
static bool start_own(struct stack *s, struct piece *piece)
{
	if (!piece->joined || piece->restarts++ == RESTARTS_MAX)
		return false;
	transfer_leave(piece->transfer);
	piece->transfer = NULL;
	piece->told = 0;
	start(s, piece);
	return true;
}

/* 1: it is all there, 0: not yet, -1 with err. */
static int look(struct stack *s, struct piece *piece, struct error *err)
{
	struct transfer_view v;

	if (piece->here || piece->finished)
		return 1;
	if (!piece->transfer)
		return 0;
	v = transfer_look(piece->transfer);
	if (v.state == TRANSFER_FAILED) {
		if (start_own(s, piece))
			return 0;
		if (err)
			*err = v.err;
		return -1;
	}
	if (v.bytes > piece->told && v.state == TRANSFER_RUNNING)
		progress_say(s->pull->job, piece->short_id, "Downloading",
			     json_pack("{sI sI}", "current", (json_int_t)v.bytes, "total",
				       (json_int_t)piece->blob.size));
	piece->told = v.bytes;
	if (v.state != TRANSFER_DONE)
		return 0;
	tell(s, piece, "Download complete");
	piece->finished = true;
	return 1;
}

/* Until these have come. */
static int wait_for(struct stack *s, size_t first, size_t end, struct error *err)
{
	for (;;) {
		size_t done = 0;

		if (job_is_cancelled(s->pull->job))
			return error_set(err, ERR_CANCELLED, "context canceled");
		for (size_t i = first; i < end; i++) {
			int rc = look(s, &s->v[i], err);

			if (rc < 0)
				return -1;
			done += (size_t)rc;
		}
		if (done == end - first)
			return 0;
		transfers_wait(s->pull->g->transfers, TELL_MS);
	}
}

static struct layer *take(struct stack *s, struct piece *piece, struct error *err)
{
	return piece->transfer ? transfer_take(piece->transfer, s->top, err)
			       : ready_adopt(s->pull->g, s->top, piece->blob.diff_id, err);
}

/* Put it on top. Another pull may have used the same layer up for another image: then once more. */
static int adopt(struct stack *s, size_t i, const char *chain, struct error *err)
{
	struct piece *piece = &s->v[i];
	struct layer *l = layer_get(s->pull->g, chain);

	if (l)
		ready_drop(s->pull->g, piece->blob.diff_id);
	for (int tries = 0; !l && tries < 3; tries++) {
		l = take(s, piece, err);
		if (l || err->kind != ERR_NOT_FOUND)
			break;
		if (piece->transfer)
			transfer_leave(piece->transfer);
		piece->transfer = NULL;
		start(s, piece);
		if (wait_for(s, i, i + 1, err) < 0)
			return -1;
	}
	if (!l)
		return -1;
	layer_release(s->pull->g, s->top); /* l holds it */
	s->top = l;
	s->pull->newer = true;
	tell(s, piece, "Pull complete");
	return 0;
}

/* Side by side where the driver can put one on the other afterwards, else one after the other. */
static int bring(struct stack *s, const struct strlist *chains, struct error *err)
{
	bool together = ready_is_supported(s->pull->g);

	for (size_t i = 0; i < s->n; i++)
		tell(s, &s->v[i], s->v[i].here ? "Already exists" : "Pulling fs layer");
	for (size_t i = 0; together && i < s->n; i++)
		if (!s->v[i].here)
			start(s, &s->v[i]);
	if (together && wait_for(s, 0, s->n, err) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].here)
			continue;
		if (!together)
			start(s, &s->v[i]);
		if (wait_for(s, i, i + 1, err) < 0 || adopt(s, i, chains->v[i], err) < 0)
			return -1;
	}
	return 0;
}

static int prepare(struct stack *s, const json_t *manifest, const json_t *config,
		   const char *repository, struct strlist *chains, struct error *err)
{
	const json_t *layers = json_get_arr(manifest, "layers"), *v;
	const json_t *diffs = json_get_arr(json_get_obj(config, "rootfs"), "diff_ids");
	size_t i;

	if (layer_chain_of_config(config, chains, err) < 0)
		return -1;
	if (chains->n != json_array_size(layers))
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid manifest, layers length mismatch: expected %zu, got %zu",
				 chains->n, json_array_size(layers));
	if (chains->n > LAYERS_MAX)
		return error_set(err, ERR_BAD_REQUEST, "max depth exceeded: %zu layers", chains->n);
	s->v = xcalloc(chains->n + 1, sizeof(*s->v));
	s->n = chains->n;
	json_array_foreach(layers, i, v)
		if (fill_piece(&s->v[i], v, json_array_get(diffs, i), repository, err) < 0)
			return -1;
	take_known(s, chains);
	return 0;
}

/* Is the image here, so that nothing but its name is missing? */
static bool is_here(struct graph *g, const char *id)
{
	bool is;

	pthread_mutex_lock(&g->lock);
	is = image_get(g, id);
	pthread_mutex_unlock(&g->lock);
	return is;
}

int pull_image(struct pull *p, const json_t *manifest, char id[DIGEST_SIZE], struct error *err)
{
	const json_t *descriptor = json_get_obj(manifest, "config");
	autofree char *repository = xasprintf("%s/%s", p->ref.domain, p->ref.path);
	autostrlist struct strlist chains = STRLIST_INIT;
	autobuf struct buf text = BUF_INIT(CONFIG_MAX);
	autojson json_t *config = NULL;
	struct stack s = { .pull = p };
	int rc;

	snprintf(id, DIGEST_SIZE, "%s", json_get_str(descriptor, "digest", ""));
	if (is_here(p->g, id)) {
		config = image_config(p->g, id, err);
		return config ? check_platform(p, config, err) : -1;
	}
	if (read_config(p, descriptor, &text, err) < 0)
		return -1;
	config = json_parse(buf_text(&text), text.len, err);
	if (!config || check_platform(p, config, err) < 0)
		return -1;
	rc = prepare(&s, manifest, config, repository, &chains, err);
	if (rc == 0)
		rc = bring(&s, &chains, err);
	if (rc == 0)
		rc = image_add(p->g, buf_text(&text), text.len, NULL, s.top, id, err);
	p->newer = true;
	stack_done(&s);
	return rc;
}
