/*
 * The firewall in nftables: one table for both families, "docker-" and what tells this daemon from
 * others, so that neither those nor the host's own rules are touched. It hooks in where iptables-nft
 * does (forward at 0, NAT at -100 and 100); an accept here does not overrule a drop there. The rules
 * are in firewall_nft_rules.c; here their sets and maps are filled, in transactions.
 */
#include "networkdriver/firewall.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "networkdriver/firewall_nft.h"
#include "pkg/mem.h"

#define SPACE 16384             /* bytes for tables, chains, sets and rules */
#define ELEMENT_SPACE 160       /* bytes of the largest element, with its share of the head */
#define SOCKET_SPACE (64 << 20) /* bytes: the most that is sent at once, for 200,000 ports or so */

/* ---- elements ---- */

/* A message's list of elements of one set, begun anew when it is full. */
struct filler {
	struct nl_msg *m;
	const char *table;
	int command;
	enum fw_set set;
	struct nft_elements e;
	size_t n; /* 0: none is begun */
};

static void put(struct filler *f, const void *key, const void *value)
{
	if (!f->n)
		f->e = nft_elements(f->m, f->command, FW_NFT_FAMILY, f->table, &fw_sets[f->set]);
	nft_element(f->m, &f->e, key, value);
	if (++f->n == NFT_MAX_ELEMENTS) {
		nft_elements_end(f->m, f->e);
		f->n = 0;
	}
}

static void finish(struct filler *f)
{
	if (f->n)
		nft_elements_end(f->m, f->e);
}

static bool network_is_in(const struct fw_network *n, enum fw_set set)
{
	switch (set) {
	case FW_SET_BRIDGES:
	case FW_SET_SAME:
	case FW_SET_BRIDGED:
		return true;
	case FW_SET_INTERNAL:
		return n->internal;
	case FW_SET_WITHIN:
		return n->icc;
	case FW_SET_MASQ4:
		return n->masq4 && !n->internal;
	case FW_SET_MASQ6:
		return n->masq6 && !n->internal;
	case FW_SET_UNPROTECTED4:
		return n->unprotected4;
	case FW_SET_UNPROTECTED6:
		return n->unprotected6;
	default:
		return false;
	}
}

static void fill_networks(struct filler f, const struct fw_network *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char key[2][NL_NAME_SIZE] = { { 0 } };

		if (!network_is_in(&v[i], f.set))
			continue;
		memcpy(key[0], v[i].bridge, strnlen(v[i].bridge, NL_NAME_SIZE - 1));
		memcpy(key[1], key[0], NL_NAME_SIZE);
		if (f.set == FW_SET_BRIDGED)
			memset(key[0], 0, NL_NAME_SIZE);
		put(&f, key, NULL);
	}
	finish(&f);
}

static enum fw_set set_of(const struct port *p)
{
	if (p->routed)
		return p->v6 ? FW_SET_OPEN6 : FW_SET_OPEN4;
	if (p->any)
		return p->v6 ? FW_SET_ANY6 : FW_SET_ANY4;
	return p->v6 ? FW_SET_PORTS6 : FW_SET_PORTS4;
}

/* Keys and values are made of address, protocol and port, each in whole registers. */
static size_t add_bytes(uint8_t *out, size_t at, const void *p, size_t n)
{
	memcpy(out + at, p, n);
	return at + (n + 3) / 4 * 4;
}

static void fill_ports(struct filler f, const struct port *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct port *p = &v[i];
		uint8_t key[24] = { 0 }, value[20] = { 0 };
		uint16_t from = htons(p->routed ? p->port : p->host_port), to = htons(p->port);
		size_t at = 0, address = p->v6 ? 16 : 4;

		if (set_of(p) != f.set)
			continue;
		if (p->routed || !p->any)
			at = add_bytes(key, at, p->routed ? p->to.b : p->host.b, address);
		at = add_bytes(key, at, &p->proto, 1);
		add_bytes(key, at, &from, 2);
		add_bytes(value, add_bytes(value, 0, p->to.b, address), &to, 2);
		put(&f, key, value);
	}
	finish(&f);
}

static void fill_links(struct filler f, const struct fw_link *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t from = htonl(v[i].from), to = htonl(v[i].to);
		uint16_t port = htons(v[i].port);
		uint8_t key[16] = { 0 };
		size_t at = add_bytes(key, 0, &from, 4);

		at = add_bytes(key, at, &to, 4);
		at = add_bytes(key, at, &v[i].proto, 1);
		add_bytes(key, at, &port, 2);
		put(&f, key, NULL);
	}
	finish(&f);
}

static struct filler filler_of(struct nl_msg *m, const struct firewall *fw, int command, int set)
{
	return (struct filler){
		.m = m, .table = fw->name, .command = command, .set = (enum fw_set)set
	};
}

static void put_networks(struct nl_msg *m, const struct firewall *fw, const struct fw_network *v,
			 size_t n)
{
	for (int set = 0; set < FW_SET_PORTS4; set++)
		fill_networks(filler_of(m, fw, NFT_MSG_NEWSETELEM, set), v, n);
}

static void put_ports_and_links(struct nl_msg *m, const struct firewall *fw, int command,
				const struct port *ports, size_t nports,
				const struct fw_link *links, size_t nlinks)
{
	for (int set = FW_SET_PORTS4; set <= FW_SET_OPEN6; set++)
		fill_ports(filler_of(m, fw, command, set), ports, nports);
	fill_links(filler_of(m, fw, command, FW_SET_LINKS4), links, nlinks);
}

/* ---- transactions ---- */

static void put_frame(struct nl_msg *m, const char *table, bool hooks)
{
	nft_table(m, NFT_MSG_NEWTABLE, FW_NFT_FAMILY, table);
	for (size_t i = 0; fw_chains[i].name; i++)
		nft_chain(m, FW_NFT_FAMILY, table, fw_chains[i].name,
			  hooks && fw_chains[i].hook.type ? &fw_chains[i].hook : NULL);
	for (uint32_t i = 0; i < FW_SET_COUNT; i++)
		nft_set(m, FW_NFT_FAMILY, table, &fw_sets[i], i + 1);
}

static void put_state(struct nl_msg *m, const struct firewall *fw, const struct fw_state *s)
{
	for (size_t i = 0; fw_chains[i].name; i++)
		if (strcmp(fw_chains[i].name, FW_USER_CHAIN) != 0)
			nft_flush_chain(m, FW_NFT_FAMILY, fw->name, fw_chains[i].name);
	for (int i = 0; i < FW_SET_COUNT; i++)
		nft_flush_set(m, FW_NFT_FAMILY, fw->name, &fw_sets[i]);
	fw_put_rules(m, fw->name, s->closed);
	put_networks(m, fw, s->networks, s->nnetworks);
	put_ports_and_links(m, fw, NFT_MSG_NEWSETELEM, s->ports, s->nports, s->links, s->nlinks);
}

static int open_socket(struct firewall *fw)
{
	const int space = SOCKET_SPACE;
	struct sockaddr_nl self = { 0 };
	socklen_t n = sizeof(self);

	if (fw->sock >= 0)
		return 0;
	fw->sock = netlink_open_proto(NETLINK_NETFILTER);
	if (fw->sock < 0)
		return -1;
	/* Where these are refused, the default does for a few thousand ports. */
	(void)setsockopt(fw->sock, SOL_SOCKET, SO_SNDBUFFORCE, &space, sizeof(space));
	(void)setsockopt(fw->sock, SOL_SOCKET, SO_RCVBUFFORCE, &space, sizeof(space));
	if (bind(fw->sock, (struct sockaddr *)&(struct sockaddr_nl){ .nl_family = AF_NETLINK },
		 sizeof(self)) == 0 &&
	    getsockname(fw->sock, (struct sockaddr *)&self, &n) == 0)
		fw->portid = self.nl_pid;
	return 0;
}

static int commit(struct firewall *fw, struct nl_msg *m, struct error *err)
{
	int failed = -1;

	if (open_socket(fw) == 0 && nl_call_at(fw->sock, m, &failed) == 0)
		return 0;
	return error_sys(err, "nftables \"%s\", message %d", fw->name, failed);
}

/* Everything that is needed, in a table that is gone before anybody sees it. */
static int nft_probe(struct firewall *fw, struct error *err)
{
	static const char scratch[] = "docker.probe"; /* no daemon's: theirs are docker-NAME */
	autofree uint32_t *space = xmalloc(SPACE);
	struct nl_msg m = nl_msg_in(space, SPACE);
	int rc;

	nft_begin(&m);
	put_frame(&m, scratch, false);
	fw_put_rules(&m, scratch, (const bool[2]){ true, true });
	nft_table(&m, NFT_MSG_DELTABLE, FW_NFT_FAMILY, scratch);
	nft_end(&m);
	pthread_mutex_lock(&fw->lock);
	rc = commit(fw, &m, err);
	pthread_mutex_unlock(&fw->lock);
	return rc < 0 ? error_prefix(err, "this kernel has not all of nftables that is needed") : 0;
}

static size_t space_for(const struct fw_state *s)
{
	return 2 * SPACE +
	       (s->nnetworks * FW_SET_PORTS4 + s->nports + s->nlinks) * (size_t)ELEMENT_SPACE;
}

static int sync_into(struct firewall *fw, const struct fw_state *state, bool anew,
		     struct error *err)
{
	size_t size = space_for(state);
	autofree uint32_t *space = xmalloc(size);
	struct nl_msg m = nl_msg_in(space, size);

	nft_begin(&m);
	if (anew) {
		nft_table(&m, NFT_MSG_NEWTABLE, FW_NFT_FAMILY, fw->name);
		nft_table(&m, NFT_MSG_DELTABLE, FW_NFT_FAMILY, fw->name);
	}
	put_frame(&m, fw->name, true);
	put_state(&m, fw, state);
	nft_end(&m);
	return commit(fw, &m, err);
}

/*
 * A table of another version of us, whose sets or chains are others, is replaced as a whole, with what
 * the administrator put there. No other failure is worth that.
 */
static int nft_sync(struct firewall *fw, const struct fw_state *state, struct error *err)
{
	static const int mismatches[] = { EEXIST, EINVAL, EBUSY, EOPNOTSUPP };
	struct error why;

	if (sync_into(fw, state, false, &why) == 0)
		return 0;
	for (size_t i = 0; i < array_size(mismatches); i++)
		if (why.sys == mismatches[i])
			return sync_into(fw, state, true, err);
	if (err)
		*err = why;
	return -1;
}

static int nft_change(struct firewall *fw, const struct fw_change *c, struct error *err)
{
	const struct fw_state sizes = { .nnetworks = c->network != NULL,
					.nports = c->nports,
					.nlinks = c->nlinks };
	size_t size = space_for(&sizes);
	autofree uint32_t *space = xmalloc(size);
	struct nl_msg m = nl_msg_in(space, size);

	nft_begin(&m);
	if (c->network)
		put_networks(&m, fw, c->network, 1);
	put_ports_and_links(&m, fw, c->add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, c->ports,
			    c->nports, c->links, c->nlinks);
	nft_end(&m);
	return commit(fw, &m, err);
}

static bool nft_concerns(const struct firewall *fw, uint32_t portid, int family, const char *table)
{
	(void)family; /* the name is ours in all */
	return portid != fw->portid && strcmp(table, fw->name) == 0;
}

void firewall_nft_withdraw(struct firewall *fw, const char *name)
{
	uint32_t space[256];
	struct nl_msg m = nl_msg_in(space, sizeof(space));

	nft_begin(&m);
	nft_table(&m, NFT_MSG_NEWTABLE, FW_NFT_FAMILY, name); /* so that there is one to delete */
	nft_table(&m, NFT_MSG_DELTABLE, FW_NFT_FAMILY, name);
	nft_end(&m);
	(void)commit(fw, &m, NULL); /* a kernel without nftables has no such table */
}

const struct firewall_ops firewall_nft = {
	.name = "nftables",
	.probe = nft_probe,
	.sync = nft_sync,
	.change = nft_change,
	.concerns = nft_concerns,
};
