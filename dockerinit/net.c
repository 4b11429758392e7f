/* The container's end of the network, and kernel settings of its namespaces. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "dockerinit/init.h"
#include "pkg/error.h"
#include "pkg/fs.h"
#include "pkg/mem.h"
#include "pkg/path.h"
#include "pkg/netlink.h"

/* The last address of an IPv4 subnet. */
static const unsigned char *broadcast_of(const unsigned char *addr, int prefix,
					 unsigned char out[4])
{
	for (int bit = 0; bit < 32; bit++) {
		unsigned char mask = (unsigned char)(0x80 >> bit % 8);

		if (bit % 8 == 0)
			out[bit / 8] = addr[bit / 8];
		if (bit >= prefix)
			out[bit / 8] |= mask;
	}
	return out;
}

static int set_gateway(int sock, int index, int family, const char *gateway, struct error *err)
{
	unsigned char gw[16];
	bool on_link = strcmp(gateway, "-") == 0;

	if (!*gateway)
		return 0;
	if ((!on_link && inet_pton(family, gateway, gw) != 1) ||
	    nl_route_set_default(sock, index, family, on_link ? NULL : gw) < 0)
		return error_sys(err, "default route by %s", gateway);
	return 0;
}

static int add_address(int sock, struct plan_record *rec, struct error *err)
{
	const char *ifname = plan_field(rec), *ip = plan_field(rec);
	int prefix = (int)plan_number(rec);
	int family = strchr(ip, ':') ? AF_INET6 : AF_INET;
	unsigned char addr[16], broadcast[4];
	int index = nl_link_index(sock, ifname);

	if (index < 0)
		return error_sys(err, "interface %s", ifname);
	if (inet_pton(family, ip, addr) != 1)
		return error_set(err, ERR_INTERNAL, "bad address \"%s\"", ip);
	if (nl_addr_add(sock, index, family, addr, prefix,
			family == AF_INET ? broadcast_of(addr, prefix, broadcast) : NULL) < 0)
		return error_sys(err, "address %s of %s", ip, ifname);
	if (nl_link_up(sock, index) < 0)
		return error_sys(err, "bringing %s up", ifname);
	return set_gateway(sock, index, family, plan_field(rec), err);
}

static int set_ipv6(const char *ifname, const char *key, const char *value, struct error *err)
{
	char path[80];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", ifname, key);
	if (fs_write_str(AT_FDCWD, path, value) < 0 && errno != ENOENT)
		return error_sys(err, "writing %s", path);
	return 0;
}

/*
 * Without an address of that family there is none of the interface's own making either; with one, it
 * has no others, and neighbours do not tell it where the way out is.
 */
static int prepare_ipv6(struct plan_record rec, struct error *err)
{
	const char *ifname = plan_field(&rec);

	for (int i = 0; i < 3; i++) /* ip, prefix, gateway */
		plan_field(&rec);
	if (*plan_field(&rec) != '6')
		return set_ipv6(ifname, "disable_ipv6", "1", err);
	if (set_ipv6(ifname, "accept_ra", "0", err) < 0)
		return -1;
	return set_ipv6(ifname, "disable_ipv6", "0", err);
}

int net_configure(const struct plan *plan, struct error *err)
{
	struct plan_reader r = PLAN_READER(plan);
	struct plan_record rec;
	autoclose int sock = netlink_open();

	if (sock < 0)
		return error_sys(err, "netlink socket");
	if (nl_link_up(sock, 1) < 0)
		return error_sys(err, "bringing lo up");
	while (plan_next_of(&r, PLAN_ADDRESS, &rec))
		if (prepare_ipv6(rec, err) < 0 || add_address(sock, &rec, err) < 0)
			return -1;
	return 0;
}

static int unlink_named(int sock, const char *ifname, struct error *err)
{
	int index = nl_link_index(sock, ifname);

	/* The container may have removed it, if it may do such things. */
	if ((index < 0 || nl_link_del(sock, index) < 0) && errno != ENODEV)
		return error_sys(err, "removing the interface %s", ifname);
	return 0;
}

static int unlink_all(const struct plan *plan, bool veths, struct error *err)
{
	struct plan_reader r = PLAN_READER(plan);
	struct plan_record rec;
	autoclose int sock = netlink_open();

	if (sock < 0)
		return error_sys(err, "netlink socket");
	while (plan_next_of(&r, PLAN_UNLINK, &rec)) {
		const char *inside = plan_field(&rec), *host = plan_field(&rec);

		if ((*host != '\0') == veths && unlink_named(sock, veths ? host : inside, err) < 0)
			return -1;
	}
	return 0;
}

int net_unlink(const struct plan *plan, struct error *err)
{
	return unlink_all(plan, false, err);
}

int net_unlink_veths(const struct plan *plan, struct error *err)
{
	return unlink_all(plan, true, err);
}

int net_default_routes(const struct plan *plan, struct error *err)
{
	struct plan_reader r = PLAN_READER(plan);
	struct plan_record rec;
	autoclose int sock = netlink_open();

	if (sock < 0)
		return error_sys(err, "netlink socket");
	while (plan_next_of(&r, PLAN_ROUTE, &rec)) {
		const char *ifname = plan_field(&rec), *gateway = plan_field(&rec);
		int family = *plan_field(&rec) == '6' ? AF_INET6 : AF_INET;
		int index = nl_link_index(sock, ifname);

		if (index < 0)
			return error_sys(err, "interface %s", ifname);
		if (set_gateway(sock, index, family, gateway, err) < 0)
			return -1;
	}
	return 0;
}

static void sysctl_write(int proc, const char *key, const char *value)
{
	autofree char *path = xasprintf("sys/%s", key);
	struct statfs fs;
	autoclose int fd = -1;

	if (!strchr(key, '/'))
		for (char *p = path; *p; p++)
			if (*p == '.')
				*p = '/';
	fd = path_open_in_root(proc, path, O_WRONLY, 0);
	if (fd < 0)
		child_fail_sys("sysctl \"%s\"", key);
	/* Only procfs itself is written to, whatever lies at that path. */
	if (fstatfs(fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		child_fail(128, "sysctl \"%s\": /proc is not procfs", key);
	if (write(fd, value, strlen(value)) < 0)
		child_fail_sys("sysctl \"%s\"", key);
}

void sysctl_apply(const struct plan *plan)
{
	struct plan_reader r = PLAN_READER(plan);
	struct plan_record rec;
	autoclose int proc = -1;

	while (plan_next_of(&r, PLAN_SYSCTL, &rec)) {
		const char *key = plan_field(&rec);

		if (proc < 0)
			proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (proc < 0)
			child_fail_sys("opening /proc");
		sysctl_write(proc, key, plan_field(&rec));
	}
}
