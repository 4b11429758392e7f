/* The HTTP client against scripted servers: each connection gets the bytes of its script. */
#include "pkg/httpc.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "pkg/mem.h"
#include "pkg/sock.h"

/* For each accepted connection: read a request head, send the answer; again if keep is set. */
struct script {
	const char *const *answers; /* NULL-terminated; "" closes the connection */
	int listener;
	struct buf heads;
	pthread_t thread;
};

static char *address, *path;

static int read_head(int fd, struct buf *heads)
{
	size_t from = heads->len;

	while (!strstr(buf_text(heads) + from, "\r\n\r\n"))
		if (buf_read(heads, fd, 4096) <= 0)
			return -1;
	return 0;
}

static void *serve(void *arg)
{
	struct script *s = arg;
	int fd = -1;

	for (size_t i = 0; s->answers[i]; i++) {
		if (fd < 0)
			fd = accept(s->listener, NULL, NULL);
		if (read_head(fd, &s->heads) < 0 || !*s->answers[i]) {
			close(fd);
			fd = -1;
			continue;
		}
		for (const char *p = s->answers[i]; *p; p++) /* one byte at a time */
			if (write(fd, p, 1) != 1)
				break;
		if (strstr(s->answers[i], "Connection: close") ||
		    (s->answers[i + 1] && !*s->answers[i + 1])) {
			close(fd);
			fd = -1;
			i += s->answers[i + 1] && !*s->answers[i + 1];
		}
	}
	if (fd >= 0)
		close(fd);
	return NULL;
}

static void begin(struct script *s, const char *const *answers)
{
	*s = (struct script){ .answers = answers, .heads = BUF_INIT(1 << 20) };
	s->listener = sock_listen_unix(path, SOCK_STREAM, 0600);
	assert_true(s->listener >= 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void end(struct script *s)
{
	pthread_join(s->thread, NULL);
	close(s->listener);
	buf_done(&s->heads);
}

/* The body, or "ERR " and the text. */
static const char *get(struct httpc *c, struct httpc_response *resp)
{
	static char out[1024];
	autobuf struct buf b = BUF_INIT(512);
	struct error err = { 0 };
	struct httpc_request req = { .method = "GET", .path = "/x" };

	if (httpc_send(c, &req, &err) < 0 || httpc_receive(c, resp, &err) < 0 ||
	    httpc_read_all(c, &b, &err) < 0)
		snprintf(out, sizeof(out), "ERR %s", err.text);
	else
		snprintf(out, sizeof(out), "%s", buf_text(&b));
	return out;
}

static void test_bodies(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nApi-Version: 1.44\r\n\r\nabc",
		"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!",
		NULL,
	};
	struct script s;
	struct httpc_response r;
	struct httpc *c = httpc_new(address, NULL);

	(void)state;
	begin(&s, answers);
	assert_string_equal(get(c, &r), "abc");
	assert_int_equal(r.status, 200);
	assert_string_equal(r.api_version, "1.44");
	assert_string_equal(httpc_header(c, "content-length"), "3");
	assert_string_equal(get(c, &r), "abc0123456789");
	assert_int_equal(r.status, 404);
	assert_string_equal(r.reason, "Not Found");
	assert_string_equal(get(c, &r), "");
	assert_int_equal(r.status, 204);
	assert_string_equal(get(c, &r), "until the end");
	assert_string_equal(get(c, &r), "!"); /* on a connection made anew */
	httpc_free(c);
	end(&s);
}

static void test_broken_answers(void **state)
{
	static const char *const rows[] = {
		"garbage\r\n\r\n",
		"HTTP/1.1 x OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *answers[] = { rows[i], "", NULL };
		struct script s;
		struct httpc_response r;
		struct httpc *c = httpc_new(address, NULL);

		begin(&s, answers);
		assert_int_equal(strncmp(get(c, &r), "ERR ", 4), 0);
		httpc_free(c);
		end(&s);
	}
}

static void test_long_head(void **state)
{
	autobuf struct buf b = BUF_INIT(1 << 20);
	struct script s;
	struct httpc_response r;
	struct httpc *c = httpc_new(address, NULL);
	const char *answers[] = { NULL, "", NULL };

	(void)state;
	buf_adds(&b, "HTTP/1.1 200 OK\r\nX: ");
	for (int i = 0; i < 40000; i++)
		buf_addc(&b, 'x');
	answers[0] = buf_text(&b);
	begin(&s, answers);
	assert_string_equal(get(c, &r), "ERR the answer's head is too long");
	httpc_free(c);
	end(&s);
}

static void test_upgrade(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nraw bytes",
		NULL
	};
	struct script s;
	struct httpc_request req = { .method = "POST", .path = "/attach", .upgrade = true };
	struct httpc_response r;
	struct httpc *c = httpc_new(address, NULL);
	autobuf struct buf b = BUF_INIT(100);
	char part[64];
	ssize_t n;

	(void)state;
	begin(&s, answers);
	assert_int_equal(httpc_send(c, &req, NULL), 0);
	assert_int_equal(httpc_receive(c, &r, NULL), 0);
	assert_int_equal(r.status, 101);
	pthread_join(s.thread, NULL);
	httpc_make_raw(c);
	while ((n = httpc_raw_read(c, part, sizeof(part))) > 0)
		buf_add(&b, part, (size_t)n);
	assert_string_equal(buf_text(&b), "raw bytes");
	assert_non_null(strstr(buf_text(&s.heads), "Upgrade: tcp\r\n"));
	assert_non_null(strstr(buf_text(&s.heads), "Content-Length: 0\r\n"));
	httpc_free(c);
	close(s.listener);
	buf_done(&s.heads);
}

static void test_addresses(void **state)
{
	static const char *const good[] = { "unix:///x", "tcp://h:1", "tcp://[::1]:2375", "h:80",
					    "http://h:80/" };
	static const char *const bad[] = { "tcp://h", "ssh://h:1", "tcp://:1", "", "fd://" };
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct httpc *c = httpc_new(good[i], NULL);

		assert_non_null(c);
		httpc_free(c);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(httpc_new(bad[i], &err));
}

static void test_unreachable(void **state)
{
	struct httpc *c = httpc_new("unix:///nonexistent/socket", NULL);
	struct error err;

	(void)state;
	assert_int_equal(httpc_connect(c, &err), -1);
	assert_int_equal(err.kind, ERR_UNAVAILABLE);
	assert_int_equal(err.sys, 2);
	httpc_free(c);
}

static void test_escape(void **state)
{
	autobuf struct buf b = BUF_INIT(100);

	(void)state;
	httpc_escape(&b, "a b/\xc3\xa9?&:", "/:");
	assert_string_equal(buf_text(&b), "a%20b/%C3%A9%3F%26:");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bodies),    cmocka_unit_test(test_broken_answers),
		cmocka_unit_test(test_long_head), cmocka_unit_test(test_upgrade),
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_escape),
	};
	int rc;

	signal(SIGPIPE, SIG_IGN);
	path = xasprintf("/tmp/test-httpc-%d.sock", (int)getpid());
	address = xasprintf("unix://%s", path);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	free(path);
	free(address);
	return rc;
}
