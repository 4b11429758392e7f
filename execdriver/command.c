/* Life cycle of struct exec_command. */
#include "execdriver/driver.h"

#include <stdlib.h>
#include <string.h>

#include "pkg/mem.h"

void exec_command_init(struct exec_command *c)
{
	*c = (struct exec_command){ .resources.swappiness = -1, .log_max_files = 1 };
}

struct exec_mount *exec_command_add_mount(struct exec_command *c)
{
	c->mounts = xrealloc(c->mounts, (c->nmounts + 1) * sizeof(*c->mounts));
	c->mounts[c->nmounts] = (struct exec_mount){ 0 };
	return &c->mounts[c->nmounts++];
}

struct exec_device *exec_command_add_device(struct exec_command *c)
{
	c->devices = xrealloc(c->devices, (c->ndevices + 1) * sizeof(*c->devices));
	c->devices[c->ndevices] = (struct exec_device){ 0 };
	return &c->devices[c->ndevices++];
}

void exec_process_add_rlimit(struct exec_process *p, int resource, uint64_t soft, uint64_t hard)
{
	p->rlimits = xrealloc(p->rlimits, (p->nrlimits + 1) * sizeof(*p->rlimits));
	p->rlimits[p->nrlimits++] = (struct exec_rlimit){ resource, soft, hard };
}

void exec_process_done(struct exec_process *p)
{
	strlist_done(&p->argv);
	strlist_done(&p->env);
	strlist_done(&p->groups);
	free(p->cwd);
	free(p->user);
	free(p->rlimits);
	*p = (struct exec_process){ 0 };
}

static void mounts_done(struct exec_command *c)
{
	for (size_t i = 0; i < c->nmounts; i++) {
		free(c->mounts[i].source);
		free(c->mounts[i].target);
		free(c->mounts[i].fstype);
		free(c->mounts[i].data);
		free(c->mounts[i].propagation);
	}
	free(c->mounts);
	for (size_t i = 0; i < c->ndevices; i++) {
		free(c->devices[i].source);
		free(c->devices[i].target);
	}
	free(c->devices);
}

void exec_interface_done(struct exec_interface *i)
{
	char *const all[] = { i->bridge,  i->host_ifname, i->ifname,   i->mac,  i->ip,
			      i->gateway, i->ip6,         i->gateway6, i->kind, i->mode };

	for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++)
		free(all[k]);
}

static void network_done(struct exec_network *n)
{
	for (size_t i = 0; i < n->ninterfaces; i++)
		exec_interface_done(&n->interfaces[i]);
	free(n->interfaces);
	free(n->resolver);
}

struct exec_interface *exec_network_add(struct exec_network *n)
{
	n->interfaces = xrealloc(n->interfaces, (n->ninterfaces + 1) * sizeof(*n->interfaces));
	memset(&n->interfaces[n->ninterfaces], 0, sizeof(*n->interfaces));
	return &n->interfaces[n->ninterfaces++];
}

void exec_command_done(struct exec_command *c)
{
	exec_process_done(&c->process);
	mounts_done(c);
	network_done(&c->network);
	free(c->rootfs.path);
	free(c->rootfs.options);
	free(c->resources.cgroup_parent);
	free(c->resources.cpuset_cpus);
	free(c->resources.cpuset_mems);
	strlist_done(&c->resources.device_rules);
	free(c->hostname);
	free(c->domainname);
	strlist_done(&c->masked_paths);
	strlist_done(&c->readonly_paths);
	strlist_done(&c->sysctls);
	free(c->seccomp_profile);
	free(c->log_path);
	exec_command_init(c);
}
