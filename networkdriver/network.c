/*
 * Who has which address on a network. Memory work alone, under the network's lock: the veth is
 * made by the container's monitor and goes with the container's namespace.
 */
#include "networkdriver/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pkg/id.h"
#include "pkg/mem.h"

#define IFNAME_TRIES 16

int network_init(struct network *net, const struct options *o, struct error *err)
{
	net->range =
		o->has_fixed_cidr ? subnet_network(o->fixed_cidr) : subnet_network(net->subnet);
	if (ipalloc_init(&net->ips, net->subnet, &net->range, err) < 0)
		return -1;
	if (ipalloc_take_this(&net->ips, net->subnet.addr) < 0) {
		ipalloc_done(&net->ips);
		return error_set(err, ERR_BAD_REQUEST,
				 "The address of bridge \"%s\" is not one of a host", net->bridge);
	}
	net->icc = o->icc;
	net->masq = o->ip_masq;
	net->firewall = o->iptables;
	net->binding_ip = o->binding_ip;
	pthread_mutex_init(&net->lock, NULL);
	map_init(&net->endpoints);
	return 0;
}

void network_done(struct network *net)
{
	size_t pos = 0;
	void *endpoint;

	while (map_next(&net->endpoints, &pos, &endpoint))
		free(endpoint);
	map_done(&net->endpoints);
	ipalloc_done(&net->ips);
	pthread_mutex_destroy(&net->lock);
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

/* Docker's: 02:42 and the address, so that a reused address finds the same neighbour entry. */
static void mac_of_ip(unsigned char mac[NL_MAC_SIZE], uint32_t ip)
{
	uint32_t be = htonl(ip);

	mac[0] = 0x02;
	mac[1] = 0x42;
	memcpy(mac + 2, &be, sizeof(be));
}

/* What was asked for goes into e; what was not stays zero. */
static int read_request(const struct network_request *r, struct endpoint *e, struct error *err)
{
	bool has_mac = r->mac && *r->mac;

	if (r->ip && *r->ip && ipv4_parse(r->ip, &e->ip) < 0)
		return error_set(err, ERR_BAD_REQUEST, "invalid IPv4 address: %s", r->ip);
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

/* Take the address ip of the network, or with 0 any. With the lock held. */
static int take_ip(struct network *net, uint32_t ip, uint32_t *out, struct error *err)
{
	char text[IPV4_TEXT];

	if (!ip) {
		if (ipalloc_take(&net->ips, out) == 0)
			return 0;
		return error_set(err, ERR_INTERNAL,
				 "no available IPv4 addresses on this network's address pools: "
				 "bridge (%s)",
				 net->bridge);
	}
	if (ipalloc_take_this(&net->ips, ip) == 0) {
		*out = ip;
		return 0;
	}
	ipv4_text(text, ip);
	if (errno == EADDRINUSE)
		return error_set(err, ERR_FORBIDDEN, "Address already in use: %s", text);
	return error_set(err, ERR_BAD_REQUEST,
			 "Invalid address %s: It does not belong to any of this network's subnets",
			 text);
}

/* Enter e under id; an address that is zero is chosen. With the lock held. */
static int put_endpoint(struct network *net, const char *id, struct endpoint *e, struct error *err)
{
	if (map_get(&net->endpoints, id))
		return error_set(err, ERR_CONFLICT,
				 "Container %s has an interface on bridge \"%s\" already", id,
				 net->bridge);
	if (ifname_is_used(net, e->ifname))
		return error_set(err, ERR_CONFLICT, "Interface name \"%s\" is in use", e->ifname);
	if (take_ip(net, e->ip, &e->ip, err) < 0)
		return -1;
	if (is_zero_mac(e->mac))
		mac_of_ip(e->mac, e->ip);
	struct endpoint *kept = xmalloc(sizeof(*kept));
	*kept = *e;
	map_set(&net->endpoints, id, kept);
	return 0;
}

int network_address_allocate(struct network *net, const char *id,
			     const struct network_request *request, struct endpoint *out,
			     struct error *err)
{
	struct endpoint e = { 0 };
	bool taken = true;
	int rc = -1;

	if (read_request(request, &e, err) < 0)
		return -1;
	/* A name that is only promised yet is as good as taken: draw again. */
	for (int i = 0; i < IFNAME_TRIES && taken; i++) {
		if (pick_ifname(e.ifname, err) < 0)
			return -1;
		pthread_mutex_lock(&net->lock);
		taken = ifname_is_used(net, e.ifname);
		rc = taken && i + 1 < IFNAME_TRIES ? -1 : put_endpoint(net, id, &e, err);
		pthread_mutex_unlock(&net->lock);
	}
	if (rc == 0)
		*out = e;
	return rc;
}

static bool is_same(const struct endpoint *a, const struct endpoint *b)
{
	return a->ip == b->ip && memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 &&
	       strcmp(a->ifname, b->ifname) == 0;
}

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

void network_address_release(struct network *net, const char *id)
{
	pthread_mutex_lock(&net->lock);
	autofree struct endpoint *e = map_del(&net->endpoints, id);
	if (e)
		ipalloc_release(&net->ips, e->ip);
	pthread_mutex_unlock(&net->lock);
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
