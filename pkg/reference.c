/* Names of images: see reference.h. */
#include "pkg/reference.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/digest.h"
#include "pkg/id.h"
#include "pkg/mem.h"

#define HUB "docker.io"
#define HUB_OLD "index.docker.io"
#define OFFICIAL "library/"
#define NAME_MAX_LENGTH 255
#define TAG_MAX_LENGTH 128

static bool is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
	return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

/* [a-z0-9]+ joined by ".", "_", "__" or any number of "-". */
static bool is_path_component(const char *s, size_t n)
{
	size_t i = 0, from;

	for (;;) {
		for (from = i; i < n && is_lower_alnum(s[i]); i++)
			;
		if (i == from)
			return false;
		if (i == n)
			return true;
		if (s[i] == '.') {
			i++;
		} else if (s[i] == '_') {
			i += 1 + (i + 1 < n && s[i + 1] == '_');
		} else if (s[i] == '-') {
			for (; i < n && s[i] == '-'; i++)
				;
		} else {
			return false;
		}
	}
}

static bool is_path(const char *s)
{
	for (;;) {
		size_t n = strcspn(s, "/");

		if (!is_path_component(s, n))
			return false;
		if (!s[n])
			return true;
		s += n + 1;
	}
}

/* Labels of letters, digits and inner "-", joined by dots. */
static bool is_host_name(const char *s, size_t n)
{
	if (!n || s[0] == '.' || s[n - 1] == '.')
		return false;
	for (size_t i = 0; i < n; i++) {
		bool edge = i == 0 || i == n - 1 || s[i - 1] == '.' || s[i + 1] == '.';

		if (s[i] == '.' ? s[i + 1] == '.' : !is_alnum(s[i]) && (s[i] != '-' || edge))
			return false;
	}
	return true;
}

static bool is_ipv6(const char *s, size_t n)
{
	if (n < 4 || s[0] != '[' || s[n - 1] != ']')
		return false;
	for (size_t i = 1; i < n - 1; i++)
		if (!isxdigit((unsigned char)s[i]) && s[i] != ':')
			return false;
	return true;
}

static bool is_domain(const char *s)
{
	const char *close = *s == '[' ? strchr(s, ']') : NULL;
	size_t host = close ? (size_t)(close - s) + 1 : strcspn(s, ":");
	const char *port = s + host;

	if (close ? !is_ipv6(s, host) : !is_host_name(s, host))
		return false;
	if (!*port)
		return true;
	return *port == ':' && port[1] && port[1 + strspn(port + 1, "0123456789")] == '\0';
}

bool reference_tag_is_valid(const char *tag)
{
	size_t n = strlen(tag);

	if (!n || n > TAG_MAX_LENGTH || (!is_alnum(*tag) && *tag != '_'))
		return false;
	for (const char *s = tag; *s; s++)
		if (!is_alnum(*s) && *s != '_' && *s != '.' && *s != '-')
			return false;
	return true;
}

static int bad_format(struct error *err)
{
	return error_set(err, ERR_BAD_REQUEST, "invalid reference format");
}

/* Does the part before the first slash name a host? */
static bool is_host_part(const char *s, size_t n)
{
	if (memchr(s, '.', n) || memchr(s, ':', n))
		return true;
	if (n == 9 && memcmp(s, "localhost", 9) == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (isupper((unsigned char)s[i]))
			return true;
	return false;
}

/* Split a name without tag and digest, and complete what users leave out. */
static void split_name(const char *name, struct reference *r)
{
	size_t n = strcspn(name, "/");

	if (!name[n] || !is_host_part(name, n)) {
		r->domain = xstrdup(HUB);
		r->path = xstrdup(name);
	} else {
		r->domain = xstrndup(name, n);
		r->path = xstrdup(name + n + 1);
	}
	if (strcmp(r->domain, HUB_OLD) == 0) {
		free(r->domain);
		r->domain = xstrdup(HUB);
	}
	if (strcmp(r->domain, HUB) == 0 && !strchr(r->path, '/')) {
		char *official = xasprintf(OFFICIAL "%s", r->path);

		free(r->path);
		r->path = official;
	}
}

/* Take ":tag" and "@digest" off the end of name, which is shortened. */
static int split_ends(char *name, struct reference *r, struct error *err)
{
	char *at = strchr(name, '@'), *slash, *colon;

	if (at) {
		*at = '\0';
		if (strncmp(at + 1, DIGEST_PREFIX, strlen(DIGEST_PREFIX)) == 0 &&
		    !digest_is_valid(at + 1))
			return error_set(err, ERR_BAD_REQUEST, "invalid checksum digest length");
		if (!digest_is_valid(at + 1))
			return bad_format(err);
		r->digest = xstrdup(at + 1);
	}
	slash = strrchr(name, '/');
	colon = strrchr(name, ':');
	if (colon && (!slash || colon > slash)) {
		*colon = '\0';
		if (!reference_tag_is_valid(colon + 1))
			return bad_format(err);
		r->tag = xstrdup(colon + 1);
	}
	return 0;
}

static bool has_upper(const char *s)
{
	for (; *s; s++)
		if (isupper((unsigned char)*s))
			return true;
	return false;
}

static int check_name(const struct reference *r, struct error *err)
{
	if (has_upper(r->path))
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid reference format: repository name must be lowercase");
	if (!is_domain(r->domain) || !is_path(r->path))
		return bad_format(err);
	if (strlen(r->domain) + 1 + strlen(r->path) > NAME_MAX_LENGTH)
		return error_set(err, ERR_BAD_REQUEST,
				 "repository name must not be more than %d characters",
				 NAME_MAX_LENGTH);
	return 0;
}

int reference_parse(const char *text, struct reference *out, struct error *err)
{
	autofree char *name = xstrdup(text);
	autoreference struct reference r = REFERENCE_INIT;

	if (!*text)
		return bad_format(err);
	if (id_is_full(text))
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid repository name (%s), cannot specify 64-byte hexadecimal "
				 "strings",
				 text);
	if (split_ends(name, &r, err) < 0)
		return -1;
	split_name(name, &r);
	if (check_name(&r, err) < 0)
		return -1;
	*out = r;
	r = REFERENCE_INIT;
	return 0;
}

void reference_done(struct reference *r)
{
	free(r->domain);
	free(r->path);
	free(r->tag);
	free(r->digest);
	*r = REFERENCE_INIT;
}

int reference_set_tag(struct reference *r, const char *tag, struct error *err)
{
	if (!reference_tag_is_valid(tag))
		return error_set(err, ERR_BAD_REQUEST, "invalid tag format");
	free(r->tag);
	r->tag = xstrdup(tag);
	return 0;
}

void reference_default_tag(struct reference *r)
{
	if (!r->tag && !r->digest)
		r->tag = xstrdup("latest");
}

/* Would the path, without docker.io before it, be read as another host's? */
static bool looks_foreign(const char *path)
{
	size_t n = strcspn(path, "/");

	return path[n] && is_host_part(path, n);
}

char *reference_name(const struct reference *r)
{
	if (strcmp(r->domain, HUB) != 0 || looks_foreign(r->path))
		return xasprintf("%s/%s", r->domain, r->path);
	if (strncmp(r->path, OFFICIAL, strlen(OFFICIAL)) == 0 &&
	    !strchr(r->path + strlen(OFFICIAL), '/'))
		return xstrdup(r->path + strlen(OFFICIAL));
	return xstrdup(r->path);
}

char *reference_text(const struct reference *r)
{
	autofree char *name = reference_name(r);

	return xasprintf("%s%s%s%s%s", name, r->tag ? ":" : "", r->tag ? r->tag : "",
			 r->digest ? "@" : "", r->digest ? r->digest : "");
}
