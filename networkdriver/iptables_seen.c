/* The shape of legacy tables: see iptables_run.h. */
#include "networkdriver/iptables_run.h"

#include <linux/netfilter_ipv4/ip_tables.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "pkg/mem.h"

static const char *const tables[IPT_SEEN_TABLES] = { "filter", "nat", "raw" };

static void look_at(struct ipt_seen *out, int family, int at, int level)
{
	/* struct ip6t_getinfo and its number are the same as these. */
	autoclose int sock = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	for (int i = 0; sock >= 0 && i < IPT_SEEN_TABLES; i++) {
		struct ipt_getinfo info = { 0 };
		socklen_t n = sizeof(info);

		snprintf(info.name, sizeof(info.name), "%s", tables[i]);
		if (getsockopt(sock, level, IPT_SO_GET_INFO, &info, &n) < 0)
			continue;
		out->tables[at][i].entries = info.num_entries;
		out->tables[at][i].size = info.size;
		_Static_assert(sizeof(info.hook_entry) + sizeof(info.underflow) ==
				       sizeof(out->tables[at][i].hooks),
			       "five hooks each");
		memcpy(out->tables[at][i].hooks, info.hook_entry, sizeof(info.hook_entry));
		memcpy(out->tables[at][i].hooks + 5, info.underflow, sizeof(info.underflow));
	}
}

void ipt_look(struct ipt_seen *out)
{
	*out = (struct ipt_seen){ 0 };
	look_at(out, AF_INET, 0, IPPROTO_IP);
	look_at(out, AF_INET6, 1, IPPROTO_IPV6);
}
