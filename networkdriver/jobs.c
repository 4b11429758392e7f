/*
 * The network driver: init_networkdriver sets the default bridge up, loads the networks of earlier
 * daemons, and then installs the other jobs; to add one, write it in a jobs_*.c and add a row here.
 *
 * The rules of the firewall are not touched until network_sweep, when everything that runs has been
 * adopted: until then those of the last daemon stay, and no connection is refused meanwhile.
 */
#include "networkdriver/networkdriver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/env.h"
#include "engine/job.h"
#include "networkdriver/internal.h"
#include "pkg/digest.h"
#include "pkg/fs.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/timefmt.h"

static int job_network_status(struct job *job, void *self)
{
	struct networkdriver *d = self;
	autojson json_t *status = network_status(d->bridge, firewall_backend(&d->firewall));

	return job_write_json(job, status);
}

/* The last daemon may have had another bridge: what it published would still win over what we do. */
static void withdraw_earlier(struct networkdriver *d)
{
	autofree char *path = d->exec_root ? xasprintf("%s/firewall", d->exec_root) : NULL;
	const char *own = d->firewall.name;
	autobuf struct buf earlier = BUF_INIT(FW_NAME_SIZE);

	if (!path || !d->firewall.ops)
		return;
	if (fs_read_file(AT_FDCWD, path, &earlier) == 0 && strcmp(buf_text(&earlier), own) == 0)
		return;
	if (earlier.len)
		firewall_nft_withdraw(&d->firewall, buf_text(&earlier));
	if (fs_save_atomic(AT_FDCWD, path, own, strlen(own), 0600, 0) < 0)
		log_warn("cannot write \"%s\": %s, ignoring", path, error_words(errno));
}

/* Everything that runs is known now: what nobody knows goes, and the rules are put in force. */
static int job_network_sweep(struct job *job, void *self)
{
	struct networkdriver *d = self;
	autostrlist struct strlist known = STRLIST_INIT;
	struct network **all = networks_list(d);
	struct error err;
	int rc = 0;

	env_get_list(job_env(job), "KnownIfnames", &known);
	for (struct network **p = all; *p; p++)
		names_write(*p);
	if (networks_sweep(all, &known, &err) < 0)
		rc = job_fail_error(job, &err);
	networks_list_free(all);
	if (firewall_start(&d->firewall, &err) < 0)
		rc = job_fail_error(job, &err);
	withdraw_earlier(d);
	forwarding_start(d);
	if (d->firewall.ops == &firewall_nft)
		firewall_warn_of_others(&d->firewall);
	if (d->base && firewall_watch(&d->firewall, d->base, &err) < 0)
		log_warn("%s: rules that somebody takes away come back with the next change",
			 err.text);
	return rc;
}

static const struct handler network_jobs[] = {
	{ "allocate_interface", "CONTAINER-ID", 1, 1, job_allocate_interface, 0 },
	{ "release_interface", "CONTAINER-ID", 1, 1, job_release_interface, 0 },
	{ "adopt_interface", "CONTAINER-ID", 1, 1, job_adopt_interface, 0 },
	{ "rename_interface", "CONTAINER-ID NAME", 2, 2, job_rename_interface, 0 },
	{ "allocate_port", "CONTAINER-ID", 1, 1, job_allocate_port, 0 },
	{ "adopt_port", "CONTAINER-ID", 1, 1, job_adopt_port, 0 },
	{ "release_port", "CONTAINER-ID", 1, 1, job_release_port, 0 },
	{ "link", "-I|-D", 1, 1, job_link, 0 },
	{ "network_create", "", 0, 0, job_network_create, 0 },
	{ "network_inspect", "NETWORK", 1, 1, job_network_inspect, JOB_QUIET },
	{ "network_rm", "NETWORK", 1, 1, job_network_rm, 0 },
	{ "network_status", "", 0, 0, job_network_status, JOB_QUIET },
	{ "network_sweep", "", 0, 0, job_network_sweep, 0 },
	{ "networks", "", 0, 0, job_networks, JOB_QUIET },
	{ "networks_prune", "", 0, 0, job_networks_prune, 0 },
	{ 0 },
};

/* ---- what must be in force ---- */

static void collect_networks(struct networkdriver *d, struct fw_state *state)
{
	struct network **all = networks_list_up(d);
	size_t n = 0;

	while (all[n])
		n++;
	state->networks = xcalloc(n + 1, sizeof(*state->networks));
	for (struct network **p = all; *p; p++)
		if (network_rules(*p, &state->networks[state->nnetworks]))
			state->nnetworks++;
	networks_list_free(all);
}

static void collect(void *arg, struct fw_state *state)
{
	struct networkdriver *d = arg;
	struct port_list ports = { 0 };

	collect_networks(d, state);
	ports_list(&d->ports, &ports);
	state->ports = ports.v;
	state->nports = ports.n;
	pthread_mutex_lock(&d->lock);
	state->links = xcalloc(d->nlinks + 1, sizeof(*state->links));
	if (d->nlinks)
		memcpy(state->links, d->links, d->nlinks * sizeof(*state->links));
	state->nlinks = d->nlinks;
	pthread_mutex_unlock(&d->lock);
}

/* ---- the start ---- */

static int set_range(struct network *net, const struct options *o)
{
	net->has_range = o->has_fixed_cidr;
	net->range =
		o->has_fixed_cidr ? subnet_network(o->fixed_cidr) : subnet_network(net->subnet);
	return 0;
}

/* --ipv6: with --fixed-cidr-v6 as the subnet, or the first of this daemon's own. */
static int set_ip6(struct network *net, struct networkdriver *d, const struct options *o,
		   struct error *err)
{
	net->ipv6 = o->ipv6;
	if (!o->ipv6)
		return 0;
	net->subnet6.prefix = 64;
	memcpy(net->subnet6.addr.b, d->ula, sizeof(d->ula));
	if (o->has_fixed_cidr6)
		net->subnet6 = subnet6_network(&o->fixed_cidr6);
	net->subnet6.addr = ip6_plus(&net->subnet6.addr, 1);
	return forwarding_enable(d, true, err) < 0 ? -1 : bridge_add_ip6(net, err);
}

static json_t *bridge_options(const struct network *net, const struct options *o)
{
	char ip[IPV4_TEXT], mtu[16];

	snprintf(mtu, sizeof(mtu), "%u", net->mtu);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}",
			 "com.docker.network.bridge.default_bridge", "true",
			 "com.docker.network.bridge.enable_icc", o->icc ? "true" : "false",
			 "com.docker.network.bridge.enable_ip_masquerade",
			 o->ip_masq ? "true" : "false",
			 "com.docker.network.bridge.host_binding_ipv4",
			 ipv4_text(ip, o->binding_ip), "com.docker.network.bridge.name",
			 net->bridge, "com.docker.network.driver.mtu", mtu);
}

static struct network *builtin_new(const char *name, enum network_driver driver,
				   const struct networkdriver *d)
{
	struct network *net = network_new(name, driver);
	char digest[DIGEST_SIZE];
	autofree char *seed = xasprintf("%s of %s", name, d->networks_dir ? d->networks_dir : "");

	/* The same at every start: clients keep ids. */
	digest_of(seed, strlen(seed), digest);
	snprintf(net->id, sizeof(net->id), "%s", digest_hex(digest));
	net->builtin = true;
	net->ipv4 = true;
	net->created = time_now();
	net->scope = xstrdup("local");
	net->ipam_driver = xstrdup("default");
	net->ipam_options = json_null();
	net->aux_addresses = json_object();
	net->labels = json_object();
	return net;
}

static int fill_bridge(struct network *net, struct networkdriver *d, const struct options *o,
		       struct error *err)
{
	net->icc = o->icc;
	net->masq = o->ip_masq;
	net->firewall = d->firewall.ops != NULL;
	net->binding_ip = o->binding_ip;
	if (set_range(net, o) < 0 || set_ip6(net, d, o, err) < 0)
		return -1;
	net->options = bridge_options(net, o);
	bridge_configure(net);
	return network_init(net, err);
}

/* Containers on a kept network may run: no address of theirs is given to anybody else. */
static int refuse_kept(struct subnet s, const struct taken *kept, struct error *err)
{
	char own[SUBNET_TEXT], other[SUBNET_TEXT];

	for (size_t i = 0; i < kept->n; i++)
		if (subnet_overlaps(s, kept->v[i]))
			return error_set(
				err, ERR_FORBIDDEN,
				"networks have overlapping IPv4: the default bridge's %s and "
				"%s of another network",
				subnet_text(own, s), subnet_text(other, kept->v[i]));
	return 0;
}

static int setup_beside(struct network *net, const struct options *o, const struct taken *kept,
			struct error *err)
{
	if ((o->has_bip && refuse_kept(o->bip, kept, err) < 0) ||
	    bridge_setup(net, o, kept, err) < 0)
		return -1;
	if (refuse_kept(net->subnet, kept, err) == 0)
		return 0;
	bridge_undo(net);
	return -1;
}

/* The default network, up. */
static struct network *bridge_new(struct networkdriver *d, const struct options *o,
				  struct error *err)
{
	struct network *net = builtin_new("bridge", DRIVER_BRIDGE, d);
	struct taken kept = { 0 };
	int rc;

	networks_add_subnets(d, &kept);
	rc = setup_beside(net, o, &kept, err);
	taken_done(&kept);
	if (rc == 0) {
		if (fill_bridge(net, d, o, err) == 0)
			return net;
		bridge_undo(net);
	}
	network_unref(net);
	return NULL;
}

static void add_builtin(struct networkdriver *d, const char *name, enum network_driver driver)
{
	struct network *net = builtin_new(name, driver, d);

	net->options = json_object();
	networks_add(d, net);
}

static void log_network(const struct networkdriver *d)
{
	const struct network *net = d->bridge;
	char text[SUBNET_TEXT];

	if (net)
		log_info("Bridge %s: %s, MTU %u, icc %s, firewall %s", net->bridge,
			 subnet_text(text, net->subnet), net->mtu, net->icc ? "on" : "off",
			 firewall_backend(&d->firewall));
	else
		log_info("Bridge networking is disabled");
}

/* Where things are kept, and what tells this daemon from others: its root, or its bridge. */
static void set_identity(struct networkdriver *d, const struct env *env, const struct options *o,
			 char name[FW_NAME_SIZE])
{
	const char *root = env_get(env, "Root", ""), *exec_root = env_get(env, "ExecRoot", "");
	const char *own = *root ? root : o->bridge;
	char digest[DIGEST_SIZE];

	digest_of(own, strlen(own), digest);
	d->ula[0] = 0xfd;
	for (size_t i = 1; i < sizeof(d->ula); i++)
		(void)sscanf(digest_hex(digest) + 2 * i, "%2hhx", &d->ula[i]); /* always digits */
	snprintf(name, FW_NAME_SIZE, "docker-%.*s", o->disabled ? 8 : NL_NAME_SIZE,
		 o->disabled ? digest_hex(digest) : o->bridge);
	if (*root)
		d->networks_dir = xasprintf("%s/networks", root);
	if (*exec_root) {
		d->exec_root = xstrdup(exec_root);
		d->names_dir = xasprintf("%s/networks", exec_root);
	}
}

static int start(struct networkdriver *d, const struct options *o, const char *backend,
		 const char *name, struct error *err)
{
	if (o->iptables && firewall_open(&d->firewall, name, backend, collect, d, err) < 0)
		return -1;
	forwarding_recall(d);
	if (!o->disabled && o->ip_forward && forwarding_enable(d, false, err) < 0)
		return -1;
	/* First: the default network chooses none of their subnets. */
	if (networks_load(d, err) < 0)
		return -1;
	if (!o->disabled) {
		d->bridge = bridge_new(d, o, err);
		if (!d->bridge)
			return -1;
		networks_add(d, network_ref(d->bridge));
	}
	add_builtin(d, "host", DRIVER_HOST);
	add_builtin(d, "none", DRIVER_NULL);
	networks_bring_up(d);
	return 0;
}

static int job_init_networkdriver(struct job *job, void *self)
{
	struct networkdriver *d = self;
	const struct env *env = job_env(job);
	char name[FW_NAME_SIZE];
	struct options options;
	struct error err;
	int rc;

	if (engine_has(job_engine(job), network_jobs[0].name))
		return job_fail(job, ERR_CONFLICT, "The network driver is up already");
	if (options_load(&options, env, &err) < 0)
		return job_fail_error(job, &err);
	set_identity(d, env, &options, name);
	d->defaults = options; /* with its pools */
	rc = start(d, &options, env_get(env, "FirewallBackend", ""), name, &err);
	if (rc < 0)
		return job_fail_error(job, &err);
	log_network(d);
	if (engine_install(job_engine(job), network_jobs, d, &err) < 0)
		return job_fail_error(job, &err);
	return 0;
}

static const struct handler init_jobs[] = {
	{ "init_networkdriver", "", 0, 0, job_init_networkdriver, 0 },
	{ 0 },
};

int networkdriver_install(struct engine *e, struct event_base *base, struct error *err)
{
	autofree struct networkdriver *d = xcalloc(1, sizeof(*d));

	d->engine = e;
	d->base = base;
	d->firewall.sock = -1;
	pthread_mutex_init(&d->firewall.lock, NULL);
	pthread_mutex_init(&d->lock, NULL);
	ports_init(&d->ports);
	map_init(&d->networks);
	if (engine_install(e, init_jobs, d, err) < 0)
		return -1;
	take_ptr(&d); /* the engine's handlers hold it from now on */
	return 0;
}
