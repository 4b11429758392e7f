/*
 * Writing hosts, hostname and resolv.conf: see netfiles.h. They are bind-mounted, made anew at every
 * start, and nobody looks at them while no process runs: so they are written in place, unsynced.
 */
#include "daemon/netfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/hosts.h"
#include "daemon/internal.h"
#include "daemon/network.h"
#include "pkg/buf.h"
#include "pkg/fs.h"
#include "pkg/json.h"
#include "pkg/mem.h"

#define FILE_MAX (1024 * 1024)

/*
 * A container that runs sees the same file, so it cannot be replaced. What a longer text before it
 * leaves behind is first made blank lines, in the same write, which a kill does not divide.
 */
static int overwrite(int fd, const struct buf *text)
{
	autobuf struct buf padded = BUF_INIT(FILE_MAX);
	struct stat st;

	if (fstat(fd, &st) < 0 || buf_add(&padded, buf_text(text), text->len) < 0)
		return -1;
	while ((off_t)padded.len < st.st_size)
		if (buf_addc(&padded, '\n') < 0)
			break; /* the rest is cut off a moment later */
	if (pwrite(fd, buf_text(&padded), padded.len, 0) != (ssize_t)padded.len)
		return -1;
	return padded.len > text->len ? ftruncate(fd, (off_t)text->len) : 0;
}

static int write_file(const char *dir, const char *name, const struct buf *text, struct error *err)
{
	autofree char *path = xasprintf("%s/%s", dir, name);
	autoclose int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0 || overwrite(fd, text) < 0)
		return error_sys(err, "cannot write \"%s\"", path);
	return 0;
}

/* A file of the host; none is as good as an empty one. */
static int read_host(const char *path, struct buf *out, struct error *err)
{
	if (fs_read_file(AT_FDCWD, path, out) < 0 && errno != ENOENT)
		return error_sys(err, "cannot read \"%s\"", path);
	return 0;
}

/* Its addresses: one line each, those of the network of its mode first. */
static json_t *addresses(const json_t *network)
{
	json_t *all = json_array();
	const json_t *v;
	size_t i;

	json_array_foreach(json_get_arr(network, "Interfaces"), i, v) {
		if (*json_get_str(v, "IP", ""))
			json_array_append(all, json_object_get(v, "IP"));
		if (*json_get_str(v, "IP6", ""))
			json_array_append(all, json_object_get(v, "IP6"));
	}
	return all;
}

static int write_hosts(struct daemon *d, struct container *c, const json_t *config, const json_t *h,
		       const json_t *network, struct error *err)
{
	autojson json_t *ips = addresses(network), *links = links_hosts(d, c);
	const char *gateway = json_get_str(network_main_interface(network), "Gateway", NULL);
	const struct hosts_options o = {
		.ips = ips,
		.hostname = json_get_str(config, "Hostname", ""),
		.domainname = json_get_str(config, "Domainname", ""),
		.extra_hosts = json_get_arr(h, "ExtraHosts"),
		.links = links,
		.gateway = d->host_gateway ? d->host_gateway : gateway,
	};
	autobuf struct buf b = BUF_INIT(FILE_MAX);

	if (strcmp(network_kind(d, config, h), "host") != 0)
		hosts_text(&b, &o);
	else if (read_host("/etc/hosts", &b, err) < 0)
		return -1;
	return write_file(c->dir, "hosts", &b, err);
}

static int write_hostname(struct container *c, const json_t *config, struct error *err)
{
	autobuf struct buf b = BUF_INIT(4096);

	if (buf_addf(&b, "%s\n", json_get_str(config, "Hostname", "")) < 0)
		return error_sys(err, "hostname of %s", c->id);
	return write_file(c->dir, "hostname", &b, err);
}

/* The container's list if it has one, else the daemon's; a new reference. */
static json_t *pick(const json_t *h, const char *member, char *const *fallback)
{
	json_t *own = json_get_arr(h, member);

	return json_array_size(own) ? json_incref(own) : json_from_strv(fallback);
}

static int write_resolv(struct daemon *d, struct container *c, const json_t *h,
			const json_t *network, struct error *err)
{
	autojson json_t *dns = pick(h, "Dns", d->config.dns);
	autojson json_t *search = pick(h, "DnsSearch", d->config.dns_search);
	struct resolv_options o = { dns, search, json_get_arr(h, "DnsOptions") };
	autobuf struct buf host = BUF_INIT(FILE_MAX), b = BUF_INIT(FILE_MAX);

	if (read_host("/etc/resolv.conf", &host, err) < 0)
		return -1;
	if (network_has_names(network))
		resolv_text_embedded(&b, buf_text(&host), &o);
	else
		resolv_text(&b, buf_text(&host), &o);
	return write_file(c->dir, "resolv.conf", &b, err);
}

/* Whose network it shares has the files too. */
static char *peer_dir(struct daemon *d, const json_t *h, struct error *err)
{
	struct container *peer = network_peer(d, json_get_str(h, "NetworkMode", ""), err);
	char *dir = peer ? xstrdup(peer->dir) : NULL;

	container_unref(peer);
	return dir;
}

int netfiles_write(struct daemon *d, struct container *c, const json_t *network, char **dir,
		   struct error *err)
{
	autojson json_t *config = container_config(c);
	autojson json_t *h = container_host_config(c);

	*dir = NULL;
	if (json_get_bool(config, "NetworkDisabled", false))
		return 0;
	if (strcmp(network_kind(d, config, h), "container") == 0) {
		*dir = peer_dir(d, h, err);
		return *dir ? 0 : -1;
	}
	if (write_hosts(d, c, config, h, network, err) < 0 || write_hostname(c, config, err) < 0 ||
	    write_resolv(d, c, h, network, err) < 0)
		return -1;
	*dir = xstrdup(c->dir);
	return 0;
}

int netfiles_rewrite(struct daemon *d, struct container *c, const json_t *network,
		     struct error *err)
{
	autojson json_t *config = container_config(c);
	autojson json_t *h = container_host_config(c);

	if (write_hosts(d, c, config, h, network, err) < 0)
		return -1;
	return write_resolv(d, c, h, network, err);
}
