/*
 * Who has which address on a network. Memory work alone, under the network's lock: the veth is
 * made by the container's monitor and goes with the container's namespace.
 */
#include "networkdriver/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/mem.h"

#define IFNAME_TRIES 16

static int init_ips(struct network *net, struct error *err)
{
	if (!net->subnet.prefix)
		return 0;
	if (ipalloc_init(&net->ips, net->subnet, net->has_range ? &net->range : NULL, err) < 0)
		return -1;
	if (!net->subnet.addr || ipalloc_take_this(&net->ips, net->subnet.addr) == 0)
		return 0;
	ipalloc_done(&net->ips);
	return error_set(err, ERR_BAD_REQUEST,
			 "The gateway of network \"%s\" is not an address of a host", net->name);
}

static int init_ips6(struct network *net, struct error *err)
{
	if (!net->subnet6.prefix)
		return 0;
	if (ip6alloc_init(&net->ips6, &net->subnet6, net->has_range6 ? &net->range6 : NULL, err) <
	    0)
		return -1;
	if (ip6alloc_take_this(&net->ips6, &net->subnet6.addr) == 0)
		return 0;
	ip6alloc_done(&net->ips6);
	return error_set(err, ERR_BAD_REQUEST,
			 "The gateway of network \"%s\" is not an address of a host", net->name);
}

/* Addresses that are somebody else's, by what the user said. */
static int reserve_aux(struct network *net, struct error *err)
{
	const char *name;
	json_t *v;

	json_object_foreach(net->aux_addresses, name, v) {
		const char *text = json_string_value(v);
		uint32_t ip;
		struct ip6 ip6;
		int rc = -1;

		errno = ERANGE;
		if (text && net->subnet.prefix && ipv4_parse(text, &ip) == 0)
			rc = ipalloc_take_this(&net->ips, ip);
		else if (text && net->subnet6.prefix && ipv6_parse(text, &ip6) == 0)
			rc = ip6alloc_take_this(&net->ips6, &ip6);
		if (rc < 0)
			return error_sys(err, "invalid auxiliary address %s: %s", name,
					 text ? text : "");
	}
	return 0;
}

int network_init(struct network *net, struct error *err)
{
	if (!net->has_range)
		net->range = subnet_network(net->subnet);
	if (init_ips(net, err) < 0)
		return -1;
	if (init_ips6(net, err) < 0) {
		if (net->subnet.prefix)
			ipalloc_done(&net->ips);
		return -1;
	}
	net->has_allocators = true;
	if (reserve_aux(net, err) == 0)
		return 0;
	network_done(net);
	err->kind = ERR_BAD_REQUEST;
	return -1;
}

void network_done(struct network *net)
{
	if (net->subnet.prefix)
		ipalloc_done(&net->ips);
	if (net->subnet6.prefix)
		ip6alloc_done(&net->ips6);
	net->has_allocators = false;
}

bool network_rules(const struct network *net, struct fw_network *out)
{
	if (net->driver != DRIVER_BRIDGE || !*net->bridge || !net->ifindex)
		return false;
	*out = (struct fw_network){
		.icc = net->icc,
		.internal = net->internal,
		.subnet = net->subnet,
		.subnet6 = net->subnet6,
		.masq4 = net->masq && net->subnet.prefix && net->mode4 != FW_ROUTED,
		.masq6 = net->masq && net->subnet6.prefix && net->mode6 != FW_ROUTED,
		.unprotected4 = net->mode4 == FW_UNPROTECTED,
		.unprotected6 = net->mode6 == FW_UNPROTECTED,
	};
	memcpy(out->bridge, net->bridge, sizeof(out->bridge));
	return true;
}

void endpoint_done(struct endpoint *e)
{
	free(e->name);
	free(e->names);
	e->name = e->names = NULL;
}

void endpoint_free(struct endpoint *e)
{
	if (!e)
		return;
	endpoint_done(e);
	free(e);
}

static void endpoint_copy(struct endpoint *to, const struct endpoint *from)
{
	*to = *from;
	to->name = from->name ? xstrdup(from->name) : NULL;
	to->names = from->names ? xstrdup(from->names) : NULL;
}

static bool ifname_is_used(const struct network *net, const char *ifname)
{
	size_t pos = 0;
	void *endpoint;

	while (map_next(&net->endpoints, &pos, &endpoint))
		if (strcmp(((struct endpoint *)endpoint)->ifname, ifname) == 0)
			return true;
	return false;
}

bool network_has_ifname(struct network *net, const char *ifname)
{
	pthread_mutex_lock(&net->lock);
	bool has = ifname_is_used(net, ifname);
	pthread_mutex_unlock(&net->lock);
	return has;
}

static bool is_zero_mac(const unsigned char mac[NL_MAC_SIZE])
{
	static const unsigned char zero[NL_MAC_SIZE];

	return memcmp(mac, zero, sizeof(zero)) == 0;
}

/*
 * Docker's: 02:42 and the address, so that a reused address finds the same neighbour entry. Of an
 * IPv6 address its last four bytes.
 */
static void mac_of_endpoint(struct endpoint *e)
{
	uint32_t be = htonl(e->ip);

	e->mac[0] = 0x02;
	e->mac[1] = 0x42;
	memcpy(e->mac + 2, e->ip ? (const unsigned char *)&be : e->ip6.b + 12, sizeof(be));
}

/* What was asked for goes into e; what was not stays zero. */
static int read_request(const struct network_request *r, struct endpoint *e, struct error *err)
{
	bool has_mac = r->mac && *r->mac;

	if (r->ip && *r->ip && ipv4_parse(r->ip, &e->ip) < 0)
		return error_set(err, ERR_BAD_REQUEST, "invalid IPv4 address: %s", r->ip);
	if (r->ip6 && *r->ip6 && ipv6_parse(r->ip6, &e->ip6) < 0)
		return error_set(err, ERR_BAD_REQUEST, "invalid IPv6 address: %s", r->ip6);
	/* A group address is nobody's own; the kernel would refuse it, and all zeros. */
	if (has_mac && (mac_parse(r->mac, e->mac) < 0 || (e->mac[0] & 1) || is_zero_mac(e->mac)))
		return error_set(err, ERR_BAD_REQUEST, "invalid MAC address: %s", r->mac);
	return 0;
}

/* A name that no interface of the host has now. Those that are only promised: see put_endpoint(). */
static int pick_ifname(char out[NL_NAME_SIZE], struct error *err)
{
	autoclose int sock = netlink_open();
	char hex[9];

	if (sock < 0)
		return error_sys(err, "Cannot open a netlink socket");
	for (int i = 0; i < IFNAME_TRIES; i++) {
		id_random_hex(hex, 4);
		snprintf(out, NL_NAME_SIZE, VETH_PREFIX "%.*s", VETH_DIGITS, hex);
		if (nl_link_index(sock, out) < 0) {
			if (errno == ENODEV)
				return 0;
			return error_sys(err, "Cannot look up interface \"%s\"", out);
		}
	}
	return error_set(err, ERR_INTERNAL, "Cannot find a free name for an interface");
}

static int fail_address(const char *text, struct error *err)
{
	if (errno == EADDRINUSE)
		return error_set(err, ERR_FORBIDDEN, "Address already in use: %s", text);
	return error_set(err, ERR_BAD_REQUEST,
			 "Invalid address %s: It does not belong to any of this network's subnets",
			 text);
}

/* Take the address ip of the network, or with 0 any. With the lock held. */
static int take_ip(struct network *net, uint32_t ip, uint32_t *out, struct error *err)
{
	char text[IPV4_TEXT];

	if (!ip) {
		if (!net->subnet.prefix || ipalloc_take(&net->ips, out) == 0)
			return 0;
		return error_set(err, ERR_INTERNAL,
				 "no available IPv4 addresses on this network's address pools: "
				 "%s (%s)",
				 net->name, net->builtin ? net->bridge : net->id);
	}
	if (net->subnet.prefix && ipalloc_take_this(&net->ips, ip) == 0) {
		*out = ip;
		return 0;
	}
	errno = net->subnet.prefix ? errno : ERANGE;
	return fail_address(ipv4_text(text, ip), err);
}

static int take_ip6(struct network *net, const struct ip6 *ip, struct ip6 *out, struct error *err)
{
	char text[IPV6_TEXT];

	if (ip6_is_zero(ip)) {
		if (!net->subnet6.prefix || ip6alloc_take(&net->ips6, out) == 0)
			return 0;
		return error_set(err, ERR_INTERNAL,
				 "no available IPv6 addresses on this network's address pools: "
				 "%s (%s)",
				 net->name, net->id);
	}
	if (net->subnet6.prefix && ip6alloc_take_this(&net->ips6, ip) == 0) {
		*out = *ip;
		return 0;
	}
	errno = net->subnet6.prefix ? errno : ERANGE;
	return fail_address(ipv6_text(text, ip), err);
}

static int check_room(const struct network *net, const char *id, struct error *err)
{
	if (net->removed)
		return error_set(err, ERR_NOT_FOUND, "network %s not found", net->name);
	if (!net->has_allocators && (net->subnet.prefix || net->subnet6.prefix))
		return error_set(err, ERR_INTERNAL, "network %s is not up", net->name);
	if (map_get(&net->endpoints, id))
		return error_set(err, ERR_FORBIDDEN,
				 "endpoint with name %s already exists in network %s", id,
				 net->name);
	if (net->driver == DRIVER_BRIDGE && map_count(&net->endpoints) >= BRIDGE_MAX_PORTS)
		return error_set(err, ERR_CONFLICT,
				 "network %s is full: a bridge of the kernel has at most %d ports",
				 net->name, BRIDGE_MAX_PORTS);
	return 0;
}

/* Enter e under id; an address that is zero is chosen. With the lock held. */
static int put_endpoint(struct network *net, const char *id, struct endpoint *e, struct error *err)
{
	struct endpoint *kept;

	if (check_room(net, id, err) < 0)
		return -1;
	if (*e->ifname && ifname_is_used(net, e->ifname))
		return error_set(err, ERR_CONFLICT, "Interface name \"%s\" is in use", e->ifname);
	if (take_ip(net, e->ip, &e->ip, err) < 0)
		return -1;
	if (take_ip6(net, &e->ip6, &e->ip6, err) < 0) {
		if (e->ip)
			ipalloc_release(&net->ips, e->ip);
		return -1;
	}
	if (is_zero_mac(e->mac))
		mac_of_endpoint(e);
	kept = xmalloc(sizeof(*kept));
	endpoint_copy(kept, e);
	map_set(&net->endpoints, id, kept);
	return 0;
}

/* A name that is only promised yet is as good as taken: draw again. */
static int put_with_ifname(struct network *net, const char *id, struct endpoint *e,
			   struct error *err)
{
	bool taken = true;
	int rc = -1;

	for (int i = 0; i < IFNAME_TRIES && taken; i++) {
		if (pick_ifname(e->ifname, err) < 0)
			return -1;
		pthread_mutex_lock(&net->lock);
		taken = ifname_is_used(net, e->ifname);
		rc = taken && i + 1 < IFNAME_TRIES ? -1 : put_endpoint(net, id, e, err);
		pthread_mutex_unlock(&net->lock);
	}
	return rc;
}

int network_address_allocate(struct network *net, const char *id,
			     const struct network_request *request, struct endpoint *out,
			     struct error *err)
{
	struct endpoint e = { .name = (char *)request->name, .names = (char *)request->names };
	int rc;

	if (read_request(request, &e, err) < 0)
		return -1;
	id_generate(e.id);
	if (net->driver == DRIVER_BRIDGE) {
		rc = put_with_ifname(net, id, &e, err);
	} else {
		pthread_mutex_lock(&net->lock);
		rc = put_endpoint(net, id, &e, err);
		pthread_mutex_unlock(&net->lock);
	}
	if (rc < 0)
		return -1;
	endpoint_copy(out, &e);
	names_write(net);
	return 0;
}

static bool is_same(const struct endpoint *a, const struct endpoint *b)
{
	return a->ip == b->ip && ip6_equal(&a->ip6, &b->ip6) &&
	       memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 && strcmp(a->ifname, b->ifname) == 0;
}

/* The names file is as it was: who adopts writes them all at the end. */
int network_address_adopt(struct network *net, const char *id, const struct endpoint *e,
			  struct error *err)
{
	struct endpoint copy = *e;
	int rc = 0;

	pthread_mutex_lock(&net->lock);
	const struct endpoint *known = map_get(&net->endpoints, id);
	if (!known || !is_same(known, e))
		rc = put_endpoint(net, id, &copy, err);
	pthread_mutex_unlock(&net->lock);
	return rc;
}

bool network_address_release(struct network *net, const char *id)
{
	struct endpoint *e;

	pthread_mutex_lock(&net->lock);
	e = map_del(&net->endpoints, id);
	if (e && e->ip)
		ipalloc_release(&net->ips, e->ip);
	if (e && !ip6_is_zero(&e->ip6))
		ip6alloc_release(&net->ips6, &e->ip6);
	pthread_mutex_unlock(&net->lock);
	if (!e)
		return false;
	endpoint_free(e);
	names_write(net);
	return true;
}

/* The container's name is the first of what it is called. */
static void rename_endpoint(struct endpoint *e, const char *name)
{
	const char *others = e->names ? strchr(e->names, ' ') : NULL;
	char *names = e->names ? xasprintf("%s%s", name, others ? others : "") : NULL;

	free(e->name);
	free(e->names);
	e->name = xstrdup(name);
	e->names = names;
}

bool network_rename(struct network *net, const char *id, const char *name)
{
	struct endpoint *e;

	pthread_mutex_lock(&net->lock);
	e = map_get(&net->endpoints, id);
	if (e)
		rename_endpoint(e, name);
	pthread_mutex_unlock(&net->lock);
	if (e)
		names_write(net);
	return e != NULL;
}

bool network_endpoint(struct network *net, const char *id, struct endpoint *out)
{
	const struct endpoint *e;

	pthread_mutex_lock(&net->lock);
	e = map_get(&net->endpoints, id);
	if (e)
		endpoint_copy(out, e);
	pthread_mutex_unlock(&net->lock);
	return e != NULL;
}

json_t *network_endpoints(struct network *net)
{
	char ip[IPV4_TEXT], mac[MAC_TEXT];
	json_t *all = json_object();
	size_t pos = 0;
	const char *id;
	void *value;

	pthread_mutex_lock(&net->lock);
	while ((id = map_next(&net->endpoints, &pos, &value))) {
		const struct endpoint *e = value;
		json_object_set_new(all, id,
				    json_pack("{s:s,s:s,s:s}", "IP", ipv4_text(ip, e->ip),
					      "MacAddress", mac_text(mac, e->mac), "HostIfname",
					      e->ifname));
	}
	pthread_mutex_unlock(&net->lock);
	return all;
}
