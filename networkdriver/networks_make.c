/*
 * Making a network, and removing it: its subnets are found, its bridge is made, its rules are put in
 * force, it is kept. Whatever fails, what was made before goes again.
 */
#include "networkdriver/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/timefmt.h"

/* ---- subnets ---- */

/* What other networks have. With the lock held. */
static void add_own_subnets(const struct networkdriver *d, const struct network *but,
			    struct taken *taken)
{
	size_t pos = 0;
	void *v;

	while (map_next(&d->networks, &pos, &v)) {
		const struct network *net = v;

		if (net != but && net->subnet.prefix)
			taken_add(taken, subnet_network(net->subnet));
	}
}

void networks_add_subnets(struct networkdriver *d, struct taken *out)
{
	pthread_mutex_lock(&d->lock);
	add_own_subnets(d, NULL, out);
	pthread_mutex_unlock(&d->lock);
}

static int refuse_overlap_with(const struct network *other, const struct network *net,
			       struct error *err)
{
	bool v4 = other->subnet.prefix && net->subnet.prefix &&
		  subnet_overlaps(other->subnet, net->subnet);
	bool v6 = other->subnet6.prefix && net->subnet6.prefix &&
		  subnet6_overlaps(&other->subnet6, &net->subnet6);

	if (other == net || (!v4 && !v6))
		return 0;
	return error_set(err, ERR_FORBIDDEN,
			 "invalid pool request: Pool overlaps with other one on this address space "
			 "(network %s)",
			 other->name);
}

/* With the lock held. */
static int refuse_overlap(const struct networkdriver *d, const struct network *net,
			  struct error *err)
{
	size_t pos = 0;
	int rc = 0;
	void *v;

	while (rc == 0 && map_next(&d->networks, &pos, &v))
		rc = refuse_overlap_with(v, net, err);
	return rc;
}

struct address_of_host {
	const struct network *net;
	int own_index;
	struct error *err;
};

/* A subnet in which the host itself lives would take its neighbours away. */
static int refuse_address(const struct nl_addr *addr, void *arg)
{
	const struct address_of_host *a = arg;
	char text[SUBNET_TEXT], ip_text[IPV4_TEXT];
	uint32_t ip;

	memcpy(&ip, addr->addr, sizeof(ip));
	ip = ntohl(ip);
	if (addr->ifindex == a->own_index || !subnet_has(subnet_network(a->net->subnet), ip))
		return 0;
	error_set(a->err, ERR_FORBIDDEN,
		  "invalid pool request: subnet %s overlaps with address %s of this host",
		  subnet_text(text, subnet_network(a->net->subnet)), ipv4_text(ip_text, ip));
	return 1;
}

static int refuse_hosts_subnet(const struct network *net, struct error *err)
{
	autoclose int sock = netlink_open();
	struct address_of_host a = { .net = net, .err = err };
	int rc;

	if (sock < 0)
		return error_sys(err, "Cannot open a netlink socket");
	a.own_index = *net->bridge ? nl_link_index(sock, net->bridge) : 0;
	rc = nl_addr_list(sock, AF_INET, refuse_address, &a);
	return rc < 0 ? error_sys(err, "Cannot list the addresses of the host") : rc ? -1 : 0;
}

static int choose_subnet(struct networkdriver *d, struct network *net, struct error *err)
{
	autoclose int sock = netlink_open();
	struct taken taken = { 0 };
	int rc = -1;

	if (sock < 0)
		return error_sys(err, "Cannot open a netlink socket");
	if (bridge_taken(sock, &taken, err) == 0) {
		/* Chosen and entered in one go: nobody else can choose the same. */
		pthread_mutex_lock(&d->lock);
		add_own_subnets(d, net, &taken);
		rc = pool_choose(d->defaults.npools ? d->defaults.pools : pool_networks,
				 d->defaults.npools ? d->defaults.npools : pool_networks_count,
				 taken.v, taken.n, &net->subnet, err);
		pthread_mutex_unlock(&d->lock);
	}
	taken_done(&taken);
	return rc;
}

static bool has_subnet6(const struct networkdriver *d, const struct subnet6 *s)
{
	size_t pos = 0;
	void *v;

	while (map_next(&d->networks, &pos, &v)) {
		const struct network *n = v;

		if (n->subnet6.prefix && subnet6_overlaps(&n->subnet6, s))
			return true;
	}
	return false;
}

/* A /64 of this daemon's own unique local prefix (RFC 4193). */
static int choose_subnet6(struct networkdriver *d, struct network *net, struct error *err)
{
	struct subnet6 s = { .prefix = 64 };
	int rc = -1;

	memcpy(s.addr.b, d->ula, sizeof(d->ula));
	pthread_mutex_lock(&d->lock);
	for (unsigned i = 0; i < 65536 && rc < 0; i++) {
		s.addr.b[6] = (unsigned char)(i >> 8);
		s.addr.b[7] = (unsigned char)i;
		if (has_subnet6(d, &s))
			continue;
		net->subnet6 = s;
		net->subnet6.addr = ip6_plus(&s.addr, 1);
		rc = 0;
	}
	pthread_mutex_unlock(&d->lock);
	return rc < 0 ? error_set(err, ERR_INTERNAL, "no IPv6 subnet is free") : 0;
}

static int settle_subnets(struct networkdriver *d, struct network *net, struct error *err)
{
	bool given = net->subnet.prefix != 0;
	int rc;

	pthread_mutex_lock(&d->lock);
	rc = refuse_overlap(d, net, err);
	pthread_mutex_unlock(&d->lock);
	if (rc < 0 || (given && refuse_hosts_subnet(net, err) < 0) ||
	    (!given && net->ipv4 && choose_subnet(d, net, err) < 0))
		return -1;
	return net->ipv6 && !net->subnet6.prefix ? choose_subnet6(d, net, err) : 0;
}

/* ---- make and remove ---- */

static void name_files(const struct networkdriver *d, struct network *net)
{
	if (d->names_dir)
		net->names_file = xasprintf("%s/%s", d->names_dir, net->id);
}

static bool has_addresses(const struct network *net)
{
	return net->driver != DRIVER_HOST && net->driver != DRIVER_NULL && !net->config_only;
}

static void name_bridge(struct network *net)
{
	if (net->driver == DRIVER_BRIDGE && has_addresses(net) && !*net->bridge)
		snprintf(net->bridge, sizeof(net->bridge), "br-%.12s", net->id);
}

static int bring_up(struct networkdriver *d, struct network *net, struct error *err)
{
	net->firewall = d->firewall.ops != NULL;
	if (!has_addresses(net))
		return 0;
	if (network_init(net, err) < 0)
		return -1;
	name_files(d, net);
	if (net->driver == DRIVER_BRIDGE && net->subnet.prefix && d->defaults.ip_forward &&
	    forwarding_enable(d, false, err) < 0)
		return -1;
	if (net->driver == DRIVER_BRIDGE && net->subnet6.prefix &&
	    forwarding_enable(d, true, err) < 0)
		return -1;
	return net->driver == DRIVER_BRIDGE ? bridge_create(net, err) : vlan_setup(net, err);
}

/* The default network may have come to another subnet since: then it is the one that stays. */
static int bring_up_again(struct networkdriver *d, struct network *net, struct error *err)
{
	int rc = 0;

	pthread_mutex_lock(&d->lock);
	if (d->bridge && has_addresses(net))
		rc = refuse_overlap_with(d->bridge, net, err);
	pthread_mutex_unlock(&d->lock);
	return rc < 0 ? -1 : bring_up(d, net, err);
}

void networks_bring_up(struct networkdriver *d)
{
	struct network **all = networks_list(d);
	struct error err;

	for (struct network **p = all; *p; p++)
		if (!(*p)->builtin && bring_up_again(d, *p, &err) < 0)
			log_error("network %s is not up: %s", (*p)->name, err.text);
	networks_list_free(all);
}

static int put_rules(struct networkdriver *d, const struct network *net, struct error *err)
{
	struct fw_network rules;
	const struct fw_change change = { .add = true,
					  .network = network_rules(net, &rules) ? &rules : NULL };

	return firewall_change(&d->firewall, &change, err);
}

/* All that has to be made, once the network is in the table; undone by the caller. */
static int make(struct networkdriver *d, struct network *net, struct error *err)
{
	if (has_addresses(net) && settle_subnets(d, net, err) < 0)
		return -1;
	name_bridge(net);
	if (network_save(d, net, false, err) < 0 || bring_up(d, net, err) < 0)
		return -1;
	networks_set_up(d, net);
	if (put_rules(d, net, err) < 0 || network_save(d, net, true, err) < 0)
		return -1;
	networks_set_ready(d, net);
	return 0;
}

static int refuse_name(const struct network *net, struct error *err)
{
	if (!net->name[strspn(net->name, " \t")])
		return error_set(err, ERR_BAD_REQUEST, "invalid name: name is empty");
	if (strcmp(net->name, "default") == 0 || strcmp(net->name, "container") == 0)
		return error_set(err, ERR_FORBIDDEN,
				 "operation is not permitted on predefined %s network", net->name);
	if (net->driver == DRIVER_HOST || net->driver == DRIVER_NULL)
		return error_set(err, ERR_FORBIDDEN,
				 "only one instance of \"%s\" network is allowed",
				 network_driver_name(net->driver));
	return 0;
}

static bool is_predefined(const char *name)
{
	return strcmp(name, "bridge") == 0 || strcmp(name, "host") == 0 ||
	       strcmp(name, "none") == 0;
}

/* --config-from: what the other one says, with name, labels and the like of its own. */
static json_t *inherit(struct networkdriver *d, const json_t *spec, struct error *err)
{
	const char *name = json_get_str(json_get_obj(spec, "ConfigFrom"), "Network", "");
	struct network *from = networks_find(d, name, err);
	autojson json_t *config = NULL;
	json_t *merged;

	if (!from)
		return NULL;
	config = network_json(from, false);
	if (!from->config_only) {
		network_unref(from);
		error_set(err, ERR_FORBIDDEN,
			  "configuration network \"%s\" is no configuration only", name);
		return NULL;
	}
	network_unref(from);
	merged = json_copy((json_t *)spec);
	json_object_set(merged, "IPAM", json_object_get(config, "IPAM"));
	json_object_set(merged, "Options", json_object_get(config, "Options"));
	json_object_set(merged, "EnableIPv6", json_object_get(config, "EnableIPv6"));
	json_object_set(merged, "Internal", json_object_get(config, "Internal"));
	return merged;
}

static struct network *read_new(struct networkdriver *d, const json_t *spec, struct error *err)
{
	const char *name = json_get_str(spec, "Name", "");
	struct network *net;

	if (is_predefined(name)) {
		error_set(err, ERR_FORBIDDEN, "operation is not permitted on predefined %s network",
			  name);
		return NULL;
	}
	net = network_new(name, DRIVER_BRIDGE);
	net->created = time_now();
	net->mtu = d->defaults.mtu;
	net->masq = true;
	if (network_read(net, spec, err) < 0 || refuse_name(net, err) < 0) {
		network_unref(net);
		return NULL;
	}
	return net;
}

int networks_create(struct networkdriver *d, const json_t *spec, struct network **out,
		    struct error *err)
{
	const char *from = json_get_str(json_get_obj(spec, "ConfigFrom"), "Network", "");
	autojson json_t *merged = *from ? inherit(d, spec, err) : NULL;
	struct network *net;
	struct error ignored;

	if (*from && !merged)
		return -1;
	net = read_new(d, merged ? merged : spec, err);
	if (!net)
		return -1;
	if (networks_enter(d, net, err) < 0) {
		network_unref(net);
		return -1;
	}
	if (make(d, net, err) == 0) {
		*out = net;
		return 0;
	}
	network_forget(d, net);
	networks_leave(d, net);
	(void)firewall_sync(&d->firewall, &ignored); /* err has the cause */
	if (net->driver == DRIVER_BRIDGE)
		bridge_undo(net);
	else
		vlan_done(net);
	network_unref(net);
	return -1;
}

/* Nobody may be on it, and from here on nobody comes. */
static int close_network(struct network *net, struct error *err)
{
	const struct endpoint *e;
	size_t pos = 0;
	int rc = 0;
	void *v;

	pthread_mutex_lock(&net->lock);
	if (map_next(&net->endpoints, &pos, &v)) {
		e = v;
		rc = error_set(err, ERR_FORBIDDEN,
			       "error while removing network: network %s has active endpoints "
			       "(name:\"%s\" id:\"%.12s\")",
			       net->name, e->name ? e->name : "", e->id);
	} else if (net->removed) {
		rc = error_set(err, ERR_NOT_FOUND, "network %s not found", net->name);
	}
	net->removed = net->removed || rc == 0;
	pthread_mutex_unlock(&net->lock);
	return rc;
}

static void reopen(struct network *net)
{
	pthread_mutex_lock(&net->lock);
	net->removed = false;
	pthread_mutex_unlock(&net->lock);
}

int networks_remove(struct networkdriver *d, struct network *net, struct error *err)
{
	struct error ignored;

	if (net->builtin)
		return error_set(err, ERR_FORBIDDEN,
				 "%s is a pre-defined network and cannot be removed", net->name);
	if (close_network(net, err) < 0)
		return -1;
	if (net->driver == DRIVER_BRIDGE && *net->bridge && bridge_delete(net, err) < 0) {
		reopen(net);
		return -1;
	}
	vlan_done(net);
	network_forget(d, net);
	networks_leave(d, net);
	if (firewall_sync(&d->firewall, &ignored) < 0)
		log_warn("%s: rules of network %s stay, without effect", ignored.text, net->name);
	return 0;
}
