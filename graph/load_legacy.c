/*
 * Archives from before Docker 1.10: `repositories` maps names and tags to image folders, and each
 * folder has its layer.tar and a json that names its parent. They become images of today: the config
 * of the last one, with the layers and the history of the whole chain.
 */
#include <string.h>
#include <unistd.h>

#include "graph/load.h"
#include "pkg/id.h"
#include "pkg/json.h"
#include "pkg/mem.h"

#define CHAIN_MAX 256

/* The jsons of an image and its parents, base first: an array; NULL with err. */
static json_t *read_chain(struct load *l, const char *hex, struct error *err)
{
	autojson json_t *chain = json_array();
	autofree char *id = xstrdup(hex);

	while (*id) {
		autofree char *path = xasprintf("%s/json", id);
		json_t *j;

		if (!id_is_full(id) || json_array_size(chain) == CHAIN_MAX) {
			error_set(err, ERR_BAD_REQUEST, "invalid archive: bad image \"%s\"", id);
			return NULL;
		}
		j = load_read_json(l, path, err);
		if (!j)
			return NULL;
		json_object_set_new(j, "id", json_string(id));
		json_array_insert_new(chain, 0, j);
		free(id);
		id = xstrdup(json_get_str(j, "parent", ""));
	}
	return take_json(&chain);
}

static json_t *history_of(const json_t *chain)
{
	json_t *history = json_array();
	const json_t *j;
	size_t i;

	json_array_foreach(chain, i, j) {
		autostrlist struct strlist cmd = STRLIST_INIT;
		autobuf struct buf text = BUF_INIT(CONFIG_MAX);
		json_t *step = json_object();

		json_get_strlist(json_get_obj(j, "container_config"), "Cmd", &cmd);
		for (size_t k = 0; k < cmd.n; k++)
			(void)buf_addf(&text, "%s%s", k ? " " : "", cmd.v[k]); /* cut when huge */
		if (json_get_str(j, "created", NULL))
			json_object_set(step, "created", json_object_get(j, "created"));
		if (text.len)
			json_object_set_new(step, "created_by", json_string(buf_text(&text)));
		if (json_get_str(j, "comment", NULL))
			json_object_set(step, "comment", json_object_get(j, "comment"));
		json_array_append_new(history, step);
	}
	return history;
}

/* Digests of the uncompressed layers are nowhere in such archives: they are taken here. */
static ssize_t read_file(void *from, void *p, size_t n)
{
	return read(*(int *)from, p, n);
}

static int diff_of(struct load *l, const char *path, char out[DIGEST_SIZE], struct error *err)
{
	autoclose int fd = load_open(l, path, err);
	autofree char *part = xmalloc(65536);
	struct decompress *d;
	struct digest digest;
	ssize_t n;

	if (fd < 0)
		return -1;
	d = decompress_new(read_file, &fd);
	digest_init(&digest);
	while ((n = decompress_read(d, part, 65536, err)) > 0)
		digest_add(&digest, part, (size_t)n);
	digest_end(&digest, out);
	decompress_free(d);
	return n < 0 ? -1 : 0;
}

static int add_layers(struct load *l, const json_t *chain, struct load_image *i, json_t *diffs,
		      struct error *err)
{
	const json_t *j;
	size_t k;

	json_array_foreach(chain, k, j) {
		char diff[DIGEST_SIZE];
		char *path = xasprintf("%s/layer.tar", json_get_str(j, "id", ""));

		strlist_take(&i->layers, path);
		if (diff_of(l, path, diff, err) < 0)
			return -1;
		json_array_append_new(diffs, json_string(diff));
	}
	return 0;
}

static char *compose(const json_t *chain, json_t *diffs)
{
	static const char *const dropped[] = { "id",        "parent",   "Size",
					       "parent_id", "layer_id", "throwaway" };
	json_t *config = json_copy(json_array_get(chain, json_array_size(chain) - 1));
	char *text;

	for (size_t i = 0; i < array_size(dropped); i++)
		json_object_del(config, dropped[i]);
	json_object_set_new(config, "rootfs",
			    json_pack("{ss sO}", "type", "layers", "diff_ids", diffs));
	json_object_set_new(config, "history", history_of(chain));
	text = json_text(config);
	json_decref(config);
	return text;
}

static int load_one(struct load *l, const char *hex, char id[DIGEST_SIZE], struct error *err)
{
	autojson json_t *chain = read_chain(l, hex, err), *diffs = json_array();
	struct load_image i = { 0 };
	autofree char *config = NULL;
	int rc;

	if (!chain)
		return -1;
	rc = add_layers(l, chain, &i, diffs, err);
	if (rc == 0) {
		config = compose(chain, diffs);
		i.config = config;
		i.nconfig = strlen(config);
		rc = load_add(l, &i, id, err);
	}
	strlist_done(&i.layers);
	return rc;
}

int load_legacy(struct load *l, struct error *err)
{
	autojson json_t *repositories = load_read_json(l, "repositories", err);
	const char *repo, *tag;
	json_t *tags, *v;

	if (!repositories)
		return -1;
	json_object_foreach(repositories, repo, tags) {
		json_object_foreach(tags, tag, v) {
			autojson json_t *names = json_array();
			char id[DIGEST_SIZE];

			json_array_append_new(names, json_sprintf("%s:%s", repo, tag));
			if (!json_is_string(v) || load_one(l, json_string_value(v), id, err) < 0 ||
			    load_name(l, id, names, err) < 0)
				return -1;
		}
	}
	return 0;
}
