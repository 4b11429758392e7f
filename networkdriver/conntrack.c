/*
 * Connections by UDP have no end that the kernel would see: one that began before a port was
 * published, or that went to a container that is gone, would go on as it was for as long as packets
 * come. So they are forgotten when a port is published and when it is withdrawn, on a worker: what
 * comes meanwhile is led where the rules of now say.
 *
 * A few ports are looked for by the kernel itself; one that cannot (before 6.9) refuses. For many, the
 * whole table is read once.
 */
#include "networkdriver/internal.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/workers.h"

#define FEW 8 /* ports, each of which costs the kernel a walk through the table */

/* Which parts of the tuple count: the kernel's net/netfilter/nf_internals.h. */
#define FILTER_PROTO_NUM (1u << 3)
#define FILTER_PROTO_DST_PORT (1u << 5)

struct forgetting {
	uint16_t *v; /* ports, of UDP */
	size_t n;
	bool v6;
};

static void begin(struct nl_msg *m, int command, int flags, bool v6)
{
	struct nfgenmsg head = { .nfgen_family = v6 ? AF_INET6 : AF_INET, .version = NFNETLINK_V0 };

	nl_begin(m, NFNL_SUBSYS_CTNETLINK << 8 | command, flags, &head, sizeof(head));
}

/* All connections to that port. */
static int forget_port(int sock, uint16_t port, bool v6)
{
	uint32_t space[64];
	struct nl_msg m = nl_msg_in(space, sizeof(space));
	uint16_t be = htons(port);
	size_t tuple, proto, filter;

	begin(&m, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, v6);
	tuple = nl_nest(&m, NLA_F_NESTED | CTA_TUPLE_ORIG);
	proto = nl_nest(&m, NLA_F_NESTED | CTA_TUPLE_PROTO);
	nl_put_u8(&m, CTA_PROTO_NUM, IPPROTO_UDP);
	nl_put(&m, CTA_PROTO_DST_PORT, &be, sizeof(be));
	nl_nest_end(&m, proto);
	nl_nest_end(&m, tuple);
	filter = nl_nest(&m, NLA_F_NESTED | CTA_FILTER);
	nl_put_u32(&m, CTA_FILTER_ORIG_FLAGS, FILTER_PROTO_NUM | FILTER_PROTO_DST_PORT);
	nl_nest_end(&m, filter);
	return nl_call(sock, &m);
}

/* ---- many ports: read the table ---- */

struct reading {
	unsigned char wanted[65536 / 8]; /* a bit for each port */
	int sock;                        /* for deletions, beside the one that reads */
	bool v6;
};

/* The original tuple of an entry goes back as it came. */
static void forget_entry(const struct reading *r, const struct nlattr *tuple)
{
	uint32_t space[128];
	struct nl_msg m = nl_msg_in(space, sizeof(space));

	begin(&m, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, r->v6);
	nl_put(&m, NLA_F_NESTED | CTA_TUPLE_ORIG, nl_attr_data(tuple), nl_attr_len(tuple));
	(void)nl_call(r->sock, &m); /* it may have ended by itself */
}

static int look_at_entry(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *tb[CTA_TUPLE_ORIG + 1], *tuple[CTA_TUPLE_PROTO + 1];
	const struct nlattr *proto[CTA_PROTO_DST_PORT + 1];
	const size_t head = NLMSG_LENGTH(sizeof(struct nfgenmsg));
	const struct reading *r = arg;
	uint16_t port = 0;

	if (h->nlmsg_len < head)
		return 0;
	nl_attrs((const char *)h + head, h->nlmsg_len - head, tb, CTA_TUPLE_ORIG);
	nl_attrs(nl_attr_data(tb[CTA_TUPLE_ORIG]), nl_attr_len(tb[CTA_TUPLE_ORIG]), tuple,
		 CTA_TUPLE_PROTO);
	nl_attrs(nl_attr_data(tuple[CTA_TUPLE_PROTO]), nl_attr_len(tuple[CTA_TUPLE_PROTO]), proto,
		 CTA_PROTO_DST_PORT);
	if (nl_attr_len(proto[CTA_PROTO_NUM]) != 1 ||
	    *(const uint8_t *)nl_attr_data(proto[CTA_PROTO_NUM]) != IPPROTO_UDP ||
	    nl_attr_len(proto[CTA_PROTO_DST_PORT]) != sizeof(port))
		return 0;
	memcpy(&port, nl_attr_data(proto[CTA_PROTO_DST_PORT]), sizeof(port));
	port = ntohs(port);
	if (r->wanted[port / 8] >> port % 8 & 1)
		forget_entry(r, tb[CTA_TUPLE_ORIG]);
	return 0;
}

static int forget_many(int sock, const struct forgetting *f)
{
	autofree struct reading *r = xcalloc(1, sizeof(*r));
	autoclose int deleting = netlink_open_proto(NETLINK_NETFILTER);
	uint32_t space[32];
	struct nl_msg m = nl_msg_in(space, sizeof(space));

	if (deleting < 0)
		return -1;
	r->sock = deleting;
	r->v6 = f->v6;
	for (size_t i = 0; i < f->n; i++)
		r->wanted[f->v[i] / 8] |= (unsigned char)(1 << f->v[i] % 8);
	begin(&m, IPCTNL_MSG_CT_GET, NLM_F_DUMP, f->v6);
	return nl_dump(sock, &m, look_at_entry, r);
}

static int forget_few(int sock, const struct forgetting *f)
{
	int rc = 0;

	for (size_t i = 0; i < f->n; i++)
		rc |= forget_port(sock, f->v[i], f->v6);
	return rc;
}

static void forget(void *arg)
{
	struct forgetting *f = arg;
	autoclose int sock = netlink_open_proto(NETLINK_NETFILTER);

	if (sock < 0 || (f->n > FEW ? forget_many(sock, f) : forget_few(sock, f)) < 0)
		log_debug("connections by UDP to %zu ports go on as they were", f->n);
	free(f->v);
	free(f);
}

static void forget_family(const struct port_list *ports, bool v6)
{
	struct forgetting *f = xcalloc(1, sizeof(*f));

	f->v6 = v6;
	f->v = xcalloc(ports->n + 1, sizeof(*f->v));
	for (size_t i = 0; i < ports->n; i++)
		if (ports->v[i].proto == IPPROTO_UDP && ports->v[i].v6 == v6 && !ports->v[i].routed)
			f->v[f->n++] = ports->v[i].host_port;
	if (f->n && workers_run(forget, f) == 0)
		return;
	if (f->n)
		log_debug("no worker: connections by UDP go on as they were");
	free(f->v);
	free(f);
}

void conntrack_forget(const struct port_list *ports)
{
	forget_family(ports, false);
	forget_family(ports, true);
}
