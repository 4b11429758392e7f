/* The image store with both drivers: import, hostile tars, write layers, commit, names, deletion. */
#include "tests/unit/graphtest.h"

#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "graph/record.h"

static void import(struct buf *tar, const char *repo, const char *tag)
{
	autobuf struct buf out = BUF_INIT(OUT_MAX);

	if (run(&out, tar, NULL, "import", "-", repo, tag) < 0)
		fail_msg("%s", out.p);
	assert_non_null(strstr(buf_text(&out), "{\"status\":\"sha256:"));
}

static void base_tar(struct buf *b)
{
	struct tar_writer *w = tar_begin(b);

	tar_put(w, TAR_DIR, "etc/", 0750, NULL);
	tar_put(w, TAR_FILE, "etc/passwd", 0644, "root:x:0:0::/:/bin/sh\n");
	tar_put(w, TAR_SYMLINK, "etc/resolv.conf", 0777, "/../../../../tmp/escape");
	tar_put(w, TAR_DIR, "bin/", 0755, NULL);
	tar_put(w, TAR_FILE, "bin/su", 04755, "suid");
	tar_put(w, TAR_HARDLINK, "bin/su2", 0, "bin/su");
	tar_put(w, TAR_FIFO, "fifo", 0600, NULL);
	tar_end(w);
}

static void import_and_list(void **state)
{
	autobuf struct buf tar = BUF_INIT(OUT_MAX), out = BUF_INIT(OUT_MAX);
	autofree char *dir = NULL;
	struct stat st, st2;
	char path[256];

	(void)state;
	base_tar(&tar);
	import(&tar, "base", "1");
	dir = layer_dir("base:1");
	read_text(dir, "etc/passwd", &out);
	assert_string_equal(out.p, "root:x:0:0::/:/bin/sh\n");
	snprintf(path, sizeof(path), "%s/bin/su", dir);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 04755);
	assert_int_equal(st.st_mtim.tv_sec, 1000000000);
	snprintf(path, sizeof(path), "%s/bin/su2", dir);
	assert_int_equal(lstat(path, &st2), 0);
	assert_int_equal(st.st_ino, st2.st_ino);
	snprintf(path, sizeof(path), "%s/etc", dir);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(st.st_mtim.tv_sec, 1000000000);
	buf_reset(&out);
	assert_int_equal(run(&out, NULL, NULL, "images", NULL, NULL, NULL), 0);
	assert_non_null(strstr(out.p, "\"RepoTags\":[\"base:1\"]"));
	assert_non_null(strstr(out.p, "\"Size\":26,"));
	buf_reset(&out);
	assert_int_equal(run(&out, NULL, NULL, "image_inspect", "base:1", NULL, NULL), 0);
	assert_non_null(strstr(out.p, "\"Comment\":\"Imported from -\""));
	buf_reset(&out);
	assert_int_equal(run(&out, NULL, NULL, "history", "base:1", NULL, NULL), 0);
	assert_non_null(strstr(out.p, "\"Tags\":[\"base:1\"]"));
	assert_int_equal(graph_count(s.g), 1);
}

/* Everything that tries to leave its root must stay in it, or fail. */
static void hostile_tars(void **state)
{
	autobuf struct buf tar = BUF_INIT(OUT_MAX), out = BUF_INIT(OUT_MAX);
	autobuf struct buf link = BUF_INIT(OUT_MAX);
	struct tar_writer *w = tar_begin(&tar);
	autofree char *dir = NULL;

	(void)state;
	unlink("/tmp/img-escaped");
	tar_put(w, TAR_FILE, "../../../../../../tmp/img-escaped", 0644, "1");
	tar_put(w, TAR_FILE, "/tmp/img-escaped", 0644, "2");
	tar_put(w, TAR_SYMLINK, "abs", 0777, "/tmp");
	tar_put(w, TAR_FILE, "abs/img-escaped", 0644, "3");
	tar_put(w, TAR_DIR, "dir/", 0755, NULL);
	tar_put(w, TAR_SYMLINK, "dir/up", 0777, "../../../../../tmp");
	tar_put(w, TAR_FILE, "dir/up/img-escaped2", 0644, "4");
	tar_put(w, TAR_SYMLINK, "f", 0777, "/tmp/img-escaped3");
	tar_put(w, TAR_FILE, "f", 0644, "5");
	tar_end(w);
	import(&tar, "hostile", NULL);
	assert_false(fs_exists("/tmp/img-escaped"));
	assert_false(fs_exists("/tmp/img-escaped2"));
	assert_false(fs_exists("/tmp/img-escaped3"));
	dir = layer_dir("hostile");
	read_text(dir, "tmp/img-escaped", &out);
	assert_string_equal(out.p, "3");
	read_text(dir, "tmp/img-escaped2", &out);
	assert_string_equal(out.p, "4");
	read_text(dir, "f", &out);
	assert_string_equal(out.p, "5");

	w = tar_begin(&link);
	tar_put(w, TAR_HARDLINK, "shadow", 0, "/../../etc/shadow");
	tar_end(w);
	buf_reset(&out);
	assert_int_equal(run(&out, &link, NULL, "import", "-", "link", NULL), -1);
	assert_non_null(strstr(out.p, "cannot create shadow: no such file or directory"));
	assert_int_equal(graph_count(s.g), 1);
}

static void bad_tars_leave_nothing(void **state)
{
	autobuf struct buf tar = BUF_INIT(OUT_MAX), out = BUF_INIT(OUT_MAX),
			   bad = BUF_INIT(OUT_MAX);

	(void)state;
	base_tar(&tar);
	tar.len = 1200;
	assert_int_equal(run(&out, &tar, NULL, "import", "-", "x", NULL), -1);
	assert_non_null(strstr(out.p, "Error processing tar file(exit status 1): unexpected EOF"));
	buf_adds(&bad, "garbage");
	assert_int_equal(run(&out, &bad, NULL, "import", "-", "x", NULL), -1);
	assert_non_null(strstr(out.p, "unexpected EOF"));
	assert_int_equal(run(&out, &bad, NULL, "import", "-", "UPPER", NULL), -1);
	assert_string_equal(out.p, "2 invalid reference format: repository name must be lowercase");
	assert_int_equal(run(&out, &bad, "{\"changes\":[\"FOO bar\"]}", "import", "-", "x", NULL),
			 -1);
	assert_string_equal(out.p, "2 foo is not a valid change command");
	assert_int_equal(graph_count(s.g), 0);
	assert_int_equal(map_count(&s.g->layers), 0);
	assert_int_equal(count_in(s.driver), 0);
}

static int add_digest(void *to, const void *p, size_t n)
{
	digest_add(to, p, n);
	return 0;
}

/* The record must give the tar again, byte for byte, whatever the entries did to each other. */
static void record_replays(void **state)
{
	autobuf struct buf tar = BUF_INIT(OUT_MAX);
	struct tar_writer *w = tar_begin(&tar);
	autofree char *dir = NULL, *path = NULL;
	autoclose int record = -1, root = -1;
	char want[DIGEST_SIZE], have[DIGEST_SIZE], id[DIGEST_SIZE];
	struct error err = { 0 };
	struct digest d;

	(void)state;
	tar_put(w, TAR_FILE, "./one", 0644, "first content");
	tar_put(w, TAR_FILE, "one", 0644, "second");
	tar_put(w, TAR_DIR, "d/", 0755, NULL);
	tar_put(w, TAR_FILE, "d/in", 0644, "inside a folder that goes");
	tar_put(w, TAR_FILE, "d/big", 0644, "0123456789");
	tar_put(w, TAR_FILE, "d", 0644, "now a file");
	tar_put(w, TAR_HARDLINK, "h", 0, "one");
	tar_put(w, TAR_FILE, "gone", 0644, "to be whited out");
	tar_put(w, TAR_FILE, ".wh.gone", 0644, "with content");
	tar_put(w, TAR_FILE, "empty", 0644, NULL);
	tar_end(w);
	buf_adds(&tar, "what follows the end belongs to the digest as well");
	digest_of(tar.p, tar.len, want);
	import(&tar, "rec", NULL);
	assert_int_equal(lookup_id(s.g, "rec", id, &err), 0);
	path = xasprintf("%s/graph/layers/%s/record", s.root,
			 digest_hex(image_get(s.g, id)->top->chain));
	dir = layer_dir("rec");
	record = open(path, O_RDONLY | O_CLOEXEC);
	root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	digest_init(&d);
	if (record_replay(record, root, add_digest, &d, &err) < 0)
		fail_msg("%s", err.text);
	digest_end(&d, have);
	assert_string_equal(have, want);
	assert_string_equal(image_get(s.g, id)->top->diff, want);
}

/* Mount a write layer as a container would. */
static void mount_rw(const char *id, char where[300])
{
	struct graphdriver_mount m;
	struct error err = { 0 };

	if (graph_rw_mount(s.g, id, &m, &err) < 0)
		fail_msg("%s", err.text);
	if (!m.overlay) {
		snprintf(where, 300, "%s", m.path);
	} else {
		snprintf(where, 300, "%s/merged", s.root);
		assert_true(mkdir(where, 0755) == 0 || errno == EEXIST);
		assert_int_equal(chdir(m.path), 0);
		assert_int_equal(mount("overlay", where, "overlay", 0, m.options), 0);
		assert_int_equal(chdir("/"), 0);
	}
	graphdriver_mount_done(&m);
}

static void unmount_rw(const char *where)
{
	if (strstr(where, "merged")) {
		assert_int_equal(umount(where), 0);
		assert_int_equal(rmdir(where), 0);
	}
}

static void write_file(const char *dir, const char *name, const char *text)
{
	autofree char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(fs_save_atomic(AT_FDCWD, path, text, strlen(text), 0644, 0), 0);
}

static void remove_file(const char *dir, const char *name)
{
	autofree char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(fs_remove_tree(AT_FDCWD, path), 0);
}

static char *changes_text(const char *id)
{
	struct error err = { 0 };
	autojson json_t *list = graph_rw_changes(s.g, id, &err);
	struct buf b = BUF_INIT(OUT_MAX);
	json_t *c;
	size_t i;

	if (!list)
		fail_msg("%s", err.text);
	json_array_foreach(list, i, c)
		buf_addf(&b, "%c %s\n", "CAD"[json_get_int(c, "Kind", 0)],
			 json_get_str(c, "Path", ""));
	return buf_take(&b);
}

static void write_layer(void **state)
{
	autobuf struct buf tar = BUF_INIT(OUT_MAX), out = BUF_INIT(OUT_MAX);
	autofree char *text = NULL, *none = NULL;
	char id[DIGEST_SIZE], where[300];
	struct error err = { 0 };
	int64_t rw, all;
	struct stat st;

	(void)state;
	base_tar(&tar);
	import(&tar, "base", NULL);
	assert_int_equal(lookup_id(s.g, "base", id, &err), 0);
	if (graph_rw_create(s.g, "c1", id, &err) < 0)
		fail_msg("%s", err.text);
	none = changes_text("c1");
	assert_string_equal(none, "");
	assert_true(graph_rw_exists(s.g, "c1"));
	mount_rw("c1", where);
	assert_true(there(where, "proc") && there(where, "dev/pts") && there(where, ".dockerenv"));
	assert_false(fs_exists("/tmp/escape"));
	text = xasprintf("%s/etc", where);
	assert_int_equal(stat(text, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	free(text);
	text = xasprintf("%s/etc/resolv.conf", where);
	assert_int_equal(lstat(text, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	free(text);
	write_file(where, "new", "12345");
	write_file(where, "etc/passwd", "changed!");
	remove_file(where, "bin/su2");
	unmount_rw(where);
	text = changes_text("c1");
	assert_string_equal(text, "C /bin\nD /bin/su2\nC /etc\nC /etc/passwd\nA /new\n");
	assert_int_equal(graph_rw_size(s.g, "c1", &rw, &all, &err), 0);
	assert_int_equal(rw, 13);
	assert_int_equal(all, 13 + 26);
	assert_int_equal(graph_rw_remove(s.g, "c1", &err), 0);
	assert_int_equal(graph_rw_remove(s.g, "c1", &err), 0);
	assert_false(graph_rw_exists(s.g, "c1"));
}

static void export_and_commit(void **state)
{
	autobuf struct buf tar = BUF_INIT(OUT_MAX), out = BUF_INIT(OUT_MAX),
			   cfg = BUF_INIT(OUT_MAX);
	autojson json_t *config = json_pack("{s[s]}", "Cmd", "sh");
	struct graph_commit c = { .container_id = "c1",
				  .config = config,
				  .author = "me",
				  .comment = "why",
				  .created_by = "sh",
				  .repo_tag = "made:x" };
	char id[DIGEST_SIZE], made[72], where[300], path[128];
	struct error err = { 0 };
	struct tar_reader *r;
	struct tar_entry *e;
	autoclose int fd = -1;
	int seen = 0;

	(void)state;
	base_tar(&tar);
	import(&tar, "base", NULL);
	assert_int_equal(lookup_id(s.g, "base", id, &err), 0);
	assert_int_equal(graph_rw_create(s.g, "c1", id, &err), 0);
	mount_rw("c1", where);
	write_file(where, "new", "12345");
	remove_file(where, "etc");
	snprintf(path, sizeof(path), "%s/export.tar", s.root);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (graph_rw_export(s.g, "c1", fd, &err) < 0) /* while it is mounted */
		fail_msg("%s", err.text);
	unmount_rw(where);
	lseek(fd, 0, SEEK_SET);
	while (buf_read(&out, fd, 65536) > 0)
		;
	{
		struct source from = source_buf(&out);

		r = tar_reader_new(from.read, from.from);
		while (tar_next(r, &e, &err) > 0)
			seen |= (strcmp(e->name, "new") == 0) |
				(strcmp(e->name, "bin/su") == 0) << 1 |
				(strncmp(e->name, "etc", 3) == 0) << 2 |
				(strcmp(e->name, "proc/") == 0) << 3;
		tar_reader_free(r);
	}
	assert_int_equal(seen, 1 | 2 | 8);
	c.parent_id = id;
	if (graph_commit(s.g, &c, made, &err) < 0)
		fail_msg("%s", err.text);
	buf_reset(&out);
	assert_int_equal(run(&out, NULL, NULL, "history", "made:x", NULL, NULL), 0);
	assert_non_null(strstr(out.p, "\"CreatedBy\":\"sh\""));
	assert_non_null(strstr(out.p, "\"Size\":5,"));
	buf_reset(&out);
	assert_int_equal(run(&out, NULL, NULL, "image_inspect", "made:x", NULL, NULL), 0);
	assert_non_null(strstr(out.p, "\"Author\":\"me\""));
	assert_non_null(strstr(out.p, "\"Comment\":\"why\""));
	/* A container of the new image sees neither /etc nor a change. */
	assert_int_equal(graph_rw_create(s.g, "c2", made, &err), 0);
	mount_rw("c2", where);
	assert_true(there(where, "new"));
	assert_false(there(where, "etc/passwd"));
	unmount_rw(where);
	assert_int_equal(graph_rw_remove(s.g, "c2", &err), 0);
	/* Nothing changed: no layer of its own. */
	assert_int_equal(graph_rw_create(s.g, "c3", made, &err), 0);
	c = (struct graph_commit){ .container_id = "c3", .parent_id = made, .config = config };
	assert_int_equal(graph_commit(s.g, &c, id, &err), 0);
	assert_int_equal(graph_rw_remove(s.g, "c3", &err), 0);
	buf_reset(&out);
	assert_int_equal(run(&out, NULL, NULL, "image_inspect", id, NULL, NULL), 0);
	{
		autojson json_t *j = json_parse(out.p, out.len, NULL);

		assert_int_equal(json_array_size(json_get_arr(json_get_obj(j, "RootFS"), "Layers")),
				 2);
	}
	assert_int_equal(graph_rw_remove(s.g, "c1", &err), 0);
}

static void no_image(void **state)
{
	struct error err = { 0 };
	char where[300];

	(void)state;
	assert_int_equal(graph_rw_create(s.g, "c0", NULL, &err), 0);
	mount_rw("c0", where);
	assert_true(there(where, "proc") && there(where, "etc/hosts"));
	unmount_rw(where);
	store_reopen();
	assert_true(graph_rw_exists(s.g, "c0"));
	assert_int_equal(graph_rw_remove(s.g, "c0", &err), 0);
}

static void names(void **state)
{
	autobuf struct buf tar = BUF_INIT(OUT_MAX), out = BUF_INIT(OUT_MAX);
	struct error err = { 0 };
	struct image *i;
	char id[DIGEST_SIZE], prefix[20];

	(void)state;
	base_tar(&tar);
	import(&tar, "base", NULL);
	assert_int_equal(lookup_id(s.g, "base", id, &err), 0);
	assert_int_equal(run(&out, NULL, NULL, "tag", "base", "localhost:5000/x/y", "z"), 0);
	assert_int_equal(run(&out, NULL, NULL, "tag", "base", "docker.io/library/other", NULL), 0);
	snprintf(prefix, sizeof(prefix), "%.9s", digest_hex(id));
	assert_int_equal(run(&out, NULL, NULL, "tag", prefix, "fourth", NULL), 0);
	store_reopen();
	i = graph_lookup(s.g, id, &err);
	assert_non_null(i);
	assert_int_equal(i->tags.n, 4);
	assert_true(strlist_has(&i->tags, "localhost:5000/x/y:z"));
	assert_true(strlist_has(&i->tags, "other:latest"));
	image_free(i);
	assert_int_equal(run(&out, NULL, NULL, "tag", "nosuch", "a", NULL), -1);
	assert_string_equal(out.p, "5 No such image: nosuch:latest");
	assert_int_equal(run(&out, NULL, NULL, "tag", "base", "UPPER", NULL), -1);
	assert_string_equal(out.p, "2 invalid reference format: repository name must be lowercase");
	assert_int_equal(run(&out, NULL, NULL, "tag", "base", "x", "a/b"), -1);
	assert_string_equal(out.p, "2 invalid tag format");
	assert_null(graph_lookup(s.g, "localhost:1/a/b:c", &err));
	assert_string_equal(err.text, "No such image: localhost:1/a/b:c");
	buf_reset(&out);
	assert_int_equal(run(&out, NULL, "{\"filters\":\"{\\\"reference\\\":[\\\"oth*\\\"]}\"}",
			     "images", NULL, NULL, NULL),
			 0);
	assert_non_null(strstr(out.p, "\"RepoTags\":[\"other:latest\"]"));
	buf_reset(&out);
	assert_int_equal(run(&out, NULL, "{\"filters\":{\"foo\":[\"x\"]}}", "images", NULL, NULL,
			     NULL),
			 -1);
	assert_string_equal(out.p, "2 invalid filter 'foo'");
	assert_int_equal(run(&out, NULL, "{\"filters\":{\"dangling\":[\"maybe\"]}}", "images", NULL,
			     NULL, NULL),
			 -1);
	assert_string_equal(out.p, "2 invalid filter 'dangling=[maybe]'");
	assert_int_equal(run(&out, NULL, "{\"filters\":{\"before\":[\"nosuch\"]}}", "images", NULL,
			     NULL, NULL),
			 -1);
	assert_string_equal(out.p, "5 No such image: nosuch:latest");
}

static char *deleted(const char *name, bool force, int *rc)
{
	autojson json_t *done = json_array();
	struct error err = { 0 };

	*rc = graph_delete(s.g, name, force, false, done, &err);
	return *rc < 0 ? xstrdup(err.text) : json_text(done);
}

static void deletion(void **state)
{
	autobuf struct buf tar = BUF_INIT(OUT_MAX), out = BUF_INIT(OUT_MAX);
	autofree char *a = NULL, *b = NULL, *c = NULL, *want = NULL;
	struct error err = { 0 };
	char id[DIGEST_SIZE];
	int rc;

	(void)state;
	base_tar(&tar);
	import(&tar, "base", NULL);
	assert_int_equal(lookup_id(s.g, "base", id, &err), 0);
	assert_int_equal(run(&out, NULL, NULL, "tag", "base", "two", NULL), 0);
	assert_int_equal(graph_rw_create(s.g, "c1", id, &err), 0);
	a = deleted(id, false, &rc);
	assert_int_equal(rc, -1);
	want = xasprintf(
		"conflict: unable to delete %.12s (must be forced) - image is referenced in "
		"multiple repositories",
		digest_hex(id));
	assert_string_equal(a, want);
	b = deleted("two", false, &rc);
	assert_string_equal(b, "[{\"Untagged\":\"two:latest\"}]");
	c = deleted("base", false, &rc);
	assert_non_null(strstr(c, "{\"Untagged\":\"base:latest\"},{\"Deleted\":\"sha256:"));
	assert_int_equal(graph_count(s.g), 0);
	assert_int_equal(map_count(&s.g->layers), 1); /* the write layer stands on it */
	store_reopen();
	assert_true(graph_rw_exists(s.g, "c1"));
	assert_int_equal(graph_rw_remove(s.g, "c1", &err), 0);
	assert_int_equal(map_count(&s.g->layers), 0);
	assert_int_equal(count_in(s.driver), 0);
	free(c);
	c = deleted("base", true, &rc);
	assert_string_equal(c, "No such image: base:latest");
}

/* What a crash may leave is gone after the next start, and nothing else is. */
static void leftovers(void **state)
{
	autobuf struct buf tar = BUF_INIT(OUT_MAX);
	autofree char *scratch = NULL, *orphan = NULL, *image = NULL, *load = NULL;
	struct strlist known = STRLIST_INIT;
	struct error err = { 0 };
	char id[DIGEST_SIZE];

	(void)state;
	base_tar(&tar);
	import(&tar, "base", NULL);
	assert_int_equal(lookup_id(s.g, "base", id, &err), 0);
	assert_int_equal(graph_rw_create(s.g, "c1", id, &err), 0);
	assert_int_equal(graph_rw_create(s.g, "c2", id, &err), 0);
	assert_int_equal(s.g->ops->create(s.g->self, "lorphan", NULL, false, &err), 0);
	scratch = xasprintf("%s/graph/_tmp/half", s.root);
	orphan = xasprintf("%s/graph/layers/%064d", s.root, 7);
	image = xasprintf("%s/graph/images/%064d", s.root, 8);
	load = xasprintf("%s/tmp/load-1/x", s.root);
	assert_int_equal(fs_mkdir_p(scratch, 0700), 0);
	assert_int_equal(fs_mkdir_p(orphan, 0700), 0);
	assert_int_equal(fs_mkdir_p(image, 0700), 0);
	assert_int_equal(fs_mkdir_p(load, 0700), 0);
	store_reopen();
	assert_false(fs_exists(scratch) || fs_exists(orphan) || fs_exists(image) ||
		     fs_exists(load));
	assert_false(s.g->ops->exists(s.g->self, "lorphan"));
	assert_int_equal(lookup_id(s.g, "base", id, &err), 0);
	strlist_add(&known, "c2");
	graph_rw_sweep(s.g, &known);
	strlist_done(&known);
	assert_false(graph_rw_exists(s.g, "c1"));
	assert_true(graph_rw_exists(s.g, "c2"));
	assert_int_equal(count_in(s.driver), 3); /* the layer, its init layer, c2 */
	assert_int_equal(graph_rw_remove(s.g, "c2", &err), 0);
}

/* A layer of an earlier boot that had not reached the disk is not trusted, nor its image. */
static void power_cut(void **state)
{
	autobuf struct buf tar = BUF_INIT(OUT_MAX);
	autofree char *mark = NULL;
	struct error err = { 0 };
	char id[DIGEST_SIZE];

	(void)state;
	base_tar(&tar);
	import(&tar, "base", NULL);
	assert_int_equal(lookup_id(s.g, "base", id, &err), 0);
	sync_wait(s.g);
	mark = xasprintf("%s/graph/layers/%s/" UNSYNCED, s.root,
			 digest_hex(image_get(s.g, id)->top->chain));
	assert_false(fs_exists(mark));
	assert_int_equal(fs_save_atomic(AT_FDCWD, mark, "other boot", 10, 0600, 0), 0);
	store_reopen();
	assert_int_equal(graph_count(s.g), 0);
	assert_int_equal(count_in(s.driver), 0);
	assert_null(graph_lookup(s.g, "base", &err));
}

static void open_with(const char *driver, size_t want)
{
	store_close();
	s.driver = driver;
	store_open();
	assert_int_equal(graph_count(s.g), want);
}

/* Another driver has a store of its own, and the first one's waits. */
static void driver_changes(void **state)
{
	autofree char *graph = xasprintf("%s/graph", s.root);
	autofree char *aside = xasprintf("%s-overlay", graph);
	autofree char *mark = xasprintf("%s/driver", graph);
	autobuf struct buf tar = BUF_INIT(OUT_MAX);

	(void)state;
	base_tar(&tar);
	import(&tar, "base", NULL);
	open_with("vfs", 0);
	open_with("overlay", 1);
	open_with("vfs", 0);
	import(&tar, "own", NULL);
	open_with("overlay", 1);
	assert_null(graph_lookup(s.g, "own", NULL));
	/* The machine went down between the two renames. */
	assert_int_equal(rename(graph, aside), 0);
	open_with("overlay", 1);
	assert_false(fs_exists(aside));
	/* Or before a new store had its mark. */
	assert_int_equal(unlink(mark), 0);
	open_with("overlay", 1);
	assert_true(fs_exists(mark));
}

/* As many layers as the kernel's one page of options must take. */
static void deep_stack(void **state)
{
	struct error err = { 0 };
	char name[16], parent[16] = "", where[300];
	struct graphdriver_mount m;

	(void)state;
	for (int i = 0; i < 127; i++) {
		snprintf(name, sizeof(name), "l%010d", i);
		assert_int_equal(s.g->ops->create(s.g->self, name, i ? parent : NULL, false, &err),
				 0);
		memcpy(parent, name, sizeof(name));
	}
	if (s.g->ops->create(s.g->self, "top", parent, true, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(s.g->ops->mount(s.g->self, "top", &m, &err), 0);
	snprintf(where, sizeof(where), "%s/merged", s.root);
	assert_int_equal(mkdir(where, 0755), 0);
	assert_int_equal(graphdriver_mount_at(m.path, m.options, where, 0), 0);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(umount(where), 0);
	graphdriver_mount_done(&m);
}

static void bombs(void **state)
{
	const int64_t gib = 1LL << 30;

	(void)state;
	assert_false(unpack_is_bomb(1, 4 * gib)); /* small enough not to matter */
	assert_true(unpack_is_bomb(1, 4 * gib + 1000));
	assert_true(unpack_is_bomb(8 * gib / 1000, 8 * gib));
	assert_false(unpack_is_bomb(8 * gib / 100, 8 * gib));
	assert_false(unpack_is_bomb(100 * gib, 100 * gib)); /* not packed at all */
}

#define BOTH(test)                                                                                 \
	cmocka_unit_test_setup_teardown(test, setup_overlay, teardown),                            \
		cmocka_unit_test_setup_teardown(test, setup_vfs, teardown)

static int tests(void)
{
	const struct CMUnitTest all[] = {
		BOTH(import_and_list),
		BOTH(hostile_tars),
		BOTH(bad_tars_leave_nothing),
		BOTH(record_replays),
		BOTH(write_layer),
		BOTH(export_and_commit),
		BOTH(no_image),
		BOTH(names),
		BOTH(deletion),
		BOTH(leftovers),
		BOTH(power_cut),
		cmocka_unit_test(bombs),
		cmocka_unit_test_setup_teardown(driver_changes, setup_overlay, teardown),
		cmocka_unit_test_setup_teardown(deep_stack, setup_overlay, teardown),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
	return graph_test_main(argc, argv, tests);
}
