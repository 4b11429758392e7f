/*
 * What the network scripts put into their image and use in their namespaces: a static program (musl)
 * that serves, asks, loads, resolves, and plays a name server. See usage() and netlib.sh.
 *
 * A server says "NAME ADDRESS PORT" to whoever comes: its own name, whom it sees, and on which port.
 * Over TCP it then echoes what it is sent, until the client is done.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STACK (128 * 1024)
#define BATCH 64

static void usage(void)
{
	fputs("serve [-v] PROTO:[ADDRESS@]PORT[-LAST]...     -v: each greeting to stdout, too;\n"
	      "                                         PROTO: tcp, udp, sctp\n"
	      "ask PROTO ADDRESS PORT [MS [FROM-PORT]]  what the server says; fails without an "
	      "answer\n"
	      "hold ADDRESS PORT [MS]                   one connection, spoken over until an echo "
	      "takes\n"
	      "                                         longer than MS\n"
	      "load ADDRESS PORT CONNECTIONS THREADS    prints how many were not served\n"
	      "resolve LOOKUPS THREADS NAME...          A and AAAA by getaddrinfo; prints how "
	      "many\n"
	      "                                         failed, and the longest in milliseconds\n"
	      "lookup NAME                              its addresses, sorted, on a line\n"
	      "dns ADDRESS LOG                          a name server: every A is 192.0.2.1; a "
	      "line\n"
	      "                                         in LOG for each query\n",
	      stderr);
	exit(2);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void run_threads(int n, void *(*fn)(void *), void *arg)
{
	pthread_t threads[1024];
	pthread_attr_t attr;

	if (n > 1024)
		errx(2, "too many threads");
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	for (int i = 0; i < n; i++)
		if (pthread_create(&threads[i], &attr, fn, arg))
			errx(2, "no thread");
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

/* ---- addresses ---- */

struct address {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
	socklen_t len;
};

static int proto_of(const char *name)
{
	if (strcmp(name, "tcp") == 0)
		return IPPROTO_TCP;
	if (strcmp(name, "udp") == 0)
		return IPPROTO_UDP;
	if (strcmp(name, "sctp") == 0)
		return IPPROTO_SCTP;
	errx(2, "unknown protocol %s", name);
}

static struct address address_of(const char *text, int port)
{
	struct address a = { .len = sizeof(a.in) };

	a.in.sin_family = AF_INET;
	a.in.sin_port = htons((uint16_t)port);
	if (inet_pton(AF_INET, text, &a.in.sin_addr) == 1)
		return a;
	a.len = sizeof(a.in6);
	a.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
				       .sin6_port = htons((uint16_t)port) };
	if (inet_pton(AF_INET6, text, &a.in6.sin6_addr) != 1)
		errx(2, "bad address %s", text);
	return a;
}

static const char *text_of(const struct address *a, char out[INET6_ADDRSTRLEN])
{
	if (a->sa.sa_family == AF_INET)
		inet_ntop(AF_INET, &a->in.sin_addr, out, INET6_ADDRSTRLEN);
	else if (IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
		inet_ntop(AF_INET, a->in6.sin6_addr.s6_addr + 12, out, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, &a->in6.sin6_addr, out, INET6_ADDRSTRLEN);
	return out;
}

static int new_socket(int family, int proto)
{
	return socket(family, (proto == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC,
		      proto);
}

/* ---- serve ---- */

enum kind { LISTENER, DATAGRAMS, CONNECTION };

struct source {
	enum kind kind;
	int fd, port;
};

static int loop = -1;
static char own_name[65];
static bool verbose;

static void watch(enum kind kind, int fd, int port)
{
	struct source *s = calloc(1, sizeof(*s));
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = s };

	if (!s)
		errx(2, "no memory");
	*s = (struct source){ kind, fd, port };
	if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &e) < 0)
		err(2, "epoll");
}

/* Both families, where there are both. */
static void open_port(int proto, const char *address, int port)
{
	struct address a = address_of(*address ? address : "::", port);
	int fd = new_socket(a.sa.sa_family, proto);
	const int on = 1, off = 0;

	if (fd < 0 && !*address) {
		a = address_of("0.0.0.0", port);
		fd = new_socket(AF_INET, proto);
	}
	if (fd < 0)
		err(3, "socket");
	if (proto != IPPROTO_UDP)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a.sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, *address ? &on : &off, sizeof(on));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (bind(fd, &a.sa, a.len) < 0)
		err(3, "bind %d", port);
	if (proto != IPPROTO_UDP && listen(fd, 1024) < 0)
		err(3, "listen %d", port);
	watch(proto == IPPROTO_UDP ? DATAGRAMS : LISTENER, fd, port);
}

static void open_spec(char *spec)
{
	char *proto = strsep(&spec, ":"), *at = spec ? strrchr(spec, '@') : NULL, *dash;
	const char *address = "";
	int first, last;

	if (!spec)
		usage();
	if (at) {
		*at = '\0';
		address = spec;
		spec = at + 1;
	}
	dash = strchr(spec, '-');
	first = (int)strtol(spec, NULL, 10);
	last = dash ? (int)strtol(dash + 1, NULL, 10) : first;
	for (int port = first; port <= last; port++)
		open_port(proto_of(proto), address, port);
}

static int greeting(char *out, size_t n, const struct address *peer, int port)
{
	char text[INET6_ADDRSTRLEN];
	int len = snprintf(out, n, "%s %s %d\n", own_name, text_of(peer, text), port);

	if (verbose) {
		fputs(out, stdout);
		fflush(stdout);
	}
	return len;
}

static void on_listener(const struct source *s)
{
	struct address peer;
	char line[160];
	int fd, n;

	while (peer.len = sizeof(peer.in6),
	       (fd = accept4(s->fd, &peer.sa, &peer.len, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		n = greeting(line, sizeof(line), &peer, s->port);
		if (write(fd, line, (size_t)n) == n)
			watch(CONNECTION, fd, s->port);
		else
			close(fd);
	}
}

static void on_datagrams(const struct source *s)
{
	struct address peer;
	char in[64], line[160];
	int n;

	while (peer.len = sizeof(peer.in6),
	       recvfrom(s->fd, in, sizeof(in), 0, &peer.sa, &peer.len) >= 0) {
		n = greeting(line, sizeof(line), &peer, s->port);
		(void)sendto(s->fd, line, (size_t)n, 0, &peer.sa, peer.len);
	}
}

static void on_connection(struct source *s)
{
	char in[4096];
	ssize_t n = read(s->fd, in, sizeof(in));

	if (n > 0 && write(s->fd, in, (size_t)n) == n)
		return;
	if (n < 0 && errno == EAGAIN)
		return;
	close(s->fd);
	free(s);
}

static int serve(char **specs)
{
	struct epoll_event events[BATCH];
	struct rlimit files = { 20000, 20000 };

	(void)setrlimit(RLIMIT_NOFILE, &files);
	signal(SIGPIPE, SIG_IGN);
	if (gethostname(own_name, sizeof(own_name) - 1) < 0)
		err(2, "gethostname");
	loop = epoll_create1(EPOLL_CLOEXEC);
	verbose = strcmp(*specs, "-v") == 0;
	for (specs += verbose; *specs; specs++)
		open_spec(*specs);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(loop, events, BATCH, -1);

		for (int i = 0; i < n; i++) {
			struct source *s = events[i].data.ptr;

			if (s->kind == LISTENER)
				on_listener(s);
			else if (s->kind == DATAGRAMS)
				on_datagrams(s);
			else
				on_connection(s);
		}
	}
}

/* ---- ask ---- */

static void set_timeout(int fd, int64_t ms)
{
	struct timeval t = { ms / 1000, ms % 1000 * 1000 };

	if (ms <= 0)
		t.tv_usec = 1, t.tv_sec = 0;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)); /* of connect(2), too */
}

/* UDP is asked again every 200 ms: a datagram may be lost while ARP is at work. */
static ssize_t converse(int fd, int proto, char *in, size_t size, int64_t deadline)
{
	ssize_t n = -1;

	if (proto != IPPROTO_UDP) {
		set_timeout(fd, deadline - now_ms());
		return read(fd, in, size);
	}
	while (n < 0 && now_ms() < deadline) {
		if (write(fd, "?", 1) < 0 && errno != ECONNREFUSED)
			return -1;
		set_timeout(fd, deadline - now_ms() < 200 ? deadline - now_ms() : 200);
		n = read(fd, in, size);
	}
	return n;
}

static int open_to(int proto, const char *address, int port, int64_t ms, int from,
		   const char *own_address)
{
	struct address a = address_of(address, port);
	int fd = new_socket(a.sa.sa_family, proto);

	if (fd < 0)
		err(3, "socket");
	if (from || own_address) {
		const char *any = a.sa.sa_family == AF_INET ? "0.0.0.0" : "::";
		struct address own = address_of(own_address ? own_address : any, from);

		if (bind(fd, &own.sa, own.len) < 0)
			err(3, "bind");
	}
	set_timeout(fd, ms);
	if (connect(fd, &a.sa, a.len) == 0)
		return fd;
	close(fd);
	return -1;
}

static int ask(const char *proto_name, const char *address, int port, int64_t ms, int from,
	       const char *own_address)
{
	int64_t deadline = now_ms() + ms;
	int proto = proto_of(proto_name), fd = open_to(proto, address, port, ms, from, own_address);
	char in[512];
	ssize_t n;

	if (fd < 0)
		err(1, "connect");
	n = converse(fd, proto, in, sizeof(in), deadline);
	if (n <= 0)
		errx(1, "%s", n == 0 ? "closed" : strerror(errno));
	return fwrite(in, 1, (size_t)n, stdout) == (size_t)n ? 0 : 2;
}

static int hold(const char *address, int port, int64_t ms)
{
	const struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };
	int fd = open_to(IPPROTO_TCP, address, port, ms, 0, NULL);
	char line[512];

	if (fd < 0)
		err(1, "connect");
	set_timeout(fd, ms);
	if (read(fd, line, sizeof(line)) <= 0)
		err(1, "no greeting");
	puts("connected");
	fflush(stdout);
	while (write(fd, "x", 1) == 1 && read(fd, line, sizeof(line)) == 1)
		nanosleep(&pause, NULL);
	err(1, "the connection is lost");
}

/* ---- load ---- */

static struct {
	const char *address;
	int port;
	atomic_int left, lost;
} load_state;

static void *load_thread(void *arg)
{
	char in[512];

	while (atomic_fetch_sub(&load_state.left, 1) > 0) {
		int fd = open_to(IPPROTO_TCP, load_state.address, load_state.port, 5000, 0, NULL);

		if (fd < 0 || read(fd, in, sizeof(in)) <= 0)
			atomic_fetch_add(&load_state.lost, 1);
		if (fd >= 0)
			close(fd);
	}
	return arg;
}

static int load(const char *address, int port, int connections, int threads)
{
	load_state.address = address;
	load_state.port = port;
	load_state.left = connections;
	run_threads(threads, load_thread, NULL);
	printf("%d\n", load_state.lost);
	return load_state.lost != 0;
}

/* ---- names ---- */

static struct {
	char **names;
	int n;
	atomic_int left, failed, longest;
} lookups;

static void *resolve_thread(void *arg)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	int i;

	while ((i = atomic_fetch_sub(&lookups.left, 1)) > 0) {
		struct addrinfo *found = NULL;
		int64_t start = now_ms();
		int took;

		if (getaddrinfo(lookups.names[i % lookups.n], NULL, &hints, &found) != 0)
			atomic_fetch_add(&lookups.failed, 1);
		else
			freeaddrinfo(found);
		took = (int)(now_ms() - start);
		if (took > lookups.longest) /* near enough */
			lookups.longest = took;
	}
	return arg;
}

static int resolve(int n, int threads, char **names)
{
	lookups.left = n;
	lookups.names = names;
	while (names[lookups.n])
		lookups.n++;
	if (!lookups.n)
		usage();
	run_threads(threads, resolve_thread, NULL);
	printf("%d %d\n", lookups.failed, lookups.longest);
	return lookups.failed != 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int lookup(const char *name)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found, *p;
	char all[64][INET6_ADDRSTRLEN];
	size_t n = 0;
	int rc = getaddrinfo(name, NULL, &hints, &found);

	if (rc != 0)
		errx(1, "%s: %s", name, gai_strerror(rc));
	for (p = found; p && n < 64; p = p->ai_next, n++)
		inet_ntop(p->ai_family,
			  p->ai_family == AF_INET
				  ? (void *)&((struct sockaddr_in *)p->ai_addr)->sin_addr
				  : (void *)&((struct sockaddr_in6 *)p->ai_addr)->sin6_addr,
			  all[n], sizeof(all[n]));
	qsort(all, n, sizeof(all[0]), by_text);
	for (size_t i = 0; i < n; i++)
		printf("%s%s", i ? " " : "", all[i]);
	putchar('\n');
	return 0;
}

/* ---- a name server ---- */

/* The question's name as text; where it ends, 0: it does not. */
static size_t read_name(const unsigned char *in, size_t n, char *out)
{
	size_t at = 12;

	while (at < n && in[at]) {
		size_t len = in[at++];

		if (len > 63 || at + len >= n)
			return 0;
		memcpy(out, in + at, len);
		out += len;
		*out++ = '.';
		at += len;
	}
	*out = '\0';
	return at + 5 <= n ? at + 5 : 0;
}

static int dns(const char *address, const char *log)
{
	static const unsigned char a_record[] = { 0xc0, 12, 0, 1, 0,   1, 0, 0,
						  0,    60, 0, 4, 192, 0, 2, 1 };
	struct address own = address_of(address, 53), peer;
	int fd = new_socket(own.sa.sa_family, IPPROTO_UDP);
	FILE *out = fopen(log, "a");
	unsigned char in[1024];
	char name[1024];
	ssize_t n;

	if (fd < 0 || !out || bind(fd, &own.sa, own.len) < 0)
		err(3, "dns %s", address);
	setvbuf(out, NULL, _IOLBF, 0);
	while (peer.len = sizeof(peer.in6),
	       (n = recvfrom(fd, in, 512, 0, &peer.sa, &peer.len)) >= 0) {
		size_t end = n > 12 ? read_name(in, (size_t)n, name) : 0;
		unsigned type = end ? in[end - 3] : 0;

		if (!end)
			continue;
		fprintf(out, "%s %u\n", name, type);
		in[2] |= 0x80, in[3] = 0x80;
		in[6] = 0, in[7] = type == 1;
		in[10] = in[11] = 0; /* no additional records */
		if (type == 1) {
			memcpy(in + end, a_record, sizeof(a_record));
			end += sizeof(a_record);
		}
		(void)sendto(fd, in, end, 0, &peer.sa, peer.len);
	}
	return 1;
}

static int number(char **argv, int i, int n, int fallback)
{
	return i < n ? (int)strtol(argv[i], NULL, 10) : fallback;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "serve") == 0 && argc > 2)
		return serve(argv + 2);
	if (strcmp(what, "ask") == 0 && argc > 4)
		return ask(argv[2], argv[3], number(argv, 4, argc, 0), number(argv, 5, argc, 2500),
			   number(argv, 6, argc, 0), argc > 7 ? argv[7] : NULL);
	if (strcmp(what, "hold") == 0 && argc > 3)
		return hold(argv[2], number(argv, 3, argc, 0), number(argv, 4, argc, 2500));
	if (strcmp(what, "load") == 0 && argc > 5)
		return load(argv[2], number(argv, 3, argc, 0), number(argv, 4, argc, 0),
			    number(argv, 5, argc, 0));
	if (strcmp(what, "resolve") == 0 && argc > 4)
		return resolve(number(argv, 2, argc, 0), number(argv, 3, argc, 0), argv + 4);
	if (strcmp(what, "lookup") == 0 && argc > 2)
		return lookup(argv[2]);
	if (strcmp(what, "dns") == 0 && argc > 3)
		return dns(argv[2], argv[3]);
	usage();
}
