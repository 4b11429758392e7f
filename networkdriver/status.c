/* What a network tells about itself, for /info and /networks. */
#include "networkdriver/internal.h"

#include <fcntl.h>

#include "pkg/fs.h"

/* The switch is a file of /proc/sys with 0 or more; one that is not there is off. */
static bool switch_is_on(const char *path)
{
	autobuf struct buf b = BUF_INIT(16);

	return fs_read_file(AT_FDCWD, path, &b) == 0 && buf_text(&b)[0] > '0';
}

static void add_host(json_t *o)
{
	static const struct {
		const char *key, *path;
	} switches[] = {
		{ "IPv4Forwarding", "/proc/sys/net/ipv4/ip_forward" },
		{ "BridgeNfIptables", "/proc/sys/net/bridge/bridge-nf-call-iptables" },
		{ "BridgeNfIp6tables", "/proc/sys/net/bridge/bridge-nf-call-ip6tables" },
	};

	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		json_object_set_new(o, switches[i].key,
				    json_boolean(switch_is_on(switches[i].path)));
}

static void add_network(json_t *o, struct network *net, const char *firewall)
{
	char text[SUBNET_TEXT], ip[IPV4_TEXT];
	const struct {
		const char *key;
		json_t *value;
	} members[] = {
		{ "Driver", json_string("bridge") },
		{ "Bridge", json_string(net->bridge) },
		{ "Subnet", json_string(subnet_text(text, subnet_network(net->subnet))) },
		{ "Gateway", json_string(ipv4_text(ip, net->subnet.addr)) },
		{ "IPPrefixLen", json_integer(net->subnet.prefix) },
		{ "IPRange", json_string(subnet_text(text, net->range)) },
		{ "Mtu", json_integer(net->mtu) },
		{ "EnableICC", json_boolean(net->icc) },
		{ "EnableIPMasquerade", json_boolean(net->masq) },
		{ "HostBindingIPv4", json_string(ipv4_text(ip, net->binding_ip)) },
		{ "FirewallBackend", json_string(firewall) },
		{ "Endpoints", network_endpoints(net) },
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		json_object_set_new(o, members[i].key, members[i].value);
}

json_t *network_status(struct network *net, const char *firewall)
{
	json_t *o = json_pack("{s:b}", "Enabled", net != NULL);

	if (net)
		add_network(o, net, firewall);
	add_host(o);
	return o;
}
