/*
 * The file that tells the resolver at 127.0.0.11 of a container what it is to answer and whom to ask:
 * see dockerinit/resolver.h for its lines. It lies in the exec root and is replaced by rename, so that
 * a resolver sees the old one or the new one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/hosts.h"
#include "daemon/internal.h"
#include "daemon/network.h"
#include "pkg/buf.h"
#include "pkg/fs.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"

#define FILE_MAX 65536 /* all that a resolver reads */
#define HOST_CONF_MAX (1 << 20)

static char *folder_of(const struct daemon *d)
{
	return xasprintf("%s/resolvers", d->config.exec_root);
}

static char *path_of(const struct daemon *d, const struct container *c)
{
	return xasprintf("%s/resolvers/%s", d->config.exec_root, c->id);
}

/* Names with blanks in them cannot be asked for. */
static void put_networks(struct buf *out, const json_t *network)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_get_arr(network, "Interfaces"), i, v) {
		const char *file = json_get_str(v, "NamesFile", "");
		const char *name = json_get_str(v, "Network", "");

		if (*file)
			(void)buf_addf(out, "network %s %s\n", file,
				       strpbrk(name, " \t\r\n") ? "-" : name);
	}
}

/* "TARGET:ALIAS" or "TARGET". */
static void put_link(struct buf *out, const char *link)
{
	const char *target = *link == '/' ? link + 1 : link;
	const size_t n = strcspn(target, ":");
	const char *alias = target[n] ? target + n + 1 : target;

	if (!strpbrk(target, " \t\r\n"))
		(void)buf_addf(out, "alias %s %.*s\n", alias, (int)n, target);
}

static void put_links(struct buf *out, const json_t *links)
{
	const json_t *v;
	size_t i;

	json_array_foreach(links, i, v)
		if (json_is_string(v) && *json_string_value(v))
			put_link(out, json_string_value(v));
}

static void put_all_links(struct buf *out, struct container *c)
{
	autojson json_t *networking = container_networking(c), *h = container_host_config(c);
	const char *name;
	json_t *v;

	put_links(out, json_get_arr(h, "Links"));
	json_object_foreach(json_get_obj(networking, "EndpointsConfig"), name, v)
		put_links(out, json_get_arr(v, "Links"));
}

/* A server of the host's loopback interface is reached from the host alone. */
static void put_servers(struct buf *out, const struct daemon *d, const json_t *h, bool has_ip6)
{
	autobuf struct buf conf = BUF_INIT(HOST_CONF_MAX);
	autostrlist struct strlist servers = STRLIST_INIT;
	const json_t *own = json_get_arr(h, "Dns");
	bool from_host = !json_array_size(own) && !(d->config.dns && *d->config.dns);

	if (json_array_size(own))
		json_get_strlist(h, "Dns", &servers);
	for (char *const *s = d->config.dns; !servers.n && s && *s; s++)
		strlist_add(&servers, *s);
	if (from_host) {
		/* A host that has none has nobody to ask. */
		(void)fs_read_file(AT_FDCWD, "/etc/resolv.conf", &conf);
		resolv_servers(buf_text(&conf), &servers);
	}
	for (size_t i = 0; i < servers.n; i++) {
		bool by_host = (from_host && resolv_is_loopback(servers.v[i])) ||
			       (strchr(servers.v[i], ':') && !has_ip6);

		(void)buf_addf(out, "%s %s\n", by_host ? "hostserver" : "server", servers.v[i]);
	}
}

/* Names without a dot are for the search list, then, and not for other servers. */
static bool wants_dots(const json_t *h)
{
	const json_t *v;
	bool wants = false;
	size_t i;

	json_array_foreach(json_get_arr(h, "DnsOptions"), i, v) {
		const char *option = json_is_string(v) ? json_string_value(v) : "";

		if (strncmp(option, "ndots:", 6) == 0)
			wants = strtol(option + 6, NULL, 10) > 0;
	}
	return wants;
}

/* Every buffer here has room for what fits into a configuration; what does not is not asked for. */
char *resolver_write(struct daemon *d, struct container *c, const json_t *network,
		     struct error *err)
{
	autojson json_t *h = container_host_config(c);
	autofree char *folder = folder_of(d), *path = path_of(d, c);
	autobuf struct buf b = BUF_INIT(FILE_MAX);

	put_networks(&b, network);
	put_all_links(&b, c);
	if (!network_leads_out(network))
		(void)buf_adds(&b, "internal\n");
	if (wants_dots(h))
		(void)buf_adds(&b, "ndots\n");
	put_servers(&b, d, h, network_gateway(network, "Gateway6") != NULL);
	if (fs_mkdir_p(folder, 0700) < 0 ||
	    fs_save_atomic(AT_FDCWD, path, buf_text(&b), b.len, 0600, 0) < 0) {
		error_sys(err, "cannot write \"%s\"", path);
		return NULL;
	}
	return take_ptr(&path);
}

void resolver_remove(struct daemon *d, struct container *c)
{
	autofree char *path = path_of(d, c);

	if (unlink(path) < 0 && errno != ENOENT)
		log_warn("cannot delete \"%s\": %s, left for the next start", path,
			 error_words(errno));
}

void resolver_sweep(struct daemon *d)
{
	autofree char *folder = folder_of(d);
	DIR *dir = opendir(folder);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		struct container *c = store_get(d->store, e->d_name);
		autojson json_t *network = c ? container_network(c) : NULL;

		if (!network && *e->d_name != '.')
			unlinkat(dirfd(dir), e->d_name, 0); /* tried again next time */
		container_unref(c);
	}
	if (dir)
		closedir(dir);
}
