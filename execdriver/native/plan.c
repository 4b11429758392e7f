/* From a command to a launch plan: processes, namespaces, network, log. rootfs.c does the mounts. */
#include <inttypes.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "execdriver/native/native.h"
#include "pkg/mem.h"

static void put_list(struct plan_writer *w, enum plan_tag tag, const struct strlist *l)
{
	for (size_t i = 0; i < l->n; i++)
		plan_put(w, tag, l->v[i], NULL);
}

static void put_u64(struct plan_writer *w, enum plan_tag tag, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, v);
	plan_put(w, tag, text, NULL);
}

static void put_rlimits(struct plan_writer *w, const struct exec_process *p)
{
	for (size_t i = 0; i < p->nrlimits; i++) {
		char text[3][24];

		snprintf(text[0], sizeof(text[0]), "%d", p->rlimits[i].resource);
		snprintf(text[1], sizeof(text[1]), "%" PRIu64, p->rlimits[i].soft);
		snprintf(text[2], sizeof(text[2]), "%" PRIu64, p->rlimits[i].hard);
		plan_put(w, PLAN_RLIMIT, text[0], text[1], text[2], NULL);
	}
}

static void put_tty(struct plan_writer *w, const struct exec_process *p)
{
	char rows[8], cols[8];

	if (!p->tty)
		return;
	snprintf(rows, sizeof(rows), "%u", p->rows);
	snprintf(cols, sizeof(cols), "%u", p->cols);
	plan_put(w, PLAN_TTY, rows, cols, NULL);
}

static void put_process(struct plan_writer *w, const struct exec_process *p)
{
	put_list(w, PLAN_ARGV, &p->argv);
	put_list(w, PLAN_ENV, &p->env);
	put_list(w, PLAN_GROUP, &p->groups);
	plan_put(w, PLAN_CWD, p->cwd ? p->cwd : "/", NULL);
	plan_put(w, PLAN_USER, p->user ? p->user : "", NULL);
	put_tty(w, p);
	if (p->open_stdin)
		plan_put(w, PLAN_STDIN, p->stdin_once ? "once" : "keep", NULL);
	put_u64(w, PLAN_CAPS, p->capabilities);
	if (p->no_new_privs)
		plan_put(w, PLAN_NO_NEW_PRIVS, NULL);
	put_rlimits(w, p);
	if (p->set_oom_score_adj) {
		char text[16];

		snprintf(text, sizeof(text), "%d", p->oom_score_adj);
		plan_put(w, PLAN_OOM_SCORE, text, NULL);
	}
}

/*
 * The filter for a profile and a set of capabilities. Programs of the default profile are kept: they
 * take a millisecond to make, and most containers share one.
 */
static int put_seccomp(struct native *d, struct plan_writer *w, enum exec_seccomp mode,
		       const char *profile, uint64_t caps, struct error *err)
{
	autobuf struct buf made = BUF_INIT(64 * 1024);
	struct buf *kept;
	char key[24];

	if (mode == EXEC_SECCOMP_UNCONFINED || !d->cgroups.features.seccomp)
		return 0;
	if (mode == EXEC_SECCOMP_PROFILE) {
		if (seccomp_compile(profile, caps, &made, err) < 0)
			return -1;
		plan_put_raw(w, PLAN_SECCOMP, made.p, made.len);
		return 0;
	}
	snprintf(key, sizeof(key), "%" PRIx64, caps);
	pthread_mutex_lock(&d->lock);
	kept = map_get(&d->seccomp, key);
	pthread_mutex_unlock(&d->lock);
	if (!kept) {
		struct buf *program = xcalloc(1, sizeof(*program));

		buf_init(program, 64 * 1024);
		if (seccomp_compile(NULL, caps, program, err) < 0) {
			free(program);
			return -1;
		}
		pthread_mutex_lock(&d->lock);
		kept = map_get(&d->seccomp, key);
		if (!kept) {
			map_set(&d->seccomp, key, program);
			kept = take_ptr(&program);
		}
		pthread_mutex_unlock(&d->lock);
		if (program) {
			buf_done(program);
			free(program);
		}
	}
	plan_put_raw(w, PLAN_SECCOMP, kept->p, kept->len); /* never changed or freed once kept */
	return 0;
}

static void put_join(struct plan_writer *w, const char *kind, pid_t pid)
{
	autofree char *path = xasprintf("/proc/%d/ns/%s", pid, kind);

	plan_put(w, PLAN_JOIN, kind, path, NULL);
}

static void put_namespaces(const struct exec_command *c, struct plan_writer *w)
{
	uint64_t flags = CLONE_NEWNS;

	if (c->network.mode == EXEC_NET_JOIN)
		put_join(w, "net", c->network.join_pid);
	else if (c->network.mode != EXEC_NET_HOST)
		flags |= CLONE_NEWNET;
	if (c->join_ipc_ns)
		put_join(w, "ipc", c->join_ipc_ns);
	else if (!c->host_ipc)
		flags |= CLONE_NEWIPC;
	if (c->join_pid_ns)
		put_join(w, "pid", c->join_pid_ns);
	else if (!c->host_pid)
		flags |= CLONE_NEWPID;
	if (!c->host_uts)
		flags |= CLONE_NEWUTS;
	put_u64(w, PLAN_CLONE, flags);
	if (!c->host_cgroupns)
		plan_put(w, PLAN_CGROUPNS, NULL);
}

static void put_address(const char *ifname, const char *ip, int prefix_len, const char *gateway,
			bool ip6, struct plan_writer *w)
{
	char prefix[16];

	if (!ip)
		return;
	snprintf(prefix, sizeof(prefix), "%d", prefix_len);
	plan_put(w, PLAN_ADDRESS, ifname, ip, prefix, gateway ? gateway : "", ip6 ? "6" : "", NULL);
}

static int put_interface(const struct exec_interface *n, struct plan_writer *w, struct error *err)
{
	const char *mac = n->mac ? n->mac : "";
	char index[16], mtu[16];
	unsigned bridge = if_nametoindex(n->bridge);

	if (!bridge)
		return error_sys(err, "%s %s", n->kind ? "interface" : "bridge", n->bridge);
	snprintf(index, sizeof(index), "%u", bridge);
	snprintf(mtu, sizeof(mtu), "%d", n->mtu);
	if (n->kind)
		plan_put(w, PLAN_VLAN, n->kind, n->mode ? n->mode : "", index, mtu, n->ifname, mac,
			 NULL);
	else
		plan_put(w, PLAN_VETH, n->host_ifname, index, mtu, n->ifname, mac,
			 n->isolated ? "1" : "", n->hairpin ? "1" : "", NULL);
	put_address(n->ifname, n->ip, n->ip_prefix, n->gateway, n->ip6 != NULL, w);
	put_address(n->ifname, n->ip6, n->ip6_prefix, n->gateway6, true, w);
	return 0;
}

static int put_network(const struct exec_network *n, struct plan_writer *w, struct error *err)
{
	if (n->mode != EXEC_NET_BRIDGE)
		return 0;
	for (size_t i = 0; i < n->ninterfaces; i++)
		if (put_interface(&n->interfaces[i], w, err) < 0)
			return -1;
	if (n->resolver)
		plan_put(w, PLAN_DNS, n->resolver, NULL);
	return 0;
}

int plan_network(const struct exec_network_change *c, struct plan_writer *w, struct error *err)
{
	if (c->remove)
		plan_put(w, PLAN_UNLINK, c->remove->ifname,
			 c->remove->kind ? "" : c->remove->host_ifname, NULL);
	if (c->add) {
		struct exec_interface add = *c->add;

		/* The routes come last, where nothing can fail any more that would have to undo them. */
		add.gateway = add.gateway6 = NULL;
		if (put_interface(&add, w, err) < 0)
			return -1;
	}
	if (c->ifname && c->gateway)
		plan_put(w, PLAN_ROUTE, c->ifname, c->gateway, "", NULL);
	if (c->ifname6 && c->gateway6)
		plan_put(w, PLAN_ROUTE, c->ifname6, c->gateway6, "6", NULL);
	if (c->resolver)
		plan_put(w, PLAN_DNS, c->resolver, NULL);
	return 0;
}

static void put_log(const struct exec_command *c, struct plan_writer *w)
{
	char size[24], files[16];

	if (!c->log_path)
		return;
	snprintf(size, sizeof(size), "%" PRId64, c->log_max_size);
	snprintf(files, sizeof(files), "%d", c->log_max_files);
	plan_put(w, PLAN_LOG, c->log_path, size, files, NULL);
}

static void put_sysctls(const struct exec_command *c, struct plan_writer *w)
{
	for (size_t i = 0; i < c->sysctls.n; i++) {
		const char *eq = strchr(c->sysctls.v[i], '=');
		autofree char *key = NULL;

		if (!eq)
			continue;
		key = xstrndup(c->sysctls.v[i], (size_t)(eq - c->sysctls.v[i]));
		plan_put(w, PLAN_SYSCTL, key, eq + 1, NULL);
	}
}

static void put_names(const struct native *d, const struct exec_command *c, struct plan_writer *w)
{
	autofree char *sock = native_path(d, c->id, "monitor.sock");
	autofree char *record = native_path(d, c->id, "exit");

	plan_put(w, PLAN_ID, c->id, NULL);
	plan_put(w, PLAN_SOCKET, sock, NULL);
	plan_put(w, PLAN_EXIT_FILE, record, NULL);
	if (c->host_uts)
		return;
	if (c->hostname && *c->hostname)
		plan_put(w, PLAN_HOSTNAME, c->hostname, NULL);
	if (c->domainname && *c->domainname)
		plan_put(w, PLAN_DOMAINNAME, c->domainname, NULL);
}

int plan_command(struct native *d, const struct exec_command *c, struct plan_writer *w,
		 struct error *err)
{
	put_names(d, c, w);
	put_process(w, &c->process);
	if (c->init)
		plan_put(w, PLAN_INIT, NULL);
	put_namespaces(c, w);
	plan_cgroups(d, c, w);
	put_sysctls(c, w);
	put_log(c, w);
	if (put_network(&c->network, w, err) < 0 || plan_rootfs(d, c, w, err) < 0)
		return -1;
	if (c->process.privileged)
		return 0;
	return put_seccomp(d, w, c->seccomp, c->seccomp_profile, c->process.capabilities, err);
}

int plan_exec(struct native *d, const struct running *r, const struct exec_process *p,
	      struct plan_writer *w, struct error *err)
{
	put_process(w, p);
	for (size_t i = 0; i < d->cgroups.n; i++) {
		autofree char *dir = cgroup_dir(&d->cgroups, i, r->cgroup_parent, r->id);

		plan_put(w, PLAN_CGROUP, dir, NULL);
	}
	if (p->privileged || r->privileged)
		return 0;
	return put_seccomp(d, w, r->seccomp, r->seccomp_profile, p->capabilities, err);
}
