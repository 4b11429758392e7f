/* Links between containers that may not talk otherwise: the job link, and which ones are open. */
#include "networkdriver/internal.h"

#include <stdlib.h>
#include <string.h>

#include "engine/env.h"
#include "engine/job.h"
#include "pkg/mem.h"
#include "pkg/parse.h"

static bool is_same(const struct fw_link *a, const struct fw_link *b)
{
	return a->from == b->from && a->to == b->to && a->proto == b->proto && a->port == b->port;
}

/* Where it is, or d->nlinks. */
static size_t find_locked(const struct networkdriver *d, const struct fw_link *l)
{
	size_t i = 0;

	while (i < d->nlinks && !is_same(&d->links[i], l))
		i++;
	return i;
}

/* Those that are new come first in v afterwards: how many. A link is opened again with every restart. */
static size_t links_add(struct networkdriver *d, struct fw_link *v, size_t n)
{
	size_t added = 0;

	pthread_mutex_lock(&d->lock);
	d->links = xrealloc(d->links, (d->nlinks + n) * sizeof(*v));
	for (size_t i = 0; i < n; i++)
		if (find_locked(d, &v[i]) == d->nlinks)
			d->links[d->nlinks++] = v[added++] = v[i];
	pthread_mutex_unlock(&d->lock);
	return added;
}

static void links_remove(struct networkdriver *d, const struct fw_link *v, size_t n)
{
	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; i < n; i++) {
		size_t at = find_locked(d, &v[i]);

		if (at < d->nlinks)
			d->links[at] = d->links[--d->nlinks];
	}
	pthread_mutex_unlock(&d->lock);
}

bool links_forget(struct networkdriver *d, uint32_t ip)
{
	size_t kept = 0, n;

	pthread_mutex_lock(&d->lock);
	n = d->nlinks;
	for (size_t i = 0; i < n; i++)
		if (d->links[i].from != ip && d->links[i].to != ip)
			d->links[kept++] = d->links[i];
	d->nlinks = kept;
	pthread_mutex_unlock(&d->lock);
	return kept != n;
}

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

static int open_links(struct networkdriver *d, struct fw_link *v, size_t n, struct error *err)
{
	int rc;

	n = links_add(d, v, n);
	rc = firewall_change(&d->firewall,
			     &(struct fw_change){ .add = true, .links = v, .nlinks = n }, err);
	if (rc < 0)
		links_remove(d, v, n);
	return rc;
}

/* What is left is put in force as a whole: one that was not open is no failure. */
static int close_links(struct networkdriver *d, const struct fw_link *v, size_t n,
		       struct error *err)
{
	links_remove(d, v, n);
	return firewall_sync(&d->firewall, err);
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
		rc = -1;
	else if (add)
		rc = open_links(d, links, n, &err);
	else
		rc = close_links(d, links, n, &err);
	if (rc == 0 || env_get_bool(job_env(job), "IgnoreErrors"))
		return 0;
	return job_fail_error(job, &err);
}
