/*
 * The jobs that publish a container's ports. What they write is what the caller keeps, and hands back
 * to adopt_port after a restart.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "engine/env.h"
#include "engine/job.h"
#include "networkdriver/internal.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/parse.h"

#define MAX_PORTS 65536 /* of one job */

/* The rules go first: of two that serve one port the kernel could not tell whose it removes. */
static int withdraw(struct networkdriver *d, const char *id, const struct port_list *these,
		    struct error *err)
{
	struct port_list ports = { 0 };
	int rc;

	ports_disown(&d->ports, id, these, &ports);
	rc = firewall_change(&d->firewall,
			     &(struct fw_change){ .ports = ports.v, .nports = ports.n }, err);
	conntrack_forget(&ports);
	ports_free(&d->ports, &ports);
	port_list_done(&ports);
	return rc;
}

int withdraw_ports(struct networkdriver *d, const char *id, struct error *err)
{
	return withdraw(d, id, NULL, err);
}

static bool is_any(const char *ip)
{
	return !*ip || strcmp(ip, "0.0.0.0") == 0;
}

/* Which addresses of the host: none named means those of both families that the network has. */
static int read_host(const char *ip, const struct network *net, struct port_request *r,
		     struct error *err)
{
	static const struct ip6 loopback6 = { .b = { [15] = 1 } };
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
		if (ip6_equal(&r->host6, &loopback6))
			return error_set(err, ERR_BAD_REQUEST,
					 "a port cannot be published at ::1, only at 127.0.0.1");
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
		(void)withdraw(d, id, out, &ignored); /* the first failure is the news */
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
