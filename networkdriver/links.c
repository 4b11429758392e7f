/* Links between containers that may not talk otherwise: the job link, and which ones are open. */
#include "networkdriver/internal.h"

#include <stdlib.h>
#include <string.h>

#include "engine/env.h"
#include "engine/job.h"
#include "pkg/mem.h"
#include "pkg/parse.h"

/* Two links may open the same port: as many records as there are links, one rule. */
static void links_add(struct networkdriver *d, const struct fw_link *v, size_t n)
{
	if (!n)
		return;
	pthread_mutex_lock(&d->lock);
	d->links = xrealloc(d->links, (d->nlinks + n) * sizeof(*v));
	memcpy(d->links + d->nlinks, v, n * sizeof(*v));
	d->nlinks += n;
	pthread_mutex_unlock(&d->lock);
}

static bool is_same(const struct fw_link *a, const struct fw_link *b)
{
	return a->from == b->from && a->to == b->to && a->proto == b->proto && a->port == b->port;
}

static void links_remove(struct networkdriver *d, const struct fw_link *v, size_t n)
{
	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < d->nlinks; k++)
			if (is_same(&v[i], &d->links[k])) {
				d->links[k] = d->links[--d->nlinks];
				break;
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
