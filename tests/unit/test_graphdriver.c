/* Which driver a root is opened with, and what is said when it cannot be. Needs no root. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "graphdriver/internal.h"
#include "pkg/fs.h"
#include "pkg/mem.h"
#include "tests/unit/unit.h"

static const char *const names[] = { "overlay", "btrfs", "vfs", NULL };
static char root[64];

static int setup(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/driver-test-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < 100 && fs_remove_tree(AT_FDCWD, root) < 0; i++)
		usleep(10000); /* the trash is being emptied at the same time */
	return 0;
}

/* Folders in the root, and which driver they speak for, or the error. */
static const struct {
	const char *folders[3];
	const char *want;
	bool fails;
} rows[] = {
	{ { NULL }, "", false },
	{ { "overlay/.probe-1" }, "", false }, /* an interrupted trial */
	{ { "overlay/.trash" }, "overlay", false },
	{ { "vfs/.trash", "overlay/.probe-1" }, "vfs", false },
	{ { "vfs/.trash", "overlay/.trash" }, "overlay", false },
	{ { "vfs/l1", "overlay/.trash" }, "vfs", false },
	{ { "btrfs/l1", "overlay/.trash" }, "btrfs", false },
	{ { "vfs/l1", "btrfs/l1" },
	  "btrfs",
	  false }, /* as Docker: vfs is no choice beside another */
	{ { "overlay/l1", "btrfs/l1" },
	  "R contains several valid graphdrivers: overlay, btrfs; Please cleanup or explicitly "
	  "choose "
	  "storage driver (-s <DRIVER>)",
	  true },
	{ { "overlay/l1", "btrfs/l1", "vfs/l1" },
	  "R contains several valid graphdrivers: overlay, btrfs; Please cleanup or explicitly "
	  "choose "
	  "storage driver (-s <DRIVER>)",
	  true },
	{ { "aufs/diff", "vfs/.trash" }, "vfs", false },
	{ { "zfs", "overlay2" }, "", false }, /* empty ones say nothing */
	{ { "overlay2/x" },
	  "prior storage driver overlay2 failed: driver not supported: there is no overlay2 driver "
	  "here, overlay does its work. R/overlay2 stays as it is; choose another root (-g), or a "
	  "storage driver to begin anew with (-s)",
	  true },
};

/* The text with R for the root. */
static char *shortened(const char *text)
{
	autofree char *rest = xstrdup(text);
	char *out = xstrdup(""), *at = rest, *hit;

	while ((hit = strstr(at, root))) {
		char *longer;

		*hit = '\0';
		longer = xasprintf("%s%sR", out, at);
		free(out);
		out = longer;
		at = hit + strlen(root);
	}
	hit = xasprintf("%s%s", out, at);
	free(out);
	return hit;
}

static void prior_drivers(void **state)
{
	for (size_t i = 0; i < array_size(rows); i++) {
		struct error err = { 0 };
		autofree char *said = NULL;
		const char *found;

		assert_int_equal(setup(state), 0);
		for (size_t k = 0; k < array_size(rows[i].folders) && rows[i].folders[k]; k++) {
			autofree char *path = xasprintf("%s/%s", root, rows[i].folders[k]);

			assert_int_equal(fs_mkdir_p(path, 0700), 0);
		}
		found = prior_driver(root, names, &err);
		said = shortened(found ? found : err.text);
		assert_string_equal(said, rows[i].want);
		assert_int_equal(!found, rows[i].fails);
		assert_int_equal(err.kind, rows[i].fails ? ERR_CONFLICT : ERR_NONE);
		teardown(state);
	}
}

static void unknown_names(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_null(graphdriver_open(root, "foo", NULL, &err));
	assert_string_equal(err.text, "driver not supported: foo");
	assert_int_equal(err.kind, ERR_BAD_REQUEST);
	assert_null(graphdriver_open(root, "zfs", NULL, &err));
	assert_string_equal(err.text, "driver not supported: zfs (there is no zfs driver here, "
				      "overlay does its work)");
	assert_null(unsupported_reason("foo"));
	assert_int_equal(rmdir(root), 0); /* nothing was made in it */
}

static void foreign_layouts(void **state)
{
	static const char *const folders[][2] = { { "vfs", "dir/x" },
						  { "btrfs", "subvolumes/x" },
						  { "overlay", "x/root" },
						  { "overlay", "x/upper" } };
	struct error err = { 0 };

	(void)state;
	for (size_t i = 0; i < array_size(folders); i++) {
		autofree char *dir = xasprintf("%s/%s", root, folders[i][0]);
		autofree char *inner = xasprintf("%s/%s", dir, folders[i][1]);

		assert_int_equal(prior_check_layout(dir, folders[i][0], &err), 0);
		assert_int_equal(fs_mkdir_p(inner, 0700), 0);
		assert_int_equal(prior_check_layout(dir, folders[i][0], &err), -1);
		assert_int_equal(err.kind, ERR_CONFLICT);
		assert_int_equal(fs_remove_tree(AT_FDCWD, dir), 0);
	}
}

static void vfs_that_was_asked_for(void **state)
{
	struct error err = { 0 };
	struct graphdriver *d = graphdriver_open(root, "vfs", NULL, &err);

	(void)state;
	assert_non_null(d);
	assert_string_equal(graphdriver_name(d), "vfs");
	assert_null(graphdriver_note(d));
	graphdriver_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prior_drivers),
		cmocka_unit_test_setup_teardown(unknown_names, setup, teardown),
		cmocka_unit_test_setup_teardown(foreign_layouts, setup, teardown),
		cmocka_unit_test_setup_teardown(vfs_that_was_asked_for, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
