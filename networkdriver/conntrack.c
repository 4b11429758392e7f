/*
 * Connections by UDP have no end that the kernel would see: one that began before a port was
 * published, or that went to a container that is gone, would go on as it was for as long as packets
 * come. So they are forgotten when a port is published and when it is withdrawn. The kernel is asked
 * to look for them itself; one that cannot (before 6.9) refuses, and its connections are left alone.
 */
#include "networkdriver/internal.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#include "pkg/log.h"
#include "pkg/mem.h"

/* Which parts of the tuple count: the kernel's net/netfilter/nf_internals.h. */
#define FILTER_PROTO_NUM (1u << 3)
#define FILTER_PROTO_DST_PORT (1u << 5)

static int forget(int sock, const struct port *p)
{
	uint32_t space[64];
	struct nl_msg m = nl_msg_in(space, sizeof(space));
	struct nfgenmsg head = { .nfgen_family = p->v6 ? AF_INET6 : AF_INET,
				 .version = NFNETLINK_V0 };
	uint16_t port = htons(p->host_port);
	size_t tuple, proto, filter;

	nl_begin(&m, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, NLM_F_ACK, &head,
		 sizeof(head));
	tuple = nl_nest(&m, NLA_F_NESTED | CTA_TUPLE_ORIG);
	proto = nl_nest(&m, NLA_F_NESTED | CTA_TUPLE_PROTO);
	nl_put_u8(&m, CTA_PROTO_NUM, p->proto);
	nl_put(&m, CTA_PROTO_DST_PORT, &port, sizeof(port));
	nl_nest_end(&m, proto);
	nl_nest_end(&m, tuple);
	filter = nl_nest(&m, NLA_F_NESTED | CTA_FILTER);
	nl_put_u32(&m, CTA_FILTER_ORIG_FLAGS, FILTER_PROTO_NUM | FILTER_PROTO_DST_PORT);
	nl_nest_end(&m, filter);
	return nl_call(sock, &m);
}

void conntrack_forget(const struct port_list *ports)
{
	autoclose int sock = -1;

	for (size_t i = 0; i < ports->n; i++) {
		if (ports->v[i].proto != IPPROTO_UDP || ports->v[i].routed)
			continue;
		if (sock < 0)
			sock = netlink_open_proto(NETLINK_NETFILTER);
		if (sock < 0 || forget(sock, &ports->v[i]) < 0)
			log_debug("connections to port %u/udp are not forgotten",
				  ports->v[i].host_port);
	}
}
