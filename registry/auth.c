/* Credentials, as clients send them: see internal.h. */
#include <stdlib.h>
#include <string.h>

#include "pkg/base64.h"
#include "pkg/buf.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "registry/internal.h"

#define AUTH_MAX (64 * 1024)

void credentials_done(struct credentials *c)
{
	free(c->user);
	free(c->password);
	free(c->identity_token);
	free(c->registry_token);
	*c = (struct credentials){ 0 };
}

static char *member(const json_t *j, const char *key)
{
	const char *v = json_get_str(j, key, "");

	return *v ? xstrdup(v) : NULL;
}

/* "auth" is base64 of "USER:PASSWORD": old clients send it instead of the two. */
static int split_auth(const char *auth, struct credentials *c)
{
	autobuf struct buf text = BUF_INIT(AUTH_MAX);
	const char *colon;

	if (base64_decode(&text, auth) < 0)
		return -1;
	colon = strchr(buf_text(&text), ':');
	if (!colon)
		return -1;
	c->user = xstrndup(text.p, (size_t)(colon - text.p));
	c->password = xstrdup(colon + 1);
	return 0;
}

int credentials_parse(const char *text, struct credentials *out, struct error *err)
{
	autobuf struct buf plain = BUF_INIT(AUTH_MAX);
	autojson json_t *j = NULL;
	const char *auth;

	*out = (struct credentials){ 0 };
	if (!text || !*text)
		return 0;
	if (*text == '{')
		buf_adds(&plain, text);
	else if (base64_decode(&plain, text) < 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid X-Registry-Auth header: not base64");
	j = json_parse(buf_text(&plain), plain.len, err);
	if (!j)
		return error_prefix(err, "invalid X-Registry-Auth header");
	out->user = member(j, "username");
	out->password = member(j, "password");
	out->identity_token = member(j, "identitytoken");
	out->registry_token = member(j, "registrytoken");
	auth = json_get_str(j, "auth", "");
	if (!*auth || out->user || split_auth(auth, out) == 0)
		return 0;
	credentials_done(out);
	return error_set(err, ERR_BAD_REQUEST, "invalid X-Registry-Auth header: auth");
}

bool credentials_are_there(const struct credentials *c)
{
	return c->user || c->identity_token || c->registry_token;
}

void credentials_basic(const struct credentials *c, struct strlist *headers)
{
	autofree char *plain =
		xasprintf("%s:%s", c->user ? c->user : "", c->password ? c->password : "");
	autobuf struct buf text = BUF_INIT(2 * AUTH_MAX);

	base64_encode(&text, plain, strlen(plain), false);
	strlist_addf(headers, "Authorization: Basic %s", buf_text(&text));
}
