/*
 * What must be in force, as text for iptables-restore and ip6tables-restore, and what of it is found
 * in the text of iptables-save. No process, no kernel: text in, text out.
 *
 * Chains of a daemon are named DOCKER-ID-..., where ID is its bridge. Two are everybody's, and never
 * emptied by anybody: DOCKER-USER, the admin's, and DOCKER-DAEMONS. The latter has, of each daemon,
 * a chain at its top that drops what that daemon does not let pass, and one at its end that accepts:
 * so what one daemon accepts, another can still drop, as with tables of nftables.
 *
 * Life cycle: ipt_rules_init(), ipt_rules_done(); the same for struct ipt_saved.
 */
#ifndef NETWORKDRIVER_IPTABLES_RULES_H
#define NETWORKDRIVER_IPTABLES_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "networkdriver/firewall.h"
#include "pkg/map.h"
#include "pkg/strlist.h"

struct buf;

enum ipt_table { IPT_FILTER, IPT_NAT, IPT_RAW, IPT_NTABLES };

enum ipt_chain {
	IPT_USER,    /* shared: the admin's */
	IPT_DAEMONS, /* shared: two jumps of each daemon */
	IPT_IN,      /* RETURN: no objection; DROP */
	IPT_OPEN, /* the rest of IN for what goes into our bridges: open ports, links, else DROP */
	IPT_PASS, /* ACCEPT what concerns our bridges, when no daemon objected */
	IPT_PORTS,
	IPT_POST,
	IPT_GUARD,
	IPT_GUARD_FROM, /* claims to come from there */
	IPT_NCHAINS
};

#define IPT_NAME_SIZE 29  /* of a chain, as the kernel has it */
#define IPT_LINE_SIZE 256 /* of a rule of ours */

extern const char *const ipt_tables[IPT_NTABLES];

extern const struct ipt_chain_info {
	enum ipt_table table;
	const char *name;   /* of a shared one; else what follows DOCKER-ID */
	bool shared, only4; /* only4: there is none for IPv6 */
} ipt_chains[IPT_NCHAINS];

/* How packets get into our chains. */
#define IPT_NJUMPS 9
#define IPT_FORWARD_TO_DAEMONS 0
#define IPT_FORWARD_TO_USER 1
extern const struct ipt_jump {
	enum ipt_table table;
	const char *from, *when4, *when6;
	enum ipt_chain to;
	bool first; /* inserted at the top, else appended */
} ipt_jumps[IPT_NJUMPS];

/* What is in force in one family, after the last text that was made. */
struct ipt_rules {
	bool v6;
	char id[NL_NAME_SIZE];
	struct map lines;          /* rules of ports and links, each once */
	size_t count[IPT_NCHAINS]; /* rules of ours in each chain */
};

/* What is there: of our chains and jumps alone. */
struct ipt_saved {
	bool has[IPT_NCHAINS];
	size_t count[IPT_NCHAINS];
	struct strlist jumps[IPT_NJUMPS]; /* each as it was saved, "-A FORWARD -j DOCKER-USER" */
	bool forward_in_order;            /* the last of DOCKER-USER before the first of ours */
};

void ipt_rules_init(struct ipt_rules *r, const char *id, bool v6);
void ipt_rules_done(struct ipt_rules *r);

/* Can iptables name this interface as it is? (A + at its end would mean all that begin so.) */
bool ipt_can_name(const char *interface);
/* Does this family have anything to say? */
bool ipt_state_has(const struct fw_state *s, bool v6);

/*
 * Append to *out what puts all of *s in force, given what is there: one batch, in which our own
 * chains are emptied and filled. It fails, changing nothing, when a shared chain that was not there
 * has been made meanwhile.
 */
void ipt_put_state(struct ipt_rules *r, const struct fw_state *s, const struct ipt_saved *saved,
		   struct buf *out);
/* Append the batch of a change. What is in force already, or is not, is left out. */
void ipt_put_change(struct ipt_rules *r, const struct fw_change *c, struct buf *out);
/* Append a batch that has each kind of rule in a chain of its own, and removes that again. */
void ipt_put_probe(const char *id, bool v6, struct buf *out);
/* The same for one kind, the first being 0. What it needs, in words; NULL when there is no such. */
const char *ipt_put_probe_of(const char *id, bool v6, size_t kind, struct buf *out);

const char *ipt_chain_name(char out[IPT_NAME_SIZE], const char *id, enum ipt_chain chain);
bool ipt_is_used(const struct ipt_rules *r, enum ipt_chain chain);

/* iptables_saved.c: what is there. */
void ipt_saved_done(struct ipt_saved *saved);
/* Read what iptables-save wrote. */
void ipt_saved_read(struct ipt_saved *saved, const struct ipt_rules *r, const char *text);
/* Is it there once? The two of FORWARD are right together or not at all: their order matters. */
bool ipt_jump_is_right(const struct ipt_saved *saved, int jump);
/* Is every jump there once, and every rule? Rules are counted, not compared. */
bool ipt_saved_is_complete(const struct ipt_saved *saved, const struct ipt_rules *r);

#endif
