/*
 * For tests of the API server: an engine with the test's own jobs, served on a unix socket by a
 * thread, and clients that send raw bytes and look at what comes back.
 */
#ifndef TESTS_UNIT_SERVING_H
#define TESTS_UNIT_SERVING_H

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

#define GET(target) "GET " target " HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"
#define POST(target, headers, body)                                                                \
	"POST " target " HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n" headers "\r\n" body
#define JSON_TYPE "Content-Type: application/json\r\n"

static struct engine *engine;
static struct event_base *base;
static struct server *server;
static pthread_t thread;
static char socket_path[64];

static inline int dial(void)
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

static inline void put(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Read until the text is there, or to the end when it is NULL. */
static inline void get_until(int fd, struct buf *b, const char *text)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n = 1;

	while (n > 0 && !(text && memmem(buf_text(b), b->len, text, strlen(text)))) {
		if (poll(&p, 1, PATIENCE_MS) <= 0)
			fail_msg("no \"%s\" in \"%s\"", text ? text : "end", buf_text(b));
		n = buf_read(b, fd, 65536);
	}
	if (text && n <= 0)
		fail_msg("end before \"%s\" in \"%s\"", text ? text : "", buf_text(b));
}

/* One request on a connection of its own, and everything that comes back. */
static inline char *ask(const char *request)
{
	struct buf b = BUF_INIT(64 << 20);
	int fd = dial();

	put(fd, request);
	get_until(fd, &b, NULL);
	close(fd);
	return buf_take(&b);
}

static inline void assert_has(const char *text, const char *part)
{
	if (!text || !strstr(text, part))
		fail_msg("no \"%s\" in \"%s\"", part, text ? text : "");
}

static inline void assert_lacks(const char *text, const char *part)
{
	if (text && strstr(text, part))
		fail_msg("\"%s\" in \"%s\"", part, text);
}

static inline void expect(const char *request, const char *status, const char *part)
{
	autofree char *answer = ask(request);

	if (strncmp(answer, "HTTP/1.1 ", 9) != 0 && strncmp(answer, "HTTP/1.0 ", 9) != 0)
		fail_msg("no HTTP: \"%s\"", answer);
	if (strncmp(answer + 9, status, strlen(status)) != 0)
		fail_msg("not %s: \"%s\"", status, answer);
	assert_has(answer, part);
}

static inline void run_job(const char *name)
{
	struct job *j = job_new(engine, name, NULL);

	assert_int_equal(job_run(j, NULL), 0);
	job_free(j);
}

static inline void *serve(void *arg)
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

static inline int start_server(void **state)
{
	struct error err;

	signal(SIGPIPE, SIG_IGN);
	evthread_use_pthreads();
	snprintf(socket_path, sizeof(socket_path), "/tmp/test-server-%d.sock", (int)getpid());
	log_set_level(LOG_LEVEL_FATAL);
	engine = engine_new();
	base = event_base_new();
	server = server_new(engine, base);
	if (server_install(server, engine, &err) < 0 ||
	    engine_install(engine, *state, NULL, &err) < 0)
		return -1;
	return pthread_create(&thread, NULL, serve, NULL);
}

static inline int stop_server(void **state)
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

#endif
