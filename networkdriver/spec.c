/*
 * What a network is to be: the body of POST /networks/create, and the same again when it is kept on
 * disk or inspected. Words and order of the errors are Docker's where clients may know them.
 */
#include "networkdriver/internal.h"

#include <stdio.h>
#include <string.h>

#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/parse.h"
#include "pkg/strlist.h"
#include "pkg/timefmt.h"

#define OPT "com.docker.network."
#define MIN_MTU 68 /* RFC 791: what every IPv4 link must carry */
#define MAX_MTU 65535
#define MAX_PREFIX 30 /* the network, a gateway, a container, and all of them */
#define MAX_PREFIX6 126

static const char *const driver_names[] = {
	[DRIVER_BRIDGE] = "bridge",   [DRIVER_HOST] = "host",     [DRIVER_NULL] = "null",
	[DRIVER_MACVLAN] = "macvlan", [DRIVER_IPVLAN] = "ipvlan",
};

const char *network_driver_name(enum network_driver driver)
{
	return driver_names[driver];
}

static int read_driver(struct network *net, const json_t *spec, struct error *err)
{
	const char *name = json_get_str(spec, "Driver", "");

	if (!*name || strcmp(name, "default") == 0)
		name = "bridge";
	for (size_t i = 0; i < array_size(driver_names); i++)
		if (strcmp(name, driver_names[i]) == 0) {
			net->driver = (enum network_driver)i;
			return 0;
		}
	if (strcmp(name, "overlay") == 0)
		return error_set(err, ERR_UNAVAILABLE,
				 "This node is not a swarm manager. Use \"docker swarm init\" or "
				 "\"docker swarm join\" to connect this node to swarm and try "
				 "again.");
	return error_set(err, ERR_NOT_FOUND, "plugin \"%s\" not found", name);
}

/* ---- addresses ---- */

static int read_v4(struct network *net, const json_t *config, const char *text, struct error *err)
{
	const char *gateway = json_get_str(config, "Gateway", "");
	const char *range = json_get_str(config, "IPRange", "");
	char mended[SUBNET_TEXT];
	struct subnet whole;

	if (net->subnet.prefix)
		return error_set(err, ERR_FORBIDDEN,
				 "bridge driver doesn't support multiple subnets");
	if (subnet_parse(text, &net->subnet) < 0 || !net->subnet.prefix)
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid subnet %s: invalid CIDR block notation", text);
	whole = subnet_network(net->subnet);
	if (whole.prefix > MAX_PREFIX)
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid subnet %s: it has no room for a gateway and a container",
				 text);
	if (net->subnet.addr != whole.addr)
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid network config:\ninvalid subnet %s: it should be %s",
				 text, subnet_text(mended, whole));
	if (*range &&
	    (subnet_parse(range, &net->range) < 0 || !subnet_contains(net->subnet, net->range)))
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid ip-range %s: parent subnet %s doesn't contain ip-range",
				 range, text);
	net->range = subnet_network(net->range);
	net->has_range = *range != '\0';
	net->has_gateway = *gateway != '\0';
	if (*gateway &&
	    (ipv4_parse(gateway, &net->subnet.addr) < 0 || !subnet_has(whole, net->subnet.addr)))
		return error_set(
			err, ERR_BAD_REQUEST,
			"invalid gateway %s: parent subnet %s doesn't contain this address",
			gateway, text);
	return 0;
}

static int read_v6(struct network *net, const json_t *config, const char *text, struct error *err)
{
	const char *gateway = json_get_str(config, "Gateway", "");
	const char *range = json_get_str(config, "IPRange", "");
	struct subnet6 whole;
	char mended[SUBNET6_TEXT];

	if (net->subnet6.prefix)
		return error_set(err, ERR_FORBIDDEN,
				 "bridge driver doesn't support multiple subnets");
	if (subnet6_parse(text, &net->subnet6) < 0 || !net->subnet6.prefix)
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid subnet %s: invalid CIDR block notation", text);
	whole = subnet6_network(&net->subnet6);
	if (whole.prefix > MAX_PREFIX6)
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid subnet %s: it has no room for a gateway and a container",
				 text);
	if (!ip6_equal(&whole.addr, &net->subnet6.addr))
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid network config:\ninvalid subnet %s: it should be %s",
				 text, subnet6_text(mended, &whole));
	if (*range &&
	    (subnet6_parse(range, &net->range6) < 0 || !subnet6_contains(&whole, &net->range6)))
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid ip-range %s: parent subnet %s doesn't contain ip-range",
				 range, text);
	net->has_range6 = *range != '\0';
	net->has_gateway6 = *gateway != '\0';
	if (*gateway && (ipv6_parse(gateway, &net->subnet6.addr) < 0 ||
			 !subnet6_has(&whole, &net->subnet6.addr)))
		return error_set(
			err, ERR_BAD_REQUEST,
			"invalid gateway %s: parent subnet %s doesn't contain this address",
			gateway, text);
	return 0;
}

static int read_config(struct network *net, const json_t *config, struct error *err)
{
	const char *subnet = json_get_str(config, "Subnet", "");
	json_t *aux = json_get_obj(config, "AuxiliaryAddresses");

	if (!aux)
		aux = json_get_obj(config, "AuxAddress");
	if (aux)
		json_object_update(net->aux_addresses, aux);
	if (*subnet)
		return strchr(subnet, ':') ? read_v6(net, config, subnet, err)
					   : read_v4(net, config, subnet, err);
	if (*json_get_str(config, "Gateway", "") || *json_get_str(config, "IPRange", ""))
		return error_set(
			err, ERR_BAD_REQUEST,
			"invalid network config:\ninvalid subnet: a gateway or an ip-range "
			"needs a subnet");
	return 0;
}

/* Where no gateway is named it is the first address, of the range where there is one. */
static void default_gateways(struct network *net)
{
	if (net->subnet.prefix && !net->has_gateway) {
		uint32_t base = net->has_range ? net->range.addr : net->subnet.addr;

		net->subnet.addr = base == net->subnet.addr ? base + 1 : base;
	}
	if (net->subnet6.prefix && !net->has_gateway6) {
		struct ip6 base = net->has_range6 ? net->range6.addr : net->subnet6.addr;

		net->subnet6.addr =
			ip6_equal(&base, &net->subnet6.addr) ? ip6_plus(&base, 1) : base;
	}
}

static int read_ipam(struct network *net, const json_t *spec, struct error *err)
{
	const json_t *ipam = json_get_obj(spec, "IPAM"), *v;
	const char *driver = json_get_str(ipam, "Driver", "");
	size_t i;

	if (*driver && strcmp(driver, "default") != 0 && strcmp(driver, "null") != 0)
		return error_set(err, ERR_NOT_FOUND, "plugin \"%s\" not found", driver);
	net->ipam_driver = xstrdup(*driver ? driver : "default");
	net->ipam_options = json_incref(json_object_get(ipam, "Options"));
	net->aux_addresses = json_object();
	json_array_foreach(json_get_arr(ipam, "Config"), i, v)
		if (read_config(net, v, err) < 0)
			return -1;
	default_gateways(net);
	return 0;
}

/* ---- options ---- */

static int read_bool(const char *text, bool *out, const char *key, struct error *err)
{
	static const char *const words[][6] = { { "0", "f", "F", "false", "FALSE", "False" },
						{ "1", "t", "T", "true", "TRUE", "True" } };

	for (size_t i = 0; i < 12; i++)
		if (strcmp(text, words[i / 6][i % 6]) == 0) {
			*out = i / 6;
			return 0;
		}
	return error_set(
		err, ERR_BAD_REQUEST,
		"failed to parse %s value: \"%s\" (strconv.ParseBool: parsing \"%s\": invalid "
		"syntax)",
		key, text, text);
}

static int read_mode(const char *text, enum fw_mode *out, struct error *err)
{
	if (strcmp(text, "nat") == 0)
		*out = FW_NAT;
	else if (strcmp(text, "routed") == 0)
		*out = FW_ROUTED;
	else if (strcmp(text, "nat-unprotected") == 0)
		*out = FW_UNPROTECTED;
	else
		return error_set(err, ERR_BAD_REQUEST, "unknown gateway mode %s", text);
	return 0;
}

static int read_ifname(const char *text, char out[NL_NAME_SIZE], struct error *err)
{
	if (!*text || strlen(text) >= NL_NAME_SIZE || strpbrk(text, "/:% \t\n") ||
	    strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return error_set(err, ERR_BAD_REQUEST, "invalid name of an interface: \"%s\"",
				 text);
	snprintf(out, NL_NAME_SIZE, "%s", text);
	return 0;
}

static int read_mtu(const char *text, unsigned *out, struct error *err)
{
	uint32_t mtu;

	if (parse_u32(text, &mtu) < 0 || (mtu && mtu < MIN_MTU) || mtu > MAX_MTU)
		return error_set(err, ERR_BAD_REQUEST, "invalid MTU: \"%s\"", text);
	*out = mtu;
	return 0;
}

static int read_vlan_mode(struct network *net, const char *text, struct error *err)
{
	static const char *const modes[] = { "bridge", "vepa", "passthru", "private",
					     "l2",     "l3",   "l3s" };

	for (size_t i = 0; i < array_size(modes); i++)
		if (strcmp(text, modes[i]) == 0 && (i >= 4) == (net->driver == DRIVER_IPVLAN)) {
			snprintf(net->vlan_mode, sizeof(net->vlan_mode), "%s", text);
			return 0;
		}
	return error_set(err, ERR_BAD_REQUEST, "requested %s mode '%s' is not valid",
			 network_driver_name(net->driver), text);
}

static int read_option(struct network *net, const char *key, const char *text, struct error *err)
{
	if (strcmp(key, OPT "bridge.name") == 0)
		return net->driver == DRIVER_BRIDGE ? read_ifname(text, net->bridge, err) : 0;
	if (strcmp(key, "parent") == 0 && net->driver >= DRIVER_MACVLAN)
		return read_ifname(text, net->bridge, err);
	if (strcmp(key, "macvlan_mode") == 0 || strcmp(key, "ipvlan_mode") == 0)
		return net->driver >= DRIVER_MACVLAN ? read_vlan_mode(net, text, err) : 0;
	if (strcmp(key, OPT "bridge.enable_icc") == 0)
		return read_bool(text, &net->icc, key, err);
	if (strcmp(key, OPT "bridge.enable_ip_masquerade") == 0)
		return read_bool(text, &net->masq, key, err);
	if (strcmp(key, OPT "bridge.inhibit_ipv4") == 0)
		return read_bool(text, &net->no_gateway, key, err);
	if (strcmp(key, OPT "driver.mtu") == 0)
		return read_mtu(text, &net->mtu, err);
	if (strcmp(key, OPT "bridge.gateway_mode_ipv4") == 0)
		return read_mode(text, &net->mode4, err);
	if (strcmp(key, OPT "bridge.gateway_mode_ipv6") == 0)
		return read_mode(text, &net->mode6, err);
	if (strcmp(key, OPT "container_iface_prefix") == 0)
		return read_ifname(text, net->if_prefix, err);
	if (strcmp(key, OPT "bridge.host_binding_ipv4") == 0 && *text &&
	    ipv4_parse(text, &net->binding_ip) < 0)
		return error_set(err, ERR_BAD_REQUEST, "failed to parse %s value: \"%s\"", key,
				 text);
	return 0;
}

static int read_options(struct network *net, const json_t *spec, struct error *err)
{
	const char *key;
	json_t *v;

	net->options = json_get_obj(spec, "Options") ? json_copy(json_get_obj(spec, "Options"))
						     : json_object();
	net->labels = json_get_obj(spec, "Labels") ? json_copy(json_get_obj(spec, "Labels"))
						   : json_object();
	json_object_foreach(net->options, key, v)
		if (!json_is_string(v))
			return error_set(err, ERR_BAD_REQUEST, "invalid value of option %s", key);
		else if (read_option(net, key, json_string_value(v), err) < 0)
			return -1;
	return 0;
}

/* ---- all of it ---- */

static int check(const struct network *net, struct error *err)
{
	if (strcmp(net->scope, "swarm") == 0 || net->ingress)
		return error_set(err, ERR_UNAVAILABLE,
				 "This node is not a swarm manager. Use \"docker swarm init\" or "
				 "\"docker swarm join\" to connect this node to swarm and try "
				 "again.");
	if (net->config_only && net->config_from)
		return error_set(err, ERR_BAD_REQUEST,
				 "a configuration network cannot depend on another configuration "
				 "network");
	if (!net->ipv4 && !net->ipv6)
		return error_set(err, ERR_BAD_REQUEST,
				 "IPv4 or IPv6 must be enabled on network \"%s\"", net->name);
	if (!net->ipv4 && net->subnet.prefix)
		return error_set(err, ERR_BAD_REQUEST,
				 "IPv4 is disabled on network \"%s\", which has an IPv4 subnet",
				 net->name);
	return 0;
}

int network_read(struct network *net, const json_t *spec, struct error *err)
{
	const json_t *from = json_get_obj(spec, "ConfigFrom");

	net->internal = json_get_bool(spec, "Internal", false);
	net->attachable = json_get_bool(spec, "Attachable", false);
	net->ingress = json_get_bool(spec, "Ingress", false);
	net->config_only = json_get_bool(spec, "ConfigOnly", false);
	net->ipv4 = json_get_bool(spec, "EnableIPv4", true);
	net->ipv6 = json_get_bool(spec, "EnableIPv6", false);
	net->scope = xstrdup(*json_get_str(spec, "Scope", "") ? json_get_str(spec, "Scope", "")
							      : "local");
	if (*json_get_str(from, "Network", ""))
		net->config_from = json_copy((json_t *)from);
	if (read_driver(net, spec, err) < 0 || read_ipam(net, spec, err) < 0 ||
	    read_options(net, spec, err) < 0)
		return -1;
	/* An IPv6 subnet without the flag is kept and not used, as Docker has it. */
	if (!net->ipv6)
		net->subnet6.prefix = 0;
	return check(net, err);
}

static json_t *ipam_configs(const struct network *net)
{
	char subnet[SUBNET6_TEXT], gateway[IPV6_TEXT], range[SUBNET6_TEXT];
	json_t *all = json_array(), *c;

	if (net->subnet.prefix) {
		c = json_pack("{s:s}", "Subnet", subnet_text(subnet, subnet_network(net->subnet)));
		if (net->has_range)
			json_object_set_new(c, "IPRange",
					    json_string(subnet_text(range, net->range)));
		if (!net->internal || net->has_gateway)
			json_object_set_new(c, "Gateway",
					    json_string(ipv4_text(gateway, net->subnet.addr)));
		if (json_object_size(net->aux_addresses))
			json_object_set(c, "AuxiliaryAddresses", net->aux_addresses);
		json_array_append_new(all, c);
	}
	if (net->subnet6.prefix) {
		struct subnet6 whole = subnet6_network(&net->subnet6);

		c = json_pack("{s:s}", "Subnet", subnet6_text(subnet, &whole));
		if (net->has_range6)
			json_object_set_new(c, "IPRange",
					    json_string(subnet6_text(range, &net->range6)));
		if (!net->internal || net->has_gateway6)
			json_object_set_new(c, "Gateway",
					    json_string(ipv6_text(gateway, &net->subnet6.addr)));
		json_array_append_new(all, c);
	}
	return all;
}

static json_t *endpoint_json(const struct network *net, const struct endpoint *e)
{
	char ip[SUBNET_TEXT], ip6[SUBNET6_TEXT], mac[MAC_TEXT];
	struct subnet a = { e->ip, net->subnet.prefix };
	struct subnet6 a6 = { e->ip6, net->subnet6.prefix };

	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "Name", e->name ? e->name : "", "EndpointID",
			 e->id, "MacAddress", mac_text(mac, e->mac), "IPv4Address",
			 e->ip ? subnet_text(ip, a) : "", "IPv6Address",
			 ip6_is_zero(&e->ip6) ? "" : subnet6_text(ip6, &a6));
}

/* By their ids, sorted. */
static json_t *containers_json(struct network *net)
{
	autostrlist struct strlist ids = STRLIST_INIT;
	json_t *all = json_object();
	size_t pos = 0;
	const char *id;
	void *v;

	pthread_mutex_lock(&net->lock);
	while ((id = map_next(&net->endpoints, &pos, &v)))
		strlist_add(&ids, id);
	strlist_sort(&ids);
	for (size_t i = 0; i < ids.n; i++)
		json_object_set_new(all, ids.v[i],
				    endpoint_json(net, map_get(&net->endpoints, ids.v[i])));
	pthread_mutex_unlock(&net->lock);
	return all;
}

json_t *network_json(struct network *net, bool with_endpoints)
{
	char created[TIMEFMT_SIZE];
	const char *from = json_get_str(net->config_from, "Network", "");

	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:{s:s, s:O?, s:o}, s:b, s:b, s:b, s:{s:s}, "
		"s:b, s:o, s:O, s:O}",
		"Name", net->name, "Id", net->id, "Created",
		timefmt_rfc3339nano(created, net->created), "Scope", net->scope, "Driver",
		network_driver_name(net->driver), "EnableIPv4", net->ipv4, "EnableIPv6", net->ipv6,
		"IPAM", "Driver", net->ipam_driver, "Options", net->ipam_options, "Config",
		ipam_configs(net), "Internal", net->internal, "Attachable", net->attachable,
		"Ingress", net->ingress, "ConfigFrom", "Network", from, "ConfigOnly",
		net->config_only, "Containers",
		with_endpoints ? containers_json(net) : json_object(), "Options", net->options,
		"Labels", net->labels);
}
