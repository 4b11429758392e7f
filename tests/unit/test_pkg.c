/* The generic helpers: buffers, maps, lists, numbers, times, signals, files, sockets, processes. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/buf.h"
#include "pkg/error.h"
#include "pkg/fs.h"
#include "pkg/id.h"
#include "pkg/json.h"
#include "pkg/map.h"
#include "pkg/mem.h"
#include "pkg/parse.h"
#include "pkg/proc.h"
#include "pkg/signals.h"
#include "pkg/sock.h"
#include "pkg/strlist.h"
#include "pkg/timefmt.h"
#include "pkg/user.h"
#include "pkg/workers.h"
#include "tests/unit/unit.h"

static char dir[] = "/tmp/docker-test-pkg-XXXXXX";

static void test_buf_ceiling(void **state)
{
	autobuf struct buf b = BUF_INIT(5);

	(void)state;
	assert_string_equal(buf_text(&b), "");
	assert_int_equal(buf_adds(&b, "abc"), 0);
	assert_int_equal(buf_addf(&b, "%d", 123), -1);
	assert_int_equal(errno, EFBIG);
	assert_string_equal(b.p, "abc");
	assert_int_equal(buf_add(&b, "de", 2), 0);
	buf_drop(&b, 3);
	assert_string_equal(b.p, "de");
}

static void test_map(void **state)
{
	struct map m = MAP_INIT;
	char key[16];
	size_t pos = 0, seen = 0;
	int values[1000];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_null(map_set(&m, key, &values[i]));
	}
	for (int i = 0; i < 1000; i += 3) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_ptr_equal(map_del(&m, key), &values[i]);
		assert_null(map_del(&m, key));
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_ptr_equal(map_get(&m, key), i % 3 ? &values[i] : NULL);
	}
	while (map_next(&m, &pos, NULL))
		seen++;
	assert_int_equal(seen, map_count(&m));
	assert_int_equal(seen, 666);
	map_done(&m);
}

static void test_env_lists(void **state)
{
	autostrlist struct strlist env = STRLIST_INIT;

	(void)state;
	strlist_env_set(&env, "A=1");
	strlist_env_set(&env, "AB=2");
	strlist_env_set(&env, "A=3");
	assert_int_equal(env.n, 2);
	assert_string_equal(strlist_env_get(&env, "A"), "3");
	strlist_env_unset(&env, "A");
	assert_null(strlist_env_get(&env, "A"));
	assert_string_equal(strlist_env_get(&env, "AB"), "2");
	assert_null(env.v[1]);
}

static void test_error(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(error_set(&err, ERR_NOT_FOUND, "no %s", "x"), -1);
	assert_int_equal(error_prefix(&err, "looking"), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_string_equal(err.text, "looking: no x");
	errno = ENOENT;
	error_sys(&err, "opening");
	assert_int_equal(err.sys, ENOENT);
	assert_string_equal(err.text, "opening: no such file or directory");
	assert_int_equal(error_set(NULL, ERR_INTERNAL, "x"), -1);
}

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} sizes[] = { { "0", 0 },
		      { "12", 12 },
		      { "1k", 1024 },
		      { "1.5m", 1572864 },
		      { "2GiB", 2147483648 },
		      { "10kb", 10240 },
		      { "1 m", 1048576 },
		      { "x", -1 },
		      { "1x", -1 },
		      { "1mm", -1 },
		      { "-1", -1 },
		      { "", -1 } };
	uint64_t u;
	int64_t i;

	(void)state;
	assert_int_equal(parse_u64("18446744073709551615", &u), 0);
	assert_int_equal(parse_u64("18446744073709551616", &u), -1);
	assert_int_equal(parse_u64("-1", &u), -1);
	assert_int_equal(parse_u64("1 ", &u), -1);
	assert_int_equal(parse_u64("", &u), -1);
	assert_int_equal(parse_i64("-9", &i), 0);
	assert_int_equal(i, -9);
	for (size_t k = 0; k < array_size(sizes); k++) {
		assert_int_equal(parse_ram_bytes(sizes[k].text, &i), sizes[k].bytes < 0 ? -1 : 0);
		if (sizes[k].bytes >= 0)
			assert_int_equal(i, sizes[k].bytes);
	}
}

static void test_times(void **state)
{
	struct timespec t = { .tv_sec = 1400000000, .tv_nsec = 120000000 }, back;
	char text[TIMEFMT_SIZE];

	(void)state;
	assert_string_equal(timefmt_rfc3339nano(text, t), "2014-05-13T16:53:20.12Z");
	assert_int_equal(timefmt_parse(text, &back), 0);
	assert_int_equal(back.tv_sec, t.tv_sec);
	assert_int_equal(back.tv_nsec, t.tv_nsec);
	assert_string_equal(timefmt_rfc3339nano_fixed(text, t), "2014-05-13T16:53:20.120000000Z");
	assert_string_equal(timefmt_rfc3339nano(text, (struct timespec){ 0 }), TIMEFMT_ZERO);
	assert_int_equal(timefmt_parse(TIMEFMT_ZERO, &back), 0);
	assert_int_equal(back.tv_sec, 0);
	assert_int_equal(timefmt_parse("2014-05-13T18:53:20+02:00", &back), 0);
	assert_int_equal(back.tv_sec, t.tv_sec);
	assert_int_equal(timefmt_parse("yesterday", &back), -1);
	assert_int_equal(timefmt_parse_unix("12.5", &back), 0);
	assert_int_equal(back.tv_nsec, 500000000);
	assert_int_equal(timefmt_parse_unix("abc", &back), -1);
	assert_string_equal(timefmt_human(text, 0), "Less than a second");
	assert_string_equal(timefmt_human(text, 61), "About a minute");
	assert_string_equal(timefmt_human(text, 47 * 3600), "47 hours");
	assert_string_equal(timefmt_human(text, 14 * 86400), "2 weeks");
}

static void test_signals(void **state)
{
	static const struct {
		const char *text;
		int signo;
	} cases[] = { { "TERM", 15 },     { "sigkill", 9 }, { "9", 9 },   { "RTMIN+2", 36 },
		      { "RTMAX", 64 },    { "0", -1 },      { "65", -1 }, { "SIGFOO", -1 },
		      { "RTMIN+99", -1 }, { "", -1 } };

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++)
		assert_int_equal(signal_parse(cases[i].text), cases[i].signo);
	assert_string_equal(signal_name(15), "TERM");
	assert_null(signal_name(64));
}

static void test_ids(void **state)
{
	char a[ID_SIZE], b[ID_SIZE];

	(void)state;
	id_generate(a);
	id_generate(b);
	assert_true(id_is_full(a));
	assert_string_not_equal(a, b);
	a[63] = '\0';
	assert_false(id_is_full(a));
	assert_false(id_is_full("G"));
}

static void test_files(void **state)
{
	autobuf struct buf b = BUF_INIT(100), small = BUF_INIT(2);
	autofree char *path = xasprintf("%s/a/b/file", dir), *folder = xasprintf("%s/a/b", dir);
	autofree char *top = xasprintf("%s/a", dir), *link = xasprintf("%s/a/link", dir);
	autofree char *under = xasprintf("%s/x", path);

	(void)state;
	assert_int_equal(fs_mkdir_p(folder, 0755), 0);
	assert_int_equal(fs_mkdir_p(folder, 0755), 0);
	assert_int_equal(fs_save_atomic(AT_FDCWD, path, "one", 3, 0600, 0), 0);
	assert_int_equal(fs_save_atomic(AT_FDCWD, path, "two", 3, 0640, FS_SAVE_SYNC), 0);
	assert_int_equal(fs_read_file(AT_FDCWD, path, &b), 0);
	assert_string_equal(b.p, "two");
	assert_int_equal(fs_read_file(AT_FDCWD, path, &small), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(fs_mkdir_p(under, 0755), -1);
	/* A link to elsewhere is removed, not followed. */
	assert_int_equal(symlink("/etc", link), 0);
	assert_int_equal(fs_remove_tree(AT_FDCWD, top), 0);
	assert_false(fs_exists(top));
	assert_true(fs_exists("/etc/passwd"));
	assert_int_equal(fs_remove_tree(AT_FDCWD, top), 0);
}

static void test_sockets(void **state)
{
	autofree char *name = xasprintf("%s/%0120d", dir, 7); /* longer than sun_path */
	autoclose int listener = -1, client = -1, server = -1;
	int fds[SOCK_MAX_FDS];
	struct stat st;
	size_t nfds;
	char c;

	(void)state;
	assert_int_equal(mkdir(name, 0700), 0);
	name = xrealloc(name, strlen(name) + 6);
	memcpy(name + strlen(name), "/sock", 6);
	listener = sock_listen_unix(name, SOCK_SEQPACKET, 0600);
	assert_true(listener >= 0);
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	client = sock_connect_unix(name, SOCK_SEQPACKET);
	assert_true(client >= 0);
	server = accept(listener, NULL, NULL);
	assert_int_equal(sock_send_fds(client, "x", 1, (int[]){ 0, 1 }, 2), 0);
	assert_int_equal(sock_recv_fds(server, &c, 1, fds, &nfds, 0), 1);
	assert_int_equal(nfds, 2);
	assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
	close(fds[0]);
	close(fds[1]);
}

static void test_spawn(void **state)
{
	char *argv[] = { "sh", "-c", "echo out; cat <&7 >&2; exit 3", NULL };
	int out[2], in[2];
	struct proc_fd fds[3];
	struct proc_spec spec = { .path = "/bin/sh", .argv = argv, .fds = fds, .nfds = 3 };
	char got[32] = "";
	int pidfd;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	/* Targets that overlap with sources must not clobber each other. */
	fds[0] = (struct proc_fd){ out[1], 1 };
	fds[1] = (struct proc_fd){ out[1], 2 };
	fds[2] = (struct proc_fd){ in[0], 7 };
	assert_int_equal(write(in[1], "in", 2), 2);
	close(in[1]);
	assert_int_equal(proc_spawn(&spec, &pid, &pidfd), 0);
	assert_int_equal(proc_wait(pid), 3);
	assert_int_equal(read(out[0], got, sizeof(got) - 1), 6);
	assert_string_equal(got, "out\nin");
	close(out[0]);
	close(out[1]);
	close(in[0]);
	close(pidfd);
	spec.path = "/nosuch";
	assert_int_equal(proc_spawn(&spec, &pid, NULL), -1);
}

static atomic_int ran;

static void count(void *arg)
{
	(void)arg;
	usleep(1000);
	ran++;
}

static void test_workers(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++)
		assert_int_equal(workers_run(count, NULL), 0);
	for (int i = 0; i < 5000 && ran < 200; i++)
		usleep(1000);
	assert_int_equal(ran, 200);
}

static void resolve(const char *spec, char *const *more, struct user *u, char *why)
{
	autofree char *passwd = xasprintf("%s/passwd", dir), *group = xasprintf("%s/group", dir);

	*why = '\0';
	if (user_resolve(passwd, group, spec, more, u, why, 200) < 0)
		assert_true(*why);
}

static void test_users(void **state)
{
	autofree char *passwd = xasprintf("%s/passwd", dir), *group = xasprintf("%s/group", dir);
	static const char users[] =
		"root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/srv:/bin/sh\nbad line\n";
	static const char groups[] =
		"root:x:0:\nwww:x:34:\naudio:x:29:web,other\nvideo:x:44:other\n";
	struct user u;
	char why[200];

	(void)state;
	fs_save_atomic(AT_FDCWD, passwd, users, strlen(users), 0644, 0);
	fs_save_atomic(AT_FDCWD, group, groups, strlen(groups), 0644, 0);
	resolve("web", NULL, &u, why);
	assert_int_equal(u.uid, 33);
	assert_int_equal(u.gid, 34);
	assert_int_equal(u.ngroups, 1);
	assert_int_equal(u.groups[0], 29);
	assert_string_equal(u.home, "/srv");
	resolve("33:audio", (char *[]){ "video", "1234", NULL }, &u, why);
	assert_int_equal(u.gid, 29);
	assert_int_equal(u.ngroups, 2);
	resolve("4242", NULL, &u, why);
	assert_int_equal(u.uid, 4242);
	assert_int_equal(u.gid, 0);
	assert_string_equal(u.home, "/");
	resolve("", NULL, &u, why);
	assert_string_equal(u.home, "/root");
	resolve("nobody", NULL, &u, why);
	assert_string_equal(why, "unable to find user nobody: no matching entries in passwd file");
	resolve("web:none", NULL, &u, why);
	assert_string_equal(why, "unable to find group none: no matching entries in group file");
	resolve("4294967296", NULL, &u, why);
	assert_true(*why);
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return fs_remove_tree(AT_FDCWD, dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buf_ceiling), cmocka_unit_test(test_map),
		cmocka_unit_test(test_env_lists),   cmocka_unit_test(test_error),
		cmocka_unit_test(test_numbers),     cmocka_unit_test(test_times),
		cmocka_unit_test(test_signals),     cmocka_unit_test(test_ids),
		cmocka_unit_test(test_files),       cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_spawn),       cmocka_unit_test(test_workers),
		cmocka_unit_test(test_users),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
