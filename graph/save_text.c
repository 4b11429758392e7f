/*
 * The texts of an archive of images. The same is said three times: in index.json and the manifests
 * for who reads OCI layouts, in manifest.json for Docker since 1.10, in repositories for those who
 * look for the names there.
 */
#include <stdio.h>
#include <string.h>

#include "graph/layertar.h"
#include "graph/save.h"
#include "pkg/json.h"
#include "pkg/mem.h"

#define OCI "application/vnd.oci.image."
#define OCI_CONFIG OCI "config.v1+json"
#define OCI_INDEX OCI "index.v1+json"
#define OCI_LAYER OCI "layer.v1.tar"
#define OCI_MANIFEST OCI "manifest.v1+json"
#define ANNOTATION_NAME "io.containerd.image.name"         /* docker.io/library/busybox:latest */
#define ANNOTATION_TAG "org.opencontainers.image.ref.name" /* latest */

static json_t *descriptor(const char *type, const char *digest, int64_t size)
{
	return json_pack("{ss ss sI}", "mediaType", type, "digest", digest, "size",
			 (json_int_t)size);
}

static json_t *blob_path(const char *digest)
{
	return json_sprintf("blobs/sha256/%s", digest_hex(digest));
}

/* Descriptors of an image's layers, base first; NULL with err. */
static json_t *layer_descriptors(struct save *s, const struct save_image *i, struct error *err)
{
	autojson json_t *list = json_array();
	int64_t size;

	for (struct layer *l = i->top; l; l = l->parent) {
		if (layertar_size(s->g, l, &size, err) < 0)
			return NULL;
		json_array_insert_new(list, 0, descriptor(OCI_LAYER, l->diff, size));
	}
	return take_json(&list);
}

static void compose_manifest(struct save_image *i, json_t *layers)
{
	autojson json_t *manifest =
		json_pack("{si ss so sO}", "schemaVersion", 2, "mediaType", OCI_MANIFEST, "config",
			  descriptor(OCI_CONFIG, i->id, (int64_t)i->config_size), "layers", layers);

	i->manifest = json_text(manifest);
	digest_of(i->manifest, strlen(i->manifest), i->manifest_digest);
}

/* An element of manifest.json. */
static json_t *docker_entry(const struct save_image *i, const json_t *layers)
{
	json_t *paths = json_array(), *sources = json_object(), *entry;
	json_t *layer;
	size_t k;

	json_array_foreach(layers, k, layer) {
		const char *digest = json_get_str(layer, "digest", "");

		json_array_append_new(paths, blob_path(digest));
		json_object_set(sources, digest, layer);
	}
	entry = json_pack("{so so so}", "Config", blob_path(i->id), "RepoTags",
			  i->tags.n ? json_from_strlist(&i->tags) : json_null(), "Layers", paths);
	if (*i->parent)
		json_object_set_new(entry, "Parent", json_string(i->parent));
	if (json_object_size(sources))
		json_object_set(entry, "LayerSources", sources);
	json_decref(sources);
	return entry;
}

/* The manifest's descriptor in index.json, once for each name, or once without. */
static int add_to_index(json_t *index, const struct save_image *i, struct error *err)
{
	json_t *plain = descriptor(OCI_MANIFEST, i->manifest_digest, (int64_t)strlen(i->manifest));

	for (size_t k = 0; k < i->tags.n; k++) {
		autoreference struct reference ref = REFERENCE_INIT;
		json_t *named = json_copy(plain);

		json_array_append_new(index, named);
		if (reference_parse(i->tags.v[k], &ref, err) < 0) {
			json_decref(plain);
			return -1;
		}
		json_object_set_new(named, "annotations",
				    json_pack("{so ss}", ANNOTATION_NAME,
					      json_sprintf("%s/%s:%s", ref.domain, ref.path,
							   ref.tag),
					      ANNOTATION_TAG, ref.tag));
	}
	if (!i->tags.n)
		json_array_append(index, plain);
	json_decref(plain);
	return 0;
}

/* {"busybox": {"latest": HEX of the top layer}}; an image without layers has no place here. */
static void add_to_repositories(json_t *repositories, const struct save_image *i)
{
	for (size_t k = 0; i->top && k < i->tags.n; k++) {
		const char *colon = strrchr(i->tags.v[k], ':');
		autofree char *repo = xstrndup(i->tags.v[k], (size_t)(colon - i->tags.v[k]));

		if (!json_get_obj(repositories, repo))
			json_object_set_new(repositories, repo, json_object());
		json_object_set_new(json_get_obj(repositories, repo), colon + 1,
				    json_string(digest_hex(i->top->diff)));
	}
}

int save_compose(struct save *s, struct error *err)
{
	autojson json_t *manifests = json_array(), *entries = json_array(),
			*repositories = json_object(), *index = NULL;

	for (size_t k = 0; k < s->n; k++) {
		struct save_image *i = &s->images[k];
		autojson json_t *layers = layer_descriptors(s, i, err);

		if (!layers)
			return -1;
		compose_manifest(i, layers);
		json_array_append_new(entries, docker_entry(i, layers));
		if (add_to_index(manifests, i, err) < 0)
			return -1;
		add_to_repositories(repositories, i);
	}
	index = json_pack("{si ss sO}", "schemaVersion", 2, "mediaType", OCI_INDEX, "manifests",
			  manifests);
	s->index = json_text(index);
	s->docker_manifest = json_text(entries);
	s->repositories = json_text(repositories);
	return 0;
}
