/* Detach sequences: see detachkeys.h. */
#include "pkg/detachkeys.h"

#include <string.h>

#include "pkg/mem.h"
#include "pkg/strlist.h"

static int parse_key(const char *s)
{
	static const char others[] = "@[\\]^_";

	if (s[0] && !s[1])
		return (unsigned char)s[0];
	if (strncmp(s, "ctrl-", 5) != 0 || !s[5] || s[6])
		return -1;
	if (s[5] >= 'a' && s[5] <= 'z')
		return s[5] - 'a' + 1;
	return strchr(others, s[5]) ? s[5] & 0x1f : -1;
}

int detachkeys_parse(const char *text, struct detachkeys *out, struct error *err)
{
	autostrlist struct strlist names = STRLIST_INIT;
	struct detachkeys d = { 0 };

	strlist_split(&names, *text ? text : DETACHKEYS_DEFAULT, ',');
	for (size_t i = 0; i < names.n; i++) {
		int key = parse_key(names.v[i]);

		if (key < 0 || d.n == DETACHKEYS_MAX)
			return error_set(err, ERR_BAD_REQUEST, "Unknown character: '%s'",
					 names.v[i]);
		d.keys[d.n++] = (unsigned char)key;
	}
	*out = d;
	return 0;
}

bool detachkeys_see(struct detachkeys *d, const char *p, size_t n)
{
	for (size_t i = 0; i < n && d->matched < d->n; i++) {
		if ((unsigned char)p[i] == d->keys[d->matched])
			d->matched++;
		else
			d->matched = (unsigned char)p[i] == d->keys[0];
	}
	return d->matched == d->n;
}
