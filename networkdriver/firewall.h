/*
 * The firewall: what must be in force for our networks and published ports, by whatever the kernel
 * has. Backends are a const table of struct firewall_ops each; to add one, write it in a file
 * firewall_NAME.c and add it to the table in firewall.c.
 *
 * The state to be in force is never kept here: `collect` of the owner tells it, and firewall_sync()
 * puts all of it in place of whatever there is, in one transaction. What changes with every
 * container, ports and links, is a small transaction of its own, firewall_change(). A change is made
 * after the owner's own records were: so whichever comes first, a sync or the change, the outcome is
 * the same.
 *
 * What the rules say, for every backend:
 *	- our bridges may send anywhere, except internal ones, which reach nothing but themselves;
 *	- between two containers of one bridge as icc says, and as links say;
 *	- into a bridge from elsewhere: answers, and what came by a published port, nothing else;
 *	- 127.0.0.0/8 is the host's alone, whatever interface says otherwise;
 *	- the admin's own rules come first, in a chain DOCKER-USER that is never emptied by us.
 */
#ifndef NETWORKDRIVER_FIREWALL_H
#define NETWORKDRIVER_FIREWALL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "networkdriver/ports.h"
#include "networkdriver/subnet.h"
#include "networkdriver/subnet6.h"
#include "pkg/error.h"
#include "pkg/netlink.h"

#define FW_USER_CHAIN "DOCKER-USER"
#define FW_NAME_SIZE 32

/* How containers of a network are reached from elsewhere, and seen there. */
enum fw_mode {
	FW_NAT,         /* ports are translated; who leaves has the host's address */
	FW_ROUTED,      /* no translation: ports are opened at the container's own address */
	FW_UNPROTECTED, /* as FW_NAT, and whatever else comes is let in */
};

struct fw_network {
	char bridge[NL_NAME_SIZE];
	bool icc, internal;
	bool unprotected4, unprotected6; /* anything may come in: gateway_mode nat-unprotected */
	bool masq4, masq6;               /* what leaves gets the host's address */
	struct subnet subnet;            /* prefix 0: none */
	struct subnet6 subnet6;
};

/* Between two containers of a bridge with icc off: from may open connections to that port of to. */
struct fw_link {
	uint32_t from, to; /* host order */
	uint8_t proto;
	uint16_t port;
};

struct fw_state {
	struct fw_network *networks;
	struct port *ports;
	struct fw_link *links;
	size_t nnetworks, nports, nlinks;
	/* IPv4, IPv6: what neither comes from a bridge nor goes to one is not forwarded. */
	bool closed[2];
};

struct fw_change {
	bool add; /* else remove */
	const struct port *ports;
	const struct fw_link *links;
	const struct fw_network *network; /* to be added, or NULL; what one leaves is a sync's */
	size_t nports, nlinks;
};

struct firewall;

struct firewall_ops {
	const char *name;
	/* Can this host do it? ERR_INTERNAL with a sentence when not. Changes nothing. */
	int (*probe)(struct firewall *fw, struct error *err);
	int (*sync)(struct firewall *fw, const struct fw_state *state, struct error *err);
	/* -1 also when something to be removed is not there: then all is synced instead. */
	int (*change)(struct firewall *fw, const struct fw_change *change, struct error *err);
	/* Can a removal from this table by that netlink port be one of our rules? Takes no lock. */
	bool (*concerns)(const struct firewall *fw, uint32_t portid, int family, const char *table);
	/* Is all there? 1, 0 when not, -1. NULL: a removal that concerns us says that it is not. */
	int (*check)(struct firewall *fw, struct error *err);
	/* Where the kernel tells nobody: has anything changed since we looked last? Cheap. */
	bool (*has_changed)(struct firewall *fw);
};

/* Fill *state; its arrays are freed by the firewall with free(3). */
typedef void fw_collect_fn(void *arg, struct fw_state *state);

struct firewall {
	const struct firewall_ops
		*ops;            /* NULL: rules are none of our business. Constant once open */
	char name[FW_NAME_SIZE]; /* of the table; unlike that of any other daemon */
	fw_collect_fn *collect;
	void *arg;
	pthread_mutex_t lock; /* guards what follows: one transaction at a time, a short exchange */
	int sock;             /* netfilter, open as long as the daemon: closing waits for RCU */
	uint32_t portid;      /* of sock, 0 until it is open */
	bool closed[2];       /* as in struct fw_state */
	bool started;         /* all that is to be in force is known: see firewall_start() */
	atomic_bool synced;   /* the last sync was done: what is in force can be changed */
	struct iptables *iptables; /* that backend's own; NULL with others */
	bool silent; /* the kernel does not tell of changes: they are looked for. Constant once open */
};

/*
 * backend "": the first of the table that the host has. ERR_BAD_REQUEST for an unknown one,
 * ERR_INTERNAL when it cannot be had.
 */
int firewall_open(struct firewall *fw, const char *name, const char *backend,
		  fw_collect_fn *collect, void *arg, struct error *err);
void firewall_close(struct firewall *fw);

const char *firewall_backend(const struct firewall *fw); /* "nftables", "iptables", "none" */
/*
 * The first sync, once the owner knows everything. Until then those below do nothing and the rules of
 * the last daemon stay: they would lose what has not been told yet. From then on, failed or not,
 * whatever was not put in force is put there with the next change, or that one fails, too.
 */
int firewall_start(struct firewall *fw, struct error *err);
/* Both are 0 without a backend. On failure all is as before. */
int firewall_sync(struct firewall *fw, struct error *err);
int firewall_change(struct firewall *fw, const struct fw_change *change, struct error *err);
/* From now on nobody but containers is forwarded, by IPv4 or IPv6. Without a backend: nothing. */
int firewall_close_forward(struct firewall *fw, bool v6, struct error *err);

/* Before somebody joins a network: a firewall_sync() unless the last one was done. */
int firewall_ready(struct firewall *fw, struct error *err);

/* Somebody removed something: 1 when it was ours, and is back; 0 when it was not. */
int firewall_repair(struct firewall *fw, struct error *err);
/* Only with fw->silent. false also when a transaction is under way: ask again later. */
bool firewall_has_changed(struct firewall *fw);

/* firewall_watch.c: put the rules back when somebody else took them away. */
struct event_base;
int firewall_watch(struct firewall *fw, struct event_base *base, struct error *err);

/* firewall_foreign.c: log what others do that our rules cannot mend. For backend nftables. */
void firewall_warn_of_others(const struct firewall *fw);
/* firewall_nft.c: withdraw what was put in force under that name by nftables; nothing is fine. */
void firewall_nft_withdraw(struct firewall *fw, const char *name);

extern const struct firewall_ops firewall_nft, firewall_iptables;

#endif
