/*
 * For tests of the image store: a store with an engine on a folder of its own, jobs that are run
 * with text in and out, tars made by hand. Needs root; the process has its own mount namespace.
 */
#ifndef TESTS_UNIT_GRAPHTEST_H
#define TESTS_UNIT_GRAPHTEST_H

#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/job.h"
#include "graph/graph.h"
#include "graph/internal.h"
#include "graph/roles.h"
#include "pkg/buf.h"
#include "pkg/fs.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/tar.h"

#define OUT_MAX (16 << 20)

struct store {
	char root[64];
	const char *driver;
	struct graphdriver *d;
	struct graph *g;
	struct engine *e;
};

static struct store s;

static inline void store_open(void)
{
	struct error err = { 0 };

	s.d = graphdriver_open(s.root, s.driver, NULL, &err);
	if (!s.d)
		fail_msg("%s", err.text);
	s.g = graph_open(s.root, s.d, NULL, &err);
	if (!s.g)
		fail_msg("%s", err.text);
	s.e = engine_new();
	engine_set_logging(s.e, false);
	assert_int_equal(graph_install(s.g, s.e, &err), 0);
}

static inline void store_close(void)
{
	engine_shutdown(s.e);
	engine_free(s.e);
	graph_close(s.g);
	graphdriver_close(s.d);
}

static inline void store_reopen(void)
{
	store_close();
	store_open();
}

static inline int store_setup(const char *driver)
{
	snprintf(s.root, sizeof(s.root), "/tmp/img-test-XXXXXX");
	assert_non_null(mkdtemp(s.root));
	s.driver = driver;
	store_open();
	return 0;
}

static inline int setup_overlay(void **state)
{
	(void)state;
	return store_setup("overlay");
}

static inline int setup_vfs(void **state)
{
	(void)state;
	return store_setup("vfs");
}

static inline int teardown(void **state)
{
	(void)state;
	store_close();
	for (int i = 0; i < 100 && fs_remove_tree(AT_FDCWD, s.root) < 0; i++)
		usleep(10000); /* the trash is being emptied at the same time */
	assert_false(fs_exists(s.root));
	return 0;
}

/* Run a job: args and env are space- and comma-free words; in may be NULL. 0 and out, or -1 and out = error. */
static inline int run(struct buf *out, struct buf *in, const char *env, const char *name,
		      const char *a, const char *b, const char *c)
{
	struct job *j = job_new(s.e, name, NULL);
	struct error err = { 0 };
	int rc;

	if (a)
		job_add_arg(j, a);
	if (b)
		job_add_arg(j, b);
	if (c)
		job_add_arg(j, c);
	if (env)
		assert_int_equal(env_decode(job_env(j), env, strlen(env), NULL), 0);
	if (in)
		input_set(job_in(j), source_buf(in));
	output_add(job_out(j), sink_buf(out));
	rc = job_run(j, &err);
	if (rc < 0) {
		buf_reset(out);
		buf_addf(out, "%d %s", err.kind, err.text);
	}
	job_free(j);
	return rc;
}

static inline int to_buf(void *to, const void *p, size_t n)
{
	return buf_add(to, p, n);
}

/* A tar in the making. */
static inline struct tar_writer *tar_begin(struct buf *b)
{
	return tar_writer_new(to_buf, b);
}

static inline void tar_end(struct tar_writer *w)
{
	assert_int_equal(tar_write_end(w), 0);
	tar_writer_free(w);
}

static inline void tar_put(struct tar_writer *w, enum tar_type type, const char *name, mode_t mode,
			   const char *content_or_link)
{
	struct tar_entry e = { .type = type, .name = xstrdup(name), .mode = mode };
	size_t n = content_or_link ? strlen(content_or_link) : 0;

	e.mtime.tv_sec = 1000000000;
	if (type == TAR_FILE)
		e.size = (int64_t)n;
	else
		e.link = xstrdup(content_or_link ? content_or_link : "");
	assert_int_equal(tar_write_entry(w, &e), 0);
	if (type == TAR_FILE && n)
		assert_int_equal(tar_write_data(w, content_or_link, n), 0);
	tar_entry_done(&e);
}

/* A layer's own folder on the disk; name: of the only image. */
static inline char *layer_dir(const char *image)
{
	struct error err = { 0 };
	char id[DIGEST_SIZE];

	if (lookup_id(s.g, image, id, &err) < 0)
		fail_msg("%s", err.text);
	return s.g->ops->diff_path(s.g->self, image_get(s.g, id)->top->name);
}

static inline void read_text(const char *dir, const char *path, struct buf *out)
{
	autofree char *full = xasprintf("%s/%s", dir, path);

	buf_reset(out);
	if (fs_read_file(AT_FDCWD, full, out) < 0)
		fail_msg("%s: %s", full, strerror(errno));
}

static inline bool there(const char *dir, const char *path)
{
	autofree char *full = xasprintf("%s/%s", dir, path);

	return fs_exists(full);
}

/* Number of entries of a folder but for hidden ones. */
static inline size_t count_in(const char *what)
{
	autofree char *cmd = xasprintf("%s/%s", s.root, what);
	autoclose int fd = open(cmd, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct strlist ids = STRLIST_INIT;
	size_t n;

	if (fd < 0)
		return 0;
	close(fd);
	fd = -1;
	s.g->ops->list(s.g->self, &ids, NULL);
	n = ids.n;
	strlist_done(&ids);
	return n;
}

static inline int graph_test_main(int argc, char **argv, int (*tests)(void))
{
	reexec_dispatch(graph_roles, argc, argv);
	if (geteuid() != 0) {
		printf("skipped: not root\n");
		return 0;
	}
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		printf("skipped: no mount namespace: %s\n", strerror(errno));
		return 0;
	}
	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_LEVEL_FATAL);
	return tests();
}

#endif
