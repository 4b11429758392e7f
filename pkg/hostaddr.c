/* Where a daemon listens: see hostaddr.h. */
#include "pkg/hostaddr.h"

#include <stdbool.h>
#include <string.h>

#include "pkg/mem.h"
#include "pkg/parse.h"

#define DEFAULT_TCP_HOST "127.0.0.1"

static const char *behind(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

static char *invalid(const char *text, struct error *err)
{
	error_set(err, ERR_BAD_REQUEST, "Invalid bind address format: %s", text);
	return NULL;
}

/* One colon, or brackets around a host that has more of them. */
static bool is_host(const char *s, size_t n)
{
	if (n > 2 && s[0] == '[' && s[n - 1] == ']')
		return memchr(s, ':', n) && !memchr(s, '/', n);
	return !memchr(s, ':', n) && !memchr(s, '/', n) && !memchr(s, ' ', n);
}

static char *normalize_tcp(const char *address, struct error *err)
{
	const char *colon = strrchr(address, ':');
	size_t n = colon ? (size_t)(colon - address) : 0;
	uint32_t port;

	if (!colon || !is_host(address, n) || parse_u32(colon + 1, &port) < 0 || port == 0 ||
	    port > 65535)
		return invalid(address, err);
	if (n == 0)
		return xasprintf("tcp://%s:%u", DEFAULT_TCP_HOST, port);
	return xasprintf("tcp://%.*s:%u", (int)n, address, port);
}

char *hostaddr_normalize(const char *text, struct error *err)
{
	const char *rest;

	if (!*text || strcmp(text, "unix://") == 0)
		return xstrdup(HOSTADDR_DEFAULT);
	if (behind(text, "unix://") || behind(text, "fd://"))
		return xstrdup(text);
	rest = behind(text, "tcp://");
	if (rest)
		return *rest ? normalize_tcp(rest, err) : invalid(text, err);
	if (strstr(text, "://")) {
		error_set(err, ERR_BAD_REQUEST, "Invalid bind address protocol: %s", text);
		return NULL;
	}
	return normalize_tcp(text, err);
}
