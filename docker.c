/*
 * The one program. In this order: roles of our own binary (see pkg/reexec.h), global flags, then the
 * daemon (-d) or the client. What the daemon's process does is in builtins/process.c.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/client/client.h"
#include "builtins/builtins.h"
#include "builtins/process.h"
#include "graph/roles.h"
#include "pkg/buf.h"
#include "pkg/fs.h"
#include "pkg/hostaddr.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/mflag.h"
#include "pkg/reexec.h"

#define USAGE_MAX (64 << 10)
#define EXIT_USAGE 125 /* the client failed before it did anything, as with docker run */

struct options {
	bool daemon, version;
	struct daemon_options d;
	struct strlist exec_opts;
	bool live_restore;
	int64_t mtu;
};

#define AT(member) offsetof(struct options, member)
#define CONFIG(member) offsetof(struct options, d.config.member)

/* Names, defaults and deprecated spellings are early Docker's; see docs/man/docker.1. */
static const struct mflag flags[] = {
	{ "#api-enable-cors,-api-enable-cors", MFLAG_BOOL, AT(d.cors), NULL,
	  "Enable CORS headers in the remote API", NULL },
	{ "b,-bridge", MFLAG_STRING, CONFIG(bridge_iface), NULL,
	  "Attach containers to an existing network bridge; \"none\": no container networking",
	  NULL },
	{ "#bip,-bip", MFLAG_STRING, CONFIG(bridge_ip), NULL,
	  "Address and mask of the bridge, as CIDR; not together with -b", NULL },
	{ "D,-debug", MFLAG_BOOL, AT(d.config.debug), NULL, "Enable debug mode", NULL },
	{ "d,-daemon", MFLAG_BOOL, AT(daemon), NULL, "Enable daemon mode", NULL },
	{ "#dns,-dns", MFLAG_LIST, AT(d.dns), NULL, "Force containers to use specific DNS servers",
	  NULL },
	{ "-dns-search", MFLAG_LIST, AT(d.dns_search), NULL,
	  "Force containers to use specific DNS search domains", NULL },
	{ "e,-exec-driver", MFLAG_STRING, CONFIG(exec_driver), NULL,
	  "Exec driver to use (default native)", NULL },
	{ "-exec-opt", MFLAG_LIST, AT(exec_opts), NULL, NULL, NULL },
	{ "-exec-root", MFLAG_STRING, CONFIG(exec_root), NULL,
	  "Folder for what does not survive a reboot (default /var/run/docker)", NULL },
	{ "-default-address-pool", MFLAG_LIST, AT(d.address_pools), NULL,
	  "Subnets for networks that are given none: base=SUBNET,size=BITS", NULL },
	{ "-firewall-backend", MFLAG_STRING, CONFIG(firewall_backend), NULL,
	  "Firewall to write rules with: nftables or iptables (default: what the host has)", NULL },
	{ "-fixed-cidr-v6", MFLAG_STRING, CONFIG(fixed_cidr6), NULL,
	  "IPv6 subnet of the bridge, with --ipv6", NULL },
	{ "-fixed-cidr", MFLAG_STRING, CONFIG(fixed_cidr), NULL,
	  "Subnet for fixed addresses, inside the bridge's", NULL },
	{ "G,-group", MFLAG_STRING, AT(d.group), NULL,
	  "Group of the unix socket; \"\" for none (default docker)", NULL },
	{ "g,-graph,-data-root", MFLAG_STRING, CONFIG(root), NULL,
	  "Root folder of the daemon (default /var/lib/docker)", NULL },
	{ "H,-host", MFLAG_LIST, AT(d.hosts), NULL,
	  "Socket to bind to or connect to: tcp://host:port, unix:///path, fd://* or fd://N "
	  "(default " HOSTADDR_DEFAULT ")",
	  NULL },
	{ "#icc,-icc", MFLAG_BOOL, CONFIG(icc), NULL,
	  "Allow communication between containers (default true)", NULL },
	{ "-insecure-registry", MFLAG_LIST, AT(d.insecure_registries), NULL,
	  "Talk to this registry without verified TLS", NULL },
	{ "#ip,-ip", MFLAG_STRING, CONFIG(default_ip), NULL,
	  "Default address to bind published ports to", NULL },
	{ "#ip-forward,-ip-forward", MFLAG_BOOL, CONFIG(ip_forward), NULL,
	  "Enable net.ipv4.ip_forward (default true)", NULL },
	{ "-ip-forward-no-drop", MFLAG_BOOL, CONFIG(ip_forward_no_drop), NULL,
	  "Having enabled it, forward also what is no container's", NULL },
	{ "-ip-masq", MFLAG_BOOL, CONFIG(ip_masq), NULL,
	  "Masquerade what leaves the bridge (default true)", NULL },
	{ "#iptables,-iptables", MFLAG_BOOL, CONFIG(iptables), NULL,
	  "Add firewall rules, with whatever backend (default true)", NULL },
	{ "-ipv6", MFLAG_BOOL, CONFIG(ipv6), NULL,
	  "Give containers of the bridge IPv6 addresses, too", NULL },
	{ "-label", MFLAG_LIST, AT(d.labels), NULL, "Set key=value labels on the daemon", NULL },
	{ "-live-restore", MFLAG_BOOL, AT(live_restore), NULL, NULL, NULL },
	{ "l,-log-level", MFLAG_STRING, AT(d.log_level), NULL,
	  "Least level to log: debug, info, warn, error or fatal (default info)", NULL },
	{ "#mtu,-mtu", MFLAG_INT, AT(mtu), NULL,
	  "MTU of the containers' network; 0: the default route's, or 1500", NULL },
	{ "p,-pidfile", MFLAG_STRING, AT(d.pidfile), NULL,
	  "File for the daemon's pid (default /var/run/docker.pid)", NULL },
	{ "-registry-mirror", MFLAG_LIST, AT(d.registry_mirrors), NULL,
	  "Preferred mirror of the Docker registry", NULL },
	{ "s,-storage-driver", MFLAG_STRING, CONFIG(graph_driver), NULL,
	  "Storage driver: overlay, btrfs or vfs (default: the first that works)", NULL },
	{ "-selinux-enabled", MFLAG_BOOL, CONFIG(selinux), NULL, "Enable selinux support", NULL },
	{ "-storage-opt", MFLAG_LIST, AT(d.graph_options), NULL, "Storage driver options", NULL },
	{ "-tls", MFLAG_BOOL, AT(d.tls), NULL, "Use TLS; implied by --tlsverify", NULL },
	{ "-tlscacert", MFLAG_STRING, AT(d.tls_ca), NULL, "Trust what this CA signed", NULL },
	{ "-tlscert", MFLAG_STRING, AT(d.tls_cert), NULL, "TLS certificate file", NULL },
	{ "-tlskey", MFLAG_STRING, AT(d.tls_key), NULL, "TLS key file", NULL },
	{ "-tlsverify", MFLAG_BOOL, AT(d.tls_verify), NULL, "Use TLS and verify the other side",
	  NULL },
	{ "v,-version", MFLAG_BOOL, AT(version), NULL, "Print version information and quit", NULL },
	{ "#r,#-restart", MFLAG_BOOL, AT(live_restore), NULL, NULL, NULL },
	{ 0 },
};

static void set_defaults(struct options *o)
{
	o->d.pidfile = "/var/run/docker.pid";
	o->d.group = "docker";
	o->d.config = (struct daemon_config){
		.root = "/var/lib/docker",
		.exec_root = "/var/run/docker",
		.exec_driver = "native",
		.icc = true,
		.iptables = true,
		.ip_forward = true,
		.ip_masq = true,
		.version = program_version(),
	};
	o->live_restore = true;
	o->d.tls_verify = *(getenv("DOCKER_TLS_VERIFY") ?: "") != '\0';
}

static void usage(int fd)
{
	autobuf struct buf text = BUF_INIT(USAGE_MAX);

	buf_adds(&text, "Usage: docker [OPTIONS] COMMAND [arg...]\n"
			"       docker -d [OPTIONS]\n"
			"\nA container engine: a daemon and its client.\n\nOptions:\n");
	mflag_usage(flags, &text);
	buf_adds(&text, "\nCommands:\n");
	(void)fs_write_all(fd, buf_text(&text), text.len); /* nobody is left to tell */
	client_print_commands(fd);
}

static int complain(const struct error *err, int status)
{
	fprintf(stderr, "docker: %s\nSee 'docker --help'.\n", err->text);
	return status;
}

/* Replace each -H by its full form; with none, put the default (for the client, DOCKER_HOST's). */
static int normalize_hosts(struct options *o, struct error *err)
{
	const char *from_env = getenv("DOCKER_HOST");

	if (o->d.hosts.n == 0)
		strlist_add(&o->d.hosts, !o->daemon && from_env ? from_env : "");
	for (size_t i = 0; i < o->d.hosts.n; i++) {
		char *host = hostaddr_normalize(o->d.hosts.v[i], err);

		if (!host)
			return -1;
		free(o->d.hosts.v[i]);
		o->d.hosts.v[i] = host;
	}
	if (!o->daemon && o->d.hosts.n > 1)
		return error_set(err, ERR_BAD_REQUEST, "Please specify only one -H");
	return 0;
}

static const char *cert_file(const char *given, const char *name)
{
	const char *dir = getenv("DOCKER_CERT_PATH"), *home = getenv("HOME");

	if (given)
		return given;
	/* kept for the life of the program */
	return dir ? xasprintf("%s/%s", dir, name)
		   : xasprintf("%s/.docker/%s", home ? home : "", name);
}

static void set_tls_files(struct daemon_options *d)
{
	if (!d->tls && !d->tls_verify)
		return;
	d->tls_ca = cert_file(d->tls_ca, "ca.pem");
	d->tls_cert = cert_file(d->tls_cert, "cert.pem");
	d->tls_key = cert_file(d->tls_key, "key.pem");
}

static int set_logging(struct options *o, struct error *err)
{
	const char *debug = getenv("DEBUG"), *level = o->d.log_level;
	int n = level ? log_level_parse(level) : LOG_LEVEL_INFO;

	if (n < 0)
		return error_set(err, ERR_BAD_REQUEST, "Unable to parse logging level: %s", level);
	if (debug && *debug)
		o->d.config.debug = true;
	if (o->d.config.debug)
		setenv("DEBUG", "1", 1);
	log_set_level(o->d.config.debug ? LOG_LEVEL_DEBUG : (enum log_level)n);
	return 0;
}

static int run_client(const struct options *o, const struct strlist *args)
{
	const struct client_options c = {
		.host = o->d.hosts.v[0],
		.tls = o->d.tls || o->d.tls_verify,
		.tls_verify = o->d.tls_verify,
		.tls_ca = o->d.tls_ca,
		.tls_cert = o->d.tls_cert,
		.tls_key = o->d.tls_key,
		.debug = o->d.config.debug,
		.version = program_version(),
		.git_commit = program_git_commit(),
	};

	if (args->n == 0) {
		usage(STDOUT_FILENO);
		return 0;
	}
	return client_run(&c, (int)args->n, args->v);
}

static int run_daemon(struct options *o, const struct strlist *args)
{
	if (args->n > 0) {
		usage(STDERR_FILENO);
		return 1;
	}
	if (!o->live_restore)
		log_warn("containers always survive the daemon, ignoring --live-restore=false");
	if (o->mtu < 0 || o->mtu > 65535) {
		log_error("Invalid MTU %lld", (long long)o->mtu);
		return 1;
	}
	o->d.config.mtu = (int)o->mtu;
	return daemon_main(&o->d);
}

int main(int argc, char **argv)
{
	autostrlist struct strlist args = STRLIST_INIT, warnings = STRLIST_INIT;
	struct options o = { 0 };
	struct error err;
	int rc;

	reexec_dispatch(graph_roles, argc, argv);
	if (argc < 1)
		return EXIT_USAGE;
	set_defaults(&o);
	rc = mflag_parse(flags, &o, argv + 1, 0, &args, &warnings, &err);
	for (size_t i = 0; i < warnings.n; i++)
		fprintf(stderr, "%s\n", warnings.v[i]);
	if (rc == MFLAG_HELP) {
		usage(STDOUT_FILENO);
		mflag_done(flags, &o);
		return 0;
	}
	if (rc < 0 || normalize_hosts(&o, &err) < 0 || set_logging(&o, &err) < 0)
		rc = complain(&err, o.daemon ? 1 : EXIT_USAGE);
	else if (o.version)
		printf("Docker version %s, build %s\n", program_version(), program_git_commit());
	if (rc != 0 || o.version) {
		mflag_done(flags, &o);
		return rc;
	}
	set_tls_files(&o.d);
	rc = o.daemon ? run_daemon(&o, &args) : run_client(&o, &args);
	mflag_done(flags, &o);
	return rc;
}
