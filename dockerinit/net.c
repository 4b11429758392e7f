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

static void add_address(int sock, struct plan_record *rec)
{
	const char *ifname = plan_field(rec), *ip = plan_field(rec);
	int prefix = (int)plan_number(rec);
	const char *gateway = plan_field(rec);
	int family = strchr(ip, ':') ? AF_INET6 : AF_INET;
	unsigned char addr[16], gw[16], broadcast[4];
	int index = nl_link_index(sock, ifname);

	if (index < 0)
		child_fail_sys("interface %s", ifname);
	if (inet_pton(family, ip, addr) != 1)
		child_fail(128, "bad address \"%s\"", ip);
	if (nl_addr_add(sock, index, family, addr, prefix,
			family == AF_INET ? broadcast_of(addr, prefix, broadcast) : NULL) < 0)
		child_fail_sys("address %s of %s", ip, ifname);
	if (nl_link_up(sock, index) < 0)
		child_fail_sys("bringing %s up", ifname);
	if (*gateway && (inet_pton(family, gateway, gw) != 1 ||
			 nl_route_add_default(sock, index, family, gw) < 0))
		child_fail_sys("default route by %s", gateway);
}

/* No address of that family: none of its own making either. */
static void disable_ipv6(const char *ifname)
{
	char path[80];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", ifname);
	if (fs_write_str(AT_FDCWD, path, "1") < 0 && errno != ENOENT)
		child_fail_sys("writing %s", path);
}

void net_configure(const struct plan *plan)
{
	struct plan_reader r = PLAN_READER(plan);
	struct plan_record rec;
	autoclose int sock = netlink_open();

	if (sock < 0)
		child_fail_sys("netlink socket");
	if (nl_link_up(sock, 1) < 0)
		child_fail_sys("bringing lo up");
	while (plan_next_of(&r, PLAN_ADDRESS, &rec)) {
		struct plan_record copy = rec;

		disable_ipv6(plan_field(&copy));
		add_address(sock, &rec);
	}
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
