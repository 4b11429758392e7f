/* TLS relays, back to back: client bytes -> relay -> TLS -> relay -> server bytes, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/buf.h"
#include "pkg/fs.h"
#include "pkg/mem.h"
#include "pkg/proc.h"
#include "pkg/tls.h"

#define OPENSSL "/usr/bin/openssl"

static char dir[64], ca[80], cert[80], key[80], other_ca[80];

static int openssl(char *const *argv)
{
	struct proc_spec spec = { .path = OPENSSL, .argv = argv };
	pid_t pid;

	return proc_spawn(&spec, &pid, NULL) == 0 ? proc_wait(pid) : -1;
}

/* A certificate that is its own authority. */
static int make_cert(char *certificate, char *private_key)
{
	char *argv[] = { OPENSSL,
			 "req",
			 "-x509",
			 "-newkey",
			 "ec",
			 "-pkeyopt",
			 "ec_paramgen_curve:P-256",
			 "-nodes",
			 "-days",
			 "2",
			 "-subj",
			 "/CN=docker",
			 "-addext",
			 "subjectAltName=DNS:docker,IP:127.0.0.1",
			 "-keyout",
			 private_key,
			 "-out",
			 certificate,
			 NULL };

	return openssl(argv);
}

static int set_up(void **state)
{
	autofree char *other_key = NULL;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	snprintf(dir, sizeof(dir), "/tmp/test-tls-%d", (int)getpid());
	snprintf(ca, sizeof(ca), "%s/cert.pem", dir);
	snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
	snprintf(key, sizeof(key), "%s/key.pem", dir);
	snprintf(other_ca, sizeof(other_ca), "%s/other.pem", dir);
	other_key = xasprintf("%s/other-key.pem", dir);
	if (mkdir(dir, 0700) < 0)
		return -1;
	if (make_cert(cert, key) == 0 && make_cert(other_ca, other_key) == 0)
		return 0;
	fprintf(stderr, "no certificates: %s failed\n", OPENSSL);
	return -1;
}

static int tear_down(void **state)
{
	(void)state;
	return fs_remove_tree(-1, dir);
}

struct side {
	struct tls *tls;
	int net, plain;
	const char *host;
	pthread_t thread;
};

static void *run_side(void *arg)
{
	struct side *s = arg;

	tls_relay(s->tls, s->net, s->plain, s->host);
	tls_unref(s->tls);
	return NULL;
}

struct link {
	struct side client, server;
	int near, far; /* plain ends: the client's and the server's */
};

static void link_up(struct link *l, const struct tls_config *client,
		    const struct tls_config *server, const char *host)
{
	int net[2], a[2], b[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, net), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, a), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, b), 0);
	l->near = a[0];
	l->far = b[0];
	l->client = (struct side){ tls_new(client, NULL), net[0], a[1], host, 0 };
	l->server = (struct side){ tls_new(server, NULL), net[1], b[1], NULL, 0 };
	assert_non_null(l->client.tls);
	assert_non_null(l->server.tls);
	pthread_create(&l->client.thread, NULL, run_side, &l->client);
	pthread_create(&l->server.thread, NULL, run_side, &l->server);
}

static void link_down(struct link *l)
{
	close(l->near);
	close(l->far);
	pthread_join(l->client.thread, NULL);
	pthread_join(l->server.thread, NULL);
}

static ssize_t get(int fd, char *p, size_t n)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&poll_fd, 1, 5000), 1);
	return read(fd, p, n);
}

static const struct tls_config plain_client = { 0 };

static void test_both_ways(void **state)
{
	struct tls_config server = { .server = true, .cert = cert, .key = key };
	struct link l;
	char p[100];

	(void)state;
	link_up(&l, &plain_client, &server, NULL);
	assert_int_equal(write(l.near, "hello", 5), 5);
	assert_int_equal(get(l.far, p, sizeof(p)), 5);
	assert_int_equal(write(l.far, "world!", 6), 6);
	assert_int_equal(get(l.near, p, sizeof(p)), 6);
	assert_memory_equal(p, "world!", 6);
	/* The end of one direction leaves the other open. */
	shutdown(l.near, SHUT_WR);
	assert_int_equal(get(l.far, p, sizeof(p)), 0);
	assert_int_equal(write(l.far, "late", 4), 4);
	assert_int_equal(get(l.near, p, sizeof(p)), 4);
	close(l.far);
	l.far = -1;
	assert_int_equal(get(l.near, p, sizeof(p)), 0);
	link_down(&l);
}

enum { BULK = 3000000 };

static void *write_bulk(void *arg)
{
	int fd = *(int *)arg;
	char part[10000];

	for (size_t sent = 0; sent < BULK; sent += sizeof(part)) {
		memset(part, (int)(sent / sizeof(part)), sizeof(part));
		if (fs_write_all(fd, part, sizeof(part)) < 0)
			break;
	}
	shutdown(fd, SHUT_WR);
	return NULL;
}

static void read_bulk(int fd)
{
	char part[7777];
	size_t total = 0;
	ssize_t n;

	while ((n = get(fd, part, sizeof(part))) > 0)
		for (ssize_t i = 0; i < n; i++, total++)
			if (part[i] != (char)(total / 10000))
				fail_msg("byte %zu is wrong", total);
	assert_int_equal(total, BULK);
}

static void test_bulk(void **state)
{
	struct tls_config server = { .server = true, .cert = cert, .key = key };
	pthread_t a, b;
	struct link l;

	(void)state;
	link_up(&l, &plain_client, &server, NULL);
	pthread_create(&a, NULL, write_bulk, &l.near);
	pthread_create(&b, NULL, write_bulk, &l.far);
	read_bulk(l.far);
	read_bulk(l.near);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	link_down(&l);
}

static bool connects(const struct tls_config *client, const struct tls_config *server,
		     const char *host)
{
	struct link l;
	char p[10];
	bool ok;

	link_up(&l, client, server, host);
	(void)!write(l.near, "x", 1); /* refused: nobody there any more */
	ok = get(l.far, p, sizeof(p)) == 1;
	link_down(&l);
	return ok;
}

static void test_verification(void **state)
{
	struct tls_config server = { .server = true, .cert = cert, .key = key };
	struct tls_config client = { .verify = true, .ca = ca };

	(void)state;
	assert_true(connects(&client, &server, NULL));
	assert_true(connects(&client, &server, "docker"));
	assert_true(connects(&client, &server, "127.0.0.1"));
	assert_false(connects(&client, &server, "elsewhere"));
	assert_false(connects(&client, &server, "127.0.0.2"));
	client.ca = other_ca;
	assert_false(connects(&client, &server, NULL));
	client.ca = ca;
	server.verify = true;
	server.ca = ca;
	assert_false(connects(&client, &server, NULL)); /* no certificate of its own */
	client.cert = cert;
	client.key = key;
	assert_true(connects(&client, &server, NULL));
	server.ca = other_ca;
	assert_false(connects(&client, &server, NULL));
}

static void test_no_tls(void **state)
{
	struct tls_config server = { .server = true, .cert = cert, .key = key };
	int net[2], plain[2];
	struct side s;
	char p[100];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, net), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, plain), 0);
	s = (struct side){ tls_new(&server, NULL), net[1], plain[1], NULL, 0 };
	pthread_create(&s.thread, NULL, run_side, &s);
	assert_int_equal(write(net[0], "GET / HTTP/1.1\r\n\r\n", 18), 18);
	assert_int_equal(get(plain[0], p, sizeof(p)), 0);
	pthread_join(s.thread, NULL);
	close(net[0]);
	close(plain[0]);
}

static void expect_failure(const struct tls_config *c, const char *text)
{
	struct error err;

	assert_null(tls_new(c, &err));
	assert_non_null(strstr(err.text, text));
}

static void test_bad_files(void **state)
{
	(void)state;
	expect_failure(&(struct tls_config){ .server = true }, "X509 certificate");
	expect_failure(&(struct tls_config){ .server = true, .cert = "/nosuch", .key = key },
		       "/nosuch");
	expect_failure(&(struct tls_config){ .server = true, .cert = cert, .key = cert }, "key");
	expect_failure(&(struct tls_config){ .verify = true, .ca = "/nosuch" }, "CA certificate");
	expect_failure(&(struct tls_config){ .verify = true }, "CA certificate");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),    cmocka_unit_test(test_bulk),
		cmocka_unit_test(test_verification), cmocka_unit_test(test_no_tls),
		cmocka_unit_test(test_bad_files),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
