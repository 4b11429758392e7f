/*
 * The API server over a real socket: an engine with small jobs of its own, served on a unix socket
 * by its own thread, and clients that send raw bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/server/server.h"
#include "engine/engine.h"
#include "engine/job.h"
#include "pkg/buf.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/sock.h"

#define PATIENCE_MS 5000

static struct engine *engine;
static struct event_base *base;
static struct server *server;
static pthread_t thread;
static char socket_path[64], notify_path[64];
static atomic_int cancelled, bytes_loaded;

/* Jobs. */

static int job_version(struct job *job, void *self)
{
	(void)self;
	return job_printf(job, "{\"Version\":\"test\",\"ApiVersion\":\"1.44\"}\n");
}

static int job_create(struct job *job, void *self)
{
	json_t *echo = json_pack("{s:s, s:O}", "Id", job_arg(job, 0) ? job_arg(job, 0) : "", "Env",
				 env_json(job_env(job)));

	(void)self;
	job_write_json(job, echo);
	json_decref(echo);
	return 0;
}

static int job_fails(struct job *job, void *self)
{
	const char *id = job_arg(job, 0);

	(void)self;
	if (strcmp(id, "same") == 0)
		return job_fail(job, ERR_NOT_MODIFIED, "already so");
	if (strcmp(id, "odd") == 0)
		return job_fail(job, ERR_INTERNAL, "quote \" line \n byte \xff");
	if (strcmp(id, "good") == 0)
		return 0;
	return job_fail(job, ERR_NOT_FOUND, "No such container: %s", id);
}

static int job_inspect(struct job *job, void *self)
{
	const char *id = job_arg(job, 0);

	(void)self;
	if (strcmp(id, "nosuch") == 0)
		return job_fail(job, ERR_NOT_FOUND, "No such container: %s", id);
	return job_printf(job, "{\"Id\":\"%s\",\"Config\":{\"Tty\":%s}}\n", id,
			  strcmp(id, "tty") == 0 ? "true" : "false");
}

static int job_wait_cancel(struct job *job, void *self)
{
	(void)self;
	output_flush(job_out(job));
	if (strcmp(job_arg(job, 0), "done") == 0)
		return job_printf(job, "{\"StatusCode\":3}\n");
	job_wait(job, -1, -1);
	atomic_fetch_add(&cancelled, 1);
	return job_fail(job, ERR_CANCELLED, "cancelled");
}

static int job_events(struct job *job, void *self)
{
	(void)self;
	output_flush(job_out(job));
	for (int i = 0; i < 3; i++)
		if (job_printf(job, "{\"n\":%d}\n", i) < 0)
			return job_fail(job, ERR_CANCELLED, "gone");
	return 0;
}

static int job_load(struct job *job, void *self)
{
	char part[5000];
	ssize_t n;
	int total = 0;

	(void)self;
	while ((n = input_read(job_in(job), part, sizeof(part))) > 0)
		total += (int)n;
	atomic_store(&bytes_loaded, total);
	if (n < 0)
		return job_fail(job, ERR_BAD_REQUEST, "body: %s", strerror(errno));
	return job_printf(job, "{\"stream\":\"%d\"}\r\n", total);
}

static int job_pull(struct job *job, void *self)
{
	(void)self;
	if (strcmp(job_arg(job, 0), "early") == 0)
		return job_fail(job, ERR_FORBIDDEN, "no");
	job_printf(job, "{\"status\":\"begun\"}\r\n");
	return job_fail(job, ERR_INTERNAL, "late \"trouble\"");
}

/* Echoes its body without an end: the answer flows while the body does. */
static int job_import(struct job *job, void *self)
{
	char part[1000];
	ssize_t n;

	(void)self;
	while ((n = input_read(job_in(job), part, sizeof(part))) > 0)
		if (output_write(job_out(job), part, (size_t)n) < 0)
			return -1;
	return 0;
}

static int job_logs(struct job *job, void *self)
{
	(void)self;
	output_flush(job_out(job));
	output_write(job_out(job), "out\n", 4);
	output_write(job_err(job), "error\n", 6);
	if (strcmp(job_arg(job, 0), "bad") == 0)
		return job_fail(job, ERR_INTERNAL, "disk");
	return 0;
}

static int job_export(struct job *job, void *self)
{
	static const char zeros[100000];

	(void)self;
	for (int i = 0; i < 50; i++)
		if (output_write(job_out(job), zeros, sizeof(zeros)) < 0) {
			atomic_fetch_add(&cancelled, 1);
			return job_fail(job, ERR_CANCELLED, "gone");
		}
	if (strcmp(job_arg(job, 0), "broken") == 0)
		return job_fail(job, ERR_INTERNAL, "disk");
	return 0;
}

/* What a monitor does with a connection that it was given: echo in capitals, until its end. */
static void *echo(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char part[256];
	ssize_t n;

	while ((n = read(fd, part, sizeof(part))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			part[i] = (char)(part[i] >= 'a' && part[i] <= 'z' ? part[i] - 32 : part[i]);
		if (write(fd, part, (size_t)n) < 0)
			break;
	}
	close(fd);
	return NULL;
}

static int job_attach(struct job *job, void *self)
{
	autobuf struct buf pending = BUF_INIT(65536);
	pthread_t t;
	int fd;

	(void)self;
	if (strcmp(job_arg(job, 0), "paused") == 0)
		return job_fail(job, ERR_CONFLICT, "container paused is paused");
	if (strcmp(job_arg(job, 0), "self") == 0) {
		char part[64];
		ssize_t n = input_read(job_in(job), part, sizeof(part));

		return n < 0 ? -1 : output_write(job_out(job), part, (size_t)n);
	}
	output_flush(job_out(job));
	fd = input_detach(job_in(job), &pending);
	if (fd < 0)
		return job_fail(job, ERR_INTERNAL, "no descriptor");
	if (write(fd, pending.p ? pending.p : "", pending.len) < 0)
		return -1;
	pthread_create(&t, NULL, echo, (void *)(intptr_t)fd);
	pthread_detach(t);
	return 0;
}

static int job_text(struct job *job, void *self)
{
	(void)self;
	for (size_t i = 0; i < job_argc(job); i++)
		job_printf(job, "[%s]", job_arg(job, i));
	return 0;
}

static const struct handler jobs[] = {
	{ "version", "", 0, 0, job_version, 0 },
	{ "create", "", 0, 1, job_create, 0 },
	{ "start", "", 1, 1, job_fails, 0 },
	{ "container_inspect", "", 1, 1, job_inspect, 0 },
	{ "wait", "", 1, 1, job_wait_cancel, 0 },
	{ "events", "", 0, 0, job_events, 0 },
	{ "load", "", 0, 0, job_load, 0 },
	{ "pull", "", 1, 1, job_pull, 0 },
	{ "import", "", 1, 3, job_import, 0 },
	{ "logs", "", 1, 1, job_logs, 0 },
	{ "export", "", 1, 1, job_export, 0 },
	{ "attach", "", 1, 1, job_attach, 0 },
	{ "exec_start", "", 1, 1, job_attach, 0 },
	{ "tag", "", 2, 3, job_text, 0 },
	{ "image_inspect", "", 1, 1, job_text, 0 },
	{ "rm", "", 1, 1, job_fails, 0 },
	{ 0 },
};

/* Clients. */

static int dial(void)
{
	for (int i = 0; i < 500; i++) {
		int fd = sock_connect_unix(socket_path, SOCK_STREAM);

		if (fd >= 0)
			return fd;
		usleep(10000);
	}
	fail_msg("cannot connect");
	return -1;
}

static void put(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Read until the text is there, or to the end when it is NULL. */
static void get_until(int fd, struct buf *b, const char *text)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n = 1;

	while (n > 0 && !(text && memmem(buf_text(b), b->len, text, strlen(text)))) {
		if (poll(&p, 1, PATIENCE_MS) <= 0)
			fail_msg("no \"%s\" in \"%s\"", text ? text : "end", buf_text(b));
		n = buf_read(b, fd, 65536);
	}
	if (text && n <= 0)
		fail_msg("end before \"%s\" in \"%s\"", text, buf_text(b));
}

/* One request on a connection of its own, and everything that comes back. */
static char *ask(const char *request)
{
	struct buf b = BUF_INIT(64 << 20);
	int fd = dial();

	put(fd, request);
	get_until(fd, &b, NULL);
	close(fd);
	return buf_take(&b);
}

#define GET(target) "GET " target " HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"
#define POST(target, headers, body)                                                                \
	"POST " target " HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n" headers "\r\n" body
#define JSON_TYPE "Content-Type: application/json\r\n"

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in \"%s\"", part, text);
}

static void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" in \"%s\"", part, text);
}

static void expect(const char *request, const char *status, const char *part)
{
	autofree char *answer = ask(request);

	if (strncmp(answer, "HTTP/1.1 ", 9) != 0 && strncmp(answer, "HTTP/1.0 ", 9) != 0)
		fail_msg("no HTTP: \"%s\"", answer);
	if (strncmp(answer + 9, status, strlen(status)) != 0)
		fail_msg("not %s: \"%s\"", status, answer);
	assert_has(answer, part);
}

static void run_job(const char *name)
{
	struct job *j = job_new(engine, name, NULL);

	assert_int_equal(job_run(j, NULL), 0);
	job_free(j);
}

static void *serve(void *arg)
{
	autofree char *address = xasprintf("unix://%s", socket_path);
	struct job *j = job_new(engine, "serveapi", address, NULL);
	struct error err;

	(void)arg;
	env_set(job_env(j), "BufferRequests", "1");
	env_set(job_env(j), "Version", "0.1.0");
	if (job_run(j, &err) < 0)
		fprintf(stderr, "serveapi: %s\n", err.text);
	job_free(j);
	return NULL;
}

/* Before acceptconnections: pings are answered, all else waits. */
static void test_held(void **state)
{
	autobuf struct buf held = BUF_INIT(65536), ready = BUF_INIT(256);
	int fd = dial(), notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct pollfd p = { .fd = fd, .events = POLLIN };

	(void)state;
	strcpy(a.sun_path, notify_path);
	assert_int_equal(bind(notify, (struct sockaddr *)&a, sizeof(a)), 0);
	setenv("NOTIFY_SOCKET", notify_path, 1);

	put(fd, GET("/v1.44/version"));
	expect(GET("/_ping"), "200 OK", "\r\n\r\nOK");
	expect(GET("/v1.44/_ping"), "200 OK", "\r\n\r\nOK");
	assert_int_equal(poll(&p, 1, 50), 0);
	run_job("acceptconnections");
	get_until(fd, &held, NULL);
	assert_has(held.p, "{\"Version\":\"test\"");
	assert_true(buf_read(&ready, notify, 255) > 0);
	assert_has(ready.p, "READY=1\nMAINPID=");
	run_job("acceptconnections"); /* a second time does no harm, and tells nobody */
	close(fd);
	close(notify);
	unlink(notify_path);
	unsetenv("NOTIFY_SOCKET");
}

static void test_socket_file(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(socket_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
}

static void test_headers(void **state)
{
	autofree char *a = ask(GET("/_ping"));
	autofree char *v = ask(GET("/version"));
	autofree char *h = ask("HEAD /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

	(void)state;
	assert_has(a, "\r\nApi-Version: 1.44\r\n");
	assert_has(a, "\r\nDocker-Experimental: false\r\n");
	assert_has(a, "\r\nOstype: linux\r\n");
	assert_has(a, "\r\nServer: Docker/0.1.0 (linux)\r\n");
	assert_has(a, "\r\nDate: ");
	assert_has(a, "\r\nPragma: no-cache\r\n");
	assert_has(a, "\r\nSwarm: inactive\r\n");
	assert_has(a, "\r\nBuilder-Version: 1\r\n");
	assert_has(a, "\r\nContent-Length: 2\r\n");
	assert_has(v, "\r\nContent-Type: application/json\r\n");
	assert_has(v, "\r\nContent-Length: 39\r\n");
	assert_lacks(v, "Pragma");
	assert_has(h, "\r\nContent-Length: 0\r\n");
	assert_has(h, "\r\nContent-Type: text/plain; charset=utf-8\r\n");
	assert_string_equal(strstr(h, "\r\n\r\n"), "\r\n\r\n");
}

static void test_statuses(void **state)
{
	(void)state;
	expect(GET("/nosuch"), "404", "{\"message\":\"page not found\"}\n");
	expect(GET("/vfoo/version"), "404", "page not found");
	expect(GET("/v1.23/nosuch"), "404", "{\"message\":\"page not found\"}\n");
	expect(POST("/containers/json", "", ""), "404", "page not found");
	expect("HEAD /containers/json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "404", "");
	expect("OPTIONS /any/thing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200",
	       "\r\nContent-Length: 0\r\n");
	expect(GET("//containers//json?a=b"), "301", "\r\nLocation: /containers/json?a=b\r\n");
	expect(GET("/containers/%2Fx/json"), "301", "\r\nLocation: /containers/x/json\r\n");
	expect(GET("/containers/%0d%0aX:/..//json"), "301", "\r\nLocation: /containers/json\r\n");
	expect(GET("/containers//%0d%0aX/json"), "301", "/containers/%0D%0AX/json\r\n");
	expect(GET("/v1.99/version"), "400",
	       "{\"message\":\"client version 1.99 is too new. Maximum supported API version is "
	       "1.44\"}\n");
	expect(GET("/v1.11/version"), "400",
	       "\r\n\r\nclient version 1.11 is too old. Minimum supported API version is 1.12, "
	       "please upgrade your client to a newer version\n");
	expect(GET("/v1/version"), "400", "client version 1 is too old");
	expect(GET("/v1.44.1/version"), "400", "client version 1.44.1 is too new");
	expect(GET("/v1.12/version"), "200", "ApiVersion");
	expect(GET("/networks"), "501", "{\"message\":\"");
	expect(GET("/swarm"), "503", "This node is not a swarm manager.");
	expect(POST("/containers/x/start", "", ""), "404",
	       "{\"message\":\"No such container: x\"}\n");
	expect(POST("/v1.23/containers/x/start", "", ""), "404", "\r\n\r\nNo such container: x\n");
	expect(POST("/containers/same/start", "", ""), "304 Not Modified", "");
	expect(POST("/containers/odd/start", "", ""), "500",
	       "{\"message\":\"quote \\\" line \\n byte \\ufffd\"}\n");
	expect(POST("/containers/good/start", "", ""), "204 No Content", "");
	expect(POST("/containers/good/start", "Content-Length: 9\r\n" JSON_TYPE, "{\"a\":\"b\"}"),
	       "400", "starting container with non-empty request body");
	expect(GET("/version?a=%zz"), "400", "malformed query");
	expect(GET("/version%zz"), "400", "malformed escape");
	expect(GET("/containers/%00/json"), "400", "malformed escape");
}

static void test_no_body(void **state)
{
	autofree char *good = ask(POST("/containers/good/start", "", ""));
	autofree char *same = ask(POST("/containers/same/start", "", ""));

	(void)state;
	assert_lacks(good, "Content-Type");
	assert_lacks(good, "Content-Length");
	assert_string_equal(strstr(good, "\r\n\r\n"), "\r\n\r\n");
	assert_string_equal(strstr(same, "\r\n\r\n"), "\r\n\r\n");
}

static void test_bad_requests(void **state)
{
	(void)state;
	expect("GARBAGE\r\n", "400", "malformed request line");
	expect("GET /_ping HTTP/1.1\r\n\r\n", "400", "missing required Host header");
	expect("GET /_ping HTTP/1.0\r\n\r\n", "200", "OK");
	expect(POST("/images/load", "Content-Length: 1\r\nContent-Length: 1\r\n", ""), "400", "");
	expect(POST("/images/load", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", ""),
	       "400", "");
	expect("GET /_ping HTTP/1.1\r\nHost : x\r\n\r\n", "400", "");
}

static void test_json_body(void **state)
{
	autofree char *a = ask(POST("/v1.40/containers/create?name=web&x=1&x=2&apiversion=7",
				    "Content-Length: 30\r\nX-Registry-Auth: e30=\r\n" JSON_TYPE,
				    "{\"Image\":\"busybox\",\"Tty\":true}"));

	(void)state;
	assert_has(a, "\"Id\":\"web\"");
	assert_has(a, "\"x\":[\"1\",\"2\"]");
	assert_has(a, "\"Image\":\"busybox\"");
	assert_has(a, "\"Tty\":true");
	assert_has(a, "\"apiversion\":140");
	assert_has(a, "\"X-Registry-Auth\":\"e30=\"");
	expect(POST("/containers/create", "Content-Length: 2\r\n", "{}"), "400",
	       "unsupported Content-Type header ()");
	expect(POST("/containers/create", "Content-Length: 2\r\nContent-Type: text/plain\r\n",
		    "{}"),
	       "400", "unsupported Content-Type header (text/plain)");
	expect(POST("/containers/create",
		    "Content-Length: 2\r\nContent-Type: application/json; charset=utf-8\r\n", "{}"),
	       "201", "");
	expect(POST("/containers/create", "", ""), "400", "invalid JSON: EOF");
	expect(POST("/containers/create", "Content-Length: 4\r\n" JSON_TYPE, "null"), "201", "");
	expect(POST("/containers/create", "Content-Length: 2\r\n" JSON_TYPE, "[]"), "400",
	       "invalid JSON");
	expect(POST("/containers/create", "Content-Length: 3\r\n" JSON_TYPE, "{}x"), "400",
	       "invalid JSON");
	expect(POST("/containers/create", "Transfer-Encoding: chunked\r\n" JSON_TYPE,
		    "1\r\n{\r\n1;x=y\r\n}\r\n0\r\nTrailer: t\r\n\r\n"),
	       "201", "");
	expect(POST("/containers/create", "Transfer-Encoding: chunked\r\n" JSON_TYPE,
		    "1\n{\r\n0\r\n\r\n"),
	       "400", "malformed chunk");
}

/* Nesting that would run a small stack over. */
static void test_deep_json(void **state)
{
	enum { DEPTH = 2000 };
	autobuf struct buf b = BUF_INIT(65536);

	(void)state;
	buf_addf(&b, POST("/containers/create", "Content-Length: %d\r\n" JSON_TYPE, ""), 6 + DEPTH);
	buf_adds(&b, "{\"a\": ");
	for (int i = 0; i < DEPTH; i++)
		buf_addc(&b, '[');
	expect(b.p, "400", "nested deeper");
}

static void test_args(void **state)
{
	(void)state;
	expect(POST("/images/a/b:5/c/tag?repo=r&tag=t", "", ""), "201", "[a/b:5/c][r][t]");
	expect(POST("/images/x/tag", "", ""), "400", "invalid reference format");
	expect(GET("/images/docker.io/library/busybox/json"), "200", "[docker.io/library/busybox]");
	expect(POST("/images/create", "", ""), "400", "fromImage");
	expect("DELETE /containers/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "404",
	       "No such");
}

static void test_keep_alive(void **state)
{
	autobuf struct buf b = BUF_INIT(65536);
	int fd = dial();

	(void)state;
	for (int i = 0; i < 3; i++) {
		buf_reset(&b);
		put(fd, "GET /version HTTP/1.1\r\nHost: x\r\n\r\n");
		get_until(fd, &b, "ApiVersion\":\"1.44\"}\n");
		buf_reset(&b);
		put(fd, "POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel");
		usleep(1000);
		put(fd, "lo");
		get_until(fd, &b, "{\"stream\":\"5\"}\r\n\r\n0\r\n\r\n");
	}
	buf_reset(&b);
	put(fd, "GET /_ping HTTP/1.0\r\n\r\n");
	get_until(fd, &b, NULL);
	assert_has(b.p, "HTTP/1.0 200 OK\r\n");
	assert_has(b.p, "Connection: close\r\n");
	close(fd);
}

static void test_http10_keep_alive(void **state)
{
	autobuf struct buf b = BUF_INIT(65536);
	int fd = dial();

	(void)state;
	for (int i = 0; i < 2; i++) {
		buf_reset(&b);
		put(fd, "GET /version HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
		get_until(fd, &b, "ApiVersion\":\"1.44\"}\n");
		assert_has(b.p, "\r\nConnection: keep-alive\r\n");
	}
	close(fd);
	/* A length that is not known ends with the connection. */
	autofree char *a = ask("GET /events HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_lacks(a, "chunked");
	assert_has(a, "Connection: close\r\n");
	assert_has(a, "\r\n\r\n{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n");
}

static void test_pipelining(void **state)
{
	autobuf struct buf b = BUF_INIT(65536);
	const char *first, *second;
	int fd = dial();

	(void)state;
	put(fd, "POST /images/load HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nabc\r\n0\r\n\r\n\r\n"
		"POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd" GET(
			"/version"));
	get_until(fd, &b, NULL);
	first = strstr(b.p, "{\"stream\":\"3\"}");
	second = strstr(b.p, "{\"stream\":\"4\"}");
	assert_true(first && second && first < second);
	assert_true(strstr(second, "ApiVersion") != NULL);
	close(fd);
}

static void test_stream(void **state)
{
	(void)state;
	expect(GET("/events"), "200",
	       "\r\n\r\n8\r\n{\"n\":0}\n\r\n8\r\n{\"n\":1}\n\r\n8\r\n{\"n\":2}\n\r\n0\r\n\r\n");
}

/* Both directions at the same time. */
static void test_echo(void **state)
{
	autobuf struct buf b = BUF_INIT(65536);
	int fd = dial();

	(void)state;
	put(fd, "POST /images/create?fromSrc=-&repo=r HTTP/1.1\r\nHost: x\r\n"
		"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
	get_until(fd, &b, "\r\n\r\n5\r\nhello\r\n");
	put(fd, "6\r\nworld!\r\n");
	get_until(fd, &b, "6\r\nworld!\r\n");
	put(fd, "0\r\n\r\n");
	get_until(fd, &b, "0\r\n\r\n");
	close(fd);
}

static void test_continue(void **state)
{
	autobuf struct buf b = BUF_INIT(65536);
	int fd = dial();

	(void)state;
	put(fd, "POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
		"Expect: 100-continue\r\n\r\n");
	get_until(fd, &b, "HTTP/1.1 100 Continue\r\n\r\n");
	put(fd, "abc");
	get_until(fd, &b, "{\"stream\":\"3\"}");
	buf_reset(&b);
	/* Nobody reads this one: no 100, and the connection can not be used again. */
	put(fd, "POST /containers/x/start HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n"
		"Expect: 100-continue\r\n\r\n");
	get_until(fd, &b, NULL);
	assert_lacks(b.p, "100 Continue");
	assert_has(b.p, "Connection: close\r\n");
	close(fd);
}

static void test_broken_body(void **state)
{
	autobuf struct buf b = BUF_INIT(65536);
	int fd = dial();

	(void)state;
	expect(POST("/images/load", "Transfer-Encoding: chunked\r\n", "zz\r\n"), "200",
	       "{\"errorDetail\":{\"message\":\"body: ");
	put(fd, POST("/images/load", "Content-Length: 10\r\n", "abc"));
	shutdown(fd, SHUT_WR);
	get_until(fd, &b, NULL);
	assert_has(b.p, "\"errorDetail\"");
	close(fd);
}

/* A body that no job wants is read over when it is short, else the connection ends. */
static void test_unread_body(void **state)
{
	autobuf struct buf b = BUF_INIT(1 << 20), big = BUF_INIT(1 << 20);
	int fd = dial();

	(void)state;
	put(fd, "GET /version HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
		"GET /version HTTP/1.1\r\nHost: x\r\n\r\n");
	get_until(fd, &b, "1.44\"}\n");
	buf_drop(&b, (size_t)(strstr(b.p, "1.44\"}\n") - b.p) + 7);
	get_until(fd, &b, "1.44\"}\n");
	buf_reset(&b);
	buf_adds(&big, "GET /version HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n");
	for (int i = 0; i < 10; i++)
		buf_addf(&big, "%1000d", i);
	put(fd, big.p);
	get_until(fd, &b, NULL);
	assert_has(b.p, "1.44\"}\n");
	assert_has(b.p, "Connection: close\r\n");
	close(fd);
}

static void test_progress_errors(void **state)
{
	(void)state;
	expect(POST("/images/create?fromImage=early", "", ""), "403", "{\"message\":\"no\"}");
	expect(POST("/images/create?fromImage=late", "", ""), "200",
	       "{\"status\":\"begun\"}\r\n\r\n4b\r\n"
	       "{\"errorDetail\":{\"message\":\"late \\\"trouble\\\"\"},"
	       "\"error\":\"late \\\"trouble\\\"\"}\r\n\r\n0\r\n\r\n");
}

static void test_wait(void **state)
{
	autobuf struct buf b = BUF_INIT(65536);
	int fd = dial(), before = atomic_load(&cancelled);

	(void)state;
	expect(POST("/containers/done/wait", "", ""), "200", "{\"StatusCode\":3}\n");
	put(fd, "POST /containers/x/wait HTTP/1.1\r\nHost: x\r\n\r\n");
	get_until(fd, &b, "\r\n\r\n");
	assert_has(b.p, "Transfer-Encoding: chunked\r\n");
	assert_has(b.p, "Content-Type: application/json\r\n");
	close(fd);
	for (int i = 0; i < 500 && atomic_load(&cancelled) == before; i++)
		usleep(10000);
	assert_int_equal(atomic_load(&cancelled), before + 1);
}

/* A reader that goes away in the middle makes the job's writes fail. */
static void test_vanished_reader(void **state)
{
	autobuf struct buf b = BUF_INIT(1 << 20);
	int fd = dial(), before = atomic_load(&cancelled);

	(void)state;
	put(fd, GET("/containers/x/export"));
	get_until(fd, &b, "\r\n\r\n");
	close(fd);
	for (int i = 0; i < 500 && atomic_load(&cancelled) == before; i++)
		usleep(10000);
	assert_int_equal(atomic_load(&cancelled), before + 1);
}

static void test_cut_stream(void **state)
{
	autobuf struct buf whole = BUF_INIT(16 << 20), cut = BUF_INIT(16 << 20);
	int fd = dial();

	(void)state;
	put(fd, GET("/containers/x/export"));
	get_until(fd, &whole, NULL);
	close(fd);
	fd = dial();
	put(fd, GET("/containers/broken/export"));
	get_until(fd, &cut, NULL);
	close(fd);
	assert_true(whole.len > 5000000);
	assert_memory_equal(whole.p + whole.len - 7, "\r\n0\r\n\r\n", 7);
	assert_memory_not_equal(cut.p + cut.len - 7, "\r\n0\r\n\r\n", 7);
}

static void test_logs(void **state)
{
	static const char frames[] = "\1\0\0\0\0\0\0\4out\n";
	static const char error_frame[] = "\3\0\0\0\0\0\0\4disk";
	autobuf struct buf b = BUF_INIT(65536);
	int fd = dial();

	(void)state;
	expect(GET("/containers/nosuch/logs?stdout=1"), "404",
	       "{\"message\":\"No such container: nosuch\"}");
	expect(GET("/containers/nosuch/logs"), "400", "you must choose at least one stream");
	expect(GET("/containers/tty/logs?stdout=1"), "200", "\r\n\r\n4\r\nout\n\r\n6\r\nerror\n");
	expect(GET("/containers/tty/logs?stdout=1"), "200", "vnd.docker.raw-stream\r\n");
	expect(GET("/v1.41/containers/x/logs?stdout=1"), "200", "vnd.docker.raw-stream\r\n");
	expect(GET("/containers/x/logs?stdout=1"), "200", "vnd.docker.multiplexed-stream\r\n");
	put(fd, GET("/containers/bad/logs?stdout=1"));
	get_until(fd, &b, NULL);
	assert_non_null(memmem(b.p, b.len, frames, sizeof(frames) - 1));
	assert_non_null(memmem(b.p, b.len, error_frame, sizeof(error_frame) - 1));
	assert_null(memmem(b.p, b.len, "\2\0\0\0\0\0\0\4disk", 12));
	close(fd);
}

static void test_attach(void **state)
{
	autobuf struct buf b = BUF_INIT(65536);
	int fd = dial();

	(void)state;
	put(fd, "POST /v1.44/containers/x/attach?stream=1 HTTP/1.1\r\nHost: x\r\n"
		"Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\nearly ");
	get_until(fd, &b, "early ");
	assert_string_equal(b.p, "HTTP/1.1 101 UPGRADED\r\nContent-Type: "
				 "application/vnd.docker.multiplexed-stream\r\n"
				 "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly ");
	put(fd, "hello");
	get_until(fd, &b, "HELLO");
	shutdown(fd, SHUT_WR);
	get_until(fd, &b, NULL);
	close(fd);
	fd = dial();
	buf_reset(&b);
	put(fd, "POST /containers/tty/attach?stream=1 HTTP/1.1\r\nHost: x\r\n\r\n");
	get_until(fd, &b, "\r\n\r\n");
	assert_string_equal(
		b.p, "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n");
	put(fd, "abc");
	get_until(fd, &b, "ABC");
	close(fd);
}

static void test_attach_errors(void **state)
{
	autofree char *none = ask(POST("/containers/nosuch/attach", "", ""));
	autofree char *paused = ask(POST("/containers/paused/attach", "Upgrade: tcp\r\n", ""));
	autobuf struct buf b = BUF_INIT(65536);
	int fd = dial();

	(void)state;
	assert_string_equal(none, "HTTP/1.1 404 Not Found\r\nContent-Type: "
				  "application/vnd.docker.raw-stream\r\n\r\n"
				  "No such container: nosuch\r\n");
	assert_has(paused, "HTTP/1.1 409 Conflict\r\n");
	assert_has(paused, "\r\n\r\ncontainer paused is paused\r\n");
	/* A job that serves the connection by itself. */
	put(fd, POST("/containers/self/attach", "Upgrade: tcp\r\n", "me"));
	get_until(fd, &b, NULL);
	assert_has(b.p, "101 UPGRADED\r\n");
	assert_has(b.p, "\r\n\r\nme");
	close(fd);
}

static void test_exec_start(void **state)
{
	autobuf struct buf b = BUF_INIT(65536);
	int fd = dial();

	(void)state;
	put(fd, "POST /exec/x/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
		"Content-Length: 28\r\n" JSON_TYPE "\r\n{\"Detach\":false,\"Tty\":false}early ");
	get_until(fd, &b, "early ");
	assert_has(b.p, "HTTP/1.1 101 UPGRADED\r\n");
	assert_has(b.p, "\r\nApi-Version: 1.44\r\n");
	assert_has(b.p, "multiplexed-stream\r\n");
	assert_has(b.p, "\r\n\r\nearly ");
	put(fd, "x");
	get_until(fd, &b, "X");
	close(fd);
	expect(POST("/exec/paused/start", "Content-Length: 2\r\n" JSON_TYPE, "{}"), "409",
	       "{\"message\":\"container paused is paused\"}");
}

static void *one_client(void *arg)
{
	autobuf struct buf b = BUF_INIT(65536);
	int fd = dial();

	(void)arg;
	for (int i = 0; i < 5; i++) {
		buf_reset(&b);
		put(fd, "POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
		get_until(fd, &b, "{\"stream\":\"3\"}\r\n\r\n0\r\n\r\n");
	}
	close(fd);
	return NULL;
}

static void test_many(void **state)
{
	enum { CLIENTS = 200 };
	static pthread_t threads[CLIENTS];
	pthread_attr_t attr;

	(void)state;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	for (int i = 0; i < CLIENTS; i++)
		assert_int_equal(pthread_create(&threads[i], &attr, one_client, NULL), 0);
	for (int i = 0; i < CLIENTS; i++)
		pthread_join(threads[i], NULL);
	pthread_attr_destroy(&attr);
}

static void test_slow_head(void **state)
{
	static const char request[] = GET("/_ping");
	autobuf struct buf b = BUF_INIT(65536);
	int fd = dial();

	(void)state;
	for (size_t i = 0; request[i]; i++) {
		assert_int_equal(write(fd, request + i, 1), 1);
		if (i % 16 == 0)
			expect(GET("/version"), "200", "");
	}
	get_until(fd, &b, NULL);
	assert_has(b.p, "\r\n\r\nOK");
	close(fd);
}

static void expect_serve_error(const char *address, const char *key, const char *text)
{
	struct event_base *other = event_base_new();
	struct engine *e = engine_new();
	struct server *s = server_new(e, other);
	struct job *j = job_new(e, "serveapi", address, NULL);
	struct error err;

	assert_int_equal(server_install(s, e, &err), 0);
	engine_set_logging(e, false);
	if (key)
		env_set(job_env(j), key, "1");
	assert_int_equal(job_run(j, &err), -1);
	assert_has(err.text, text);
	job_free(j);
	server_free(s);
	engine_free(e);
	event_base_free(other);
}

static void test_serve_errors(void **state)
{
	autofree char *taken = xasprintf("unix://%s", socket_path);
	autofree char *fds = NULL;

	(void)state;
	expect_serve_error(taken, NULL, "somebody listens");
	expect_serve_error("unix:///dev/null", NULL, "is not a socket");
	expect_serve_error("udp://x", NULL, "Invalid protocol format");
	expect_serve_error("tcp://127.0.0.1", NULL, "Invalid bind address format");
	expect_serve_error("tcp://127.0.0.1:0", "TlsVerify", "TLS");
	expect_serve_error("fd://", NULL, "No sockets found");
	fds = xasprintf("%d", (int)getpid());
	setenv("LISTEN_PID", fds, 1);
	setenv("LISTEN_FDS", "0", 1);
	expect_serve_error("fd://*", NULL, "No sockets found");
	setenv("LISTEN_FDS", "1", 1);
	expect_serve_error("fd://4", NULL, "Too few socket activated files passed in");
	expect_serve_error("fd://x", NULL, "Invalid socket number");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
}

static int start_server(void **state)
{
	struct error err;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	evthread_use_pthreads();
	snprintf(socket_path, sizeof(socket_path), "/tmp/test-server-%d.sock", (int)getpid());
	snprintf(notify_path, sizeof(notify_path), "/tmp/test-server-%d.notify", (int)getpid());
	log_set_level(LOG_LEVEL_FATAL);
	engine = engine_new();
	base = event_base_new();
	server = server_new(engine, base);
	if (server_install(server, engine, &err) < 0 ||
	    engine_install(engine, jobs, NULL, &err) < 0)
		return -1;
	return pthread_create(&thread, NULL, serve, NULL);
}

static int stop_server(void **state)
{
	(void)state;
	engine_shutdown(engine);
	event_base_loopbreak(base);
	pthread_join(thread, NULL);
	server_free(server);
	event_base_free(base);
	engine_free(engine);
	return access(socket_path, F_OK) == 0 ? -1 : 0; /* the socket file is gone with it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_socket_file),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_no_body),
		cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_json_body),
		cmocka_unit_test(test_deep_json),
		cmocka_unit_test(test_args),
		cmocka_unit_test(test_keep_alive),
		cmocka_unit_test(test_http10_keep_alive),
		cmocka_unit_test(test_pipelining),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_continue),
		cmocka_unit_test(test_broken_body),
		cmocka_unit_test(test_unread_body),
		cmocka_unit_test(test_progress_errors),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_vanished_reader),
		cmocka_unit_test(test_cut_stream),
		cmocka_unit_test(test_logs),
		cmocka_unit_test(test_attach),
		cmocka_unit_test(test_attach_errors),
		cmocka_unit_test(test_exec_start),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_slow_head),
		cmocka_unit_test(test_serve_errors),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
