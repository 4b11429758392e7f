/*
 * What the files of this folder share: settings, networks, endpoints, and what is done with them.
 *
 * options.c reads the settings; bridge.c and bridge_user.c bring bridges about; spec.c reads what a
 * network is to be and writes it down; networks*.c make and keep them; network.c who has which address on
 * one; ports.c the published ports; links.c the links; firewall*.c put all that in force; names.c
 * tells containers' resolvers; sweep.c removes what crashes left; status.c tells about the default
 * network. jobs*.c tie it to the engine.
 *
 * Locks: driver -> network. The firewall's comes before both: it collects under its own.
 */
#ifndef NETWORKDRIVER_INTERNAL_H
#define NETWORKDRIVER_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>

#include "networkdriver/network.h"
#include "networkdriver/options.h"
#include "networkdriver/pool.h"
#include "pkg/strlist.h"

struct env;
struct event_base;
struct job;

#define VETH_PREFIX "veth"
#define VETH_DIGITS 7 /* hex digits behind it: how our interfaces are recognised */

struct networkdriver {
	struct engine *engine;
	struct event_base *base; /* NULL: nobody watches */
	struct firewall firewall;
	struct ports ports;
	struct options defaults;                    /* of new networks; texts in it are not used */
	char *exec_root, *networks_dir, *names_dir; /* NULL: nothing is kept */
	unsigned char ula[6];                       /* of this daemon: fd and 40 bits */
	bool forwards[2], is_swept; /* IPv4, IPv6: to be switched on; network_sweep is done */
	struct network *bridge; /* the default network; NULL: disabled. Set before the jobs exist */
	pthread_mutex_t lock;   /* guards all below */
	struct map networks;    /* id -> struct network */
	struct fw_link *links;
	size_t nlinks;
};

/*
 * bridge.c: fill the first part of net in. A subnet that is to be chosen is none of those in kept.
 * Nothing is left behind on failure.
 */
int bridge_setup(struct network *net, const struct options *o, const struct taken *kept,
		 struct error *err);
void bridge_undo(const struct network *net); /* a later step failed: remove it if it was made */
/* Every subnet that the host uses: routes, and where its nameservers live. */
int bridge_taken(int sock, struct taken *out, struct error *err);
int bridge_uplink_mtu(int sock, unsigned *mtu, struct error *err);
int bridge_set_random_mac(int sock, int ifindex); /* -1 and errno */

/* bridge_user.c: a bridge of a network of the user's, found as it was or made. */
int bridge_create(struct network *net, struct error *err);
int bridge_delete(const struct network *net, struct error *err); /* no such interface is fine */
/* The bridge's switches in /proc/sys; those that cannot be set are warned of. */
void bridge_configure(const struct network *net);
int bridge_add_ip6(const struct network *net, struct error *err);
bool bridge_is_filtered(void); /* do frames between ports meet the rules for IP? (br_netfilter) */

/*
 * forwarding.c: switch it on, and unless it was on let none but containers profit from it. Before
 * forwarding_start(), which network_sweep calls when the rules are in force, it is only asked for.
 */
int forwarding_enable(struct networkdriver *d, bool v6, struct error *err);
void forwarding_recall(
	struct networkdriver *d); /* what an earlier daemon did: before the first sync */
void forwarding_start(struct networkdriver *d);

/* vlan.c: macvlan and ipvlan networks, on an interface of the host. */
int vlan_setup(struct network *net, struct error *err);
void vlan_done(const struct network *net);
void vlan_unmake(struct network *net); /* its making was broken off */

/* networks.c. Found ones are references: network_unref(). */
struct network *networks_find(struct networkdriver *d, const char *name_or_id, struct error *err);
/* All, by name; a NULL at the end. networks_list_free() it. */
struct network **networks_list(struct networkdriver *d);
struct network **
networks_list_up(struct networkdriver *d); /* and those that are not complete yet */
void networks_list_free(struct network **list);
void networks_add(struct networkdriver *d, struct network *net); /* takes the reference */
/* In the making: in the table, so that its name and subnets are taken, but not to be found yet. */
int networks_enter(struct networkdriver *d, struct network *net, struct error *err);
void networks_set_up(struct networkdriver *d, struct network *net);
void networks_set_ready(struct networkdriver *d, struct network *net);
void networks_leave(struct networkdriver *d, struct network *net);

/* networks_make.c */
/* What networks_load() found. One that cannot be brought up is there all the same, with nobody on it. */
void networks_bring_up(struct networkdriver *d);
void networks_add_subnets(struct networkdriver *d, struct taken *out); /* IPv4, of all networks */
int networks_create(struct networkdriver *d, const json_t *spec, struct network **out,
		    struct error *err);
int networks_remove(struct networkdriver *d, struct network *net, struct error *err);

/* networks_store.c */
int network_save(const struct networkdriver *d, struct network *net, bool is_made,
		 struct error *err);
void network_forget(const struct networkdriver *d, const struct network *net); /* its files */
int networks_load(struct networkdriver *d,
		  struct error *err); /* what earlier daemons kept: not up */

/* sweep.c: remove our ports of bridges that are neither known nor allocated. */
int networks_sweep(struct network **all, const struct strlist *known, struct error *err);

/* status.c. net NULL: networking is disabled. */
json_t *network_status(struct network *net, const char *firewall);

/* conntrack.c: forget connections by UDP to these ports, which would go on to where they went. */
void conntrack_forget(const struct port_list *ports);

/* jobs_*.c: their handlers, for the table in jobs.c. */
int job_network_create(struct job *job, void *self);
int job_network_rm(struct job *job, void *self);
int job_networks(struct job *job, void *self);
int job_networks_prune(struct job *job, void *self);
int job_network_inspect(struct job *job, void *self);
int job_allocate_interface(struct job *job, void *self);
int job_release_interface(struct job *job, void *self);
int job_adopt_interface(struct job *job, void *self);
int job_rename_interface(struct job *job, void *self);
int job_allocate_port(struct job *job, void *self);
int job_adopt_port(struct job *job, void *self);
int job_release_port(struct job *job, void *self);
/* links.c: those from or to that address are open no longer; false: there were none. */
bool links_forget(struct networkdriver *d, uint32_t ip);
int job_link(struct job *job, void *self);
/* What they share: the network that the env names, "bridge" when it names none; a reference. */
struct network *job_network(struct job *job, struct networkdriver *d);
int withdraw_ports(struct networkdriver *d, const char *container, struct error *err);
void network_event(struct job *job, const struct network *net, const char *action,
		   const char *container);

#endif
