/*
 * A container's networks. What was asked for is its NetworkingConfig: {"EndpointsConfig": {NETWORK:
 * {IPAMConfig, Aliases, MacAddress, ...}}}, one member for each network it is on, by name. What it has
 * while it runs is its `network` member:
 *
 *	{"Interfaces": [what allocate_interface said, with "Ifname"], "Ports": [what allocate_port
 *	 said], "Gateway" and "Gateway6": index of the interface that has the default route of the
 *	 family, -1: none, "Resolver": file, or not there}
 *
 * The network driver is reached by its jobs alone.
 */
#ifndef DAEMON_NETWORK_H
#define DAEMON_NETWORK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "pkg/error.h"
#include "pkg/strlist.h"

struct container;
struct daemon;
struct exec_interface;
struct exec_network;
struct job;

/* "bridge", "none", "host", "container", or the name of a network of the user's. */
const char *network_kind(const struct daemon *d, const json_t *config, const json_t *host_config);
bool network_is_private(
	const char *kind); /* has interfaces of its own: not none, host, container */
struct container *network_peer(struct daemon *d, const char *mode, struct error *err);

/*
 * network_plan.c, at create: which networks it will be on, by their names, in a NetworkingConfig; a new one.
 * Networks that are not there are left as they are named: that is for the start to say.
 */
json_t *network_plan(struct daemon *d, struct job *job, const json_t *config, json_t *host_config,
		     const json_t *networking, struct error *err);

/* network.c: interfaces and ports, for a start. *network NULL: it has none of its own. */
int network_allocate(struct daemon *d, struct container *c, struct job *job, json_t **network,
		     struct error *err);
void network_release(struct daemon *d, struct container *c);
void network_adopt(struct daemon *d, struct container *c);
void network_known_ifnames(struct container *c, json_t *ifnames); /* appended */

/* The interface with the default route, key as above; borrowed, NULL: there is none. */
json_t *network_gateway(const json_t *network, const char *key);
bool network_leads_out(const json_t *network);
/* The one with the default route of IPv4, else of IPv6, else the first. */
json_t *network_main_interface(const json_t *network);
json_t *network_interface(const json_t *network, const char *name); /* on that network; borrowed */
bool network_has_names(const json_t *network); /* is it on a network that has a resolver? */
void network_choose_gateways(json_t *network, const json_t *networking); /* sets both */
/* One interface as the exec driver takes it; exec_interface_done() it. */
void network_exec_interface(const json_t *interface, const json_t *network,
			    struct exec_interface *out);
void network_exec(const json_t *network, struct exec_network *out);
/* Can a container have such an endpoint on the network of that name? 0, or -1 with ERR_BAD_REQUEST. */
int network_check_endpoint(const char *name, const json_t *endpoint, struct error *err);
/* The pieces of network_allocate(), for those who change it while the container runs. */
int network_allocate_one(struct daemon *d, struct container *c, struct job *job, const char *name,
			 const json_t *endpoint, json_t **interface, struct error *err);
int network_publish(struct daemon *d, struct container *c, struct job *job, json_t *network,
		    struct error *err);
void network_release_one(struct daemon *d, struct container *c, const char *name);

/*
 * network_live.c: on a network and off it, of a container that runs. On failure it is as it was; where
 * that cannot be, its `network` member says how it is, and network_leave() may be tried again.
 */
int network_join(struct daemon *d, struct job *job, struct container *c, const char *name,
		 const json_t *endpoint, struct error *err);
int network_leave(struct daemon *d, struct job *job, struct container *c, const char *name,
		  struct error *err);

/* network_show.c */
/* NetworkSettings of inspect, and its Networks alone for the list; as that API version has them. */
json_t *network_settings_json(struct container *c, unsigned version);
json_t *network_list_json(struct container *c, unsigned version);

/* portspecs.c: HostConfig's bindings as requests of allocate_port, NULL: none; and as shown. */
json_t *ports_wanted(const json_t *config, const json_t *host_config);
/* Those of the driver's reply as NetworkSettings keeps them, and as the driver has them again. */
json_t *ports_keep(const json_t *ports);
json_t *ports_kept(const json_t *network);
/*
 * HostConfig's bindings, of which a container may have a thousand, as they are kept in memory: as
 * text, with the values of ExposedPorts shared. Each may be NULL.
 */
void ports_slim(json_t *config, json_t *host_config);
/* They are new references: the bindings as an object again, or NULL; and a HostConfig with it. */
json_t *ports_bindings(const json_t *host_config);
json_t *ports_full(json_t *host_config);
json_t *ports_shown(const json_t *config, const json_t *network);  /* of NetworkSettings */
json_t *ports_listed(const json_t *config, const json_t *network); /* of the list */

/* resolver.c: the file for the resolver, written or replaced; its path (the caller frees). */
char *resolver_write(struct daemon *d, struct container *c, const json_t *network,
		     struct error *err);
void resolver_remove(struct daemon *d, struct container *c);
void resolver_sweep(struct daemon *d); /* those of no container */

/* links.c: what --link brings on the default bridge: environment, hosts, open ports. */
int links_open(struct daemon *d, struct container *c, struct job *job, const json_t *network,
	       struct error *err);
/* Appended where env does not have it: the user's own words count more. */
void links_environ(struct daemon *d, struct container *c, struct strlist *env);
void links_reopen(struct daemon *d, struct container *c);
void links_note(struct daemon *d, const json_t *host_config); /* one that has just been loaded */
/* Whoever links to c finds it at its new address. */
void links_child_started(struct daemon *d, struct container *c);
/* "web/db": web is linked to what it calls db no more. ERR_NOT_FOUND: it is not. */
int links_remove(struct daemon *d, struct job *job, const char *path, struct error *err);
json_t *links_hosts(struct daemon *d, struct container *c); /* new: ["IP\tALIAS NAME ID", ...] */
/* HostConfig.Links of inspect */
json_t *links_shown(struct daemon *d, struct container *c, const json_t *host_config);
/* At create: those on the default bridge are there, and are kept by id: names may change. */
int links_settle(struct daemon *d, json_t *host_config, struct error *err);

#endif
