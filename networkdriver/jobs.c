/*
 * The jobs of the network driver. init_networkdriver sets the default bridge up and then installs
 * the others; to add one, write it here or in a file of its own and add a row to network_jobs.
 */
#include "networkdriver/networkdriver.h"

#include <string.h>

#include "engine/engine.h"
#include "engine/env.h"
#include "engine/job.h"
#include "networkdriver/internal.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"

struct networkdriver {
	struct firewall firewall;
	struct network *bridge; /* the default network; NULL: disabled. Set before the jobs exist */
};

static int no_network(struct job *job)
{
	return job_fail(job, ERR_BAD_REQUEST,
			"Cannot give container %s an interface: networking is disabled (-b none)",
			job_arg(job, 0));
}

static json_t *endpoint_json(const struct network *net, const struct endpoint *e)
{
	char ip[IPV4_TEXT], gateway[IPV4_TEXT], mac[MAC_TEXT];

	return json_pack("{s:s,s:i,s:s,s:s,s:s,s:s,s:i,s:b}", "IP", ipv4_text(ip, e->ip),
			 "IPPrefixLen", net->subnet.prefix, "Gateway",
			 ipv4_text(gateway, net->subnet.addr), "Bridge", net->bridge, "MacAddress",
			 mac_text(mac, e->mac), "HostIfname", e->ifname, "Mtu", (int)net->mtu,
			 "Isolated", !net->icc);
}

static int job_allocate_interface(struct job *job, void *self)
{
	struct network *net = ((struct networkdriver *)self)->bridge;
	const struct network_request request = {
		.ip = env_get(job_env(job), "RequestedIP", NULL),
		.mac = env_get(job_env(job), "RequestedMac", NULL),
	};
	struct endpoint e;
	struct error err;

	if (!net)
		return no_network(job);
	if (network_address_allocate(net, job_arg(job, 0), &request, &e, &err) < 0)
		return job_fail_error(job, &err);
	autojson json_t *reply = endpoint_json(net, &e);
	if (job_write_json(job, reply) == 0)
		return 0;
	network_address_release(net, job_arg(job, 0));
	return job_fail(job, ERR_CANCELLED, "Nobody reads the interface of container %s",
			job_arg(job, 0));
}

static int job_release_interface(struct job *job, void *self)
{
	struct network *net = ((struct networkdriver *)self)->bridge;

	if (net)
		network_address_release(net, job_arg(job, 0));
	return 0;
}

static int read_endpoint(struct job *job, struct endpoint *e)
{
	const struct env *env = job_env(job);
	const char *ip = env_get(env, "IP", ""), *mac = env_get(env, "MacAddress", "");
	const char *ifname = env_get(env, "HostIfname", "");

	*e = (struct endpoint){ 0 };
	if (ipv4_parse(ip, &e->ip) < 0 || !e->ip)
		return job_fail(job, ERR_BAD_REQUEST, "invalid IPv4 address: %s", ip);
	if (mac_parse(mac, e->mac) < 0)
		return job_fail(job, ERR_BAD_REQUEST, "invalid MAC address: %s", mac);
	if (!*ifname || strlen(ifname) >= sizeof(e->ifname))
		return job_fail(job, ERR_BAD_REQUEST, "invalid name of an interface: \"%s\"",
				ifname);
	memcpy(e->ifname, ifname, strlen(ifname));
	return 0;
}

static int job_adopt_interface(struct job *job, void *self)
{
	struct network *net = ((struct networkdriver *)self)->bridge;
	struct endpoint e;
	struct error err;

	if (!net)
		return no_network(job);
	if (read_endpoint(job, &e) < 0)
		return -1;
	if (network_address_adopt(net, job_arg(job, 0), &e, &err) < 0)
		return job_fail_error(job, &err);
	return 0;
}

static int job_network_sweep(struct job *job, void *self)
{
	struct network *net = ((struct networkdriver *)self)->bridge;
	autostrlist struct strlist known = STRLIST_INIT;
	struct error err;

	env_get_list(job_env(job), "KnownIfnames", &known);
	if (net && network_sweep(net, &known, &err) < 0)
		return job_fail_error(job, &err);
	return 0;
}

static int job_network_status(struct job *job, void *self)
{
	autojson json_t *status = network_status(((struct networkdriver *)self)->bridge);

	return job_write_json(job, status);
}

static const struct handler network_jobs[] = {
	{ "allocate_interface", "CONTAINER-ID", 1, 1, job_allocate_interface, 0 },
	{ "release_interface", "CONTAINER-ID", 1, 1, job_release_interface, 0 },
	{ "adopt_interface", "CONTAINER-ID", 1, 1, job_adopt_interface, 0 },
	{ "network_sweep", "", 0, 0, job_network_sweep, 0 },
	{ "network_status", "", 0, 0, job_network_status, JOB_QUIET },
	{ 0 },
};

static void bridge_free(struct network *net)
{
	if (!net)
		return;
	network_done(net);
	free(net);
}

/* The default network, up and with its rules in force. */
static struct network *bridge_new(struct firewall *fw, const struct options *o, struct error *err)
{
	autofree struct network *net = xcalloc(1, sizeof(*net));
	struct error ignored;

	if (o->ip_forward && bridge_enable_forwarding(&ignored) < 0)
		log_warn("%s, ignoring: containers reach nothing but this host", ignored.text);
	if (bridge_setup(net, o, err) < 0)
		return NULL;
	if (network_init(net, o, err) < 0)
		goto undo_bridge;
	if (net->firewall && firewall_setup(fw, net, err) < 0)
		goto undo_network;
	return take_ptr(&net);
undo_network:
	network_done(net);
undo_bridge:
	bridge_undo(net);
	return NULL;
}

static void log_network(const struct network *net)
{
	char text[SUBNET_TEXT];

	if (net)
		log_info("Bridge %s: %s, MTU %u, icc %s, firewall %s", net->bridge,
			 subnet_text(text, net->subnet), net->mtu, net->icc ? "on" : "off",
			 net->firewall ? "nftables" : "none");
	else
		log_info("Bridge networking is disabled");
}

static int job_init_networkdriver(struct job *job, void *self)
{
	struct networkdriver *driver = self;
	struct options options;
	struct error err;

	if (engine_has(job_engine(job), network_jobs[0].name))
		return job_fail(job, ERR_CONFLICT, "The network driver is up already");
	if (options_load(&options, job_env(job), &err) < 0)
		return job_fail_error(job, &err);
	if (!options.disabled && !(driver->bridge = bridge_new(&driver->firewall, &options, &err)))
		return job_fail_error(job, &err);
	log_network(driver->bridge);
	if (engine_install(job_engine(job), network_jobs, driver, &err) < 0) {
		bridge_free(driver->bridge);
		driver->bridge = NULL;
		return job_fail_error(job, &err);
	}
	return 0;
}

static const struct handler init_jobs[] = {
	{ "init_networkdriver", "", 0, 0, job_init_networkdriver, 0 },
	{ 0 },
};

int networkdriver_install(struct engine *e, struct error *err)
{
	autofree struct networkdriver *driver = xcalloc(1, sizeof(*driver));

	firewall_init(&driver->firewall);
	if (engine_install(e, init_jobs, driver, err) < 0)
		return -1;
	take_ptr(&driver); /* the engine's handlers hold it from now on */
	return 0;
}
