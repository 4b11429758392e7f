/*
 * OCI image layouts: index.json names manifests, or further indexes for several platforms; all
 * blobs stand under blobs/sha256. (OCI image specification: image-layout.md, image-index.md,
 * manifest.md.)
 */
#include <string.h>

#include "graph/load.h"
#include "graph/platform.h"
#include "pkg/json.h"
#include "pkg/mem.h"

#define DEPTH_MAX 8 /* of indexes in indexes */

static char *blob_path(const char *digest)
{
	return xasprintf("blobs/sha256/%s", digest_hex(digest));
}

/* Read the blob of a descriptor, which its name makes be checked. */
static int read_blob(struct load *l, const json_t *descriptor, struct buf *b, struct error *err)
{
	const char *digest = json_get_str(descriptor, "digest", "");
	autofree char *path = NULL;

	if (!digest_is_valid(digest))
		return error_set(err, ERR_BAD_REQUEST, "invalid archive: unsupported digest \"%s\"",
				 digest);
	path = blob_path(digest);
	return load_read(l, path, b, err);
}

/* An index has no mediaType of its own in old layouts: what it holds tells. */
static bool is_index(const json_t *blob)
{
	return json_get_arr(blob, "manifests");
}

static int add_layer(struct load_image *i, const json_t *descriptor, struct error *err)
{
	const char *digest = json_get_str(descriptor, "digest", "");

	if (!digest_is_valid(digest))
		return error_set(err, ERR_BAD_REQUEST, "invalid archive: unsupported digest \"%s\"",
				 digest);
	strlist_add(&i->digests, digest);
	strlist_take(&i->layers, blob_path(digest));
	return 0;
}

static int add_manifest(struct load *l, const json_t *manifest, char id[DIGEST_SIZE],
			struct error *err)
{
	autobuf struct buf config = BUF_INIT(CONFIG_MAX);
	struct load_image i = { 0 };
	const json_t *layer;
	size_t k;
	int rc = read_blob(l, json_get_obj(manifest, "config"), &config, err);

	json_array_foreach(json_get_arr(manifest, "layers"), k, layer)
		if (rc == 0)
			rc = add_layer(&i, layer, err);
	i.config = buf_text(&config);
	i.nconfig = config.len;
	if (rc == 0)
		rc = load_add(l, &i, id, err);
	strlist_done(&i.layers);
	strlist_done(&i.digests);
	return rc;
}

/* The descriptor of an index that fits this machine best; NULL: none does. */
static const json_t *choose(const json_t *index)
{
	struct platform here = { 0 };
	const json_t *best;

	if (platform_parse("", &here, NULL) < 0)
		return NULL;
	best = platform_choose(&here, json_get_arr(index, "manifests"));
	platform_done(&here);
	return best;
}

/* Follow a descriptor through indexes to a manifest; a new reference. */
static json_t *resolve(struct load *l, const json_t *descriptor, struct error *err)
{
	autojson json_t *blob = NULL;

	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		autobuf struct buf text = BUF_INIT(CONFIG_MAX);
		json_t *next;

		if (read_blob(l, descriptor, &text, err) < 0)
			return NULL;
		next = json_parse(buf_text(&text), text.len, err);
		json_decref(blob); /* the descriptor was part of it */
		blob = next;
		if (!blob || !is_index(blob))
			return take_json(&blob);
		descriptor = choose(blob);
		if (!descriptor) {
			error_set(err, ERR_NOT_FOUND,
				  "no matching manifest for this platform in the archive");
			return NULL;
		}
	}
	error_set(err, ERR_BAD_REQUEST, "invalid archive: indexes are nested too deeply");
	return NULL;
}

/* The name that the writer gave: skopeo's may be a tag alone, which names nothing. */
static const char *name_of(const json_t *descriptor)
{
	const json_t *notes = json_get_obj(descriptor, "annotations");
	const char *full = json_get_str(notes, "io.containerd.image.name", NULL);
	const char *ref = json_get_str(notes, "org.opencontainers.image.ref.name", "");

	if (full)
		return full;
	return strpbrk(ref, "/:") ? ref : NULL;
}

static int load_one(struct load *l, const json_t *descriptor, struct error *err)
{
	autojson json_t *manifest = resolve(l, descriptor, err), *names = json_array();
	const char *name = name_of(descriptor);
	char id[DIGEST_SIZE];

	if (!manifest || add_manifest(l, manifest, id, err) < 0)
		return -1;
	if (name)
		json_array_append_new(names, json_string(name));
	return load_name(l, id, names, err);
}

/* Is it for another machine, and not all that there is? */
static bool is_foreign(const json_t *descriptor, const struct platform *here, size_t n)
{
	return n > 1 && platform_score(here, json_get_obj(descriptor, "platform")) == 0;
}

int load_oci(struct load *l, struct error *err)
{
	autojson json_t *index = load_read_json(l, "index.json", err);
	const json_t *list = json_get_arr(index, "manifests"), *d;
	struct platform here = { 0 };
	size_t i, loaded = 0;
	int rc = 0;

	if (!index || platform_parse("", &here, err) < 0)
		return -1;
	json_array_foreach(list, i, d) {
		if (rc < 0 || is_foreign(d, &here, json_array_size(list)))
			continue;
		rc = load_one(l, d, err);
		loaded++;
	}
	platform_done(&here);
	if (rc == 0 && !loaded)
		return error_set(err, ERR_NOT_FOUND,
				 "no matching manifest for this platform in the archive");
	return rc;
}
