/* What the daemon knows of registries: see registry.h. */
#include "registry/registry.h"

#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "pkg/mem.h"
#include "registry/internal.h"

static const struct handler registry_jobs[] = {
	{ "auth", "", 0, 0, job_auth, 0 },
	{ "search", "TERM", 1, 1, job_search, 0 },
	{ "distribution_inspect", "IMAGE", 1, 1, job_distribution_inspect, 0 },
	{ NULL, NULL, 0, 0, NULL, 0 },
};

/* [HOST=]URL, the URL with a host and nothing behind it but slashes. */
static int add_mirror(struct registry *r, const char *text, struct error *err)
{
	const char *url = text, *equal = strchr(text, '='), *host;
	autofree char *domain = NULL;
	size_t n;

	if (equal && equal < strstr(text, "://"))
		url = equal + 1;
	domain = url > text ? xstrndup(text, (size_t)(equal - text)) : xstrdup(DOCKER_HUB);
	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid mirror: unsupported scheme \"%.*s\" in \"%s\"",
				 (int)(strstr(url, "://") ? strcspn(url, ":") : 0), url, url);
	host = strstr(url, "://") + 3;
	n = strcspn(host, "/?#");
	if (!n || strspn(host + n, "/") != strlen(host + n) || memchr(host, '@', n))
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid mirror: path, query, fragment or user at end of the URI "
				 "\"%s\"",
				 url);
	strlist_addf(&r->mirrors, "%s=%.*s%.*s", domain, (int)(host - url), url, (int)n, host);
	return 0;
}

struct registry *registry_new(const struct registry_config *config, struct error *err)
{
	struct registry *r = xcalloc(1, sizeof(*r));

	r->certs_dir = config->certs_dir ? xstrdup(config->certs_dir) : NULL;
	for (char *const *p = config->insecure; p && *p; p++)
		strlist_add(&r->insecure, *p);
	for (char *const *p = config->mirrors; p && *p; p++)
		if (add_mirror(r, *p, err) < 0) {
			registry_free(r);
			return NULL;
		}
	return r;
}

void registry_free(struct registry *r)
{
	if (!r)
		return;
	strlist_done(&r->mirrors);
	strlist_done(&r->insecure);
	free(r->certs_dir);
	free(r);
}

int registry_install(struct registry *r, struct engine *e, struct error *err)
{
	return engine_install(e, registry_jobs, r, err);
}
