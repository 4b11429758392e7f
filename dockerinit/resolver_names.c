/*
 * What the resolver knows: its configuration, and the names of each network. Both are files that the
 * daemon replaces by rename, so an open one never changes; at every query we look whether there is
 * another. The configuration is small and kept on the heap. Names are mapped, so that the containers of
 * a network share one copy, and are searched in place: a query of a large network costs a scan, and a
 * monitor nothing.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dockerinit/resolver.h"
#include "pkg/fs.h"
#include "pkg/mem.h"

#define CONFIG_MAX (64 * 1024)
#define NAMES_MAX (4 * 1024 * 1024)

/* Which file it was that we have read. */
struct identity {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime;
};

struct network {
	const char *path, *name;
	struct identity identity;
	const char *p; /* mapped; NULL: nothing */
	size_t len;
};

struct alias {
	const char *name, *target;
};

static struct {
	struct identity identity;
	char *text; /* of the configuration; what is below points into it */
	struct network *networks;
	size_t nnetworks;
	struct alias *aliases;
	size_t naliases;
	struct resolver_server servers[RESOLVER_SERVERS];
	size_t nservers;
	bool internal, ndots;
} known; /* one container, one configuration */

static struct identity identity_of(const struct stat *st)
{
	return (struct identity){ st->st_dev, st->st_ino, st->st_size, st->st_mtim };
}

static bool is_changed(const char *path, const struct identity *is)
{
	struct stat st;

	/* One that is gone is about to be replaced, or nobody will ask for it: keep what we have. */
	if (stat(path, &st) < 0)
		return false;
	return st.st_ino != is->ino || st.st_size != is->size || st.st_dev != is->dev ||
	       st.st_mtim.tv_sec != is->mtime.tv_sec || st.st_mtim.tv_nsec != is->mtime.tv_nsec;
}

static int open_file(const char *path, off_t max, struct identity *identity)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > max)
		return -1;
	*identity = identity_of(&st);
	return take_fd(&fd);
}

/* ---- names ---- */

static void unmap(struct network *n)
{
	if (n->p)
		munmap((void *)n->p, n->len);
	n->p = NULL;
	n->len = 0;
}

static void refresh_network(struct network *n)
{
	struct identity identity;
	autoclose int fd = -1;
	void *p = NULL;

	if (!is_changed(n->path, &n->identity))
		return;
	fd = open_file(n->path, NAMES_MAX, &identity);
	if (fd < 0)
		return;
	if (identity.size)
		p = mmap(NULL, (size_t)identity.size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return;
	unmap(n);
	n->identity = identity;
	n->p = p;
	n->len = (size_t)identity.size;
}

/* A piece of a file. */
struct word {
	const char *p;
	size_t len;
};

/* Cut off what is before the next `end`, which is dropped. */
static struct word cut(struct word *rest, char end)
{
	const char *at = memchr(rest->p, end, rest->len);
	struct word w = { rest->p, at ? (size_t)(at - rest->p) : rest->len };

	rest->p += w.len + (at != NULL);
	rest->len -= w.len + (at != NULL);
	return w;
}

static bool is_name(struct word w, const char *name, size_t len)
{
	return w.len == len && strncasecmp(w.p, name, len) == 0;
}

static bool read_address(struct word w, int family, unsigned char addr[16])
{
	char text[INET6_ADDRSTRLEN];

	if (w.len >= sizeof(text))
		return false;
	memcpy(text, w.p, w.len);
	text[w.len] = '\0';
	return inet_pton(family, text, addr) == 1;
}

static void add_address(struct word ip4, struct word ip6, int family, struct buf *addrs)
{
	unsigned char addr[16];

	if (family && read_address(family == AF_INET ? ip4 : ip6, family, addr))
		(void)buf_add(addrs, addr, family == AF_INET ? 4 : 16); /* full: these will do */
}

static bool find_in(const struct network *n, const char *name, size_t len, int family,
		    struct buf *addrs)
{
	struct word rest = { n->p, n->len };
	bool found = false;

	while (rest.len) {
		struct word line = cut(&rest, '\n');
		struct word ip4 = cut(&line, ' '), ip6 = cut(&line, ' ');

		while (line.len)
			if (is_name(cut(&line, ' '), name, len)) {
				add_address(ip4, ip6, family, addrs);
				found = true;
				break;
			}
	}
	return found;
}

/* network NULL: in any of them; the first that has it answers. */
static bool find_plain(const char *name, size_t len, const char *network, int family,
		       struct buf *addrs)
{
	for (size_t i = 0; i < known.nnetworks; i++) {
		const struct network *n = &known.networks[i];

		if ((!network || strcasecmp(network, n->name) == 0) &&
		    find_in(n, name, len, family, addrs))
			return true;
	}
	return false;
}

static const struct alias *find_alias(const char *name, size_t len)
{
	for (size_t i = 0; i < known.naliases; i++)
		if (is_name((struct word){ known.aliases[i].name, strlen(known.aliases[i].name) },
			    name, len))
			return &known.aliases[i];
	return NULL;
}

typedef bool finder(const char *name, size_t len, const char *network, int family,
		    struct buf *addrs);

/* A name may end in that of a network, and both may have dots: a.b.c, then a.b in c, then a in b.c. */
static bool find_split(const char *name, finder *find, int family, struct buf *addrs)
{
	size_t len = strlen(name);

	if (find(name, len, NULL, family, addrs))
		return true;
	while (len--)
		if (name[len] == '.' && find(name, len, name + len + 1, family, addrs))
			return true;
	return false;
}

/* An alias stands for its target even where that is not there: it hides what has its name. */
static bool find_aliased(const char *name, size_t len, const char *network, int family,
			 struct buf *addrs)
{
	const struct alias *a = find_alias(name, len);

	if (!a)
		return find_plain(name, len, network, family, addrs);
	if (network)
		return find_plain(a->target, strlen(a->target), network, family, addrs);
	return find_split(a->target, find_plain, family, addrs);
}

bool names_find(const char *name, int family, struct buf *addrs)
{
	return *name && find_split(name, find_aliased, family, addrs);
}

char *names_reverse(int family, const unsigned char *addr)
{
	const size_t size = family == AF_INET ? 4 : 16;

	for (size_t i = 0; i < known.nnetworks; i++) {
		struct word rest = { known.networks[i].p, known.networks[i].len };

		while (rest.len) {
			struct word line = cut(&rest, '\n');
			struct word ip4 = cut(&line, ' '), ip6 = cut(&line, ' ');
			struct word name = cut(&line, ' ');
			unsigned char is[16];

			if (name.len && name.len < DNS_NAME_SIZE &&
			    read_address(family == AF_INET ? ip4 : ip6, family, is) &&
			    memcmp(is, addr, size) == 0)
				return xasprintf("%.*s.%s", (int)name.len, name.p,
						 known.networks[i].name);
		}
	}
	return NULL;
}

/* ---- the configuration ---- */

static void forget(void)
{
	for (size_t i = 0; i < known.nnetworks; i++)
		unmap(&known.networks[i]);
	free(known.networks);
	free(known.aliases);
	free(known.text);
	memset(&known, 0, sizeof(known));
}

static void add_network(char *rest)
{
	const char *path = strsep(&rest, " ");

	if (!rest || !*rest)
		return;
	known.networks = xrealloc(known.networks, (known.nnetworks + 1) * sizeof(struct network));
	known.networks[known.nnetworks++] = (struct network){ .path = path, .name = rest };
}

static void add_alias(char *rest)
{
	const char *name = strsep(&rest, " ");

	if (!rest || !*rest)
		return;
	known.aliases = xrealloc(known.aliases, (known.naliases + 1) * sizeof(struct alias));
	known.aliases[known.naliases++] = (struct alias){ name, rest };
}

static void add_server(const char *text, bool host)
{
	struct resolver_server s = { .family = strchr(text, ':') ? AF_INET6 : AF_INET,
				     .host = host };

	/* Ourselves we need not ask. */
	if (inet_pton(s.family, text, s.addr) != 1 ||
	    (!host && s.family == AF_INET && memcmp(s.addr, "\x7f\0\0\x0b", 4) == 0))
		return;
	if (known.nservers < RESOLVER_SERVERS)
		known.servers[known.nservers++] = s;
}

static void read_line(char *line)
{
	char *rest = line;
	const char *word = strsep(&rest, " ");

	if (strcmp(word, "internal") == 0)
		known.internal = true;
	else if (strcmp(word, "ndots") == 0)
		known.ndots = true;
	else if (rest && strcmp(word, "network") == 0)
		add_network(rest);
	else if (rest && strcmp(word, "alias") == 0)
		add_alias(rest);
	else if (rest && strcmp(word, "server") == 0)
		add_server(rest, false);
	else if (rest && strcmp(word, "hostserver") == 0)
		add_server(rest, true);
}

/* From the network's host an internal network must not be left. */
static void drop_host_servers(void)
{
	size_t n = 0;

	for (size_t i = 0; i < known.nservers; i++)
		if (!known.servers[i].host)
			known.servers[n++] = known.servers[i];
	known.nservers = n;
}

static void refresh_config(const char *path)
{
	autobuf struct buf text = BUF_INIT(CONFIG_MAX);
	struct identity identity;
	autoclose int fd = -1;
	char *rest, *line;
	ssize_t n = 1;

	if (!is_changed(path, &known.identity))
		return;
	fd = open_file(path, CONFIG_MAX, &identity);
	if (fd < 0)
		return;
	while (n > 0 && text.len < (size_t)identity.size)
		n = buf_read(&text, fd, (size_t)identity.size - text.len);
	if (n < 0)
		return;
	forget();
	known.identity = identity;
	rest = known.text = buf_take(&text);
	while ((line = strsep(&rest, "\n")))
		read_line(line);
	if (known.internal)
		drop_host_servers();
}

void names_refresh(const char *config)
{
	refresh_config(config);
	for (size_t i = 0; i < known.nnetworks; i++)
		refresh_network(&known.networks[i]);
}

const struct resolver_server *names_server(size_t i)
{
	return i < known.nservers ? &known.servers[i] : NULL;
}

bool names_ndots(void)
{
	return known.ndots;
}
