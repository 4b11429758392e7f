/* Origins of layers: see origin.h. */
#include "graph/origin.h"

#include <errno.h>
#include <string.h>

#include "graph/internal.h"
#include "pkg/fs.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"

#define ORIGINS_MAX 20
#define ORIGIN_BYTES_MAX (64 * 1024)

json_t *origin_new(const char *digest, int64_t size, const char *type, const char *repository)
{
	return json_pack("{ss sI ss ss}", "digest", digest, "size", (json_int_t)size, "mediaType",
			 type, "repository", repository);
}

json_t *origin_read(struct graph *g, const struct layer *l)
{
	autofree char *path = xasprintf("%s/" ORIGIN_FILE, digest_hex(l->chain));
	autobuf struct buf text = BUF_INIT(ORIGIN_BYTES_MAX);
	json_t *list = NULL;

	if (fs_read_file(g->layers_fd, path, &text) == 0)
		list = json_parse(buf_text(&text), text.len, NULL);
	if (json_is_array(list))
		return list;
	json_decref(list);
	return json_array();
}

static bool is_same(const json_t *a, const json_t *b)
{
	return strcmp(json_get_str(a, "digest", ""), json_get_str(b, "digest", "")) == 0 &&
	       strcmp(json_get_str(a, "repository", ""), json_get_str(b, "repository", "")) == 0;
}

void origin_add(struct graph *g, const struct layer *l, json_t *origin)
{
	autofree char *path = xasprintf("%s/" ORIGIN_FILE, digest_hex(l->chain)), *text = NULL;
	autojson json_t *old = origin_read(g, l), *list = json_array();
	json_t *v;
	size_t i;

	json_array_append(list, origin);
	json_array_foreach(old, i, v)
		if (!is_same(v, origin) && json_array_size(list) < ORIGINS_MAX)
			json_array_append(list, v);
	text = json_text(list);
	if (fs_save_atomic(g->layers_fd, path, text, strlen(text), 0600, 0) < 0 && errno != ENOENT)
		log_warn("cannot note where layer %s is: %s, ignoring", l->chain,
			 error_words(errno));
}
