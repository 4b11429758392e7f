/*
 * Archives of `docker save`: manifest.json is a list of images, each with the paths of its config
 * and of its layers, as ID/layer.tar or, since 25.0, as blobs/sha256/HEX.
 */
#include <string.h>

#include "graph/load.h"
#include "pkg/json.h"
#include "pkg/mem.h"

static int bad_manifest(struct error *err)
{
	return error_set(err, ERR_BAD_REQUEST, "invalid archive: manifest.json is malformed");
}

/* Layers that are named by their digest are checked by it. */
static void note_digests(struct load_image *i)
{
	for (size_t k = 0; k < i->layers.n; k++)
		if (strncmp(i->layers.v[k], "blobs/sha256/", 13) != 0)
			return;
	for (size_t k = 0; k < i->layers.n; k++)
		strlist_addf(&i->digests, DIGEST_PREFIX "%s", i->layers.v[k] + 13);
}

/* The parent is kept where it is an image here. */
static const char *known_parent(struct load *l, const char *parent)
{
	bool known;

	if (!parent || !digest_is_valid(parent))
		return NULL;
	pthread_mutex_lock(&l->g->lock);
	known = image_get(l->g, parent);
	pthread_mutex_unlock(&l->g->lock);
	return known ? parent : NULL;
}

static int load_one(struct load *l, const json_t *m, struct error *err)
{
	const char *config = json_get_str(m, "Config", NULL);
	autobuf struct buf text = BUF_INIT(CONFIG_MAX);
	struct load_image i = { 0 };
	char id[DIGEST_SIZE];
	int rc;

	if (!config || !json_get_arr(m, "Layers"))
		return bad_manifest(err);
	if (load_read(l, config, &text, err) < 0)
		return -1;
	i.config = buf_text(&text);
	i.nconfig = text.len;
	i.parent = known_parent(l, json_get_str(m, "Parent", NULL));
	json_get_strlist(m, "Layers", &i.layers);
	note_digests(&i);
	rc = load_add(l, &i, id, err);
	strlist_done(&i.layers);
	strlist_done(&i.digests);
	return rc < 0 ? -1 : load_name(l, id, json_get_arr(m, "RepoTags"), err);
}

int load_docker(struct load *l, struct error *err)
{
	autojson json_t *manifest = load_read_json(l, "manifest.json", err);
	const json_t *m;
	size_t i;

	if (!manifest)
		return -1;
	if (!json_is_array(manifest))
		return bad_manifest(err);
	json_array_foreach(manifest, i, m)
		if (load_one(l, m, err) < 0)
			return -1;
	return 0;
}
