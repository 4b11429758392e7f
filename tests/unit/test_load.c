/*
 * Loading archives: docker save's, old and new, OCI layouts, what skopeo writes; digests that do not
 * fit; two loads of the same archive at once; a load that is killed half way.
 */
#include "tests/unit/graphtest.h"

#include <dirent.h>
#include <pthread.h>
#include <zlib.h>

#include "graph/untar.h"

#define OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"

struct archive {
	struct buf layers[2]; /* tars */
	char diffs[2][DIGEST_SIZE];
	struct buf config;
	char id[DIGEST_SIZE];
};

static void make_layers(struct archive *a, size_t padding)
{
	autofree char *big = xcalloc(1, padding + 1);
	struct tar_writer *w = tar_begin(&a->layers[0]);

	memset(big, 'x', padding);
	tar_put(w, TAR_DIR, "d/", 0755, NULL);
	tar_put(w, TAR_FILE, "d/kept", 0644, "kept");
	tar_put(w, TAR_FILE, "d/gone", 0644, "gone");
	tar_put(w, TAR_DIR, "o/", 0755, NULL);
	tar_put(w, TAR_FILE, "o/hidden", 0644, "hidden");
	tar_put(w, TAR_FILE, "big", 0644, big);
	tar_end(w);
	w = tar_begin(&a->layers[1]);
	tar_put(w, TAR_DIR, "d/", 0755, NULL);
	tar_put(w, TAR_FILE, "d/.wh.gone", 0644, NULL);
	tar_put(w, TAR_DIR, "o/", 0755, NULL);
	tar_put(w, TAR_FILE, "o/new", 0644, "new");
	tar_put(w, TAR_FILE, "o/.wh..wh..opq", 0644, NULL);
	tar_end(w);
}

static void archive_make(struct archive *a, size_t padding)
{
	for (int i = 0; i < 2; i++)
		a->layers[i] = BUF_INIT(64 << 20);
	a->config = BUF_INIT(OUT_MAX);
	make_layers(a, padding);
	for (int i = 0; i < 2; i++)
		digest_of(a->layers[i].p, a->layers[i].len, a->diffs[i]);
	buf_addf(
		&a->config,
		"{\"architecture\":\"amd64\",\"os\":\"linux\",\"created\":\"2020-01-02T03:04:05Z\","
		"\"config\":{\"Cmd\":[\"sh\"],\"Labels\":{\"k\":\"v\"}},"
		"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\",\"%s\"]},"
		"\"history\":[{\"created_by\":\"one\"},{\"created_by\":\"two\"},"
		"{\"created_by\":\"three\",\"empty_layer\":true}]}",
		a->diffs[0], a->diffs[1]);
	digest_of(a->config.p, a->config.len, a->id);
}

static void archive_done(struct archive *a)
{
	buf_done(&a->layers[0]);
	buf_done(&a->layers[1]);
	buf_done(&a->config);
}

static void put_bytes(struct tar_writer *w, const char *name, const struct buf *b)
{
	struct tar_entry e = {
		.type = TAR_FILE, .name = xstrdup(name), .mode = 0644, .size = (int64_t)b->len
	};

	assert_int_equal(tar_write_entry(w, &e), 0);
	assert_int_equal(tar_write_data(w, b->p, b->len), 0);
	tar_entry_done(&e);
}

static void put_text(struct tar_writer *w, const char *name, const char *text)
{
	tar_put(w, TAR_FILE, name, 0644, text);
}

static void docker_archive(const struct archive *a, struct buf *out)
{
	struct tar_writer *w = tar_begin(out);
	autofree char *config = xasprintf("%s.json", digest_hex(a->id));
	autofree char *manifest = xasprintf("[{\"Config\":\"%s\",\"RepoTags\":[\"two:layers\"],"
					    "\"Layers\":[\"a/layer.tar\",\"b/layer.tar\"]}]",
					    config);

	tar_put(w, TAR_DIR, "a/", 0755, NULL);
	put_bytes(w, "a/layer.tar", &a->layers[0]);
	put_bytes(w, "real.tar", &a->layers[1]);
	tar_put(w, TAR_DIR, "b/", 0755, NULL);
	tar_put(w, TAR_SYMLINK, "b/layer.tar", 0777, "../../../real.tar");
	put_bytes(w, config, &a->config);
	put_text(w, "manifest.json", manifest);
	tar_end(w);
}

static void load_ok(struct buf *archive, const char *want)
{
	autobuf struct buf out = BUF_INIT(OUT_MAX);

	if (run(&out, archive, "{\"quiet\":\"1\"}", "load", NULL, NULL, NULL) < 0)
		fail_msg("%s", out.p);
	if (!strstr(buf_text(&out), want))
		fail_msg("%s", out.p);
}

static void load_fails(struct buf *archive, const char *want)
{
	autobuf struct buf out = BUF_INIT(OUT_MAX);

	assert_int_equal(run(&out, archive, "{\"quiet\":\"1\"}", "load", NULL, NULL, NULL), -1);
	if (!strstr(buf_text(&out), want))
		fail_msg("%s", out.p);
}

static size_t entries_in(const char *name)
{
	autofree char *path = xasprintf("%s/%s", s.root, name);
	DIR *d = opendir(path);
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void nothing_is_left(void)
{
	assert_int_equal(entries_in("tmp"), 0);
	assert_int_equal(entries_in("graph/_tmp"), 0);
}

/* The two layers as a container sees them. */
static void check_two_layers(const char *name)
{
	char id[DIGEST_SIZE], where[128];
	struct graphdriver_mount m;
	struct error err = { 0 };

	assert_int_equal(lookup_id(s.g, name, id, &err), 0);
	if (graph_rw_create(s.g, "c", id, &err) < 0 || graph_rw_mount(s.g, "c", &m, &err) < 0)
		fail_msg("%s", err.text);
	snprintf(where, sizeof(where), "%s", m.path);
	if (m.overlay) {
		snprintf(where, sizeof(where), "%s/merged", s.root);
		mkdir(where, 0755);
		assert_int_equal(chdir(m.path), 0);
		assert_int_equal(mount("overlay", where, "overlay", 0, m.options), 0);
		assert_int_equal(chdir("/"), 0);
	}
	assert_true(there(where, "d/kept"));
	assert_false(there(where, "d/gone"));
	assert_true(there(where, "o/new"));
	assert_false(there(where, "o/hidden"));
	if (m.overlay) {
		assert_int_equal(umount(where), 0);
		rmdir(where);
	}
	graphdriver_mount_done(&m);
	assert_int_equal(graph_rw_remove(s.g, "c", &err), 0);
}

static void docker_save(void **state)
{
	autobuf struct buf tar = BUF_INIT(128 << 20), again = BUF_INIT(128 << 20);
	autobuf struct buf out = BUF_INIT(OUT_MAX);
	struct archive a;

	(void)state;
	archive_make(&a, 10);
	docker_archive(&a, &tar);
	buf_add(&again, tar.p, tar.len);
	load_ok(&tar, "{\"stream\":\"Loaded image: two:layers\\n\"}\r\n");
	check_two_layers("two:layers");
	assert_non_null(image_get(s.g, a.id));
	load_ok(&again, "Loaded image: two:layers");
	assert_int_equal(map_count(&s.g->layers), 2);
	store_reopen();
	check_two_layers(a.id);
	assert_int_equal(run(&out, NULL, NULL, "history", "two:layers", NULL, NULL), 0);
	assert_non_null(
		strstr(out.p, "\"CreatedBy\":\"three\",\"Tags\":[\"two:layers\"],\"Size\":0"));
	nothing_is_left();
	archive_done(&a);
}

static void deflate_all(struct buf *in, struct buf *out)
{
	z_stream z = { 0 };
	char part[4096];

	assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)in->p;
	z.avail_in = (uInt)in->len;
	do {
		z.next_out = (Bytef *)part;
		z.avail_out = sizeof(part);
		deflate(&z, Z_FINISH);
		buf_add(out, part, sizeof(part) - z.avail_out);
	} while (z.avail_out == 0);
	deflateEnd(&z);
}

static void put_blob(struct tar_writer *w, const struct buf *b, char digest[DIGEST_SIZE])
{
	autofree char *path = NULL;

	digest_of(b->p, b->len, digest);
	path = xasprintf("blobs/sha256/%s", digest_hex(digest));
	put_bytes(w, path, b);
}

/* A layout with an index in its index, gzip layers, and an entry for a foreign machine. */
static void oci_archive(const struct archive *a, struct buf *out, bool damaged)
{
	autobuf struct buf gz0 = BUF_INIT(64 << 20), manifest = BUF_INIT(OUT_MAX);
	autobuf struct buf inner = BUF_INIT(OUT_MAX), index = BUF_INIT(OUT_MAX);
	char d0[DIGEST_SIZE], d1[DIGEST_SIZE], dc[DIGEST_SIZE], dm[DIGEST_SIZE], di[DIGEST_SIZE];
	struct tar_writer *w = tar_begin(out);
	struct buf l0 = a->layers[0];

	deflate_all(&l0, &gz0);
	put_text(w, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
	put_blob(w, &gz0, d0);
	put_blob(w, &a->layers[1], d1);
	put_blob(w, &a->config, dc);
	if (damaged)
		d0[10] = d0[10] == '0' ? '1' : '0';
	buf_addf(&manifest,
		 "{\"schemaVersion\":2,\"mediaType\":\"" OCI_MANIFEST "\",\"config\":{"
		 "\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"%s\","
		 "\"size\":%zu},\"layers\":[{\"mediaType\":\"" OCI_LAYER "+gzip\",\"digest\":"
		 "\"%s\",\"size\":%zu},{\"mediaType\":\"" OCI_LAYER "\",\"digest\":\"%s\","
		 "\"size\":%zu}]}",
		 dc, a->config.len, d0, gz0.len, d1, a->layers[1].len);
	put_blob(w, &manifest, dm);
	buf_addf(&inner,
		 "{\"schemaVersion\":2,\"mediaType\":\"" OCI_INDEX "\",\"manifests\":["
		 "{\"mediaType\":\"" OCI_MANIFEST "\",\"digest\":\"sha256:%064d\",\"size\":1,"
		 "\"platform\":{\"os\":\"linux\",\"architecture\":\"s390x\"}},"
		 "{\"mediaType\":\"" OCI_MANIFEST "\",\"digest\":\"%s\",\"size\":%zu,"
		 "\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}},"
		 "{\"mediaType\":\"" OCI_MANIFEST "\",\"digest\":\"sha256:%064d\",\"size\":1,"
		 "\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}}]}",
		 1, dm, manifest.len, 2);
	put_blob(w, &inner, di);
	buf_addf(&index,
		 "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" OCI_INDEX "\",\"digest\":"
		 "\"%s\",\"size\":%zu,\"annotations\":{"
		 "\"org.opencontainers.image.ref.name\":\"quay.io/x/oci:1\"}}]}",
		 di, inner.len);
	put_bytes(w, "index.json", &index);
	tar_end(w);
}

static void oci_layout(void **state)
{
	autobuf struct buf tar = BUF_INIT(128 << 20), gz = BUF_INIT(128 << 20);
	autobuf struct buf bad = BUF_INIT(128 << 20);
	struct archive a;

	(void)state;
	archive_make(&a, 100000);
	oci_archive(&a, &bad, true);
	load_fails(&bad, "invalid archive: open blobs/sha256/");
	assert_int_equal(map_count(&s.g->layers), 0);
	oci_archive(&a, &tar, false);
	deflate_all(&tar, &gz);
	load_ok(&gz, "Loaded image: quay.io/x/oci:1");
	assert_non_null(image_get(s.g, a.id));
	check_two_layers("quay.io/x/oci:1");
	nothing_is_left();
	archive_done(&a);
}

static void lies(void **state)
{
	autobuf struct buf tar = BUF_INIT(128 << 20), name = BUF_INIT(128 << 20);
	autobuf struct buf none = BUF_INIT(128 << 20), empty = BUF_INIT(16);
	autobuf struct buf outside = BUF_INIT(128 << 20), garbage = BUF_INIT(64);
	struct tar_writer *w;
	struct archive a;

	(void)state;
	archive_make(&a, 10);
	a.layers[1].p[2100] ^= 1; /* in the padding: a good tar with another digest */
	docker_archive(&a, &tar);
	load_fails(&tar, "invalid diffID for layer");
	assert_int_equal(graph_count(s.g), 0);
	assert_int_equal(map_count(&s.g->layers), 0);
	a.config.p[5] ^= 1;
	docker_archive(&a, &name);
	load_fails(&name, ".json has digest sha256:");
	w = tar_begin(&none);
	put_text(w, "readme", "nothing here");
	tar_end(w);
	load_fails(&none, "does not contain a manifest.json");
	load_fails(&empty, "does not contain a manifest.json");
	w = tar_begin(&outside);
	tar_put(w, TAR_SYMLINK, "manifest.json", 0777, "/etc/passwd");
	tar_end(w);
	load_fails(&outside, "open manifest.json: no such file or directory");
	buf_adds(&garbage, "garbage");
	load_fails(&garbage, "Error processing tar file(exit status 1): unexpected EOF");
	nothing_is_left();
	archive_done(&a);
}

static void legacy(void **state)
{
	autobuf struct buf tar = BUF_INIT(128 << 20), out = BUF_INIT(OUT_MAX);
	struct tar_writer *w = tar_begin(&tar);
	autofree char *top = NULL, *repos = NULL, *d1 = NULL, *d2 = NULL, *j1 = NULL, *j2 = NULL;
	struct archive a;

	(void)state;
	archive_make(&a, 10);
	d1 = xasprintf("%064d/layer.tar", 1);
	d2 = xasprintf("%064d/layer.tar", 2);
	j1 = xasprintf("%064d/json", 1);
	j2 = xasprintf("%064d/json", 2);
	put_bytes(w, d1, &a.layers[0]);
	put_text(w, j1, "{\"id\":\"x\",\"created\":\"2014-01-01T00:00:00Z\"}");
	put_bytes(w, d2, &a.layers[1]);
	top = xasprintf(
		"{\"parent\":\"%064d\",\"os\":\"linux\",\"architecture\":\"amd64\",\"config\":{},"
		"\"container_config\":{\"Cmd\":[\"/bin/sh\",\"-c\",\"x\"]}}",
		1);
	put_text(w, j2, top);
	repos = xasprintf("{\"old\":{\"1.0\":\"%064d\"}}", 2);
	put_text(w, "repositories", repos);
	tar_end(w);
	load_ok(&tar, "Loaded image: old:1.0");
	check_two_layers("old:1.0");
	assert_int_equal(run(&out, NULL, NULL, "history", "old:1.0", NULL, NULL), 0);
	assert_non_null(strstr(out.p, "/bin/sh -c x"));
	archive_done(&a);
}

static void *load_thread(void *arg)
{
	const struct buf *archive = arg;
	struct buf own = BUF_INIT(128 << 20), out = BUF_INIT(OUT_MAX);
	intptr_t rc;

	buf_add(&own, archive->p, archive->len);
	rc = run(&out, &own, "{\"quiet\":\"1\"}", "load", NULL, NULL, NULL);
	if (rc < 0)
		fprintf(stderr, "%s\n", out.p);
	buf_done(&own);
	buf_done(&out);
	return (void *)rc;
}

static void two_at_once(void **state)
{
	autobuf struct buf tar = BUF_INIT(128 << 20);
	pthread_t threads[4];
	struct archive a;
	void *rc;

	(void)state;
	archive_make(&a, 3 << 20);
	docker_archive(&a, &tar);
	for (size_t i = 0; i < array_size(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, load_thread, &tar), 0);
	for (size_t i = 0; i < array_size(threads); i++) {
		pthread_join(threads[i], &rc);
		assert_null(rc);
	}
	assert_int_equal(graph_count(s.g), 1);
	assert_int_equal(map_count(&s.g->layers), 2);
	assert_int_equal(count_in(s.driver), 2);
	check_two_layers("two:layers");
	nothing_is_left();
	archive_done(&a);
}

/* argv: role, root, driver. A daemon that loads from its stdin and will not live to the end of it. */
static int run_loader(int argc, char **argv)
{
	struct job *j;

	assert_int_equal(argc, 3);
	snprintf(s.root, sizeof(s.root), "%s", argv[1]);
	s.driver = argv[2];
	store_open();
	j = job_new(s.e, "load", NULL);
	input_set(job_in(j), source_fd(STDIN_FILENO));
	job_run(j, NULL);
	_exit(0);
}

static const struct reexec_role loader_role = { "test-loader", run_loader };
static const struct reexec_role *const own_roles[] = { &loader_role, NULL };

/* The whole process dies in the middle of a layer. */
static void killed_half_way(void **state)
{
	autobuf struct buf tar = BUF_INIT(128 << 20);
	char role[] = "test-loader", driver[16], *argv[] = { role, s.root, driver, NULL };
	struct archive a;
	int pipefd[2];
	pid_t pid;

	(void)state;
	archive_make(&a, 8 << 20);
	docker_archive(&a, &tar);
	store_close();
	snprintf(driver, sizeof(driver), "%s", s.driver);
	assert_int_equal(pipe2(pipefd, O_CLOEXEC), 0);
	assert_int_equal(reexec_spawn(argv, &(struct proc_fd){ pipefd[0], 0 }, 1, &pid, NULL), 0);
	close(pipefd[0]);
	assert_int_equal(fs_write_all(pipefd[1], tar.p, 6 << 20), 0);
	usleep(50000);
	kill(pid, SIGKILL);
	proc_wait(pid);
	close(pipefd[1]);
	usleep(200000); /* its child sees the end of its pipe */
	store_open();
	assert_int_equal(graph_count(s.g), 0);
	assert_int_equal(map_count(&s.g->layers), 0);
	assert_int_equal(count_in(s.driver), 0);
	nothing_is_left();
	load_ok(&tar, "Loaded image: two:layers");
	archive_done(&a);
}

static int shell(const char *cmd)
{
	char sh[] = "sh", c[] = "-c", *text = xstrdup(cmd), *argv[] = { sh, c, text, NULL };
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *env[] = { path, NULL };
	struct proc_spec spec = { .path = "/bin/sh", .argv = argv, .env = env };
	int rc = -1;
	pid_t pid;

	if (proc_spawn(&spec, &pid, NULL) == 0)
		rc = proc_wait(pid);
	free(text);
	return rc;
}

static void skopeo_writes(void **state)
{
	static const char *const kinds[][2] = {
		{ "docker-archive", "" },
		{ "oci-archive", "" },
		{ "oci-archive", "--dest-compress-format zstd" },
	};
	autofree char *dir = NULL, *oci = NULL;
	autobuf struct buf tar = BUF_INIT(128 << 20);
	struct archive a;

	(void)state;
	if (!fs_exists("/usr/bin/skopeo")) {
		print_message("skipped: no skopeo\n");
		skip(); /* does not return, so nothing may be held here */
	}
	dir = xasprintf("%s/sk", s.root);
	archive_make(&a, 1000);
	oci_archive(&a, &tar, false);
	assert_int_equal(mkdir(dir, 0700), 0);
	oci = xasprintf("%s/in.tar", dir);
	assert_int_equal(fs_save_atomic(AT_FDCWD, oci, tar.p, tar.len, 0600, 0), 0);
	for (size_t i = 0; i < array_size(kinds); i++) {
		autofree char *out = xasprintf("%s/out%zu.tar", dir, i), *cmd = NULL;
		autobuf struct buf made = BUF_INIT(128 << 20);

		cmd = xasprintf(
			"HOME=%s skopeo --insecure-policy copy -q %s oci-archive:%s %s:%s:busy:box "
			"2>%s/why",
			dir, kinds[i][1], oci, kinds[i][0], out, dir);
		if (shell(cmd) != 0) {
			read_text(dir, "why", &made);
			fail_msg("%s", made.p);
		}
		assert_int_equal(fs_read_file(AT_FDCWD, out, &made), 0);
		load_ok(&made, "Loaded image: busy:box");
		check_two_layers("busy:box");
	}
	archive_done(&a);
}

#define BOTH(test)                                                                                 \
	cmocka_unit_test_setup_teardown(test, setup_overlay, teardown),                            \
		cmocka_unit_test_setup_teardown(test, setup_vfs, teardown)

static int tests(void)
{
	const struct CMUnitTest all[] = {
		BOTH(docker_save), BOTH(oci_layout),      BOTH(lies),          BOTH(legacy),
		BOTH(two_at_once), BOTH(killed_half_way), BOTH(skopeo_writes),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
	reexec_dispatch(own_roles, argc, argv);
	return graph_test_main(argc, argv, tests);
}
