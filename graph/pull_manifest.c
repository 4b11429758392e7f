/* From a tag or digest to the manifest for one platform: see pull.h. */
#include <string.h>

#include "graph/pull.h"
#include "pkg/json.h"
#include "pkg/mem.h"

#define SCHEMA1                                                                                    \
	"Docker Image Format v1 and Docker Image manifest version 2, schema 1 support has been "   \
	"removed. Suggest the author of %s to upgrade the image to the OCI Format or Docker "      \
	"Image manifest v2, schema 2"

/* What a document is, by what it holds and by what it says it is: both must agree. */
enum document { DOCUMENT_MANIFEST, DOCUMENT_INDEX };

static bool is_index_type(const char *type)
{
	return strstr(type, "manifest.list") || strstr(type, "image.index");
}

static int check_type(const char *type, enum document is, struct error *err)
{
	if (!*type || is_index_type(type) == (is == DOCUMENT_INDEX))
		return 0;
	return error_set(err, ERR_BAD_REQUEST, "media type mismatch: \"%s\" is not what it holds",
			 type);
}

/* A document that could be read as either is how one image is made to look like another. */
static int classify(const json_t *j, const char *type, const char *name, enum document *out,
		    struct error *err)
{
	bool has_list = json_object_get(j, "manifests");
	bool has_layers = json_object_get(j, "layers") || json_object_get(j, "config");

	if (json_object_get(j, "fsLayers") || json_get_int(j, "schemaVersion", 2) == 1)
		return error_set(err, ERR_NOT_IMPLEMENTED, SCHEMA1, name);
	if (has_list && has_layers)
		return error_set(err, ERR_BAD_REQUEST,
				 "the document is both a manifest and an index, refusing it");
	if (!json_get_arr(j, "manifests") && !json_get_arr(j, "layers"))
		return error_set(err, ERR_BAD_REQUEST, "unsupported manifest format: \"%s\"", type);
	*out = has_list ? DOCUMENT_INDEX : DOCUMENT_MANIFEST;
	if (check_type(type, *out, err) < 0)
		return -1;
	return check_type(json_get_str(j, "mediaType", ""), *out, err);
}

static json_t *read_document(struct pull *p, const char *name, char digest[DIGEST_SIZE],
			     enum document *kind, struct error *err)
{
	autobuf struct buf text = BUF_INIT(CONFIG_MAX);
	autofree char *type = NULL, *whole = reference_name(&p->ref);
	autojson json_t *j = NULL;

	if (session_manifest(p->session, p->wire, name, &text, digest, &type, err) < 0)
		return NULL;
	j = json_parse(buf_text(&text), text.len, err);
	if (!j) {
		error_prefix(err, "manifest of %s", whole);
		return NULL;
	}
	/* A server that says nothing of use ("text/plain", ...) is not believed either way. */
	if (!strstr(type, "manifest") && !strstr(type, "index"))
		*type = '\0';
	return classify(j, type, whole, kind, err) < 0 ? NULL : take_json(&j);
}

static int no_match(const struct pull *p, struct error *err)
{
	const struct platform *want = &p->platform;

	return error_set(err, ERR_NOT_FOUND,
			 "no matching manifest for %s/%s%s%s in the manifest list entries",
			 want->os, want->architecture, want->variant ? "/" : "",
			 want->variant ? want->variant : "");
}

int pull_manifest(struct pull *p, const char *tag_or_digest, struct manifest *out,
		  struct error *err)
{
	autojson json_t *index = NULL;
	enum document kind;
	char unused[DIGEST_SIZE];
	const char *digest;

	out->json = read_document(p, tag_or_digest, out->digest, &kind, err);
	if (!out->json || kind == DOCUMENT_MANIFEST)
		return out->json ? 0 : -1;
	index = take_json(&out->json);
	digest = json_get_str(platform_choose(&p->platform, json_get_arr(index, "manifests")),
			      "digest", NULL);
	if (!digest)
		return no_match(p, err);
	if (!digest_is_valid(digest))
		return error_set(err, ERR_BAD_REQUEST, "unsupported digest \"%s\"", digest);
	out->json = read_document(p, digest, unused, &kind, err);
	if (!out->json)
		return -1;
	if (kind == DOCUMENT_MANIFEST)
		return 0;
	json_decref(take_json(&out->json));
	return error_set(err, ERR_BAD_REQUEST, "an index in an index is not supported");
}
