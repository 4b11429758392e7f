/*
 * The stop-watch of the benchmarks.
 *
 *   bench cmd N PAUSE_MS NAME=COMMAND ...    run shell-less commands in turn, N rounds, and print for
 *                                            each: name, median, minimum, 90th percentile in ms
 *   bench api SOCKET VERSION IMAGE NETWORK THREADS TOTAL
 *                                            create, start, wait, delete over keep-alive connections;
 *                                            prints containers per second and the median of a whole
 *   bench get SOCKET PATH N                  median of one GET over a keep-alive connection
 *   bench start N PAUSE_MS VERSION IMAGE NAME=SOCKET,NETWORK,PORT,COUNT ...
 *                                            create and start in turn, N rounds, with COUNT published
 *                                            ports from PORT on; the container is deleted off the clock
 *
 * Commands run interleaved, so that a noisy moment of the machine hits all of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_times(const char *name, double *t, size_t n)
{
	qsort(t, n, sizeof(*t), by_value);
	printf("%-28s median %8.2f ms   min %8.2f   p90 %8.2f\n", name, t[n / 2], t[0],
	       t[n * 9 / 10]);
	fflush(stdout);
}

/* ---- commands ---- */

struct command {
	char *name;
	char *argv[64];
	double *times;
};

/* "NAME=prog arg arg": words are cut at spaces. */
static void parse_command(char *text, struct command *c)
{
	char *word, *rest = strchr(text, '=');
	size_t n = 0;

	if (!rest)
		die("a command needs NAME=");
	*rest++ = '\0';
	c->name = text;
	while ((word = strsep(&rest, " ")) && n < 63)
		if (*word)
			c->argv[n++] = word;
}

static double run_once(char **argv)
{
	posix_spawn_file_actions_t fa;
	double start = now_ms();
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
	errno = posix_spawnp(&pid, argv[0], &fa, NULL, argv, environ);
	if (errno)
		die(argv[0]);
	posix_spawn_file_actions_destroy(&fa);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	if (status)
		fprintf(stderr, "bench: %s ... ended with status %d\n", argv[0],
			WEXITSTATUS(status));
	return now_ms() - start;
}

static int bench_cmd(int argc, char **argv)
{
	size_t rounds = strtoul(argv[0], NULL, 10), ncmd = (size_t)argc - 2;
	struct timespec pause = { .tv_nsec = strtol(argv[1], NULL, 10) * 1000000L };
	struct command *c = calloc(ncmd, sizeof(*c));

	for (size_t i = 0; i < ncmd; i++) {
		parse_command(argv[i + 2], &c[i]);
		c[i].times = calloc(rounds, sizeof(double));
		run_once(c[i].argv); /* warm */
	}
	for (size_t r = 0; r < rounds; r++)
		for (size_t i = 0; i < ncmd; i++) {
			nanosleep(&pause, NULL);
			c[i].times[r] = run_once(c[i].argv);
		}
	for (size_t i = 0; i < ncmd; i++)
		print_times(c[i].name, c[i].times, rounds);
	return 0;
}

/* ---- the API ---- */

struct api {
	const char *socket, *version, *image, *network;
	size_t per_thread;
	double *times;
};

static int dial(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		die(path);
	return fd;
}

/* Length of the head including the empty line, 0 while it is incomplete. */
static size_t head_length(const char *p)
{
	const char *end = strstr(p, "\r\n\r\n");

	return end ? (size_t)(end - p) + 4 : 0;
}

/* Is the response in p complete? Bodies are sized or chunked; 204 and 304 have none. */
static int is_complete(const char *p, size_t n)
{
	size_t head = head_length(p);
	const char *length;
	int status;

	if (!head || sscanf(p, "HTTP/1.1 %d", &status) != 1)
		return 0;
	if (status == 204 || status == 304)
		return 1;
	length = strcasestr(p, "\r\ncontent-length:");
	if (length && length < p + head)
		return n >= head + strtoul(length + 17, NULL, 10);
	return n >= 5 && memcmp(p + n - 5, "0\r\n\r\n", 5) == 0;
}

/* One request on a keep-alive connection. The status; the response stays in reply. */
static int request(int fd, const char *method, const char *path, const char *body, char *reply,
		   size_t size)
{
	size_t n = 0;
	int status = 0;
	char *text = NULL;
	int len = asprintf(&text, "%s %s HTTP/1.1\r\nHost: d\r\n%sContent-Length: %zu\r\n\r\n%s",
			   method, path, *body ? "Content-Type: application/json\r\n" : "",
			   strlen(body), body);

	if (write(fd, text, (size_t)len) != len)
		die("write");
	free(text);
	do {
		ssize_t got = read(fd, reply + n, size - 1 - n);

		if (got <= 0)
			die("read");
		n += (size_t)got;
		reply[n] = '\0';
	} while (!is_complete(reply, n) && n < size - 1);
	sscanf(reply, "HTTP/1.1 %d", &status);
	return status;
}

static void expect(int status, int wanted, const char *what, const char *reply)
{
	if (status == wanted)
		return;
	fprintf(stderr, "bench: %s: %s\n", what, reply);
	exit(1);
}

static void one_container(const struct api *a, int fd)
{
	char reply[8192], path[256], body[256], id[65] = "";
	const char *at;

	snprintf(body, sizeof(body),
		 "{\"Image\":\"%s\",\"Cmd\":[\"true\"],\"HostConfig\":{\"NetworkMode\":\"%s\"}}",
		 a->image, a->network);
	snprintf(path, sizeof(path), "/v%s/containers/create", a->version);
	expect(request(fd, "POST", path, body, reply, sizeof(reply)), 201, "create", reply);
	at = strstr(reply, "\"Id\":\"");
	if (!at)
		die("no id");
	snprintf(id, sizeof(id), "%.64s", at + 6);
	snprintf(path, sizeof(path), "/v%s/containers/%s/start", a->version, id);
	expect(request(fd, "POST", path, "", reply, sizeof(reply)), 204, "start", reply);
	snprintf(path, sizeof(path), "/v%s/containers/%s/wait", a->version, id);
	expect(request(fd, "POST", path, "", reply, sizeof(reply)), 200, "wait", reply);
	snprintf(path, sizeof(path), "/v%s/containers/%s", a->version, id);
	expect(request(fd, "DELETE", path, "", reply, sizeof(reply)), 204, "delete", reply);
}

static void *api_thread(void *arg)
{
	struct api *a = arg;
	int fd = dial(a->socket);

	for (size_t i = 0; i < a->per_thread; i++) {
		double start = now_ms();

		one_container(a, fd);
		a->times[i] = now_ms() - start;
	}
	close(fd);
	return NULL;
}

static int bench_api(char **argv)
{
	size_t threads = strtoul(argv[4], NULL, 10), total = strtoul(argv[5], NULL, 10);
	size_t per = total / threads;
	double *times = calloc(per * threads, sizeof(double)), start;
	struct api *a = calloc(threads, sizeof(*a));
	pthread_t *t = calloc(threads, sizeof(*t));

	start = now_ms();
	for (size_t i = 0; i < threads; i++) {
		a[i] = (struct api){ argv[0], argv[1], argv[2], argv[3], per, times + i * per };
		pthread_create(&t[i], NULL, api_thread, &a[i]);
	}
	for (size_t i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	printf("%-28s %8.1f containers/s\n", "",
	       (double)(per * threads) * 1e3 / (now_ms() - start));
	print_times("create+start+wait+delete", times, per * threads);
	return 0;
}

static int bench_get(char **argv)
{
	size_t n = strtoul(argv[2], NULL, 10), size = 4 << 20;
	double *times = calloc(n, sizeof(double));
	char *reply = malloc(size);
	int fd = dial(argv[0]);

	for (size_t i = 0; i < n; i++) {
		double start = now_ms();

		expect(request(fd, "GET", argv[1], "", reply, size), 200, argv[1], reply);
		times[i] = now_ms() - start;
	}
	print_times(argv[1], times, n);
	return 0;
}

/* ---- starts ---- */

struct start {
	char *name, *body;
	int fd;
	double *times;
};

/* Ports of the container have the numbers that they have on the host. */
static char *body_of(const char *image, const char *network, int first, int count)
{
	char *body;
	size_t n;
	FILE *f = open_memstream(&body, &n);

	fprintf(f, "{\"Image\":\"%s\",\"Cmd\":[\"sleep\",\"1000\"],\"ExposedPorts\":{", image);
	for (int i = 0; i < count; i++)
		fprintf(f, "%s\"%d/tcp\":{}", i ? "," : "", first + i);
	fprintf(f, "},\"HostConfig\":{\"NetworkMode\":\"%s\",\"PortBindings\":{", network);
	for (int i = 0; i < count; i++)
		fprintf(f, "%s\"%d/tcp\":[{\"HostPort\":\"%d\"}]", i ? "," : "", first + i,
			first + i);
	fprintf(f, "}}}");
	fclose(f);
	return body;
}

static void parse_start(char *text, const char *image, size_t rounds, struct start *s)
{
	char socket[108], network[64];
	int first, count;

	s->name = strsep(&text, "=");
	if (!text || sscanf(text, "%107[^,],%63[^,],%d,%d", socket, network, &first, &count) != 4)
		die("a case is NAME=SOCKET,NETWORK,PORT,COUNT");
	s->body = body_of(image, network, first, count);
	s->fd = dial(socket);
	s->times = calloc(rounds, sizeof(double));
}

static double start_once(const struct start *s, const char *version)
{
	char reply[8192], path[256], id[65] = "";
	double start = now_ms(), took;
	const char *at;

	snprintf(path, sizeof(path), "/v%s/containers/create", version);
	expect(request(s->fd, "POST", path, s->body, reply, sizeof(reply)), 201, "create", reply);
	at = strstr(reply, "\"Id\":\"");
	if (!at)
		die("no id");
	snprintf(id, sizeof(id), "%.64s", at + 6);
	snprintf(path, sizeof(path), "/v%s/containers/%s/start", version, id);
	expect(request(s->fd, "POST", path, "", reply, sizeof(reply)), 204, "start", reply);
	took = now_ms() - start;
	snprintf(path, sizeof(path), "/v%s/containers/%s?force=1", version, id);
	expect(request(s->fd, "DELETE", path, "", reply, sizeof(reply)), 204, "delete", reply);
	return took;
}

static int bench_start(int argc, char **argv)
{
	size_t rounds = strtoul(argv[0], NULL, 10), n = (size_t)argc - 4;
	struct timespec pause = { .tv_nsec = strtol(argv[1], NULL, 10) * 1000000L };
	struct start *s = calloc(n, sizeof(*s));

	for (size_t i = 0; i < n; i++) {
		parse_start(argv[i + 4], argv[3], rounds, &s[i]);
		start_once(&s[i], argv[2]); /* warm */
	}
	for (size_t r = 0; r < rounds; r++)
		for (size_t i = 0; i < n; i++) {
			nanosleep(&pause, NULL);
			s[i].times[r] = start_once(&s[i], argv[2]);
		}
	for (size_t i = 0; i < n; i++)
		print_times(s[i].name, s[i].times, rounds);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 7 && strcmp(argv[1], "start") == 0)
		return bench_start(argc - 2, argv + 2);
	if (argc >= 5 && strcmp(argv[1], "cmd") == 0)
		return bench_cmd(argc - 2, argv + 2);
	if (argc == 8 && strcmp(argv[1], "api") == 0)
		return bench_api(argv + 2);
	if (argc == 5 && strcmp(argv[1], "get") == 0)
		return bench_get(argv + 2);
	fprintf(stderr,
		"usage: bench cmd N PAUSE_MS NAME=COMMAND...\n"
		"       bench api SOCKET VERSION IMAGE NETWORK THREADS TOTAL\n"
		"       bench get SOCKET PATH N\n"
		"       bench start N PAUSE_MS VERSION IMAGE NAME=SOCKET,NETWORK,PORT,COUNT...\n");
	return 2;
}
