/* Bodies of network requests: see network_specs.h. Empty members are sent as Docker's client does. */
#include "api/client/network_specs.h"

#include <ctype.h>
#include <string.h>

#include "api/client/addresses.h"
#include "api/client/flag_lists.h"
#include "pkg/json.h"
#include "pkg/mem.h"

const struct network_create_opts network_create_defaults = {
	.ipv4 = -1, .ipv6 = -1, .driver = "bridge", .ipam_driver = "default"
};

#define AT(m) offsetof(struct network_create_opts, m)
/* clang-format off */
const struct mflag network_create_flags[] = {
	{ "-attachable", MFLAG_BOOL, AT(attachable), NULL,
	  "Let containers be attached by hand (overlay networks)", NULL },
	{ "-aux-address", MFLAG_LIST, AT(aux_address), "map",
	  "Address that is taken already, NAME=ADDRESS", NULL },
	{ "-config-from", MFLAG_STRING, AT(config_from), NULL,
	  "Network to copy the configuration from", NULL },
	{ "-config-only", MFLAG_BOOL, AT(config_only), NULL,
	  "Make a configuration only, for --config-from", NULL },
	{ "d,-driver", MFLAG_STRING, AT(driver), NULL,
	  "Driver of the network (default \"bridge\")", NULL },
	{ "-gateway", MFLAG_LIST, AT(gateway), "strings",
	  "Gateway of a subnet", flag_csv },
	{ "-ingress", MFLAG_BOOL, AT(ingress), NULL,
	  "Make the routing mesh of a swarm", NULL },
	{ "-internal", MFLAG_BOOL, AT(internal), NULL,
	  "Keep the network apart from the outside", NULL },
	{ "-ip-range", MFLAG_LIST, AT(ip_range), "strings",
	  "Part of a subnet that addresses are taken from", flag_csv },
	{ "-ipam-driver", MFLAG_STRING, AT(ipam_driver), NULL,
	  "Driver of the addresses (default \"default\")", NULL },
	{ "-ipam-opt", MFLAG_LIST, AT(ipam_opt), "map",
	  "Option of the driver of the addresses, NAME=VALUE", NULL },
	{ "-ipv4", MFLAG_TRISTATE, AT(ipv4), NULL,
	  "Give containers IPv4 addresses (default true)", NULL },
	{ "-ipv6", MFLAG_TRISTATE, AT(ipv6), NULL,
	  "Give containers IPv6 addresses", NULL },
	{ "-label", MFLAG_LIST, AT(label), NULL,
	  "Add a label, NAME=VALUE", flag_label },
	{ "o,-opt", MFLAG_LIST, AT(opt), "map",
	  "Option of the driver, NAME=VALUE", NULL },
	{ "-scope", MFLAG_STRING, AT(scope), NULL,
	  "Scope of the network: local or swarm", NULL },
	{ "-subnet", MFLAG_LIST, AT(subnet), "strings",
	  "Subnet in CIDR notation", flag_csv },
	{ 0 },
};
#undef AT

#define AT(m) offsetof(struct network_connect_opts, m)
const struct mflag network_connect_flags[] = {
	{ "-alias", MFLAG_LIST, AT(alias), "strings",
	  "Another name for it on this network", flag_csv },
	{ "-driver-opt", MFLAG_LIST, AT(driver_opt), "strings",
	  "Option of the network's driver, NAME=VALUE", flag_csv },
	{ "-gw-priority", MFLAG_INT, AT(gw_priority), NULL,
	  "The network with the highest one has the default gateway", NULL },
	{ "-ip", MFLAG_STRING, AT(ip), NULL,
	  "IPv4 address, such as 172.30.100.104", NULL },
	{ "-ip6", MFLAG_STRING, AT(ip6), NULL,
	  "IPv6 address, such as 2001:db8::33", NULL },
	{ "-link", MFLAG_LIST, AT(link), NULL,
	  "Link to another container, NAME:ALIAS", flag_link },
	{ "-link-local-ip", MFLAG_LIST, AT(link_local_ip), "strings",
	  "Add a link-local address", flag_csv },
	{ 0 },
};
/* clang-format on */

/* "k=v" strings as an object; "k" has the value "". */
static json_t *pairs(const struct strlist *list)
{
	json_t *o = json_object();

	for (size_t i = 0; i < list->n; i++) {
		size_t n = strcspn(list->v[i], "=");
		autofree char *key = xstrndup(list->v[i], n);
		const char *value = list->v[i] + n + (list->v[i][n] == '=');

		json_object_set_new_nocheck(o, key, json_string_nocheck(value));
	}
	return o;
}

static void set_text(json_t *o, const char *key, const char *text)
{
	json_object_set_new_nocheck(o, key, json_string_nocheck(text ? text : ""));
}

/* Is the address, or the first of a network in CIDR notation, in subnet? 1, 0, or -1 with err. */
static int subnet_has(const char *subnet, const char *data, struct error *err)
{
	struct cidr net, other;
	bool is_ip = true;

	if (cidr_parse(subnet, &net, err) < 0)
		return error_prefix(err, "invalid subnet");
	if (strchr(data, '/')) {
		if (cidr_parse(data, &other, err) < 0)
			return -1;
	} else {
		is_ip = ip_parse(data, &other.ip);
	}
	return is_ip && cidr_contains(&net, &other.ip);
}

static int add_subnet(json_t *config, const char *subnet, struct error *err)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(config, i, entry) {
		const char *other = json_get_str(entry, "Subnet", "");
		int a = subnet_has(subnet, other, err),
		    b = a < 0 ? -1 : subnet_has(other, subnet, err);

		if (b < 0)
			return -1;
		if (a || b)
			return error_set(err, ERR_BAD_REQUEST,
					 "multiple overlapping subnet configuration is not "
					 "supported");
	}
	json_array_append_new(config, json_pack("{s:s}", "Subnet", subnet));
	return 0;
}

/* The entry of the subnet that data is in, borrowed. NULL with err: none, or it makes no sense. */
static json_t *subnet_of(json_t *config, const char *data, const char *what, struct error *err)
{
	json_t *entry;
	size_t i;

	json_array_foreach(config, i, entry) {
		int has = subnet_has(json_get_str(entry, "Subnet", ""), data, err);

		if (has)
			return has < 0 ? NULL : entry;
	}
	error_set(err, ERR_BAD_REQUEST, "no matching subnet for %s %s", what, data);
	return NULL;
}

static int add_range(json_t *config, const char *range, struct error *err)
{
	struct cidr net;
	json_t *entry;

	if (json_array_size(config) && cidr_parse(range, &net, err) < 0)
		return -1;
	entry = subnet_of(config, range, "range", err);
	if (!entry)
		return -1;
	if (json_object_get(entry, "IPRange"))
		return error_set(
			err, ERR_BAD_REQUEST,
			"cannot configure multiple ranges (%s, %s) on the same subnet (%s)", range,
			json_get_str(entry, "IPRange", ""), json_get_str(entry, "Subnet", ""));
	set_text(entry, "IPRange", range);
	return 0;
}

static int add_gateway(json_t *config, const char *gateway, struct error *err)
{
	json_t *entry = subnet_of(config, gateway, "gateway", err);

	if (!entry)
		return -1;
	if (json_object_get(entry, "Gateway"))
		return error_set(
			err, ERR_BAD_REQUEST,
			"cannot configure multiple gateways (%s, %s) for the same subnet (%s)",
			gateway, json_get_str(entry, "Gateway", ""),
			json_get_str(entry, "Subnet", ""));
	set_text(entry, "Gateway", gateway);
	return 0;
}

static int add_aux_addresses(json_t *config, const struct strlist *list, struct error *err)
{
	autojson json_t *all = pairs(list);
	const char *name;
	json_t *value, *entry, *own;

	json_object_foreach(all, name, value) {
		entry = subnet_of(config, json_string_value(value), "aux-address", err);
		if (!entry)
			return -1;
		own = json_object_get(entry, "AuxiliaryAddresses");
		if (!own) {
			own = json_object();
			json_object_set_new_nocheck(entry, "AuxiliaryAddresses", own);
		}
		json_object_set_nocheck(own, name, value);
	}
	return 0;
}

static json_t *ipam_config(const struct network_create_opts *o, struct error *err)
{
	autojson json_t *config = json_array();

	if (o->subnet.n < o->ip_range.n || o->subnet.n < o->gateway.n) {
		error_set(err, ERR_BAD_REQUEST,
			  "every ip-range or gateway must have a corresponding subnet");
		return NULL;
	}
	for (size_t i = 0; i < o->subnet.n; i++)
		if (add_subnet(config, o->subnet.v[i], err) < 0)
			return NULL;
	for (size_t i = 0; i < o->ip_range.n; i++)
		if (add_range(config, o->ip_range.v[i], err) < 0)
			return NULL;
	for (size_t i = 0; i < o->gateway.n; i++)
		if (add_gateway(config, o->gateway.v[i], err) < 0)
			return NULL;
	if (add_aux_addresses(config, &o->aux_address, err) < 0)
		return NULL;
	return take_json(&config);
}

json_t *network_create_body(const struct network_create_opts *o, const char *name,
			    struct error *err)
{
	json_t *config = ipam_config(o, err), *body;

	if (!config)
		return NULL;
	body = json_pack("{s:s, s:b, s:b, s:b, s:b, s:o, s:o}", "Driver", o->driver, "Internal",
			 o->internal, "Attachable", o->attachable, "Ingress", o->ingress,
			 "ConfigOnly", o->config_only, "Options", pairs(&o->opt), "Labels",
			 pairs(&o->label));
	set_text(body, "Name", name);
	set_text(body, "Scope", o->scope);
	if (o->ipv4 >= 0)
		json_object_set_new_nocheck(body, "EnableIPv4", json_boolean(o->ipv4));
	if (o->ipv6 >= 0)
		json_object_set_new_nocheck(body, "EnableIPv6", json_boolean(o->ipv6));
	json_object_set_new_nocheck(body, "IPAM",
				    json_pack("{s:s, s:o, s:o}", "Driver", o->ipam_driver,
					      "Options", pairs(&o->ipam_opt), "Config", config));
	json_object_set_new_nocheck(body, "ConfigFrom",
				    o->config_from && *o->config_from
					    ? json_pack("{s:s}", "Network", o->config_from)
					    : json_null());
	return body;
}

/* Without the blanks around it. Caller frees. */
static char *trimmed(const char *text, size_t n)
{
	for (; n && isspace((unsigned char)*text); n--)
		text++;
	while (n && isspace((unsigned char)text[n - 1]))
		n--;
	return xstrndup(text, n);
}

static json_t *driver_opts(const struct strlist *list, struct error *err)
{
	autojson json_t *o = json_object();

	for (size_t i = 0; i < list->n; i++) {
		const char *eq = strchr(list->v[i], '=');
		autofree char *key = trimmed(list->v[i], eq ? (size_t)(eq - list->v[i]) : 0);
		autofree char *value = NULL;

		if (!*key) {
			error_set(err, ERR_BAD_REQUEST,
				  "invalid key/value pair format in driver options");
			return NULL;
		}
		value = trimmed(eq + 1, strlen(eq + 1));
		json_object_set_new_nocheck(o, key, json_string_nocheck(value));
	}
	return take_json(&o);
}

/* What only a daemon's answer has, empty. */
static void add_answers(json_t *endpoint)
{
	static const char *const texts[] = { "MacAddress",       "NetworkID", "EndpointID",
					     "Gateway",          "IPAddress", "IPv6Gateway",
					     "GlobalIPv6Address" };
	static const char *const numbers[] = { "IPPrefixLen", "GlobalIPv6PrefixLen" };

	for (size_t i = 0; i < array_size(texts); i++)
		set_text(endpoint, texts[i], "");
	for (size_t i = 0; i < array_size(numbers); i++)
		json_object_set_new_nocheck(endpoint, numbers[i], json_integer(0));
	json_object_set_new_nocheck(endpoint, "DNSNames", json_null());
}

json_t *network_connect_body(const struct network_connect_opts *o, const char *container,
			     struct error *err)
{
	json_t *options = driver_opts(&o->driver_opt, err), *ipam, *endpoint;

	if (!options)
		return NULL;
	ipam = json_object();
	if (o->ip && *o->ip)
		set_text(ipam, "IPv4Address", o->ip);
	if (o->ip6 && *o->ip6)
		set_text(ipam, "IPv6Address", o->ip6);
	if (o->link_local_ip.n)
		json_object_set_new_nocheck(ipam, "LinkLocalIPs",
					    json_from_strlist(&o->link_local_ip));
	endpoint = json_pack("{s:o, s:o, s:o, s:o, s:I}", "IPAMConfig", ipam, "Links",
			     o->link.n ? json_from_strlist(&o->link) : json_null(), "Aliases",
			     json_from_strlist(&o->alias), "DriverOpts", options, "GwPriority",
			     (json_int_t)o->gw_priority);
	add_answers(endpoint);
	return json_pack("{s:s, s:o}", "Container", container, "EndpointConfig", endpoint);
}
