/*
 * Rules that somebody else takes away are put back: the kernel tells every change of nftables, and
 * one that concerns us leads to a repair, a moment later, for all changes that come together. The
 * admin's chain is his. The interface of iptables from before nftables tells nothing: there the
 * shape of its tables is looked at twice a second. The loop reads, a worker repairs.
 *
 * What we do ourselves must not come here at all: a sync of many networks or ports fills the socket,
 * and a socket that was full means that anything may have happened, hence another sync.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "networkdriver/firewall.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/workers.h"

#define SETTLE_US (50 * 1000)
#define SETTLE_CHECK_US (200 * 1000) /* where a look at all rules comes first */
#define LOOK_US (500 * 1000)
#define READ_SIZE 65536

struct watch {
	struct firewall *fw;
	int sock;
	struct event *readable, *settled;
};

static void repair(void *arg)
{
	struct watch *w = arg;
	struct error err;
	int rc = firewall_repair(w->fw, &err);

	if (rc < 0)
		log_error("rules were taken away, and cannot be put back: %s", err.text);
	else if (rc > 0)
		log_info("rules were taken away: they are in force again");
}

static void settle(struct watch *w)
{
	const struct timeval soon = {
		.tv_usec = w->fw->ops->check ? SETTLE_CHECK_US : SETTLE_US,
	};

	if (!event_pending(w->settled, EV_TIMEOUT, NULL))
		event_add(w->settled, &soon);
}

static void on_settled(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd, (void)what; /* a timer has neither */
	if (workers_run(repair, w) < 0)
		settle(w);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd, (void)what;
	if (firewall_has_changed(w->fw) && workers_run(repair, w) < 0)
		log_debug("rules have changed, and there is no thread to look: later");
}

static bool takes_away(int type)
{
	switch (type & 0xff) {
	case NFT_MSG_DELTABLE:
	case NFT_MSG_DELCHAIN:
	case NFT_MSG_DELRULE:
	case NFT_MSG_DELSET:
	case NFT_MSG_DELSETELEM:
		return true;
	default:
		return false;
	}
}

/* Not of the admin's chain, and of a table that can be ours. */
static bool concerns_us(const struct watch *w, const struct nlmsghdr *h)
{
	const struct nlattr *tb[NFTA_RULE_CHAIN + 1];
	const size_t head = NLMSG_LENGTH(sizeof(struct nfgenmsg));
	char table[FW_NAME_SIZE], chain[sizeof(FW_USER_CHAIN)];

	const struct nfgenmsg *g = NLMSG_DATA(h);

	if (h->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || !takes_away(h->nlmsg_type) ||
	    h->nlmsg_len < head)
		return false;
	/* The table's name is the first attribute of all of these, a rule's chain the second. */
	nl_attrs((const char *)h + head, h->nlmsg_len - head, tb, NFTA_RULE_CHAIN);
	nl_attr_str(tb[NFTA_RULE_TABLE], table, sizeof(table));
	nl_attr_str(tb[NFTA_RULE_CHAIN], chain, sizeof(chain));
	if (!w->fw->ops->concerns(w->fw, h->nlmsg_pid, g->nfgen_family, table))
		return false;
	return (h->nlmsg_type & 0xff) != NFT_MSG_DELRULE || strcmp(chain, FW_USER_CHAIN) != 0;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	static _Alignas(struct nlmsghdr) char in[READ_SIZE]; /* the loop's thread alone */
	struct watch *w = arg;
	bool ours = false;
	ssize_t n;

	(void)what;
	while ((n = recv(fd, in, sizeof(in), MSG_DONTWAIT)) > 0)
		for (struct nlmsghdr *h = (struct nlmsghdr *)in; NLMSG_OK(h, (size_t)n);
		     h = NLMSG_NEXT(h, n))
			ours = ours || concerns_us(w, h);
	/* More came than there was room for: who knows what. */
	ours = ours || (n < 0 && errno == ENOBUFS);
	if (ours)
		settle(w);
}

static int look_regularly(struct firewall *fw, struct event_base *base, struct error *err)
{
	const struct timeval pause = { .tv_usec = LOOK_US };
	struct watch *w = xcalloc(1, sizeof(*w)); /* as long as the daemon */
	struct event *look = event_new(base, -1, EV_PERSIST, on_look, w);

	w->fw = fw;
	if (!look || event_add(look, &pause) < 0)
		return error_set(err, ERR_INTERNAL, "Cannot watch the firewall");
	return 0;
}

/* A packet holds messages of one transaction: the first one tells whose they all are. 0: nobody's. */
static int leave_out(int sock, uint32_t portid)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(portid), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog program = { array_size(code), code };

	if (!portid)
		return 0;
	return setsockopt(sock, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

int firewall_watch(struct firewall *fw, struct event_base *base, struct error *err)
{
	const int group = NFNLGRP_NFTABLES;
	struct watch *w;
	int sock;

	if (!fw->ops)
		return 0;
	if (fw->silent)
		return look_regularly(fw, base, err);
	sock = netlink_open_proto(NETLINK_NETFILTER);
	if (sock < 0 || leave_out(sock, fw->portid) < 0 ||
	    bind(sock, (struct sockaddr *)&(struct sockaddr_nl){ .nl_family = AF_NETLINK },
		 sizeof(struct sockaddr_nl)) < 0 ||
	    setsockopt(sock, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0) {
		mem_close_fd(&sock);
		return error_sys(err, "Cannot watch the firewall");
	}
	w = xcalloc(1, sizeof(*w)); /* as long as the daemon */
	w->fw = fw;
	w->sock = sock;
	w->readable = event_new(base, sock, EV_READ | EV_PERSIST, on_readable, w);
	w->settled = event_new(base, -1, 0, on_settled, w);
	if (!w->readable || !w->settled || event_add(w->readable, NULL) < 0)
		return error_set(err, ERR_INTERNAL, "Cannot watch the firewall");
	return 0;
}
