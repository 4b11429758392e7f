/*
 * The API server's connections: several requests on one, bodies that stream, clients that go away,
 * connections that are handed over.
 */
#include "tests/unit/serving.h"

static atomic_int cancelled, bytes_loaded;

static int job_version(struct job *job, void *self)
{
	(void)self;
	return job_printf(job, "{\"Version\":\"test\",\"ApiVersion\":\"1.44\"}\n");
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

static char capital(char c)
{
	return (char)(c >= 'a' && c <= 'z' ? c - 32 : c);
}

/* What a monitor does with a connection that it was given: echo in capitals, until its end. */
static void *echo(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char part[256];
	ssize_t n;

	while ((n = read(fd, part, sizeof(part))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			part[i] = capital(part[i]);
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
	for (size_t i = 0; i < pending.len; i++)
		pending.p[i] = capital(pending.p[i]);
	if (write(fd, buf_text(&pending), pending.len) < 0)
		return -1;
	pthread_create(&t, NULL, echo, (void *)(intptr_t)fd);
	pthread_detach(t);
	return 0;
}

static const struct handler jobs[] = {
	{ "version", "", 0, 0, job_version, 0 },
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
	{ 0 },
};

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
	get_until(fd, &b, "EARLY ");
	assert_string_equal(b.p, "HTTP/1.1 101 UPGRADED\r\nContent-Type: "
				 "application/vnd.docker.multiplexed-stream\r\n"
				 "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\nEARLY ");
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
	/* Node's client says that a body comes, in chunks, and then sends the raw stream. */
	put(fd, "POST /containers/tty/attach HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\n"
		"Transfer-Encoding: chunked\r\n\r\nraw");
	get_until(fd, &b, "RAW");
	close(fd);
	fd = dial();
	buf_reset(&b);
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
	get_until(fd, &b, "EARLY ");
	assert_has(b.p, "HTTP/1.1 101 UPGRADED\r\n");
	assert_has(b.p, "\r\nApi-Version: 1.44\r\n");
	assert_has(b.p, "multiplexed-stream\r\n");
	assert_has(b.p, "\r\n\r\nEARLY ");
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

static int start(void **state)
{
	*state = (void *)jobs;
	if (start_server(state) != 0)
		return -1;
	run_job("acceptconnections");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, start, stop_server);
}
