/*
 * The jobs that give a container its place on networks: interfaces, ports, links. What they write is
 * what the caller keeps, and hands back after a restart to adopt_interface and adopt_port.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/env.h"
#include "engine/job.h"
#include "networkdriver/internal.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/parse.h"

#define MAX_PORTS 65536 /* of one job */

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
static struct network *job_network(struct job *job, struct networkdriver *d)
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

int job_allocate_interface(struct job *job, void *self)
{
	struct network *net = job_network(job, self);
	int rc;

	if (!net)
		return -1;
	rc = allocate(job, net);
	network_unref(net);
	return rc;
}

static int withdraw_ports(struct networkdriver *d, const char *id, struct error *err)
{
	struct port_list ports = { 0 };
	int rc;

	ports_release(&d->ports, id, &ports);
	rc = firewall_change(&d->firewall,
			     &(struct fw_change){ .ports = ports.v, .nports = ports.n }, err);
	conntrack_forget(&ports);
	port_list_done(&ports);
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
		    network_address_release(*p, id))
			network_event(job, *p, "disconnect", id);
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

/* ---- ports ---- */

static bool is_any(const char *ip)
{
	return !*ip || strcmp(ip, "0.0.0.0") == 0;
}

/* Which addresses of the host: none named means those of both families that the network has. */
static int read_host(const char *ip, const struct network *net, struct port_request *r,
		     struct error *err)
{
	uint32_t v4 = 0;

	r->v4 = r->v6 = false;
	if (!*ip && net->binding_ip) {
		r->v4 = true;
		v4 = net->binding_ip;
	} else if (is_any(ip)) {
		r->v4 = r->any4 = true;
		r->v6 = r->any6 = !*ip;
	} else if (ipv4_parse(ip, &v4) == 0) {
		r->v4 = true;
	} else if (ipv6_parse(ip, &r->host6) == 0) {
		r->v6 = true;
		r->any6 = ip6_is_zero(&r->host6);
	} else {
		return error_set(err, ERR_BAD_REQUEST, "invalid IP address: %s", ip);
	}
	v4 = htonl(v4);
	memcpy(r->host4.b, &v4, sizeof(v4));
	return 0;
}

static int read_host_port(const char *text, struct port_request *r, struct error *err)
{
	const char *dash = strchr(text, '-');
	autofree char *first = xstrndup(text, dash ? (size_t)(dash - text) : strlen(text));
	uint32_t low = 0, high;

	if (*text && parse_u32(first, &low) < 0)
		low = UINT32_MAX;
	high = low;
	if (dash && parse_u32(dash + 1, &high) < 0)
		high = UINT32_MAX;
	if (low > UINT16_MAX || high > UINT16_MAX || high < low)
		return error_set(err, ERR_BAD_REQUEST, "invalid port specification: \"%s\"", text);
	r->first = (uint16_t)low;
	r->last = (uint16_t)high;
	return 0;
}

/* Where it leads: the container's addresses, in the families that it has. */
static void set_target(const struct network *net, const struct endpoint *e, struct port_request *r)
{
	uint32_t be = htonl(e->ip);

	r->v4 = r->v4 && e->ip;
	r->v6 = r->v6 && !ip6_is_zero(&e->ip6);
	r->routed4 = net->mode4 == FW_ROUTED;
	r->routed6 = net->mode6 == FW_ROUTED;
	memcpy(r->to4.b, &be, sizeof(be));
	r->to6 = e->ip6;
}

static int read_request(const json_t *v, const struct network *net, const struct endpoint *e,
			struct port_request *r, struct error *err)
{
	const char *proto = json_get_str(v, "Proto", "tcp");
	const char *host_port = json_get_str(v, "HostPort", "");
	char number[24];
	long long port = json_get_int(v, "ContainerPort", 0);

	if (json_is_integer(json_object_get(v, "HostPort"))) {
		snprintf(number, sizeof(number), "%lld", json_get_int(v, "HostPort", 0));
		host_port = number;
	}
	r->proto = proto_number(proto);
	if (!r->proto)
		return error_set(err, ERR_BAD_REQUEST, "invalid proto: %s", proto);
	if (port <= 0 || port > UINT16_MAX)
		return error_set(err, ERR_BAD_REQUEST, "invalid container port: %lld", port);
	r->port = (uint16_t)port;
	if (read_host(json_get_str(v, "HostIP", ""), net, r, err) < 0 ||
	    read_host_port(host_port, r, err) < 0)
		return -1;
	set_target(net, e, r);
	if (!r->v4 && !r->v6 && *json_get_str(v, "HostIP", ""))
		return error_set(err, ERR_BAD_REQUEST,
				 "port %lld/%s cannot be published at %s: network %s has no such "
				 "addresses",
				 port, proto, json_get_str(v, "HostIP", ""), net->name);
	return 0;
}

static const char *host_text(char out[IPV6_TEXT], const struct port *p)
{
	struct ip6 host = p->any ? (struct ip6){ { 0 } } : p->host;

	return inet_ntop(p->v6 ? AF_INET6 : AF_INET, host.b, out, IPV6_TEXT);
}

static json_t *ports_json(const struct port_list *l)
{
	json_t *all = json_array();
	char host[IPV6_TEXT], to[IPV6_TEXT];

	for (size_t i = 0; i < l->n; i++) {
		const struct port *p = &l->v[i];

		inet_ntop(p->v6 ? AF_INET6 : AF_INET, p->to.b, to, sizeof(to));
		json_array_append_new(all, json_pack("{s:s, s:i, s:s, s:i, s:s, s:b}", "Proto",
						     proto_name(p->proto), "ContainerPort", p->port,
						     "HostIP", host_text(host, p), "HostPort",
						     p->host_port, "To", to, "Routed", p->routed));
	}
	return all;
}

static json_t *ports_reply(const struct port_list *l)
{
	json_t *all = ports_json(l);
	char host[IPV6_TEXT], number[8];

	snprintf(number, sizeof(number), "%u", l->n ? l->v[0].host_port : 0);
	return json_pack("{s:s, s:s, s:o}", "HostIP", l->n ? host_text(host, &l->v[0]) : "",
			 "HostPort", number, "Ports", all);
}

/* In force, all of them or none. */
static int publish(struct networkdriver *d, const char *id, const struct port_request *requests,
		   size_t n, struct port_list *out, struct error *err)
{
	struct error ignored;

	if (ports_allocate(&d->ports, id, requests, n, out, err) < 0)
		return -1;
	if (firewall_change(&d->firewall,
			    &(struct fw_change){ .add = true, .ports = out->v, .nports = out->n },
			    err) < 0) {
		(void)withdraw_ports(d, id, &ignored); /* the first failure is the news */
		return -1;
	}
	conntrack_forget(out);
	return 0;
}

/* The whole env is one request, as of old, or Ports is a list of them. */
static int read_requests(struct job *job, const struct network *net, const struct endpoint *e,
			 struct port_request **out, size_t *n, struct error *err)
{
	const json_t *list = env_get_json(job_env(job), "Ports"), *v;
	size_t i;

	*n = json_is_array(list) ? json_array_size(list) : 1;
	if (*n > MAX_PORTS)
		return error_set(err, ERR_BAD_REQUEST, "too many ports: %zu", *n);
	*out = xcalloc(*n + 1, sizeof(**out));
	if (!json_is_array(list))
		return read_request(env_json(job_env(job)), net, e, *out, err);
	json_array_foreach(list, i, v)
		if (read_request(v, net, e, *out + i, err) < 0)
			return -1;
	return 0;
}

static int allocate_ports(struct job *job, struct networkdriver *d, struct network *net,
			  struct error *err)
{
	const char *id = job_arg(job, 0);
	autofree struct port_request *requests = NULL;
	autojson json_t *reply = NULL;
	struct port_list ports = { 0 };
	struct endpoint e;
	size_t n;
	int rc;

	if (!network_endpoint(net, id, &e))
		return error_set(err, ERR_NOT_FOUND, "container %s is not connected to network %s",
				 id, net->name);
	rc = read_requests(job, net, &e, &requests, &n, err);
	endpoint_done(&e);
	if (rc == 0)
		rc = publish(d, id, requests, n, &ports, err);
	if (rc == 0) {
		reply = ports_reply(&ports);
		job_write_json(job, reply);
	}
	port_list_done(&ports);
	return rc;
}

int job_allocate_port(struct job *job, void *self)
{
	struct networkdriver *d = self;
	struct network *net = job_network(job, d);
	struct error err;
	int rc;

	if (!net)
		return -1;
	rc = allocate_ports(job, d, net, &err);
	if (rc == 0 && !d->firewall.ops)
		log_warn("ports of container %.12s lead nowhere: --iptables=false",
			 job_arg(job, 0));
	network_unref(net);
	return rc < 0 ? job_fail_error(job, &err) : 0;
}

int job_release_port(struct job *job, void *self)
{
	struct error err;

	return withdraw_ports(self, job_arg(job, 0), &err) < 0 ? job_fail_error(job, &err) : 0;
}

/* A port as ports_json() wrote it. false: it is not. */
static bool read_kept_port(const json_t *v, struct port *p)
{
	const char *to = json_get_str(v, "To", ""), *host = json_get_str(v, "HostIP", "");
	static const struct ip6 zero;

	*p = (struct port){ .proto = proto_number(json_get_str(v, "Proto", "")),
			    .v6 = strchr(to, ':') != NULL,
			    .routed = json_get_bool(v, "Routed", false),
			    .host_port = (uint16_t)json_get_int(v, "HostPort", 0),
			    .port = (uint16_t)json_get_int(v, "ContainerPort", 0) };
	if (!p->proto || inet_pton(p->v6 ? AF_INET6 : AF_INET, to, p->to.b) != 1 ||
	    inet_pton(p->v6 ? AF_INET6 : AF_INET, host, p->host.b) != 1)
		return false;
	p->any = ip6_equal(&p->host, &zero);
	return true;
}

/* After a restart. The rules follow with network_sweep. */
int job_adopt_port(struct job *job, void *self)
{
	struct networkdriver *d = self;
	const json_t *list = env_get_json(job_env(job), "Ports"), *v;
	struct port_list ports = { .v = xcalloc(json_array_size(list) + 1, sizeof(struct port)) };
	size_t i;

	json_array_foreach(list, i, v)
		if (read_kept_port(v, &ports.v[ports.n]))
			ports.n++;
		else
			log_warn("a port of container %.12s cannot be read, ignoring",
				 job_arg(job, 0));
	ports_adopt(&d->ports, job_arg(job, 0), &ports);
	port_list_done(&ports);
	return 0;
}

/* ---- links ---- */

/* "80/tcp" of each port, from the child to the parent and back, as early Docker opened them. */
static size_t read_links(struct job *job, struct fw_link **out, struct error *err)
{
	autostrlist struct strlist ports = STRLIST_INIT;
	const struct env *env = job_env(job);
	struct fw_link *v;
	size_t n = 0;
	uint32_t parent, child;

	env_get_list(env, "Ports", &ports);
	if (ipv4_parse(env_get(env, "ParentIP", ""), &parent) < 0 ||
	    ipv4_parse(env_get(env, "ChildIP", ""), &child) < 0) {
		error_set(err, ERR_BAD_REQUEST, "link needs ParentIP and ChildIP");
		return 0;
	}
	v = *out = xcalloc(ports.n + 1, sizeof(*v));
	for (size_t i = 0; i < ports.n; i++) {
		char *slash = strchr(ports.v[i], '/');
		uint32_t port;

		if (slash)
			*slash = '\0';
		v[n].proto = proto_number(slash ? slash + 1 : "tcp");
		if (!v[n].proto || parse_u32(ports.v[i], &port) < 0 || port > UINT16_MAX) {
			error_set(err, ERR_BAD_REQUEST, "invalid port of a link: \"%s\"",
				  ports.v[i]);
			return 0;
		}
		v[n].from = parent, v[n].to = child;
		v[n++].port = (uint16_t)port;
	}
	if (!n)
		error_set(err, ERR_BAD_REQUEST, "link needs Ports");
	return n;
}

/* ACTION is -I or -A (open), or -D (close), as it was with iptables. */
int job_link(struct job *job, void *self)
{
	struct networkdriver *d = self;
	const char *action = job_arg(job, 0);
	bool add = strcmp(action, "-D") != 0;
	autofree struct fw_link *links = NULL;
	struct error err;
	size_t n;
	int rc;

	if (add && strcmp(action, "-I") != 0 && strcmp(action, "-A") != 0)
		return job_fail(job, ERR_BAD_REQUEST, "Invalid action '%s' specified", action);
	n = read_links(job, &links, &err);
	if (!n)
		return env_get_bool(job_env(job), "IgnoreErrors") ? 0 : job_fail_error(job, &err);
	if (add) {
		links_add(d, links, n);
		rc = firewall_change(&d->firewall,
				     &(struct fw_change){
					     .add = true, .links = links, .nlinks = n },
				     &err);
	} else {
		/* Another link may keep the same port open: what is left is put in force as a whole. */
		links_remove(d, links, n);
		rc = firewall_sync(&d->firewall, &err);
	}
	if (rc == 0 || env_get_bool(job_env(job), "IgnoreErrors"))
		return 0;
	return job_fail_error(job, &err);
}
