/* The API server: what it answers to one request, what it holds back, what it refuses. */
#include "tests/unit/serving.h"

static char notify_path[80];

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

static int job_text(struct job *job, void *self)
{
	(void)self;
	for (size_t i = 0; i < job_argc(job); i++)
		job_printf(job, "[%s]", job_arg(job, i));
	return 0;
}

static const struct handler jobs[] = {
	{ "version", "", 0, 0, job_version, 0 }, { "create", "", 0, 1, job_create, 0 },
	{ "start", "", 1, 1, job_fails, 0 },     { "container_inspect", "", 1, 1, job_inspect, 0 },
	{ "tag", "", 2, 3, job_text, 0 },        { "image_inspect", "", 1, 1, job_text, 0 },
	{ "rm", "", 1, 1, job_fails, 0 },        { 0 },
};

/* Before acceptconnections: pings are answered, all else waits. */
static void test_held(void **state)
{
	autobuf struct buf held = BUF_INIT(65536), ready = BUF_INIT(256);
	int fd = dial(), notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct pollfd p = { .fd = fd, .events = POLLIN };

	(void)state;
	snprintf(notify_path, sizeof(notify_path), "%s.notify", socket_path);
	memcpy(a.sun_path, notify_path, sizeof(notify_path));
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

struct other {
	struct engine *e;
	char *address;
};

static void *serve_other(void *arg)
{
	struct other *o = arg;
	struct job *j = job_new(o->e, "serveapi", o->address, NULL);

	env_set(job_env(j), "BufferRequests", "1");
	(void)job_run(j, NULL); /* the test notices when it did not serve */
	job_free(j);
	return NULL;
}

/* acceptconnections may come before serveapi: then nothing is held. */
static void test_accept_first(void **state)
{
	autofree char *path = xasprintf("%s.other", socket_path);
	struct other o = { engine_new(), xasprintf("unix://%s", path) };
	struct event_base *b = event_base_new();
	struct server *s = server_new(o.e, b);
	autobuf struct buf answer = BUF_INIT(4096);
	struct job *accept_job;
	pthread_t t;
	int fd;

	(void)state;
	assert_int_equal(server_install(s, o.e, NULL), 0);
	accept_job = job_new(o.e, "acceptconnections", NULL);
	assert_int_equal(job_run(accept_job, NULL), 0);
	job_free(accept_job);
	assert_int_equal(pthread_create(&t, NULL, serve_other, &o), 0);
	while ((fd = sock_connect_unix(path, SOCK_STREAM)) < 0)
		usleep(10000);
	put(fd, GET("/version"));
	get_until(fd, &answer, NULL);
	assert_has(answer.p, "501 Not Implemented");
	close(fd);
	event_base_loopbreak(b);
	pthread_join(t, NULL);
	server_free(s);
	event_base_free(b);
	engine_free(o.e);
	free(o.address);
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
	expect_serve_error("tcp://127.0.0.1:0", "TlsVerify", "X509 certificate");
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

static int start(void **state)
{
	*state = (void *)jobs;
	return start_server(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_held),         cmocka_unit_test(test_socket_file),
		cmocka_unit_test(test_headers),      cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_no_body),      cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_json_body),    cmocka_unit_test(test_deep_json),
		cmocka_unit_test(test_args),         cmocka_unit_test(test_accept_first),
		cmocka_unit_test(test_serve_errors),
	};

	return cmocka_run_group_tests(tests, start, stop_server);
}
