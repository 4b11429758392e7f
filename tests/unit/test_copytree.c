/* Walking and copying folders: order, depth, links, modes, times and attributes. Needs no root. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "pkg/buf.h"
#include "pkg/copytree.h"
#include "pkg/fs.h"
#include "pkg/mem.h"
#include "pkg/path.h"
#include "pkg/walk.h"
#include "pkg/xattr.h"
#include "tests/unit/unit.h"

static char root[64];
static int root_fd;

static int setup(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/img-copy-XXXXXX");
	assert_non_null(mkdtemp(root));
	root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root_fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	close(root_fd);
	return fs_remove_tree(AT_FDCWD, root);
}

static int note(void *arg, const struct walk_entry *e)
{
	buf_addf(arg, "%s%s ", e->path, S_ISDIR(e->st.st_mode) ? "/" : "");
	return strcmp(e->name, "skip") == 0;
}

static void walking(void **state)
{
	autobuf struct buf seen = BUF_INIT(4096);

	(void)state;
	mkdirat(root_fd, "b", 0700);
	mkdirat(root_fd, "b/skip", 0700);
	mkdirat(root_fd, "b/skip/x", 0700);
	mkdirat(root_fd, "a", 0700);
	mkdirat(root_fd, "a/in", 0700);
	mknodat(root_fd, "a/in/f", S_IFREG | 0600, 0);
	symlinkat("/", root_fd, "link");
	assert_int_equal(walk_tree(root_fd, note, &seen), 0);
	assert_string_equal(seen.p, "a/ b/ link a/in/ a/in/f b/skip/ ");
}

static int count(void *arg, const struct walk_entry *e)
{
	(void)e;
	++*(int *)arg;
	return 0;
}

/* Deeper than descriptors and stacks would bear, if each level took one. */
static void deep(void **state)
{
	int fd = dup(root_fd), n = 0;

	(void)state;
	for (int i = 0; i < 1500; i++) {
		int inner;

		assert_int_equal(mkdirat(fd, "d", 0700), 0);
		inner = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = inner;
	}
	close(fd);
	assert_int_equal(walk_tree(root_fd, count, &n), 0);
	assert_int_equal(n, 1500);
	/* Take it down again from the middle: fs_remove_tree() holds a descriptor for each level. */
	for (int i = 0; i < 3; i++) {
		autofree char *half = xmalloc(1001);

		for (int k = 0; k < 500; k++)
			memcpy(half + 2 * k, "d/", 2);
		half[999] = '\0';
		renameat(root_fd, half, root_fd, "e");
		assert_int_equal(fs_remove_tree(root_fd, "d"), 0);
		renameat(root_fd, "e", root_fd, "d");
	}
}

static void copying(void **state)
{
	struct timespec old[2] = { { 1, 5 }, { 1000, 7 } };
	autobuf struct buf text = BUF_INIT(4096);
	autoclose int from = -1, to = -1;
	struct stat a, b;

	(void)state;
	mkdirat(root_fd, "from", 0700);
	mkdirat(root_fd, "to", 0700);
	mkdirat(root_fd, "from/d", 0751);
	assert_int_equal(fs_save_atomic(root_fd, "from/d/f", "text", 4, 0640, 0), 0);
	linkat(root_fd, "from/d/f", root_fd, "from/h", 0);
	symlinkat("nowhere", root_fd, "from/s");
	mknodat(root_fd, "from/p", S_IFIFO | 0600, 0);
	utimensat(root_fd, "from/d/f", old, 0);
	utimensat(root_fd, "from/d", old, 0);
	from = openat(root_fd, "from", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	to = openat(root_fd, "to", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(copytree(from, to), 0);
	assert_int_equal(fs_read_file(to, "d/f", &text), 0);
	assert_string_equal(text.p, "text");
	assert_int_equal(fstatat(to, "d/f", &a, 0), 0);
	assert_int_equal(fstatat(to, "h", &b, 0), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	assert_int_equal(a.st_mode & 07777, 0640);
	assert_int_equal(a.st_mtim.tv_sec, 1000);
	assert_int_equal(a.st_mtim.tv_nsec, 7);
	assert_int_equal(fstatat(to, "d", &a, 0), 0);
	assert_int_equal(a.st_mode & 07777, 0751);
	assert_int_equal(a.st_mtim.tv_sec, 1000);
	assert_int_equal(fstatat(to, "s", &a, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISLNK(a.st_mode));
	assert_int_equal(fstatat(to, "p", &a, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISFIFO(a.st_mode));
}

static void staying_inside(void **state)
{
	int fd;

	(void)state;
	mkdirat(root_fd, "etc", 0700);
	mknodat(root_fd, "etc/hostname", S_IFREG | 0600, 0);
	symlinkat("/etc/hostname", root_fd, "absolute");
	symlinkat("../../../../etc/hostname", root_fd, "etc/up");
	fd = path_open_in_root(root_fd, "absolute", O_RDONLY, 0);
	assert_true(fd >= 0);
	close(fd);
	fd = path_open_in_root(root_fd, "etc/up", O_RDONLY, 0);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(path_open_in_root(root_fd, "/etc/passwd", O_RDONLY, 0), -1);
	assert_int_equal(path_open_beneath(root_fd, "absolute", O_RDONLY, 0), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(path_open_beneath(root_fd, "../x", O_RDONLY, 0), -1);
	assert_int_equal(errno, EXDEV);
}

static int set_attribute(int fd, const char *name, const char *value)
{
	return fsetxattr(fd, name, value, strlen(value), 0);
}

static void attributes(void **state)
{
	int a = openat(root_fd, "a", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int b = openat(root_fd, "b", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_int_equal(xattr_same(a, b), 1);
	if (set_attribute(a, "user.one", "1") < 0 && errno == EOPNOTSUPP)
		skip();
	assert_int_equal(xattr_same(a, b), 0);
	assert_int_equal(xattr_same(b, a), 0);
	set_attribute(b, "user.one", "2");
	assert_int_equal(xattr_same(a, b), 0);
	set_attribute(b, "user.one", "1");
	assert_int_equal(xattr_same(a, b), 1);
	set_attribute(a, "user.two", "");
	set_attribute(b, "user.six", "");
	assert_int_equal(xattr_same(a, b), 0);
	set_attribute(b, "user.two", "");
	set_attribute(a, "user.six", "");
	assert_int_equal(xattr_same(a, b), 1);
	set_attribute(b, "user.one", "10");
	assert_int_equal(xattr_same(a, b), 0);
	close(b);
	assert_int_equal(xattr_same(a, b), -1);
	close(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(walking, setup, teardown),
		cmocka_unit_test_setup_teardown(deep, setup, teardown),
		cmocka_unit_test_setup_teardown(copying, setup, teardown),
		cmocka_unit_test_setup_teardown(staying_inside, setup, teardown),
		cmocka_unit_test_setup_teardown(attributes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
