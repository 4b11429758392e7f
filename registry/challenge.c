/* WWW-Authenticate (RFC 9110, 11.6.1): scheme, then name=value pairs with commas between. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pkg/mem.h"
#include "registry/internal.h"

void challenge_done(struct challenge *c)
{
	free(c->realm);
	free(c->service);
	free(c->scope);
	*c = (struct challenge){ 0 };
}

static const char *skip(const char *p, const char *these)
{
	return p + strspn(p, these);
}

/* A token, or text in quotes with its backslashes taken; the caller frees. */
static char *take_value(const char **p)
{
	const char *at = *p;
	char *out, *to;
	size_t n;

	if (*at != '"') {
		n = strcspn(at, ", \t");
		*p = at + n;
		return xstrndup(at, n);
	}
	out = to = xmalloc(strlen(at) + 1);
	for (at++; *at && *at != '"'; at++) {
		if (*at == '\\' && at[1])
			at++;
		*to++ = *at;
	}
	*to = '\0';
	*p = *at ? at + 1 : at;
	return out;
}

static void set(char **member, char *value)
{
	free(*member);
	*member = value;
}

/* The pairs of one challenge; where the next one begins. */
static const char *take_pairs(const char *p, struct challenge *c)
{
	for (;;) {
		const char *name = skip(p, " \t,");
		size_t n = strcspn(name, "=, \t\"");
		char *value;

		if (!n || name[n] != '=')
			return name; /* another scheme, or the end */
		p = name + n + 1;
		value = take_value(&p);
		if (n == 5 && strncasecmp(name, "realm", n) == 0)
			set(&c->realm, value);
		else if (n == 7 && strncasecmp(name, "service", n) == 0)
			set(&c->service, value);
		else if (n == 5 && strncasecmp(name, "scope", n) == 0)
			set(&c->scope, value);
		else
			free(value);
	}
}

void challenge_parse(const char *header, struct challenge *out)
{
	const char *p = skip(header, " \t,");

	*out = (struct challenge){ 0 };
	while (*p) {
		struct challenge c = { 0 };
		size_t n = strcspn(p, " \t,");
		const char *next = take_pairs(p + n, &c);

		if (n == 6 && strncasecmp(p, "Bearer", n) == 0 && c.realm)
			c.scheme = CHALLENGE_BEARER;
		else if (n == 5 && strncasecmp(p, "Basic", n) == 0)
			c.scheme = CHALLENGE_BASIC;
		if (c.scheme > out->scheme) {
			challenge_done(out);
			*out = c;
		} else {
			challenge_done(&c);
		}
		/* Whatever is no token must not be met again. */
		p = next > p ? next : p + 1;
		p = skip(p, " \t,=\"");
	}
}
