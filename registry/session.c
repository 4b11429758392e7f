/* Requests to a repository: see session.h. */
#include "registry/session.h"

#include <ctype.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "pkg/httpc.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/parse.h"
#include "pkg/reference.h"
#include "registry/internal.h"

#define ANSWER_MAX (1024 * 1024)
#define TRIES 6
#define FIRST_PAUSE_MS 250
#define PAUSE_MAX_MS 30000
#define TOKEN_SECONDS 60 /* how long one lasts that does not say so, and at least */
#define TOKEN_SECONDS_MAX (24 * 3600)

struct session {
	atomic_int refs;
	struct endpoint endpoint; /* constant, as are the next ones */
	char *name;               /* of the repository: "library/busybox" */
	struct credentials credentials;
	bool push;

	pthread_mutex_t lock; /* guards all below */
	struct challenge challenge;
	char *token, *token_scope; /* or NULL */
	time_t token_ends;         /* CLOCK_MONOTONIC */
};

static struct session *session_new(struct endpoint *e, const struct reference *ref, bool push)
{
	struct session *s = xcalloc(1, sizeof(*s));

	atomic_init(&s->refs, 1);
	pthread_mutex_init(&s->lock, NULL);
	s->endpoint = *e;
	*e = (struct endpoint){ 0 }; /* taken */
	s->name = xstrdup(ref->path);
	s->push = push;
	return s;
}

int sessions_open(const struct registry *r, const struct reference *ref, const char *auth,
		  bool push, struct sessions *out, struct error *err)
{
	struct endpoints endpoints = { 0 };
	int rc = endpoints_find(r, ref->domain, push, &endpoints, err);

	*out = (struct sessions){ 0 };
	for (size_t i = 0; rc == 0 && i < endpoints.n; i++) {
		struct session *s = session_new(&endpoints.v[i], ref, push);

		out->v = xrealloc(out->v, (out->n + 1) * sizeof(struct session *));
		out->v[out->n++] = s;
		if (!s->endpoint.mirror)
			rc = credentials_parse(auth, &s->credentials, err);
	}
	endpoints_done(&endpoints);
	if (rc < 0)
		sessions_done(out);
	return rc;
}

void sessions_done(struct sessions *s)
{
	for (size_t i = 0; i < s->n; i++)
		session_unref(s->v[i]);
	free(s->v);
	*s = (struct sessions){ 0 };
}

struct session *session_ref(struct session *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

void session_unref(struct session *s)
{
	if (!s || atomic_fetch_sub(&s->refs, 1) > 1)
		return;
	endpoint_clear(&s->endpoint);
	credentials_done(&s->credentials);
	challenge_done(&s->challenge);
	pthread_mutex_destroy(&s->lock);
	free(s->name);
	free(s->token);
	free(s->token_scope);
	free(s);
}

const char *session_base(const struct session *s)
{
	return s->endpoint.base;
}

bool session_is_mirror(const struct session *s)
{
	return s->endpoint.mirror;
}

struct wire *session_wire(const struct session *s, struct wire_cancel cancel, struct error *err)
{
	return wire_new(&s->endpoint.tls, cancel, err);
}

/* ---- errors ---- */

/* "MANIFEST_UNKNOWN" as people read it. */
static char *words_of_code(const char *code)
{
	char *text = xstrdup(code);

	for (char *p = text; *p; p++)
		*p = *p == '_' ? ' ' : (char)tolower((unsigned char)*p);
	return text;
}

static enum error_kind kind_of(int status)
{
	switch (status) {
	case 401:
		return ERR_UNAUTHORIZED;
	case 403:
		return ERR_FORBIDDEN;
	case 404:
		return ERR_NOT_FOUND;
	case 400:
		return ERR_BAD_REQUEST;
	default:
		return status == 429 || status >= 500 ? ERR_UNAVAILABLE : ERR_INTERNAL;
	}
}

/* What the body says, or the status alone; the caller frees. */
static char *sentence_of(const struct buf *body, int status)
{
	autojson json_t *j = json_parse(buf_text(body), body->len, NULL);
	const json_t *first = json_array_get(json_get_arr(j, "errors"), 0);
	const char *code = json_get_str(first, "code", NULL);
	const char *detail = json_get_str(j, "details", json_get_str(j, "message", NULL));

	if (code) {
		autofree char *words = words_of_code(code);

		return xasprintf("%s: %s", words, json_get_str(first, "message", words));
	}
	if (status == 401)
		return xasprintf("unauthorized: %s", detail ? detail : "authentication required");
	if (status == 429)
		return xasprintf("toomanyrequests: %s", detail ? detail : "too many requests");
	if (status == 403)
		return xasprintf("denied: %s",
				 detail ? detail : "requested access to the resource is denied");
	return xasprintf("received unexpected HTTP status: %d", status);
}

/*
 * A token that does not go so far (RFC 6750): Docker Hub says so of what is not there or is not ours, with
 * a body that only asks for authentication.
 */
static bool is_out_of_scope(const struct wire *h)
{
	const char *header;

	for (size_t i = 0; (header = wire_header(h, "WWW-Authenticate", i)); i++)
		if (strstr(header, "error=\"insufficient_scope\""))
			return true;
	return false;
}

int session_fail(struct wire *h, int status, struct error *err)
{
	autobuf struct buf body = BUF_INIT(ANSWER_MAX);
	autofree char *text = NULL;

	if (status >= 400 && status < 500 && is_out_of_scope(h)) {
		wire_end(h);
		return error_set(err, ERR_FORBIDDEN,
				 "denied: requested access to the resource is denied");
	}
	(void)wire_read_all(h, &body, NULL); /* the status is enough */
	wire_end(h);
	text = sentence_of(&body, status);
	return error_set(err, kind_of(status), "%s", text);
}

/* ---- tokens ---- */

static time_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static char *scope_of(const struct session *s, const char *also)
{
	return xasprintf("repository:%s:%s%s%s%s", s->name, s->push ? "pull,push" : "pull",
			 also ? " repository:" : "", also ? also : "", also ? ":pull" : "");
}

static void add_parameter(struct buf *b, const char *key, const char *value)
{
	buf_addf(b, "%s%s=", b->len ? "&" : "", key);
	httpc_escape(b, value, "");
}

/* The scopes of a request, each a parameter of its own. */
static void add_scopes(struct buf *b, const char *scope)
{
	autostrlist struct strlist each = STRLIST_INIT;

	strlist_split(&each, scope, ' ');
	for (size_t i = 0; i < each.n; i++)
		add_parameter(b, "scope", each.v[i]);
}

/* Ask with a refresh token (OAuth 2), or with name and password, or as nobody. */
static int ask_for_token(const struct session *s, struct wire *h, const struct challenge *c,
			 const char *scope, struct error *err)
{
	autobuf struct buf form = BUF_INIT(ANSWER_MAX);
	autostrlist struct strlist headers = STRLIST_INIT;
	autofree char *url = NULL;
	struct wire_request r = { .method = "GET", .headers = &headers, .length = -1 };
	struct source body = source_buf(&form);

	if (c->service)
		add_parameter(&form, "service", c->service);
	if (s->credentials.identity_token) {
		add_parameter(&form, "scope", scope);
		add_parameter(&form, "client_id", "docker");
		add_parameter(&form, "grant_type", "refresh_token");
		add_parameter(&form, "refresh_token", s->credentials.identity_token);
		strlist_add(&headers, "Content-Type: application/x-www-form-urlencoded");
		r.method = "POST";
		r.url = c->realm;
		r.read = body.read;
		r.from = body.from;
		r.length = (int64_t)form.len;
		return wire_begin(h, &r, err);
	}
	if (*scope)
		add_scopes(&form, scope);
	if (s->credentials.user) {
		add_parameter(&form, "account", s->credentials.user);
		credentials_basic(&s->credentials, &headers);
	}
	url = xasprintf("%s%c%s", c->realm, strchr(c->realm, '?') ? '&' : '?', buf_text(&form));
	r.url = url;
	return wire_begin(h, &r, err);
}

/* A password does not travel in the clear because a registry that has TLS says so. */
static int check_realm(const struct session *s, const struct challenge *c, struct error *err)
{
	bool is_tls = strncmp(c->realm, "https://", 8) == 0;

	if (!is_tls && strncmp(c->realm, "http://", 7) != 0)
		return error_set(err, ERR_INTERNAL, "unsupported token realm \"%s\"", c->realm);
	if (!is_tls && strncmp(s->endpoint.base, "https:", 6) == 0 &&
	    credentials_are_there(&s->credentials))
		return error_set(err, ERR_INTERNAL,
				 "refusing to send credentials to \"%s\" without TLS", c->realm);
	return 0;
}

static int read_token(struct session *s, struct wire *h, const char *scope, struct error *err)
{
	autobuf struct buf body = BUF_INIT(ANSWER_MAX);
	autojson json_t *j = NULL;
	const char *token;
	int64_t seconds;

	if (wire_read_all(h, &body, err) < 0)
		return -1;
	j = json_parse(buf_text(&body), body.len, err);
	if (!j)
		return error_prefix(err, "the answer of the token server");
	token = json_get_str(j, "token", json_get_str(j, "access_token", ""));
	if (!*token || strpbrk(token, "\r\n"))
		return error_set(err, ERR_INTERNAL,
				 "authorization server did not include a token in the response");
	seconds = json_get_int(j, "expires_in", TOKEN_SECONDS);
	seconds = seconds < TOKEN_SECONDS ? TOKEN_SECONDS : seconds;
	seconds = seconds > TOKEN_SECONDS_MAX ? TOKEN_SECONDS_MAX : seconds;
	pthread_mutex_lock(&s->lock);
	free(s->token);
	free(s->token_scope);
	s->token = xstrdup(token);
	s->token_scope = xstrdup(scope);
	s->token_ends = seconds_now() + seconds * 9 / 10;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static int fetch_token(struct session *s, struct wire *h, const struct challenge *c,
		       const char *scope, struct error *err)
{
	int status;

	if (check_realm(s, c, err) < 0)
		return -1;
	status = ask_for_token(s, h, c, scope, err);
	if (status < 0)
		return -1;
	if (status != 200) {
		session_fail(h, status, err);
		return error_prefix(err, "Get \"%s\"", c->realm);
	}
	if (read_token(s, h, scope, err) < 0)
		return -1;
	wire_end(h);
	return 0;
}

/* ---- requests ---- */

/*
 * With the lock held. A token for more than that, with what else a mount needs, is one for this too: else
 * threads that push would take each other's away.
 */
static bool has_token(const struct session *s, const char *scope)
{
	size_t n = strlen(scope);

	return s->token && strncmp(s->token_scope, scope, n) == 0 &&
	       (!s->token_scope[n] || s->token_scope[n] == ' ') && seconds_now() < s->token_ends;
}

/* What is known to be needed. True: something was sent. */
static bool add_authorization(struct session *s, const char *scope, struct strlist *headers)
{
	size_t before = headers->n;

	pthread_mutex_lock(&s->lock);
	if (s->credentials.registry_token)
		strlist_addf(headers, "Authorization: Bearer %s", s->credentials.registry_token);
	else if (has_token(s, scope))
		strlist_addf(headers, "Authorization: Bearer %s", s->token);
	else if (s->challenge.scheme == CHALLENGE_BASIC && s->credentials.user)
		credentials_basic(&s->credentials, headers);
	pthread_mutex_unlock(&s->lock);
	return headers->n > before;
}

/* Bytes of scheme, host and port, without a port that goes without saying; 0: no URL. */
static size_t origin_length(const char *url)
{
	const char *host = strstr(url, "://");
	bool is_tls = strncasecmp(url, "https:", 6) == 0;
	const char *port = is_tls ? ":443" : ":80";
	size_t n = host ? (size_t)(host + 3 - url) + strcspn(host + 3, "/?#") : 0;
	size_t m = strlen(port);

	return n > m && strncmp(url + n - m, port, m) == 0 ? n - m : n;
}

/* A whole URL of another server (an upload's, say) is not given our credentials. */
static bool is_ours(const struct session *s, const char *url)
{
	size_t n = origin_length(s->endpoint.base);

	return n == origin_length(url) && strncasecmp(url, s->endpoint.base, n) == 0;
}

static char *url_of(const struct session *s, const char *path)
{
	if (strstr(path, "://"))
		return xstrdup(path);
	if (strncmp(path, "/v2/", 4) == 0)
		return xasprintf("%s%s", s->endpoint.base, path);
	return xasprintf("%s/v2/%s%s", s->endpoint.base, s->name, path);
}

static int send(struct session *s, struct wire *h, const struct session_request *q, const char *url,
		const char *scope, bool *authorized, struct error *err)
{
	autostrlist struct strlist headers = STRLIST_INIT;
	struct wire_request r = { .method = q->method,
				  .url = url,
				  .headers = &headers,
				  .read = q->read,
				  .from = q->from,
				  .length = q->length };

	for (size_t i = 0; q->headers && i < q->headers->n; i++)
		strlist_add(&headers, q->headers->v[i]);
	*authorized = is_ours(s, url) && add_authorization(s, scope, &headers);
	return wire_begin(h, &r, err);
}

/*
 * The challenges of a 401, of which the strongest is kept: its scheme. Whom we were only sent on to does
 * not say where our password goes.
 */
static int note_challenge(struct session *s, struct wire *h)
{
	struct challenge best = { 0 };
	const char *header;

	if (!is_ours(s, wire_url(h)))
		return CHALLENGE_NONE;
	for (size_t i = 0; (header = wire_header(h, "WWW-Authenticate", i)); i++) {
		struct challenge c;

		challenge_parse(header, &c);
		if (c.scheme > best.scheme) {
			challenge_done(&best);
			best = c;
		} else {
			challenge_done(&c);
		}
	}
	pthread_mutex_lock(&s->lock);
	challenge_done(&s->challenge);
	s->challenge = best;
	pthread_mutex_unlock(&s->lock);
	return (int)best.scheme;
}

static char *copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

/* A 401 was met: is there something to answer it with? 1, 0, or -1 with err. */
static int answer_challenge(struct session *s, struct wire *h, const char *scope, struct error *err)
{
	struct challenge c;
	int rc;

	pthread_mutex_lock(&s->lock);
	c = (struct challenge){ s->challenge.scheme, copy(s->challenge.realm),
				copy(s->challenge.service), copy(s->challenge.scope) };
	pthread_mutex_unlock(&s->lock);
	if (c.scheme == CHALLENGE_BEARER)
		rc = fetch_token(s, h, &c,
				 *scope    ? scope
				 : c.scope ? c.scope
					   : "",
				 err) < 0
			     ? -1
			     : 1;
	else
		rc = c.scheme == CHALLENGE_BASIC && s->credentials.user;
	challenge_done(&c);
	return rc;
}

static int no_credentials(struct wire *h, const char *method, const char *url, struct error *err)
{
	autofree char *verb = wire_verb(method);

	wire_end(h);
	return error_set(err, ERR_UNAUTHORIZED, "%s \"%s\": no basic auth credentials", verb, url);
}

static bool needs_token(struct session *s, const char *scope)
{
	bool needs;

	pthread_mutex_lock(&s->lock);
	needs = s->challenge.scheme == CHALLENGE_BEARER && !s->credentials.registry_token &&
		!has_token(s, scope);
	pthread_mutex_unlock(&s->lock);
	return needs;
}

/*
 * A 401 to a body, part of which is gone: the token was taken back, or ran out on the way. Whoever has
 * the body begins it again, with another one.
 */
static int refuse_body(struct session *s, struct wire *h, struct error *err)
{
	pthread_mutex_lock(&s->lock);
	s->token_ends = 0;
	pthread_mutex_unlock(&s->lock);
	session_fail(h, 401, err);
	if (err)
		err->kind = ERR_UNAVAILABLE;
	return -1;
}

static int call_once(struct session *s, struct wire *h, const struct session_request *q,
		     const char *url, const char *scope, struct error *err)
{
	bool authorized;
	int status, scheme, more;

	/* A body is sent once: it does not find out that the token has run out. */
	if (q->read && needs_token(s, scope) && answer_challenge(s, h, scope, err) < 0)
		return -1;
	status = send(s, h, q, url, scope, &authorized, err);
	if (status != 401 || !is_ours(s, url) || !is_ours(s, wire_url(h)) ||
	    s->credentials.registry_token)
		return status;
	scheme = note_challenge(s, h);
	if (scheme == CHALLENGE_BASIC && authorized)
		return status; /* they were refused */
	if (scheme == CHALLENGE_BASIC && !s->credentials.user)
		return no_credentials(h, q->method, url, err);
	if (q->read)
		return refuse_body(s, h, err);
	more = answer_challenge(s, h, scope, err);
	if (more <= 0)
		return more < 0 ? -1 : status;
	return send(s, h, q, url, scope, &authorized, err);
}

/* Is it worth another try, and when? -1: no. */
static int64_t pause_after(const struct wire *h, int status, const struct error *err, int tried)
{
	int64_t ms = FIRST_PAUSE_MS << tried, seconds;
	const char *text;

	if (status < 0)
		return err->kind == ERR_UNAVAILABLE ? ms : -1;
	if (status != 429 && (status < 500 || status == 501))
		return -1;
	text = wire_header(h, "Retry-After", 0);
	if (text && parse_i64(text, &seconds) == 0 && seconds >= 0)
		ms = seconds > PAUSE_MAX_MS / 1000 ? PAUSE_MAX_MS : seconds * 1000;
	return ms;
}

int session_call(struct session *s, struct wire *h, const struct session_request *q,
		 struct error *err)
{
	autofree char *url = url_of(s, q->path), *scope = scope_of(s, q->also);
	struct error own = { 0 };
	int status = -1;

	for (int tried = 0; tried < TRIES; tried++) {
		int64_t ms;

		status = call_once(s, h, q, url, scope, &own);
		ms = q->patient ? pause_after(h, status, &own, tried) : -1;
		if (ms < 0 || tried + 1 == TRIES)
			break;
		log_debug("%s \"%s\": trying again in %lld ms", q->method, url, (long long)ms);
		wire_end(h);
		if (wire_pause(h, ms, err) < 0)
			return -1;
	}
	if (status < 0 && err)
		*err = own;
	return status;
}

int session_ping(struct session *s, struct wire *h, struct error *err)
{
	autofree char *url = xasprintf("%s/v2/", s->endpoint.base);
	struct wire_request r = { .method = "GET", .url = url, .length = -1 };
	int status = wire_begin(h, &r, err);

	if (status < 0)
		return -1;
	if (status == 401) {
		(void)note_challenge(s, h);
	} else if (status >= 500) { /* there are registries that have nothing there, and images */
		session_fail(h, status, err);
		return error_prefix(err, "Get \"%s\"", url);
	}
	wire_end(h);
	return 0;
}
