/* Where a registry is reached: see internal.h. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pkg/buf.h"
#include "pkg/fs.h"
#include "pkg/mem.h"
#include "pkg/parse.h"
#include "registry/internal.h"

#define SYSTEM_AUTHORITIES "/etc/ssl/certs/ca-certificates.crt"
#define AUTHORITIES_MAX (16 * 1024 * 1024)

void endpoint_clear(struct endpoint *e)
{
	free(e->base);
	free(e->ca);
	free(e->cert);
	free(e->key);
}

void endpoints_done(struct endpoints *e)
{
	for (size_t i = 0; i < e->n; i++)
		endpoint_clear(&e->v[i]);
	free(e->v);
	*e = (struct endpoints){ 0 };
}

/* ---- who may go without a certificate ---- */

/* "localhost:5000", "[::1]:5000": the host alone; the caller frees. */
static char *host_of(const char *domain)
{
	const char *colon = strrchr(domain, ':');

	if (*domain == '[')
		return xstrndup(domain + 1, strcspn(domain + 1, "]"));
	return colon ? xstrndup(domain, (size_t)(colon - domain)) : xstrdup(domain);
}

static bool same_bits(const unsigned char *a, const unsigned char *b, unsigned n)
{
	unsigned rest = n % 8;

	return memcmp(a, b, n / 8) == 0 && (!rest || (a[n / 8] ^ b[n / 8]) >> (8 - rest) == 0);
}

/* Is the address in the subnet "10.0.0.0/8"? Anything else is no subnet. */
static bool is_in(const struct sockaddr *a, const char *cidr)
{
	const char *slash = strchr(cidr, '/');
	autofree char *text = slash ? xstrndup(cidr, (size_t)(slash - cidr)) : NULL;
	unsigned char net[16];
	const void *own = a->sa_family == AF_INET6
				  ? (const void *)&((const struct sockaddr_in6 *)a)->sin6_addr
				  : (const void *)&((const struct sockaddr_in *)a)->sin_addr;
	uint32_t bits;

	return slash && parse_u32(slash + 1, &bits) == 0 &&
	       bits <= (a->sa_family == AF_INET6 ? 128 : 32) &&
	       inet_pton(a->sa_family, text, net) == 1 && same_bits(net, own, bits);
}

static bool any_contains(const struct registry *r, const struct sockaddr *a)
{
	if (is_in(a, a->sa_family == AF_INET6 ? "::1/128" : "127.0.0.0/8"))
		return true;
	for (size_t i = 0; i < r->insecure.n; i++)
		if (is_in(a, r->insecure.v[i]))
			return true;
	return false;
}

static bool is_insecure(const struct registry *r, const char *domain)
{
	autofree char *host = host_of(domain);
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL, *a;
	bool found = false;

	if (strcmp(domain, DOCKER_HUB) == 0)
		return false;
	if (strlist_has(&r->insecure, domain))
		return true;
	if (getaddrinfo(host, NULL, &hints, &list) != 0)
		return false;
	for (a = list; a && !found; a = a->ai_next)
		found = (a->ai_family == AF_INET || a->ai_family == AF_INET6) &&
			any_contains(r, a->ai_addr);
	freeaddrinfo(list);
	return found;
}

/* ---- certificates ---- */

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && strcmp(s + n - m, end) == 0;
}

/* The system's authorities and then this one. */
static int add_authority(struct buf *pem, const char *path, struct error *err)
{
	/* A system without any is no error: ours may be all that is needed. */
	if (!pem->len && fs_read_file(AT_FDCWD, SYSTEM_AUTHORITIES, pem) < 0 && errno != ENOENT)
		return error_sys(err, "cannot read %s", SYSTEM_AUTHORITIES);
	if (buf_addc(pem, '\n') < 0 || fs_read_file(AT_FDCWD, path, pem) < 0)
		return error_sys(err, "cannot read %s", path);
	return 0;
}

static int add_certificate(struct endpoint *e, const char *path, struct error *err)
{
	autofree char *key = xasprintf("%.*skey", (int)(strlen(path) - 4), path);

	if (faccessat(AT_FDCWD, key, F_OK, 0) < 0)
		return error_set(err, ERR_INTERNAL, "missing key %s for client certificate %s", key,
				 path);
	if (e->cert)
		return 0; /* libcurl takes one */
	e->cert = xstrdup(path);
	e->key = take_ptr(&key);
	return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_certificates(const struct registry *r, const char *domain, struct endpoint *e,
			     struct error *err)
{
	autofree char *dir = r->certs_dir ? xasprintf("%s/%s", r->certs_dir, domain) : NULL;
	autobuf struct buf pem = BUF_INIT(AUTHORITIES_MAX);
	struct dirent **names = NULL;
	int n = dir ? scandir(dir, &names, NULL, by_name) : 0, rc = 0;

	if (n < 0 && errno != ENOENT && errno != ENOTDIR)
		return error_sys(err, "cannot read %s", dir);
	for (int i = 0; i < n; i++) {
		autofree char *path = xasprintf("%s/%s", dir, names[i]->d_name);

		if (rc == 0 && ends_with(path, ".crt"))
			rc = add_authority(&pem, path, err);
		else if (rc == 0 && ends_with(path, ".cert"))
			rc = add_certificate(e, path, err);
		free(names[i]);
	}
	free(names);
	if (rc == 0 && pem.len)
		e->ca = xstrdup(buf_text(&pem));
	return rc;
}

/* ---- all ways ---- */

static int add(const struct registry *r, struct endpoints *out, char *base, const char *domain,
	       bool mirror, bool insecure, struct error *err)
{
	struct endpoint *e;

	out->v = xrealloc(out->v, (out->n + 1) * sizeof(*out->v));
	e = &out->v[out->n++];
	*e = (struct endpoint){ .base = base, .mirror = mirror };
	if (strncmp(base, "https:", 6) != 0)
		return 0;
	if (read_certificates(r, domain, e, err) < 0)
		return -1;
	e->tls = (struct wire_tls){
		.ca = e->ca, .cert = e->cert, .key = e->key, .insecure = insecure
	};
	return 0;
}

static int add_mirrors(const struct registry *r, const char *domain, struct endpoints *out,
		       struct error *err)
{
	size_t n = strlen(domain);

	for (size_t i = 0; i < r->mirrors.n; i++) {
		const char *mirror = r->mirrors.v[i], *url = mirror + n + 1;

		if (strncmp(mirror, domain, n) == 0 && mirror[n] == '=' &&
		    add(r, out, xstrdup(url), strstr(url, "://") + 3, true,
			is_insecure(r, strstr(url, "://") + 3), err) < 0)
			return -1;
	}
	return 0;
}

int endpoints_find(const struct registry *r, const char *domain, bool push, struct endpoints *out,
		   struct error *err)
{
	const char *host = strcmp(domain, DOCKER_HUB) == 0 ? DOCKER_HUB_HOST : domain;
	bool insecure = is_insecure(r, domain);

	*out = (struct endpoints){ 0 };
	if ((push || add_mirrors(r, domain, out, err) == 0) &&
	    add(r, out, xasprintf("https://%s", host), host, false, insecure, err) == 0 &&
	    (!insecure || add(r, out, xasprintf("http://%s", host), host, false, true, err) == 0))
		return 0;
	endpoints_done(out);
	return -1;
}
