/* What the daemon's start needs: addresses, pid files, locks. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pkg/buf.h"
#include "pkg/fs.h"
#include "pkg/hostaddr.h"
#include "pkg/mem.h"
#include "pkg/pidfile.h"

static void test_hosts(void **state)
{
	static const char *const good[][2] = {
		{ "", "unix:///var/run/docker.sock" },
		{ "unix://", "unix:///var/run/docker.sock" },
		{ "unix:///a/b", "unix:///a/b" },
		{ "tcp://1.2.3.4:5", "tcp://1.2.3.4:5" },
		{ ":2375", "tcp://127.0.0.1:2375" },
		{ "tcp://:2375", "tcp://127.0.0.1:2375" },
		{ "0.0.0.0:2375", "tcp://0.0.0.0:2375" },
		{ "localhost:1", "tcp://localhost:1" },
		{ "[::1]:2375", "tcp://[::1]:2375" },
		{ "fd://", "fd://" },
		{ "fd://4", "fd://4" },
	};
	static const char *const bad[][2] = {
		{ "tcp://", "Invalid bind address format: tcp://" },
		{ "tcp://host", "Invalid bind address format: host" },
		{ "host", "Invalid bind address format: host" },
		{ "a:b:c", "Invalid bind address format: a:b:c" },
		{ "0.0.0.0", "Invalid bind address format: 0.0.0.0" },
		{ ":0", "Invalid bind address format: :0" },
		{ ":70000", "Invalid bind address format: :70000" },
		{ ":80x", "Invalid bind address format: :80x" },
		{ "udp://127.0.0.1:2375", "Invalid bind address protocol: udp://127.0.0.1:2375" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(good); i++) {
		autofree char *got = hostaddr_normalize(good[i][0], NULL);

		assert_string_equal(got, good[i][1]);
	}
	for (size_t i = 0; i < array_size(bad); i++) {
		struct error err = { 0 };

		assert_null(hostaddr_normalize(bad[i][0], &err));
		assert_string_equal(err.text, bad[i][1]);
	}
}

static int make_dir(void **state)
{
	char *dir = xstrdup("/tmp/test-startup-XXXXXX");

	*state = mkdtemp(dir);
	return *state ? 0 : -1;
}

static int remove_dir(void **state)
{
	int rc = fs_remove_tree(AT_FDCWD, *state);

	free(*state);
	return rc;
}

static void test_pidfile(void **state)
{
	autofree char *path = xasprintf("%s/run/x.pid", (char *)*state);
	autofree char *want = xasprintf("%d", (int)getpid());
	autobuf struct buf text = BUF_INIT(64);
	struct error err = { 0 };
	int fd = pidfile_create(path, &err);

	assert_true(fd >= 0);
	assert_int_equal(fs_read_file(AT_FDCWD, path, &text), 0);
	assert_string_equal(buf_text(&text), want);
	assert_int_equal(pidfile_create(path, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_non_null(strstr(err.text, "pid file found, ensure docker is not running"));
	assert_true(fs_exists(path));
	pidfile_remove(path, fd);
	assert_false(fs_exists(path));
}

static void test_stale_pidfile(void **state)
{
	autofree char *path = xasprintf("%s/x.pid", (char *)*state);
	int fd;

	assert_int_equal(fs_save_atomic(AT_FDCWD, path, "1", 1, 0644, 0), 0);
	fd = pidfile_create(path, NULL); /* pid 1 lives, but it is no daemon of ours */
	assert_true(fd >= 0);
	pidfile_remove(path, fd);
}

static void test_replaced_pidfile(void **state)
{
	autofree char *path = xasprintf("%s/x.pid", (char *)*state);
	int fd = pidfile_create(path, NULL);

	assert_true(fd >= 0);
	assert_int_equal(fs_save_atomic(AT_FDCWD, path, "77", 2, 0644, 0), 0);
	pidfile_remove(path, fd);
	assert_true(fs_exists(path)); /* somebody else's by now */
}

static void test_lock_dir(void **state)
{
	autofree char *path = xasprintf("%s/root", (char *)*state);
	struct error err = { 0 };
	int fd = pidfile_lock_dir(path, &err);

	assert_true(fd >= 0);
	assert_int_equal(pidfile_lock_dir(path, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	close(fd);
	fd = pidfile_lock_dir(path, &err);
	assert_true(fd >= 0);
	close(fd);
}

/* A child that outlives its daemon for a moment, on its way to its program. */
static void test_lock_of_a_child(void **state)
{
	autofree char *path = xasprintf("%s/root", (char *)*state);
	int fd = pidfile_lock_dir(path, NULL);
	pid_t child;

	assert_true(fd >= 0);
	child = fork();
	if (child == 0) {
		usleep(100000);
		_exit(0);
	}
	close(fd);
	fd = pidfile_lock_dir(path, NULL);
	assert_true(fd >= 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
		cmocka_unit_test_setup_teardown(test_pidfile, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_stale_pidfile, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_replaced_pidfile, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_lock_of_a_child, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_lock_dir, make_dir, remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
