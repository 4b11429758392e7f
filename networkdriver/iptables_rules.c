/*
 * The rules of iptables as text: see iptables_rules.h. They say what the rules of firewall_nft.c say,
 * in the same order. Where nftables has a set, there is a rule for each network here; where an
 * accept there leaves the other tables their say, there is a RETURN here.
 */
#include "networkdriver/iptables_rules.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "pkg/buf.h"
#include "pkg/mem.h"

#define DAEMONS "DOCKER-DAEMONS"

const char *const ipt_tables[IPT_NTABLES] = { "filter", "nat", "raw" };

const struct ipt_chain_info ipt_chains[IPT_NCHAINS] = {
	[IPT_USER] = { IPT_FILTER, FW_USER_CHAIN, true, false },
	[IPT_DAEMONS] = { IPT_FILTER, DAEMONS, true, false },
	[IPT_IN] = { IPT_FILTER, "-IN", false, false },
	[IPT_OPEN] = { IPT_FILTER, "-OPEN", false, false },
	[IPT_PASS] = { IPT_FILTER, "-PASS", false, false },
	[IPT_PORTS] = { IPT_NAT, "-PORTS", false, false },
	[IPT_POST] = { IPT_NAT, "-POST", false, false },
	[IPT_GUARD] = { IPT_RAW, "-GUARD", false, true },
	[IPT_GUARD_FROM] = { IPT_RAW, "-FROM", false, true },
};

#define TO_THE_HOST "-m addrtype --dst-type LOCAL "

/* Those inserted at the top come last first. */
const struct ipt_jump ipt_jumps[IPT_NJUMPS] = {
	[IPT_FORWARD_TO_DAEMONS] = { IPT_FILTER, "FORWARD", "", "", IPT_DAEMONS, true },
	[IPT_FORWARD_TO_USER] = { IPT_FILTER, "FORWARD", "", "", IPT_USER, true },
	{ IPT_FILTER, DAEMONS, "", "", IPT_IN, true },
	{ IPT_FILTER, DAEMONS, "", "", IPT_PASS, false },
	/* To 127.0.0.0/8 from elsewhere: not ours to translate, and the kernel drops it. */
	{ IPT_NAT, "PREROUTING", "! -d 127.0.0.0/8 " TO_THE_HOST, TO_THE_HOST, IPT_PORTS, false },
	/* The kernel takes no answer to ::1 from any other interface. */
	{ IPT_NAT, "OUTPUT", TO_THE_HOST, "! -d ::1/128 " TO_THE_HOST, IPT_PORTS, false },
	{ IPT_NAT, "POSTROUTING", "", "", IPT_POST, false },
	{ IPT_RAW, "PREROUTING", "-d 127.0.0.0/8 ", "", IPT_GUARD, true },
	{ IPT_RAW, "PREROUTING", "-s 127.0.0.0/8 ", "", IPT_GUARD_FROM, true },
};

/* ---- which networks a rule is for ---- */

static bool always(const struct fw_network *n, bool v6)
{
	(void)n, (void)v6;
	return true;
}

static bool has_icc(const struct fw_network *n, bool v6)
{
	(void)v6;
	return n->icc;
}

static bool is_internal(const struct fw_network *n, bool v6)
{
	(void)v6;
	return n->internal;
}

static bool is_unprotected(const struct fw_network *n, bool v6)
{
	return v6 ? n->unprotected6 : n->unprotected4;
}

static bool has_subnet(const struct fw_network *n, bool v6)
{
	return v6 ? n->subnet6.prefix : n->subnet.prefix;
}

static bool is_masqueraded(const struct fw_network *n, bool v6)
{
	return (v6 ? n->masq6 : n->masq4) && !n->internal;
}

#define ANSWER "-m conntrack --ctstate RELATED,ESTABLISHED "
#define PUBLISHED "-m conntrack --ctstate DNAT "

/*
 * In order, for each chain. %b is the bridge, %n its subnet, %l what is the host's alone, %o the
 * chain OPEN. Open ports and links come before the rules of OPEN.
 */
static const struct rule {
	enum ipt_chain chain;
	bool (*is_for)(const struct fw_network *n, bool v6); /* NULL: one, whatever networks */
	const char *text;
} rules[] = {
	{ IPT_GUARD, always, "-i %b -j DROP" },
	{ IPT_GUARD_FROM, always, "-i %b -j DROP" },
	{ IPT_IN, NULL, ANSWER "-j RETURN" },
	{ IPT_IN, has_icc, "-i %b -o %b -j RETURN" },
	{ IPT_IN, is_internal, "-i %b -j DROP" },
	{ IPT_IN, always, "-o %b " PUBLISHED "-j RETURN" },
	{ IPT_IN, always, "-o %b -g %o" },
	{ IPT_OPEN, is_unprotected, "-o %b -j RETURN" },
	{ IPT_OPEN, NULL, "-j DROP" },
	{ IPT_PASS, always, "-o %b -j ACCEPT" },
	{ IPT_PASS, always, "-i %b -j ACCEPT" },
	/* By a published port to a neighbour: the answer must come back by the host, too. */
	{ IPT_POST, always, "-i %b -o %b " PUBLISHED "-j MASQUERADE" },
	/* The same where br_netfilter has it translated inside the bridge: no interface. */
	{ IPT_POST, has_subnet,
	  "-s %n -d %n -o %b " PUBLISHED "-m addrtype ! --src-type LOCAL -j MASQUERADE" },
	{ IPT_POST, always, "-i %b -o %b -j RETURN" },
	{ IPT_POST, is_masqueraded, "-i %b -j MASQUERADE" },
	{ IPT_POST, always, "-s %l -o %b -j MASQUERADE" },
};

/* What the kernel and the programs must be able to do, in the tables that we use it in. */
static const struct {
	enum ipt_table table;
	bool only4;
	const char *what, *rule;
} kinds[] = {
	{ IPT_FILTER, false, "the table filter", "-i lo -o lo -j DROP" },
	{ IPT_FILTER, false, "the match conntrack", ANSWER "-j RETURN" },
	{ IPT_FILTER, false, "the match conntrack for translated ones", PUBLISHED "-j RETURN" },
	{ IPT_FILTER, false, "the matches tcp and udp", "-p udp --dport 1 -j RETURN" },
	{ IPT_NAT, false, "the table nat", "-s %l -j RETURN" },
	{ IPT_NAT, false, "the match addrtype", TO_THE_HOST "-j RETURN" },
	{ IPT_NAT, false, "the target DNAT", "-p tcp --dport 1 -j DNAT --to-destination :1" },
	{ IPT_NAT, false, "the target MASQUERADE", "-j MASQUERADE" },
	{ IPT_RAW, true, "the table raw", "-i lo -j DROP" },
};

/* ---- names ---- */

const char *ipt_chain_name(char out[IPT_NAME_SIZE], const char *id, enum ipt_chain chain)
{
	if (ipt_chains[chain].shared)
		snprintf(out, IPT_NAME_SIZE, "%s", ipt_chains[chain].name);
	else
		snprintf(out, IPT_NAME_SIZE, "DOCKER-%s%s", id, ipt_chains[chain].name);
	return out;
}

bool ipt_is_used(const struct ipt_rules *r, enum ipt_chain chain)
{
	return !r->v6 || !ipt_chains[chain].only4;
}

bool ipt_can_name(const char *interface)
{
	size_t n = strlen(interface);

	for (const char *p = interface; *p; p++)
		if (!isgraph((unsigned char)*p) || strchr("\"'\\", *p))
			return false;
	return n && n < NL_NAME_SIZE && !strchr("-!", *interface) && interface[n - 1] != '+';
}

void ipt_rules_init(struct ipt_rules *r, const char *id, bool v6)
{
	*r = (struct ipt_rules){ .v6 = v6 };
	assert(strlen(id) < sizeof(r->id));
	snprintf(r->id, sizeof(r->id), "%s", id);
	map_init(&r->lines);
}

void ipt_rules_done(struct ipt_rules *r)
{
	map_done(&r->lines);
}

bool ipt_state_has(const struct fw_state *s, bool v6)
{
	for (size_t i = 0; i < s->nnetworks; i++)
		if (has_subnet(&s->networks[i], v6))
			return true;
	for (size_t i = 0; i < s->nports; i++)
		if (s->ports[i].v6 == v6)
			return true;
	return false;
}

/* ---- rules of networks ---- */

static void put_expanded(struct buf *out, const char *text, const char *id, bool v6,
			 const struct fw_network *n)
{
	char name[IPT_NAME_SIZE], net4[SUBNET_TEXT], net6[SUBNET6_TEXT];
	struct subnet6 six;

	for (const char *p = text; *p; p++) {
		if (*p != '%') {
			buf_addc(out, *p);
			continue;
		}
		switch (*++p) {
		case 'b':
			buf_adds(out, n->bridge);
			break;
		case 'n':
			six = subnet6_network(&n->subnet6);
			buf_adds(out, v6 ? subnet6_text(net6, &six)
					 : subnet_text(net4, subnet_network(n->subnet)));
			break;
		case 'l':
			buf_adds(out, v6 ? "::1/128" : "127.0.0.0/8");
			break;
		case 'o':
			buf_adds(out, ipt_chain_name(name, id, IPT_OPEN));
			break;
		}
	}
	buf_addc(out, '\n');
}

static void put_rule(struct ipt_rules *r, const struct rule *rule, const struct fw_network *n,
		     struct buf *out)
{
	char name[IPT_NAME_SIZE];

	buf_addf(out, "-A %s ", ipt_chain_name(name, r->id, rule->chain));
	put_expanded(out, rule->text, r->id, r->v6, n);
	r->count[rule->chain]++;
}

static void put_rules(struct ipt_rules *r, enum ipt_table table, const struct fw_state *s,
		      struct buf *out)
{
	for (size_t i = 0; i < array_size(rules); i++) {
		const struct rule *rule = &rules[i];

		if (ipt_chains[rule->chain].table != table)
			continue;
		if (!rule->is_for)
			put_rule(r, rule, NULL, out);
		for (size_t k = 0; rule->is_for && k < s->nnetworks; k++)
			if (rule->is_for(&s->networks[k], r->v6))
				put_rule(r, rule, &s->networks[k], out);
	}
}

/* ---- rules of ports and links ---- */

static enum ipt_chain port_chain(const struct port *p)
{
	return p->routed ? IPT_OPEN : IPT_PORTS;
}

static void address_text(char out[IPV6_TEXT], const struct ip6 *a, bool v6)
{
	inet_ntop(v6 ? AF_INET6 : AF_INET, a->b, out, IPV6_TEXT);
}

/* The chain and the rule, as they follow -A, -I or -D. */
static void port_line(char out[IPT_LINE_SIZE], const struct ipt_rules *r, const struct port *p)
{
	char name[IPT_NAME_SIZE], to[IPV6_TEXT], host[IPV6_TEXT];
	const char *proto = proto_name(p->proto);

	ipt_chain_name(name, r->id, port_chain(p));
	address_text(to, &p->to, p->v6);
	address_text(host, &p->host, p->v6);
	if (p->routed)
		snprintf(out, IPT_LINE_SIZE, "%s -d %s -p %s --dport %u -j RETURN", name, to, proto,
			 p->port);
	else
		snprintf(out, IPT_LINE_SIZE,
			 "%s %s%s%s-p %s --dport %u -j DNAT --to-destination %s%s%s:%u", name,
			 p->any ? "" : "-d ", p->any ? "" : host, p->any ? "" : " ", proto,
			 p->host_port, p->v6 ? "[" : "", to, p->v6 ? "]" : "", p->port);
}

static void link_line(char out[IPT_LINE_SIZE], const struct ipt_rules *r, const struct fw_link *l)
{
	char name[IPT_NAME_SIZE], from[IPV4_TEXT], to[IPV4_TEXT];

	snprintf(out, IPT_LINE_SIZE, "%s -s %s -d %s -p %s --dport %u -j RETURN",
		 ipt_chain_name(name, r->id, IPT_OPEN), ipv4_text(from, l->from),
		 ipv4_text(to, l->to), proto_name(l->proto), l->port);
}

/* command: -A, -I or -D. Each rule is there once, however many ask for it. */
static void put_line(struct ipt_rules *r, enum ipt_chain chain, const char *command,
		     const char *line, struct buf *out)
{
	bool add = strcmp(command, "-D") != 0, is_there = map_get(&r->lines, line);

	if (add == is_there)
		return;
	if (add) {
		map_set(&r->lines, line, r);
		r->count[chain]++;
	} else {
		map_del(&r->lines, line);
		r->count[chain]--;
	}
	buf_addf(out, "%s %s\n", command, line);
}

static void put_ports(struct ipt_rules *r, enum ipt_chain chain, const char *command,
		      const struct port *v, size_t n, struct buf *out)
{
	char line[IPT_LINE_SIZE];

	for (size_t i = 0; i < n; i++) {
		if (v[i].v6 != r->v6 || port_chain(&v[i]) != chain)
			continue;
		port_line(line, r, &v[i]);
		put_line(r, chain, command, line, out);
	}
}

static void put_links(struct ipt_rules *r, const char *command, const struct fw_link *v, size_t n,
		      struct buf *out)
{
	char line[IPT_LINE_SIZE];

	for (size_t i = 0; i < n && !r->v6; i++) {
		link_line(line, r, &v[i]);
		put_line(r, IPT_OPEN, command, line, out);
	}
}

/* ---- batches ---- */

static void begin(struct buf *out, enum ipt_table table)
{
	buf_addf(out, "*%s\n", ipt_tables[table]);
}

static void commit(struct buf *out)
{
	buf_adds(out, "COMMIT\n");
}

/* Ours are declared, which empties them; a shared one is made where it is not there. */
static void put_chains(const struct ipt_rules *r, enum ipt_table table,
		       const struct ipt_saved *saved, struct buf *out)
{
	char name[IPT_NAME_SIZE];

	for (int c = 0; c < IPT_NCHAINS; c++)
		if (ipt_chains[c].table == table && !ipt_chains[c].shared && ipt_is_used(r, c))
			buf_addf(out, ":%s - [0:0]\n", ipt_chain_name(name, r->id, c));
	for (int c = 0; c < IPT_NCHAINS; c++)
		if (ipt_chains[c].table == table && ipt_chains[c].shared && !saved->has[c])
			buf_addf(out, "-N %s\n", ipt_chains[c].name);
}

static void put_jumps(const struct ipt_rules *r, enum ipt_table table,
		      const struct ipt_saved *saved, struct buf *out)
{
	for (int i = 0; i < IPT_NJUMPS; i++) {
		const struct ipt_jump *j = &ipt_jumps[i];
		char name[IPT_NAME_SIZE];

		if (j->table != table || !ipt_is_used(r, j->to) || ipt_jump_is_right(saved, i))
			continue;
		for (size_t k = 0; k < saved->jumps[i].n; k++)
			buf_addf(out, "-D %s\n", saved->jumps[i].v[k] + strlen("-A "));
		buf_addf(out, "%s %s %s-j %s\n", j->first ? "-I" : "-A", j->from,
			 r->v6 ? j->when6 : j->when4, ipt_chain_name(name, r->id, j->to));
	}
}

void ipt_put_state(struct ipt_rules *r, const struct fw_state *s, const struct ipt_saved *saved,
		   struct buf *out)
{
	map_done(&r->lines);
	map_init(&r->lines);
	memset(r->count, 0, sizeof(r->count));
	for (int t = 0; t < IPT_NTABLES; t++) {
		if (t == IPT_RAW && r->v6)
			continue;
		begin(out, t);
		/* As Docker has it: others' rules that accept go on doing so. */
		if (t == IPT_FILTER && s->closed[r->v6])
			buf_adds(out, ":FORWARD DROP [0:0]\n");
		put_chains(r, t, saved, out);
		put_jumps(r, t, saved, out);
		if (t == IPT_NAT)
			put_ports(r, IPT_PORTS, "-A", s->ports, s->nports, out);
		if (t == IPT_FILTER) {
			put_ports(r, IPT_OPEN, "-A", s->ports, s->nports, out);
			put_links(r, "-A", s->links, s->nlinks, out);
		}
		put_rules(r, t, s, out);
		commit(out);
	}
}

/* Take an empty section back. */
static void commit_if(struct buf *out, size_t start, size_t filled)
{
	if (out->len > filled)
		commit(out);
	else if (out->p)
		out->p[out->len = start] = '\0';
}

void ipt_put_change(struct ipt_rules *r, const struct fw_change *c, struct buf *out)
{
	const char *at_top = c->add ? "-I" : "-D", *at_end = c->add ? "-A" : "-D";
	size_t start = out->len, filled;

	begin(out, IPT_NAT);
	filled = out->len;
	put_ports(r, IPT_PORTS, at_end, c->ports, c->nports, out);
	commit_if(out, start, filled);
	start = out->len;
	begin(out, IPT_FILTER);
	filled = out->len;
	put_ports(r, IPT_OPEN, at_top, c->ports, c->nports, out);
	put_links(r, at_top, c->links, c->nlinks, out);
	commit_if(out, start, filled);
}

/* ---- the probe ---- */

static void put_kind(const char *id, bool v6, size_t kind, struct buf *out)
{
	const char *table = ipt_tables[kinds[kind].table];

	buf_addf(out, "*%s\n:DOCKER-%s-PROBE - [0:0]\n-A DOCKER-%s-PROBE ", table, id, id);
	put_expanded(out, kinds[kind].rule, id, v6, NULL);
	commit(out);
	buf_addf(out, "*%s\n-F DOCKER-%s-PROBE\n-X DOCKER-%s-PROBE\n", table, id, id);
	commit(out);
}

void ipt_put_probe(const char *id, bool v6, struct buf *out)
{
	for (size_t i = 0; i < array_size(kinds); i++)
		if (!v6 || !kinds[i].only4)
			put_kind(id, v6, i, out);
}

const char *ipt_put_probe_of(const char *id, bool v6, size_t kind, struct buf *out)
{
	if (kind >= array_size(kinds) || (v6 && kinds[kind].only4))
		return NULL;
	put_kind(id, v6, kind, out);
	return kinds[kind].what;
}
