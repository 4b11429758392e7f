/*
 * The daemon object: made in the order in which its parts need each other, and let go of at the end.
 * What it does is in the files of its jobs; see jobs.c for the table.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "daemon/disk.h"
#include "daemon/execs.h"
#include "daemon/internal.h"
#include "daemon/record.h"
#include "engine/engine.h"
#include "execdriver/driver.h"
#include "graph/graph.h"
#include "graphdriver/driver.h"
#include "pkg/fs.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "volumes/volumes.h"

#define KERNEL_MAJOR 5 /* clone3, pidfds, openat2: since 5.6 */
#define KERNEL_MINOR 6
#define CLOSE_WAIT_S 2

static int check_host(struct error *err)
{
	struct utsname u;
	int major = 0, minor = 0;

	if (geteuid() != 0)
		return error_set(err, ERR_FORBIDDEN, "the docker daemon needs to be run by root");
	if (uname(&u) < 0)
		return error_sys(err, "uname");
	if (sscanf(u.release, "%d.%d", &major, &minor) == 2 &&
	    (major < KERNEL_MAJOR || (major == KERNEL_MAJOR && minor < KERNEL_MINOR)))
		return error_set(err, ERR_INTERNAL,
				 "kernel %s is too old: %d.%d or newer is needed", u.release,
				 KERNEL_MAJOR, KERNEL_MINOR);
	return 0;
}

/* A folder of ours below the root, mode 0700; the caller frees its path. */
static char *make_dir(const char *root, const char *name, struct error *err)
{
	autofree char *path = *name ? xasprintf("%s/%s", root, name) : xstrdup(root);

	if (fs_mkdir_p(path, 0700) < 0 || chmod(path, 0700) < 0) {
		error_sys(err, "cannot create \"%s\"", path);
		return NULL;
	}
	return take_ptr(&path);
}

/* The root without symbolic links: paths below it are compared and shown. */
static int make_root(struct daemon *d, struct error *err)
{
	autofree char *made = make_dir(d->config.root, "", err);

	if (!made)
		return -1;
	d->root = realpath(made, NULL);
	if (!d->root)
		return error_sys(err, "cannot resolve \"%s\"", made);
	d->config.root = d->root;
	return 0;
}

/* tmp holds nothing that outlives a daemon. */
static int make_folders(struct daemon *d, struct error *err)
{
	autofree char *old = xasprintf("%s/tmp", d->root);

	if (fs_remove_tree(AT_FDCWD, old) < 0)
		log_warn("cannot empty \"%s\": %s, ignoring", old, error_words(errno));
	d->tmp_dir = make_dir(d->root, "tmp", err);
	d->containers_dir = d->tmp_dir ? make_dir(d->root, "containers", err) : NULL;
	return d->containers_dir ? 0 : -1;
}

/* The id that /info shows: made once, and the data root's own. */
static int load_id(struct daemon *d, struct error *err)
{
	autofree char *path = xasprintf("%s/engine-id", d->root);
	autobuf struct buf b = BUF_INIT(4096);
	char id[ID_SIZE];

	if (fs_read_file(AT_FDCWD, path, &b) == 0 && b.len >= 32) {
		d->id = xstrndup(b.p, strcspn(b.p, "\n"));
		return 0;
	}
	id_generate(id);
	d->id = xstrndup(id, 32);
	if (fs_save_atomic(AT_FDCWD, path, d->id, strlen(d->id), 0600, FS_SAVE_SYNC) < 0)
		return error_sys(err, "cannot write \"%s\"", path);
	return 0;
}

static int open_stores(struct daemon *d, struct error *err)
{
	d->graphdriver =
		graphdriver_open(d->root, d->config.graph_driver, d->config.graph_options, err);
	if (!d->graphdriver)
		return error_prefix(err, "error initializing graphdriver");
	if (graphdriver_note(d->graphdriver))
		log_warn("storage driver %s, which copies every layer: %s",
			 graphdriver_name(d->graphdriver), graphdriver_note(d->graphdriver));
	d->graph = graph_open(d->root, d->graphdriver, d->config.registry, err);
	if (!d->graph)
		return error_prefix(err, "image store");
	d->volumes = volumes_open(d->root, err);
	return d->volumes ? 0 : -1;
}

static void set_text(json_t *env, const char *key, const char *value)
{
	if (value)
		json_object_set_new(env, key, json_string(value));
}

/* What host-gateway means: the host as the default bridge has it, whatever network one is on. */
static void set_host_gateway(struct daemon *d)
{
	autojson json_t *status = NULL;
	const char *ip;

	if (!engine_has(d->engine, "network_status") ||
	    nested_job(d, NULL, "network_status", NULL, NULL, &status, NULL) < 0)
		return;
	ip = json_get_str(status, "Gateway", "");
	d->host_gateway = *ip ? xstrdup(ip) : NULL;
}

/* Also for "none": the network jobs are there then, and refuse. */
static int init_network(struct daemon *d, struct error *err)
{
	const struct daemon_config *c = &d->config;
	json_t *env = json_pack("{s:b, s:b, s:b, s:b, s:i}", "EnableIptables", c->iptables,
				"InterContainerCommunication", c->icc, "EnableIpForward",
				c->ip_forward, "EnableIpMasq", c->ip_masq, "Mtu", c->mtu);

	set_text(env, "BridgeIface", c->bridge_iface);
	set_text(env, "BridgeIP", c->bridge_ip);
	set_text(env, "FixedCIDR", c->fixed_cidr);
	set_text(env, "DefaultBindingIP", c->default_ip);
	set_text(env, "FirewallBackend", c->firewall_backend);
	set_text(env, "FixedCIDRv6", c->fixed_cidr6);
	set_text(env, "Root", d->root);
	set_text(env, "ExecRoot", c->exec_root);
	json_object_set_new(env, "IpForwardNoDrop", json_boolean(c->ip_forward_no_drop));
	json_object_set_new(env, "EnableIPv6", json_boolean(c->ipv6));
	json_object_set_new(env, "DefaultAddressPools", json_from_strv(c->address_pools));
	if (nested_job(d, NULL, "init_networkdriver", NULL, env, NULL, err) < 0)
		return -1;
	set_host_gateway(d);
	return 0;
}

static int open_execdriver(struct daemon *d, struct error *err)
{
	const struct execdriver_config config = {
		.name = d->config.exec_driver,
		.exec_root = d->config.exec_root,
		.base = d->base,
		.listener = { on_exited, on_exec_exited, on_detached, on_oom, d },
	};

	d->execdriver = execdriver_open(&config, err);
	return d->execdriver ? 0 : error_prefix(err, "exec driver");
}

static void on_shutdown(void *arg)
{
	disk_sync_all(arg);
}

static int build(struct daemon *d, struct error *err)
{
	if (check_host(err) < 0 || make_root(d, err) < 0 || make_folders(d, err) < 0 ||
	    load_id(d, err) < 0 || record_open(d, err) < 0 || open_stores(d, err) < 0 ||
	    init_network(d, err) < 0 || open_execdriver(d, err) < 0)
		return -1;
	return daemon_restore(d, err);
}

void daemon_hold(struct daemon *d)
{
	pthread_mutex_lock(&d->lock);
	d->users++;
	pthread_mutex_unlock(&d->lock);
}

void daemon_release(struct daemon *d)
{
	pthread_mutex_lock(&d->lock);
	if (--d->users == 0)
		pthread_cond_broadcast(&d->unused);
	pthread_mutex_unlock(&d->lock);
}

/* Give those that were told to end the time to do so. */
static bool wait_unused(struct daemon *d)
{
	struct timespec until;
	bool is_unused;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += CLOSE_WAIT_S;
	pthread_mutex_lock(&d->lock);
	while (d->users > 0)
		if (pthread_cond_timedwait(&d->unused, &d->lock, &until) != 0)
			break;
	is_unused = d->users == 0;
	pthread_mutex_unlock(&d->lock);
	return is_unused;
}

/* Of an object that nobody else uses any more. */
static void daemon_free(struct daemon *d)
{
	restart_forget_plans(d);
	execdriver_close(d->execdriver);
	volumes_close(d->volumes);
	graph_close(d->graph);
	graphdriver_close(d->graphdriver);
	store_free(d->store);
	execs_free(d->execs);
	pthread_cond_destroy(&d->unused);
	pthread_mutex_destroy(&d->lock);
	free(d->containers_dir);
	free(d->tmp_dir);
	free(d->root);
	free(d->records_dir);
	free(d->boot_id);
	free(d->id);
	free(d->host_gateway);
	free(d);
}

struct daemon *daemon_new(struct engine *e, struct event_base *base,
			  const struct daemon_config *config, struct error *err)
{
	struct daemon *d = xcalloc(1, sizeof(*d));

	d->engine = e;
	d->base = base;
	d->config = *config;
	d->store = store_new();
	d->execs = execs_new();
	list_init(&d->plans);
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->unused, NULL);
	if (build(d, err) < 0) {
		daemon_close(d);
		return NULL;
	}
	engine_on_shutdown(e, on_shutdown, d);
	return d;
}

void daemon_close(struct daemon *d)
{
	if (!d)
		return;
	if (wait_unused(d))
		daemon_free(d);
	else
		log_warn("something does not end, leaving it to the end of the process");
}

const char *daemon_graph_driver(const struct daemon *d)
{
	return graphdriver_name(d->graphdriver);
}

const char *daemon_exec_driver(const struct daemon *d)
{
	return execdriver_name(d->execdriver);
}
