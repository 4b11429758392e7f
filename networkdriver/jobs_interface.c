/*
 * The jobs that give a container its interfaces. What they write is what the caller keeps, and hands
 * back to adopt_interface after a restart.
 */
#include <stdio.h>
#include <string.h>

#include "engine/env.h"
#include "engine/job.h"
#include "networkdriver/internal.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"

void network_event(struct job *job, const struct network *net, const char *action,
		   const char *container)
{
	struct job *log = job_new_nested(job, "log", action, net->id, "", NULL);
	json_t *attributes = json_pack("{s:s, s:s}", "name", net->name, "type",
				       network_driver_name(net->driver));
	struct error err;

	if (container)
		json_object_set_new(attributes, "container", json_string(container));
	env_set(job_env(log), "Type", "network");
	env_set_json(job_env(log), "Attributes", attributes);
	if (job_run(log, &err) < 0)
		log_debug("event %s of network %s: %s, ignoring", action, net->name, err.text);
	job_free(log);
}

/* The network that the env names; the default one when it names none. A reference. */
struct network *job_network(struct job *job, struct networkdriver *d)
{
	const char *name = env_get(job_env(job), "Network", "");
	struct network *net;
	struct error err;

	if (*name && strcmp(name, "bridge") != 0) {
		net = networks_find(d, name, &err);
		if (!net)
			job_fail_error(job, &err);
		return net;
	}
	if (d->bridge)
		return network_ref(d->bridge);
	job_fail(job, ERR_BAD_REQUEST,
		 "Cannot give container %s an interface: networking is disabled (-b none)",
		 job_arg(job, 0));
	return NULL;
}

/* "": none; "-": what lies beyond is on the link, as ipvlan in its third mode has it. */
static const char *gateway_text(const struct network *net, const char *text)
{
	if (net->internal || net->no_gateway)
		return "";
	return strcmp(net->vlan_mode, "l3") == 0 || strcmp(net->vlan_mode, "l3s") == 0 ? "-" : text;
}

static void add_ip(json_t *o, const struct network *net, const struct endpoint *e)
{
	char text[IPV6_TEXT];

	if (net->subnet.prefix) {
		json_object_set_new(o, "IP", json_string(ipv4_text(text, e->ip)));
		json_object_set_new(o, "IPPrefixLen", json_integer(net->subnet.prefix));
		ipv4_text(text, net->subnet.addr);
		json_object_set_new(o, "Gateway", json_string(gateway_text(net, text)));
	}
	if (!net->subnet6.prefix)
		return;
	json_object_set_new(o, "IP6", json_string(ipv6_text(text, &e->ip6)));
	json_object_set_new(o, "IP6PrefixLen", json_integer(net->subnet6.prefix));
	ipv6_text(text, &net->subnet6.addr);
	json_object_set_new(o, "Gateway6", json_string(gateway_text(net, text)));
}

static json_t *endpoint_json(const struct network *net, const struct endpoint *e)
{
	char mac[MAC_TEXT];
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:b, s:b, s:s}", "Network",
			      net->name, "NetworkID", net->id, "Driver",
			      network_driver_name(net->driver), "EndpointID", e->id, "Bridge",
			      net->bridge, "MacAddress", mac_text(mac, e->mac), "HostIfname",
			      e->ifname, "Mtu", (int)net->mtu, "Isolated", !net->icc, "Internal",
			      net->internal, "IfPrefix", net->if_prefix);

	add_ip(o, net, e);
	if (net->driver == DRIVER_BRIDGE && bridge_is_filtered())
		json_object_set_new(o, "Hairpin", json_true());
	if (*net->vlan_mode)
		json_object_set_new(o, "Mode", json_string(net->vlan_mode));
	if (e->name)
		json_object_set_new(o, "Name", json_string(e->name));
	if (e->names)
		json_object_set_new(o, "Names", json_string(e->names));
	if (net->names_file)
		json_object_set_new(o, "NamesFile", json_string(net->names_file));
	return o;
}

/* "web alias 0123456789ab": the names that a resolver can be asked for, each once. */
static char *names_of(const struct env *env)
{
	autostrlist struct strlist all = STRLIST_INIT, names = STRLIST_INIT;
	autobuf struct buf b = BUF_INIT(65536);

	strlist_add(&all, env_get(env, "Name", ""));
	env_get_list(env, "Aliases", &all);
	for (size_t i = 0; i < all.n; i++)
		if (*all.v[i] && !strpbrk(all.v[i], " \t\r\n/") && !strlist_has(&names, all.v[i]))
			strlist_add(&names, all.v[i]);
	for (size_t i = 0; i < names.n; i++)
		if (buf_addf(&b, "%s%s", i ? " " : "", names.v[i]) < 0)
			break; /* more names than anybody asks for */
	return buf_take(&b);
}

/* User networks tell names; the default one has links instead. */
static int allocate(struct job *job, struct network *net)
{
	const struct env *env = job_env(job);
	const char *id = job_arg(job, 0);
	autofree char *names = net->names_file ? names_of(env) : NULL;
	const struct network_request request = {
		.ip = env_get(env, "RequestedIP", NULL),
		.ip6 = env_get(env, "RequestedIP6", NULL),
		.mac = env_get(env, "RequestedMac", NULL),
		.name = env_get(env, "Name", NULL),
		.names = names,
	};
	struct endpoint e;
	struct error err;

	if (net->driver != DRIVER_BRIDGE && net->driver != DRIVER_MACVLAN &&
	    net->driver != DRIVER_IPVLAN)
		return job_fail(job, ERR_BAD_REQUEST, "network %s has no interfaces", net->name);
	if (net->config_only)
		return job_fail(job, ERR_FORBIDDEN,
				"configuration only network %s cannot be used by a container",
				net->name);
	if (network_address_allocate(net, id, &request, &e, &err) < 0)
		return job_fail_error(job, &err);
	autojson json_t *reply = endpoint_json(net, &e);
	endpoint_done(&e);
	network_event(job, net, "connect", id);
	if (job_write_json(job, reply) == 0)
		return 0;
	network_address_release(net, id);
	return job_fail(job, ERR_CANCELLED, "Nobody reads the interface of container %s", id);
}

/* Nobody joins a bridge that no rules guard. */
int job_allocate_interface(struct job *job, void *self)
{
	struct networkdriver *d = self;
	struct network *net = job_network(job, d);
	struct error err;
	int rc;

	if (!net)
		return -1;
	if (net->driver == DRIVER_BRIDGE && firewall_ready(&d->firewall, &err) < 0)
		rc = job_fail_error(job, &err);
	else
		rc = allocate(job, net);
	network_unref(net);
	return rc;
}

/* Its address is somebody else's next: no link may lead there, or come from there. */
static int close_links(struct networkdriver *d, struct network *net, const char *id,
		       struct error *err)
{
	struct endpoint e;
	int rc = 0;

	if (!network_endpoint(net, id, &e))
		return 0;
	if (links_forget(d, e.ip))
		rc = firewall_sync(&d->firewall, err);
	endpoint_done(&e);
	return rc;
}

static int release(struct job *job, struct networkdriver *d, struct network *net, const char *id,
		   struct error *err)
{
	int rc = close_links(d, net, id, err);

	if (network_address_release(net, id))
		network_event(job, net, "disconnect", id);
	return rc;
}

/* Of the network that the env names, or of all, with the ports. */
int job_release_interface(struct job *job, void *self)
{
	struct networkdriver *d = self;
	const char *name = env_get(job_env(job), "Network", ""), *id = job_arg(job, 0);
	struct network **all = networks_list(d);
	struct error err;
	int rc = 0;

	if (!*name && withdraw_ports(d, id, &err) < 0)
		rc = -1;
	for (struct network **p = all; *p; p++)
		if ((!*name || strcmp((*p)->name, name) == 0 || strcmp((*p)->id, name) == 0) &&
		    release(job, d, *p, id, &err) < 0)
			rc = -1;
	networks_list_free(all);
	return rc < 0 ? job_fail_error(job, &err) : 0;
}

static int read_addresses(struct job *job, const struct network *net, struct endpoint *e)
{
	const struct env *env = job_env(job);
	const char *ip = env_get(env, "IP", ""), *ip6 = env_get(env, "IP6", "");
	const char *mac = env_get(env, "MacAddress", "");

	if ((*ip || net->subnet.prefix) && (ipv4_parse(ip, &e->ip) < 0 || !e->ip))
		return job_fail(job, ERR_BAD_REQUEST, "invalid IPv4 address: %s", ip);
	if (*ip6 && (ipv6_parse(ip6, &e->ip6) < 0 || ip6_is_zero(&e->ip6)))
		return job_fail(job, ERR_BAD_REQUEST, "invalid IPv6 address: %s", ip6);
	if (mac_parse(mac, e->mac) < 0)
		return job_fail(job, ERR_BAD_REQUEST, "invalid MAC address: %s", mac);
	return 0;
}

static int read_endpoint(struct job *job, const struct network *net, struct endpoint *e)
{
	const struct env *env = job_env(job);
	const char *ifname = env_get(env, "HostIfname", ""), *id = env_get(env, "EndpointID", "");

	*e = (struct endpoint){ 0 };
	if (read_addresses(job, net, e) < 0)
		return -1;
	if ((net->driver == DRIVER_BRIDGE && !*ifname) || strlen(ifname) >= sizeof(e->ifname))
		return job_fail(job, ERR_BAD_REQUEST, "invalid name of an interface: \"%s\"",
				ifname);
	memcpy(e->ifname, ifname, strlen(ifname));
	if (id_is_full(id))
		memcpy(e->id, id, strlen(id));
	else
		id_generate(e->id);
	e->name = (char *)env_get(env, "Name", NULL); /* borrowed: adopt copies */
	e->names = (char *)env_get(env, "Names", NULL);
	return 0;
}

int job_adopt_interface(struct job *job, void *self)
{
	struct network *net = job_network(job, self);
	struct endpoint e;
	struct error err;
	int rc;

	if (!net)
		return -1;
	rc = read_endpoint(job, net, &e);
	if (rc == 0 && network_address_adopt(net, job_arg(job, 0), &e, &err) < 0)
		rc = job_fail_error(job, &err);
	network_unref(net);
	return rc;
}

int job_rename_interface(struct job *job, void *self)
{
	struct network **all = networks_list(self);

	for (struct network **p = all; *p; p++)
		network_rename(*p, job_arg(job, 0), job_arg(job, 1));
	networks_list_free(all);
	return 0;
}
