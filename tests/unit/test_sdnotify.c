/* The service manager's protocols, with the test as the manager. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "pkg/mem.h"
#include "pkg/sdnotify.h"

static void test_abstract_name(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	autofree char *name = xasprintf("@test-sdnotify-%d", (int)getpid());
	autoclose int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char text[64] = "";

	(void)state;
	memcpy(a.sun_path, name, strlen(name));
	a.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&a,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
			 0);
	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(sd_notify_send("READY=1"), 0);
	assert_int_equal(recv(fd, text, sizeof(text), MSG_DONTWAIT), 7);
	assert_string_equal(text, "READY=1");
}

static void test_nobody_asked(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(sd_notify_send("READY=1"), 0);
	setenv("NOTIFY_SOCKET", "", 1);
	assert_int_equal(sd_notify_send("READY=1"), 0);
}

static void test_bad_names(void **state)
{
	char too_long[200];

	(void)state;
	setenv("NOTIFY_SOCKET", "relative", 1);
	assert_int_equal(sd_notify_send("READY=1"), -1);
	assert_int_equal(errno, EINVAL);
	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[0] = '/';
	too_long[sizeof(too_long) - 1] = '\0';
	setenv("NOTIFY_SOCKET", too_long, 1);
	assert_int_equal(sd_notify_send("READY=1"), -1);
	setenv("NOTIFY_SOCKET", "/nosuch/socket", 1);
	assert_int_equal(sd_notify_send("READY=1"), -1);
	assert_int_equal(errno, ENOENT);
	unsetenv("NOTIFY_SOCKET");
}

static void set_passed(int pid, const char *fds)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", pid);
	setenv("LISTEN_PID", text, 1);
	setenv("LISTEN_FDS", fds, 1);
}

static void test_passed_sockets(void **state)
{
	(void)state;
	unsetenv("LISTEN_PID");
	assert_int_equal(sd_listen_count(), 0);
	set_passed((int)getppid(), "1");
	assert_int_equal(sd_listen_count(), 0);
	set_passed((int)getpid(), "many");
	assert_int_equal(sd_listen_count(), 0);
	set_passed((int)getpid(), "100000");
	assert_int_equal(sd_listen_count(), 0);
	assert_true(dup2(STDIN_FILENO, SD_FIRST_FD) == SD_FIRST_FD);
	set_passed((int)getpid(), "1");
	assert_int_equal(sd_listen_count(), 1);
	assert_int_equal(fcntl(SD_FIRST_FD, F_GETFD), FD_CLOEXEC);
	close(SD_FIRST_FD);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_abstract_name),
		cmocka_unit_test(test_nobody_asked),
		cmocka_unit_test(test_bad_names),
		cmocka_unit_test(test_passed_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
