/*
 * Listeners: unix sockets, TCP ports, and sockets that the service manager passed. They belong to
 * the loop thread. A socket file is removed at the end if it is still the one that was made.
 */
#include "api/server/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/parse.h"
#include "pkg/sdnotify.h"
#include "pkg/sock.h"
#include "pkg/tls.h"
#include "pkg/workers.h"

#define ACCEPT_BATCH 64 /* so that a burst of clients does not keep the others waiting */
#define SOCKET_MODE 0660

struct listener {
	struct list link;
	struct server *server;
	int fd;
	bool tcp;
	struct event *event;
	char *path; /* of the socket file that is ours to remove, or NULL */
	dev_t dev;
	ino_t ino;
};

static void listener_free(struct listener *l)
{
	struct stat st;

	list_del(&l->link);
	if (l->event)
		event_free(l->event);
	close(l->fd);
	if (l->path && lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino &&
	    unlink(l->path) < 0)
		log_warn("cannot remove %s: %s, ignoring", l->path, strerror(errno));
	free(l->path);
	free(l);
}

void listen_close_all(struct server *s)
{
	struct list *it, *tmp;

	list_each_safe(it, tmp, &s->listeners)
		listener_free(list_entry(it, struct listener, link));
}

static void resume(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	event_add(l->event, NULL);
}

/* No descriptor for a new client: leave them in the backlog for a moment. */
static void pause_listener(struct listener *l, int why)
{
	static const struct timeval moment = { .tv_usec = 100 * 1000 };

	log_warn("cannot accept connections: %s, trying again soon", strerror(why));
	event_del(l->event);
	if (event_base_once(l->server->base, -1, EV_TIMEOUT, resume, l, &moment) < 0)
		event_add(l->event, NULL);
}

struct relay {
	struct tls *tls;
	int net, plain;
};

static void run_relay(void *arg)
{
	struct relay *r = arg;

	tls_relay(r->tls, r->net, r->plain, NULL);
	tls_unref(r->tls);
	free(r);
}

/* The rest of the server talks to a thread that speaks TLS, over a socket pair. */
static void take_tls_client(struct server *s, int net)
{
	struct relay *r;
	int pair[2];

	/* Relays outlive their connection when that is given to a container's monitor. */
	if (s->nconns >= s->max_conns || tls_refs(s->tls) > s->max_conns ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		log_warn("no room for a TLS connection, refusing it");
		close(net);
		return;
	}
	r = xcalloc(1, sizeof(*r));
	*r = (struct relay){ tls_ref(s->tls), net, pair[1] };
	if (workers_run(run_relay, r) == 0) {
		conn_accept(s, pair[0]);
		return;
	}
	log_warn("no thread for a TLS connection, refusing it");
	close(net);
	close(pair[0]);
	close(pair[1]);
	tls_unref(r->tls);
	free(r);
}

static void set_tcp_options(int fd)
{
	static const int on = 1;

	/* Not vital: without them small answers are slower, and dead peers are noticed later. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

static void take_client(struct listener *l, int fd)
{
	if (l->tcp)
		set_tcp_options(fd);
	if (l->tcp && l->server->tls)
		take_tls_client(l->server, fd);
	else
		conn_accept(l->server, fd);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)what;
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (client >= 0)
			take_client(l, client);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			return pause_listener(l, errno);
		else if (errno != ECONNABORTED && errno != EINTR)
			return; /* nobody waits any more */
	}
}

/* Takes fd. */
static int listener_add(struct server *s, int fd, bool tcp, const char *path, struct error *err)
{
	struct listener *l = xcalloc(1, sizeof(*l));
	struct stat st;

	*l = (struct listener){ .server = s, .fd = fd, .tcp = tcp };
	list_add(&s->listeners, &l->link);
	if (path && lstat(path, &st) == 0) {
		l->path = xstrdup(path);
		l->dev = st.st_dev;
		l->ino = st.st_ino;
	}
	/* Connections block, the listener must not: a client may be gone again at accept. */
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0)
		l->event = event_new(s->base, fd, EV_READ | EV_PERSIST, on_accept, l);
	if (l->event && event_add(l->event, NULL) == 0)
		return 0;
	listener_free(l);
	return error_set(err, ERR_INTERNAL, "cannot watch a listening socket");
}

/* An old socket file goes away unless somebody listens on it; anything else stays. */
static int check_old_socket(const char *path, struct error *err)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : error_sys(err, "cannot look at \"%s\"", path);
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, ERR_CONFLICT, "\"%s\" exists and is not a socket", path);
	fd = sock_connect_unix(path, SOCK_STREAM);
	if (fd < 0)
		return errno == ECONNREFUSED ? 0 : error_sys(err, "cannot try \"%s\"", path);
	close(fd);
	return error_set(err, ERR_CONFLICT, "somebody listens on \"%s\" already", path);
}

/* A group by name or number. */
static int find_group(const char *name, gid_t *gid)
{
	struct group g, *found = NULL;
	char text[4096];
	uint32_t n;

	if (getgrnam_r(name, &g, text, sizeof(text), &found) == 0 && found) {
		*gid = g.gr_gid;
		return 0;
	}
	if (parse_u32(name, &n) < 0)
		return -1;
	*gid = n;
	return 0;
}

/* The default group need not exist, as with Docker; one that was asked for must. */
static int set_group(const char *path, const char *group, struct error *err)
{
	gid_t gid;

	if (!group || !*group)
		return 0;
	if (find_group(group, &gid) < 0) {
		if (strcmp(group, "docker") != 0)
			return error_set(err, ERR_BAD_REQUEST, "Group %s not found", group);
		log_debug("there is no group docker, \"%s\" stays root's", path);
		return 0;
	}
	if (chown(path, (uid_t)-1, gid) < 0)
		return error_sys(err, "cannot give \"%s\" to group %s", path, group);
	return 0;
}

static int listen_unix(struct server *s, const char *path, struct error *err)
{
	int fd;

	if (*path != '/')
		return error_set(err, ERR_BAD_REQUEST, "\"unix://%s\" needs an absolute path",
				 path);
	if (check_old_socket(path, err) < 0)
		return -1;
	fd = sock_listen_unix(path, SOCK_STREAM, SOCKET_MODE);
	if (fd < 0)
		return error_sys(err, "cannot listen on \"%s\"", path);
	if (set_group(path, s->socket_group, err) < 0) {
		close(fd);
		(void)unlink(path); /* it was ours, and the error tells more */
		return -1;
	}
	return listener_add(s, fd, false, path, err);
}

static bool is_loopback(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)a;

		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	}
	return a->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

static int bind_tcp(const struct addrinfo *a)
{
	autoclose int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
	static const int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0)
		return -1;
	return take_fd(&fd);
}

/* "host:port", "[::1]:port", ":port" cut in two. */
static char *split_port(char *address, char **host)
{
	char *colon = strrchr(address, ':');
	size_t n;

	if (!colon || !colon[1])
		return NULL;
	*colon = '\0';
	n = strlen(address);
	if (*address == '[' && n > 2 && address[n - 1] == ']') {
		address[n - 1] = '\0';
		address++;
	}
	*host = *address ? address : NULL;
	return colon + 1;
}

static int listen_tcp(struct server *s, const char *address, struct error *err)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
					       .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	autofree char *copy = xstrdup(address);
	struct addrinfo *found;
	char *host = NULL, *port = split_port(copy, &host);
	int rc, fd;

	if (!port)
		return error_set(err, ERR_BAD_REQUEST, "Invalid bind address format: %s", address);
	rc = getaddrinfo(host, port, &hints, &found);
	if (rc != 0)
		return error_set(err, ERR_BAD_REQUEST, "cannot listen on tcp://%s: %s", address,
				 gai_strerror(rc));
	if (!is_loopback(found->ai_addr) && !s->tls_verify)
		log_warn("tcp://%s gives root to everybody who reaches it: "
			 "do not bind another address than 127.0.0.1 without TLS verification",
			 address);
	fd = bind_tcp(found);
	freeaddrinfo(found);
	if (fd < 0)
		return error_sys(err, "cannot listen on tcp://%s", address);
	return listener_add(s, fd, true, NULL, err);
}

static int take_passed(struct server *s, int fd, struct error *err)
{
	int listening = 0, domain = 0;
	socklen_t n = sizeof(listening);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) < 0 || !listening)
		return error_set(err, ERR_BAD_REQUEST,
				 "passed descriptor %d is no listening socket", fd);
	n = sizeof(domain);
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) < 0)
		return error_sys(err, "passed descriptor %d", fd);
	return listener_add(s, fd, domain != AF_UNIX, NULL, err);
}

/* "", "*": all of them; "N": that one, counted as systemd does from 3. */
static int listen_fd(struct server *s, const char *which, struct error *err)
{
	size_t count = sd_listen_count();
	uint32_t n;

	if (!count)
		return error_set(err, ERR_NOT_FOUND, "No sockets found");
	if (!*which || strcmp(which, "*") == 0) {
		for (size_t i = 0; i < count; i++)
			if (take_passed(s, SD_FIRST_FD + (int)i, err) < 0)
				return -1;
		return 0;
	}
	if (parse_u32(which, &n) < 0 || n < SD_FIRST_FD)
		return error_set(err, ERR_BAD_REQUEST, "Invalid socket number: fd://%s", which);
	if (n - SD_FIRST_FD >= count)
		return error_set(err, ERR_NOT_FOUND, "Too few socket activated files passed in");
	return take_passed(s, (int)n, err);
}

int listen_add(struct server *s, const char *address, struct error *err)
{
	static const struct {
		const char *prefix;
		int (*listen)(struct server *s, const char *rest, struct error *err);
	} protocols[] = {
		{ "unix://", listen_unix },
		{ "tcp://", listen_tcp },
		{ "fd://", listen_fd },
	};

	for (size_t i = 0; i < array_size(protocols); i++) {
		size_t n = strlen(protocols[i].prefix);

		if (strncmp(address, protocols[i].prefix, n) == 0)
			return protocols[i].listen(s, address + n, err);
	}
	return error_set(err, ERR_BAD_REQUEST, "Invalid protocol format: %s", address);
}
