/*
 * Saving images: what an archive holds and in which order, names and ids, layers that are shared,
 * changed or were made before their length was kept; single layers; the graph of images.
 */
#include "tests/unit/graphtest.h"

#include "graph/layertar.h"
#include "graph/save.h"

#define LAYERS_MAX (64 << 20)

/* A layer's tar, and what describes images of layers. */
static void make_tar(struct buf *tar, const char *text)
{
	struct tar_writer *w = tar_begin(tar);

	tar_put(w, TAR_FILE, "replaced", 0644, "for a moment");
	tar_put(w, TAR_FILE, "./replaced", 0644, text);
	tar_put(w, TAR_FILE, "kept", 0644, text);
	tar_end(w);
}

static struct layer *add_layer(struct layer *parent, struct buf *tar)
{
	struct buf copy = BUF_INIT(LAYERS_MAX);
	struct source src = source_buf(&copy);
	struct layer_source from = { .read = src.read, .from = src.from };
	struct error err = { 0 };
	struct layer *l;

	assert_int_equal(buf_add(&copy, tar->p, tar->len), 0);
	l = layer_add(s.g, parent, &from, &err);
	if (!l)
		fail_msg("%s", err.text);
	buf_done(&copy);
	return l;
}

/* note makes the config another one. */
static void add_image(struct layer *top, const char *parent, const char *note, const char *name,
		      char id[DIGEST_SIZE])
{
	autoreference struct reference ref = REFERENCE_INIT;
	autojson json_t *diffs = json_array();
	autofree char *list = NULL, *config = NULL;
	char old[DIGEST_SIZE];
	struct error err = { 0 };

	for (struct layer *l = top; l; l = l->parent)
		json_array_insert_new(diffs, 0, json_string(l->diff));
	list = json_text(diffs);
	config = xasprintf("{\"architecture\":\"amd64\",\"os\":\"linux\",\"comment\":\"%s\","
			   "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":%s}}",
			   note, list);
	assert_int_equal(image_add(s.g, config, strlen(config), parent, top, id, &err), 0);
	if (!name)
		return;
	assert_int_equal(reference_parse(name, &ref, &err), 0);
	assert_int_equal(names_set(s.g, &ref, id, old, &err), 0);
}

static void export_ok(struct buf *out, const char *a, const char *b)
{
	buf_reset(out);
	if (run(out, NULL, NULL, "image_export", a, b, NULL) < 0)
		fail_msg("%s", out->p);
}

static void export_fails(const char *name, const char *want)
{
	autobuf struct buf out = BUF_INIT(LAYERS_MAX);

	assert_int_equal(run(&out, NULL, NULL, "image_export", name, NULL, NULL), -1);
	if (!strstr(buf_text(&out), want))
		fail_msg("%s", buf_text(&out));
}

/* ---- reading archives ---- */

static ssize_t from_buf(void *from, void *p, size_t n)
{
	struct buf *b = from;

	if (n > b->len)
		n = b->len;
	if (n)
		memcpy(p, b->p, n);
	buf_drop(b, n);
	return (ssize_t)n;
}

/* The names of all entries, and the content of the one that is wanted (may be NULL). */
static void read_archive(const struct buf *archive, struct strlist *names, const char *wanted,
			 struct buf *content)
{
	autobuf struct buf copy = BUF_INIT(LAYERS_MAX);
	struct tar_reader *r;
	struct tar_entry *e;
	struct error err = { 0 };
	const void *p;
	int64_t offset;
	ssize_t n;
	int rc;

	assert_int_equal(buf_add(&copy, archive->p, archive->len), 0);
	r = tar_reader_new(from_buf, &copy);
	while ((rc = tar_next(r, &e, &err)) > 0) {
		strlist_add(names, e->name);
		while (wanted && strcmp(e->name, wanted) == 0 &&
		       (n = tar_data(r, &p, &offset, &err)) > 0)
			assert_int_equal(buf_add(content, p, (size_t)n), 0);
	}
	if (rc < 0)
		fail_msg("%s", err.text);
	tar_reader_free(r);
}

static json_t *read_json(const struct buf *archive, const char *name)
{
	autostrlist struct strlist names = STRLIST_INIT;
	autobuf struct buf text = BUF_INIT(LAYERS_MAX);
	json_t *j;

	read_archive(archive, &names, name, &text);
	j = json_parse(buf_text(&text), text.len, NULL);
	assert_non_null(j);
	return j;
}

static size_t count_blobs(const struct buf *archive)
{
	autostrlist struct strlist names = STRLIST_INIT;
	size_t n = 0;

	read_archive(archive, &names, NULL, NULL);
	for (size_t i = 0; i < names.n; i++)
		n += strncmp(names.v[i], "blobs/sha256/", 13) == 0 && names.v[i][13];
	return n;
}

static bool has_blob(const struct buf *archive, const char *digest)
{
	autostrlist struct strlist names = STRLIST_INIT;
	autofree char *name = xasprintf("blobs/sha256/%s", digest_hex(digest));
	autobuf struct buf blob = BUF_INIT(LAYERS_MAX);
	char have[DIGEST_SIZE];

	read_archive(archive, &names, name, &blob);
	digest_of(buf_text(&blob), blob.len, have);
	return strlist_has(&names, name) && strcmp(have, digest) == 0;
}

/* Where an entry of the archive stands. */
static size_t place_of(const struct buf *archive, const char *digest)
{
	autostrlist struct strlist names = STRLIST_INIT;
	autofree char *name = xasprintf("blobs/sha256/%s", digest_hex(digest));
	size_t i = 0;

	read_archive(archive, &names, NULL, NULL);
	while (i < names.n && strcmp(names.v[i], name) != 0)
		i++;
	assert_true(i < names.n);
	return i;
}

static void tags_are(const struct buf *archive, size_t i, const char *want)
{
	autojson json_t *manifest = read_json(archive, "manifest.json");
	autofree char *text = json_text(json_object_get(json_array_get(manifest, i), "RepoTags"));

	assert_string_equal(text, want);
}

/* ---- the tests ---- */

static void archives(void **state)
{
	autobuf struct buf tar = BUF_INIT(LAYERS_MAX), tar2 = BUF_INIT(LAYERS_MAX),
			   one = BUF_INIT(LAYERS_MAX), two = BUF_INIT(LAYERS_MAX);
	char base[DIGEST_SIZE], child[DIGEST_SIZE], other[DIGEST_SIZE];
	autojson json_t *manifest = NULL, *index = NULL;
	struct layer *l, *l2;

	(void)state;
	make_tar(&tar, "one");
	make_tar(&tar2, "two");
	l = add_layer(NULL, &tar);
	l2 = add_layer(l, &tar2);
	add_image(l, NULL, "base", "base:1", base);
	/* One that only its parent puts behind its parent. */
	for (int i = 0; i == 0 || strcmp(child, base) > 0; i++) {
		autofree char *note = xasprintf("child %d", i);

		add_image(l2, base, note, "child:1", child);
	}
	add_image(l2, NULL, "other", "localhost:5000/other:x", other);
	export_ok(&one, "child", "base");
	export_ok(&two, "base", "child");
	assert_int_equal(one.len, two.len);
	assert_memory_equal(one.p, two.p, one.len);
	assert_int_equal(count_blobs(&one),
			 2 * 2 + 2); /* config and manifest of each; two layers */
	assert_true(has_blob(&one, l->diff));
	assert_true(has_blob(&one, l2->diff));
	assert_true(has_blob(&one, base));
	assert_true(place_of(&one, l->diff) < place_of(&one, l2->diff)); /* the base first */
	assert_int_equal(l->size, 2 * strlen("one")); /* without the file that it replaced itself */
	manifest = read_json(&one, "manifest.json");
	assert_int_equal(json_array_size(manifest), 2);
	tags_are(&one, 0, "[\"base:1\"]"); /* the parent first: load must know it */
	tags_are(&one, 1, "[\"child:1\"]");
	assert_string_equal(json_get_str(json_array_get(manifest, 1), "Parent", ""), base);
	index = read_json(&one, "index.json");
	assert_int_equal(json_array_size(json_get_arr(index, "manifests")), 2);
	assert_true(has_blob(&one, json_get_str(json_array_get(json_get_arr(index, "manifests"), 1),
						"digest", "")));
	/* Alone, it has no parent that the archive does not hold. */
	export_ok(&one, "child", NULL);
	json_decref(manifest);
	manifest = read_json(&one, "manifest.json");
	assert_null(json_object_get(json_array_get(manifest, 0), "Parent"));
	export_ok(&two, "child", NULL);
	assert_true(place_of(&two, l->diff) < place_of(&two, l2->diff));
	export_ok(&one, "localhost:5000/other", "child");
	assert_int_equal(count_blobs(&one), 2 * 2 + 2);
	layer_release(s.g, l);
	layer_release(s.g, l2);
}

static void names_and_ids(void **state)
{
	autobuf struct buf tar = BUF_INIT(LAYERS_MAX), out = BUF_INIT(LAYERS_MAX);
	autofree char *digest_name = NULL, *brief = NULL, *prefixed = NULL;
	autojson json_t *index = NULL, *nothing = NULL;
	autoreference struct reference ref = REFERENCE_INIT;
	char id[DIGEST_SIZE], old[DIGEST_SIZE];
	struct error err = { 0 };
	struct layer *l;

	(void)state;
	make_tar(&tar, "one");
	l = add_layer(NULL, &tar);
	add_image(l, NULL, "x", "many:1", id);
	add_image(l, NULL, "x", "many:2", id);
	digest_name = xasprintf("many@%s", l->diff);
	assert_int_equal(reference_parse(digest_name, &ref, &err), 0);
	assert_int_equal(names_set(s.g, &ref, id, old, &err), 0);
	brief = xstrndup(digest_hex(id), 12);
	prefixed = xasprintf("sha256:%s", brief);

	export_ok(&out, "many", NULL);
	tags_are(&out, 0, "[\"many:1\",\"many:2\"]");
	index = read_json(&out, "index.json");
	assert_int_equal(json_array_size(json_get_arr(index, "manifests")), 2);
	export_ok(&out, "many:2", "many:2");
	tags_are(&out, 0, "[\"many:2\"]");
	const char *const nameless[] = { id, digest_hex(id), brief, prefixed, digest_name };
	for (size_t i = 0; i < array_size(nameless); i++) {
		export_ok(&out, nameless[i], NULL);
		tags_are(&out, 0, "null");
	}
	export_ok(&out, brief, "many:1"); /* one image, with the name that was asked for */
	tags_are(&out, 0, "[\"many:1\"]");
	export_fails("many:3", "5 No such image: many:3");
	export_fails("nosuch", "5 No such image: nosuch");
	export_fails("sha256:0123", "5 No such image: sha256:0123");
	export_fails("UPPER", "2 invalid reference format");
	export_ok(&out, NULL, NULL);
	nothing = read_json(&out, "manifest.json");
	assert_int_equal(json_array_size(nothing), 0);
	layer_release(s.g, l);
}

static void without_layers(void **state)
{
	autobuf struct buf out = BUF_INIT(LAYERS_MAX);
	char id[DIGEST_SIZE];

	(void)state;
	add_image(NULL, NULL, "nothing", "nothing:1", id);
	export_ok(&out, "nothing", NULL);
	assert_int_equal(count_blobs(&out), 2);
	buf_reset(&out);
	assert_int_equal(run(&out, NULL, NULL, "image_tarlayer", "nothing:1", NULL, NULL), 0);
	assert_int_equal(out.len, 1024);
}

static void one_layer(void **state)
{
	autobuf struct buf tar = BUF_INIT(LAYERS_MAX), out = BUF_INIT(LAYERS_MAX);
	char id[DIGEST_SIZE];
	struct layer *l;

	(void)state;
	make_tar(&tar, "one");
	l = add_layer(NULL, &tar);
	add_image(l, NULL, "x", "x:1", id);
	if (run(&out, NULL, NULL, "image_tarlayer", "x:1", NULL, NULL) < 0)
		fail_msg("%s", out.p);
	assert_int_equal(out.len, tar.len);
	assert_memory_equal(out.p, tar.p, tar.len);
	assert_int_equal(run(&out, NULL, NULL, "image_tarlayer", "nosuch", NULL, NULL), -1);
	layer_release(s.g, l);
}

/* What was written with another length or content must not look like an archive. */
static void changed_layers(void **state)
{
	autobuf struct buf tar = BUF_INIT(LAYERS_MAX);
	autofree char *dir = NULL, *file = NULL, *record = NULL, *aside = NULL;
	char id[DIGEST_SIZE];
	struct layer *l;
	int64_t size;

	(void)state;
	make_tar(&tar, "one");
	l = add_layer(NULL, &tar);
	add_image(l, NULL, "x", "x:1", id);
	dir = layer_dir("x:1");
	file = xasprintf("%s/kept", dir);
	record = xasprintf("%s/graph/layers/%s/record", s.root, digest_hex(l->chain));
	aside = xasprintf("%s.aside", record);
	assert_int_equal(layertar_size(s.g, l, &size, NULL), 0);
	assert_int_equal(size, tar.len);

	assert_int_equal(fs_save_atomic(AT_FDCWD, file, "two", 3, 0644, 0), 0);
	export_fails("x:1", "was changed: its content is sha256:");
	assert_int_equal(fs_save_atomic(AT_FDCWD, file, "longer", 6, 0644, 0), 0);
	export_fails("x:1", "kept of the layer was changed");
	assert_int_equal(unlink(file), 0);
	export_fails("x:1", "cannot read kept of the layer");
	/* A link must lead nowhere outside of the layer. */
	assert_int_equal(symlink("/etc/hostname", file), 0);
	export_fails("x:1", "cannot read kept of the layer");
	assert_int_equal(unlink(file), 0);
	assert_int_equal(fs_save_atomic(AT_FDCWD, file, "one", 3, 0644, 0), 0);

	l->tar_size = size - 512; /* as a meta that was tampered with says */
	export_fails("x:1", "cannot write the layer");
	l->tar_size = size + 512;
	export_fails("x:1", "was changed");
	l->tar_size = -1; /* of a layer from before lengths were kept */
	assert_int_equal(layertar_size(s.g, l, &size, NULL), 0);
	assert_int_equal(size, tar.len);

	assert_int_equal(rename(record, aside), 0);
	export_fails("x:1", "cannot open the record of layer");
	assert_int_equal(fs_save_atomic(AT_FDCWD, record, "no record", 9, 0600, 0), 0);
	export_fails("x:1", "record is");
	l->tar_size = -1;
	export_fails("x:1", "record is");
	layer_release(s.g, l);
}

static void changed_config(void **state)
{
	autofree char *path = NULL;
	char id[DIGEST_SIZE];

	(void)state;
	add_image(NULL, NULL, "x", "x:1", id);
	path = xasprintf("%s/graph/images/%s/config", s.root, digest_hex(id));
	assert_int_equal(fs_save_atomic(AT_FDCWD, path, "{}", 2, 0600, 0), 0);
	export_fails("x:1", "was changed: its config is sha256:");
}

static void platforms(void **state)
{
	autobuf struct buf out = BUF_INIT(LAYERS_MAX);
	char id[DIGEST_SIZE];

	(void)state;
	add_image(NULL, NULL, "x", "x:1", id);
	assert_int_equal(run(&out, NULL, "{\"platform\":\"linux/amd64\"}", "image_export", "x:1",
			     NULL, NULL),
			 0);
	assert_int_equal(run(&out, NULL, "{\"platform\":\"linux/arm64\"}", "image_export", "x:1",
			     NULL, NULL),
			 -1);
	assert_string_equal(out.p, "5 image with reference x:1 was found but does not provide the "
				   "specified platform (linux/arm64)");
	assert_int_equal(run(&out, NULL,
			     "{\"platform\":\"{\\\"os\\\":\\\"linux\\\",\\\"architecture\\\":"
			     "\\\"arm\\\",\\\"variant\\\":\\\"v7\\\"}\"}",
			     "image_export", "x:1", NULL, NULL),
			 -1);
	assert_non_null(strstr(out.p, "(linux/arm/v7)"));
	assert_int_equal(run(&out, NULL, "{\"platform\":\"{bad\"}", "image_export", "x:1", NULL,
			     NULL),
			 -1);
}

static void graph_of_images(void **state)
{
	autobuf struct buf out = BUF_INIT(OUT_MAX);
	autofree char *edge = NULL, *root = NULL, *label = NULL;
	char base[DIGEST_SIZE], child[DIGEST_SIZE];

	(void)state;
	add_image(NULL, NULL, "base", "base:1", base);
	add_image(NULL, base, "child", NULL, child);
	assert_int_equal(run(&out, NULL, NULL, "viz", NULL, NULL, NULL), 0);
	edge = xasprintf(" \"%.12s\" -> \"%.12s\"\n", digest_hex(base), digest_hex(child));
	root = xasprintf(" base -> \"%.12s\" [style=invis]\n", digest_hex(base));
	label = xasprintf(" \"%.12s\" [label=\"%.12s\\nbase:1\",shape=box,", digest_hex(base),
			  digest_hex(base));
	if (strncmp(out.p, "digraph docker {\n", 17) != 0 || !strstr(out.p, edge) ||
	    !strstr(out.p, root) || !strstr(out.p, label) ||
	    !strstr(out.p, "\n base [style=invisible]\n}\n"))
		fail_msg("%s", out.p);
}

#define BOTH(test)                                                                                 \
	cmocka_unit_test_setup_teardown(test, setup_overlay, teardown),                            \
		cmocka_unit_test_setup_teardown(test, setup_vfs, teardown)

static int tests(void)
{
	const struct CMUnitTest all[] = {
		BOTH(archives),
		BOTH(changed_layers),
		BOTH(one_layer),
		cmocka_unit_test_setup_teardown(names_and_ids, setup_overlay, teardown),
		cmocka_unit_test_setup_teardown(without_layers, setup_overlay, teardown),
		cmocka_unit_test_setup_teardown(changed_config, setup_overlay, teardown),
		cmocka_unit_test_setup_teardown(platforms, setup_overlay, teardown),
		cmocka_unit_test_setup_teardown(graph_of_images, setup_overlay, teardown),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
	return graph_test_main(argc, argv, tests);
}
