/*
 * Both ends of the benchmarks of networks. Static, so that it runs in any container.
 *
 *   net serve PORT                            answer one request for each connection to PORT; send
 *                                             without end to those to PORT + 1
 *   net conns ADDRESS PORT THREADS SECONDS    connections per second, a request and a response each
 *   net stream ADDRESS PORT SECONDS           what one connection brings, in MB/s
 *   net dns SERVER NAME THREADS SECONDS       queries per second, and the latencies in microseconds
 *
 * The server closes first, so that the client's ports are free again at once.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE 64   /* bytes of a request, and of a response */
#define CHUNK 131072 /* bytes written or read at once of a stream */
#define SERVERS 4    /* threads */
#define MAX_THREADS 64
#define MAX_SAMPLES 1000000 /* of a thread */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "net: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int number_of(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	errno = EINVAL;
	if (*end || end == text || n < 0 || n > UINT16_MAX)
		die(text);
	return (int)n;
}

static struct sockaddr_in address(const char *ip, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	if (inet_pton(AF_INET, ip, &a.sin_addr) != 1)
		die(ip);
	return a;
}

/* ---- the server ---- */

static int listen_on(int port)
{
	struct sockaddr_in a = address("0.0.0.0", port);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (s < 0 || setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0 ||
	    bind(s, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(s, 4096) < 0)
		die("listen");
	return s;
}

static void answer(int fd)
{
	char message[MESSAGE];

	if (read(fd, message, sizeof(message)) > 0 && write(fd, message, sizeof(message)) < 0)
		perror("write");
	close(fd);
}

/* A connection is handed over with its request, so that the server costs as little as it can. */
static void *serve(void *arg)
{
	int listener = listen_on(*(int *)arg), one = 1, fd;

	setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &one, sizeof(one));
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0 || errno != EBADF)
		if (fd >= 0)
			answer(fd);
	return NULL;
}

static void *send_stream(void *arg)
{
	static const char chunk[CHUNK];
	int fd = (int)(long)arg;

	while (write(fd, chunk, sizeof(chunk)) > 0)
		;
	close(fd);
	return NULL;
}

static int run_server(char **argv)
{
	int port = number_of(argv[0]), listener = listen_on(port + 1);
	pthread_t t;

	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < SERVERS; i++)
		pthread_create(&t, NULL, serve, &port);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			die("accept");
		pthread_create(&t, NULL, send_stream, (void *)(long)fd);
		pthread_detach(t);
	}
}

/* ---- clients ---- */

struct client {
	struct sockaddr_in to;
	const char *name; /* to ask for */
	double until;
	size_t n, failed;
	float *times; /* microseconds */
};

static int dial(const struct client *c, int type)
{
	int s = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (s >= 0 && connect(s, (const struct sockaddr *)&c->to, sizeof(c->to)) == 0)
		return s;
	close(s);
	return -1;
}

static int one_connection(const struct client *c)
{
	char message[MESSAGE] = "request";
	int s = dial(c, SOCK_STREAM);
	ssize_t n = 0, got = 1;

	if (s < 0)
		return -1;
	if (write(s, message, sizeof(message)) == sizeof(message))
		while ((got = read(s, message, sizeof(message))) > 0)
			n += got;
	close(s);
	return n == MESSAGE && got == 0 ? 0 : -1;
}

static void *connect_all(void *arg)
{
	struct client *c = arg;

	while (now() < c->until)
		if (one_connection(c) == 0)
			c->n++;
		else
			c->failed++;
	return NULL;
}

static size_t put_query(unsigned char *q, const char *name, uint16_t id)
{
	static const unsigned char head[12] = { 0, 0, 1, 0, 0, 1 };
	unsigned char *at = q + sizeof(head);

	memcpy(q, head, sizeof(head));
	memcpy(q, &id, sizeof(id));
	while (*name) {
		size_t n = strcspn(name, ".");

		*at++ = (unsigned char)n;
		memcpy(at, name, n);
		at += n;
		name += n + (name[n] == '.');
	}
	memcpy(at, "\0\0\1\0\1", 5); /* the root, A, IN */
	return (size_t)(at - q) + 5;
}

/* Has it an answer to that query? */
static int one_query(int s, const char *name, uint16_t id)
{
	unsigned char q[512], r[512];
	size_t n = put_query(q, name, id);
	ssize_t got;

	if (send(s, q, n, 0) < 0)
		return -1;
	do
		got = recv(s, r, sizeof(r), 0);
	while (got >= 12 && memcmp(q, r, 2) != 0); /* one that came too late */
	return got >= 12 && !(r[3] & 15) && (r[6] || r[7]) ? 0 : -1;
}

static void *ask_all(void *arg)
{
	struct client *c = arg;
	const struct timeval patience = { .tv_sec = 1 };
	int s = dial(c, SOCK_DGRAM);
	double t = now();

	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	for (uint16_t id = 1; t < c->until && c->n < MAX_SAMPLES; id++) {
		double start = t;

		if (one_query(s, c->name, id) < 0)
			c->failed++;
		t = now();
		c->times[c->n++] = (float)((t - start) * 1e6);
	}
	close(s);
	return NULL;
}

/* How long they took together; what they counted is added up in total. */
static double run_clients(const struct client *like, int threads, double seconds,
			  void *(*run)(void *), struct client *all, struct client *total)
{
	pthread_t t[MAX_THREADS];
	double start = now();

	for (int i = 0; i < threads; i++) {
		all[i] = *like;
		all[i].until = start + seconds;
		if (like->name)
			all[i].times = malloc(MAX_SAMPLES * sizeof(float));
		pthread_create(&t[i], NULL, run, &all[i]);
	}
	for (int i = 0; i < threads; i++) {
		pthread_join(t[i], NULL);
		total->n += all[i].n;
		total->failed += all[i].failed;
	}
	return now() - start;
}

static int threads_of(const char *text)
{
	int n = number_of(text);

	return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : n;
}

static int run_conns(char **argv)
{
	struct client like = { .to = address(argv[0], number_of(argv[1])) }, total = { 0 };
	struct client all[MAX_THREADS];
	double took =
		run_clients(&like, threads_of(argv[2]), atof(argv[3]), connect_all, all, &total);

	printf("%.0f\n", (double)total.n / took);
	if (total.failed)
		fprintf(stderr, "net: %zu connections failed\n", total.failed);
	return total.n ? 0 : 1;
}

static int run_stream(char **argv)
{
	static char chunk[CHUNK];
	struct client to = { .to = address(argv[0], number_of(argv[1])) };
	int s = dial(&to, SOCK_STREAM);
	double start = now(), until = start + atof(argv[2]), bytes = 0;
	ssize_t n = 1;

	if (s < 0)
		die("connect");
	while (n > 0 && now() < until) {
		n = read(s, chunk, sizeof(chunk));
		bytes += n > 0 ? (double)n : 0;
	}
	printf("%.0f\n", bytes / 1e6 / (now() - start));
	return bytes > 0 ? 0 : 1;
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static int run_dns(char **argv)
{
	struct client like = { .to = address(argv[0], 53), .name = argv[1] }, total = { 0 };
	struct client all[MAX_THREADS];
	int threads = threads_of(argv[2]);
	double took = run_clients(&like, threads, atof(argv[3]), ask_all, all, &total);
	float *times = malloc((total.n + 1) * sizeof(float));
	size_t n = 0;

	for (int i = 0; i < threads; i++) {
		memcpy(times + n, all[i].times, all[i].n * sizeof(float));
		n += all[i].n;
	}
	if (!n)
		return 1;
	qsort(times, n, sizeof(*times), by_value);
	printf("%.0f %.0f %.0f\n", (double)n / took, times[n / 2], times[n * 99 / 100]);
	if (total.failed)
		fprintf(stderr, "net: %zu queries failed\n", total.failed);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int args;
		int (*run)(char **argv);
	} modes[] = { { "serve", 1, run_server },
		      { "conns", 4, run_conns },
		      { "stream", 3, run_stream },
		      { "dns", 4, run_dns } };

	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (argc == modes[i].args + 2 && strcmp(argv[1], modes[i].name) == 0)
			return modes[i].run(argv + 2);
	fprintf(stderr, "usage: net serve PORT\n"
			"       net conns ADDRESS PORT THREADS SECONDS\n"
			"       net stream ADDRESS PORT SECONDS\n"
			"       net dns SERVER NAME THREADS SECONDS\n");
	return 2;
}
