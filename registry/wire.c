/*
 * HTTP: see wire.h. The multi interface of libcurl is used, so that the caller pulls and its pace is
 * the connection's.
 */
#include "registry/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "pkg/buf.h"
#include "pkg/mem.h"
#include "pkg/parse.h"
#include "registry/curl.h"

#define BODY_MAX (1024 * 1024)     /* that waits between two reads */
#define BODY_ENOUGH (BODY_MAX / 2) /* then the connection waits */
#define HEAD_MAX (256 * 1024)      /* bytes of all headers of an answer */
#define RECEIVE_SIZE (256L * 1024)
#define SEND_SIZE (512L * 1024)
#define WAIT_MS 200
#define CONNECT_SECONDS 30L
#define STALL_SECONDS 15L /* without a byte: the connection is given up */
/* The same where something is written: a registry may move a whole blob before it answers. */
#define WRITE_STALL_SECONDS 300L

struct wire {
	const struct curl_lib *lib;
	struct wire_tls tls;
	struct wire_cancel cancel;
	CURL *easy;
	CURLM *multi;
	struct curl_slist *headers;
	wire_source *read; /* of the body that is sent */
	void *from;
	char *method, *url;
	struct buf head; /* of the newest answer: its lines, each with a NUL */
	struct buf body;
	int source_errno; /* why the body that is sent failed */
	bool active, has_head, done, paused;
	CURLcode result;
	char why[CURL_ERROR_SIZE];
};

struct wire *wire_new(const struct wire_tls *tls, struct wire_cancel cancel, struct error *err)
{
	const struct curl_lib *lib = curl_load(err);
	struct wire *h;

	if (!lib)
		return NULL;
	h = xcalloc(1, sizeof(*h));
	h->lib = lib;
	h->tls = tls ? *tls : (struct wire_tls){ 0 };
	h->cancel = cancel;
	h->head = BUF_INIT(HEAD_MAX);
	h->body = BUF_INIT(BODY_MAX);
	h->easy = lib->easy_init();
	h->multi = lib->multi_init();
	if (h->easy && h->multi)
		return h;
	wire_free(h);
	error_set(err, ERR_INTERNAL, "libcurl cannot be started");
	return NULL;
}

void wire_free(struct wire *h)
{
	if (!h)
		return;
	wire_end(h);
	if (h->easy)
		h->lib->easy_cleanup(h->easy);
	if (h->multi)
		h->lib->multi_cleanup(h->multi);
	buf_done(&h->head);
	buf_done(&h->body);
	free(h);
}

void wire_end(struct wire *h)
{
	if (h->active)
		h->lib->multi_remove_handle(h->multi, h->easy);
	h->lib->slist_free_all(h->headers);
	h->headers = NULL;
	h->active = false;
	free(h->method);
	free(h->url);
	h->method = h->url = NULL;
	buf_reset(&h->head);
	buf_reset(&h->body);
}

/* ---- what libcurl calls ---- */

static size_t take_body(char *p, size_t size, size_t n, void *arg)
{
	struct wire *h = arg;

	h->has_head = true;
	if (h->body.len >= BODY_ENOUGH) {
		h->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	return buf_add(&h->body, p, size * n) < 0 ? 0 : size * n;
}

/* Each line of a head; the one of a redirection that is followed is forgotten. */
static size_t take_header(char *p, size_t size, size_t n, void *arg)
{
	struct wire *h = arg;
	size_t length = size * n;

	if (length >= 5 && strncmp(p, "HTTP/", 5) == 0)
		buf_reset(&h->head);
	while (length && (p[length - 1] == '\n' || p[length - 1] == '\r'))
		length--;
	if (buf_add(&h->head, p, length) < 0 || buf_addc(&h->head, '\0') < 0)
		return 0;
	return size * n;
}

static size_t give_body(char *p, size_t size, size_t n, void *arg)
{
	struct wire *h = arg;
	ssize_t got = h->read(h->from, p, size * n);

	if (got >= 0)
		return (size_t)got;
	h->source_errno = errno ? errno : EIO;
	return CURL_READFUNC_ABORT;
}

/* ---- an exchange ---- */

static void set_body(struct wire *h, const struct wire_request *r)
{
	const struct curl_lib *lib = h->lib;

	if (strcmp(r->method, "HEAD") == 0)
		lib->easy_setopt(h->easy, CURLOPT_NOBODY, 1L);
	else if (r->read)
		lib->easy_setopt(h->easy, CURLOPT_UPLOAD, 1L);
	if (!r->read)
		return;
	lib->easy_setopt(h->easy, CURLOPT_READFUNCTION, give_body);
	lib->easy_setopt(h->easy, CURLOPT_READDATA, h);
	lib->easy_setopt(h->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->length);
	lib->easy_setopt(h->easy, CURLOPT_UPLOAD_BUFFERSIZE, SEND_SIZE);
}

static void set_tls(struct wire *h)
{
	const struct curl_lib *lib = h->lib;
	const struct wire_tls *t = &h->tls;

	if (t->insecure) {
		lib->easy_setopt(h->easy, CURLOPT_SSL_VERIFYPEER, 0L);
		lib->easy_setopt(h->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (t->ca) {
		struct curl_blob blob = { (void *)t->ca, strlen(t->ca), CURL_BLOB_NOCOPY };

		lib->easy_setopt(h->easy, CURLOPT_CAINFO_BLOB, &blob);
	}
	if (t->cert) {
		lib->easy_setopt(h->easy, CURLOPT_SSLCERT, t->cert);
		lib->easy_setopt(h->easy, CURLOPT_SSLKEY, t->key);
	}
}

static void set_options(struct wire *h, const struct wire_request *r)
{
	const struct curl_lib *lib = h->lib;
	bool is_tls = strncasecmp(r->url, "https:", 6) == 0;
	bool writes = strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0;

	lib->easy_reset(h->easy);
	for (size_t i = 0; r->headers && i < r->headers->n; i++)
		h->headers = lib->slist_append(h->headers, r->headers->v[i]);
	h->headers = lib->slist_append(h->headers, "Expect:"); /* no wait before a body */
	/* There are servers that want to know that there is no body (411). */
	if (writes && !r->read && strcmp(r->method, "DELETE") != 0)
		h->headers = lib->slist_append(h->headers, "Content-Length: 0");
	lib->easy_setopt(h->easy, CURLOPT_URL, r->url);
	lib->easy_setopt(h->easy, CURLOPT_CUSTOMREQUEST, r->method);
	lib->easy_setopt(h->easy, CURLOPT_HTTPHEADER, h->headers);
	lib->easy_setopt(h->easy, CURLOPT_USERAGENT, "docker");
	lib->easy_setopt(h->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	lib->easy_setopt(h->easy, CURLOPT_FOLLOWLOCATION, r->stay ? 0L : 1L);
	lib->easy_setopt(h->easy, CURLOPT_MAXREDIRS, 10L);
	lib->easy_setopt(h->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	/* What began with TLS does not end without. */
	lib->easy_setopt(h->easy, CURLOPT_REDIR_PROTOCOLS_STR, is_tls ? "https" : "http,https");
	lib->easy_setopt(h->easy, CURLOPT_NOSIGNAL, 1L);
	lib->easy_setopt(h->easy, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	lib->easy_setopt(h->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	lib->easy_setopt(h->easy, CURLOPT_LOW_SPEED_TIME,
			 writes ? WRITE_STALL_SECONDS : STALL_SECONDS);
	lib->easy_setopt(h->easy, CURLOPT_BUFFERSIZE, RECEIVE_SIZE);
	lib->easy_setopt(h->easy, CURLOPT_ERRORBUFFER, h->why);
	lib->easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, take_body);
	lib->easy_setopt(h->easy, CURLOPT_WRITEDATA, h);
	lib->easy_setopt(h->easy, CURLOPT_HEADERFUNCTION, take_header);
	lib->easy_setopt(h->easy, CURLOPT_HEADERDATA, h);
	set_tls(h);
	set_body(h, r);
}

char *wire_verb(const char *method)
{
	char *text = xstrdup(method);

	for (size_t i = 1; *text && text[i]; i++)
		text[i] = (char)(text[i] | 0x20);
	return text;
}

/* The address of a URL: "host:port". */
static char *host_of(const char *url)
{
	const char *start = strstr(url, "://");

	start = start ? start + 3 : url;
	return xstrndup(start, strcspn(start, "/?#"));
}

static char *words_of(struct wire *h)
{
	autofree char *host = host_of(h->url);
	long sys = 0;

	h->lib->easy_getinfo(h->easy, CURLINFO_OS_ERRNO, &sys);
	switch (h->result) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return xasprintf("dial tcp: lookup %.*s: no such host", (int)strcspn(host, ":"),
				 host);
	case CURLE_COULDNT_CONNECT:
		if (sys)
			return xasprintf("dial tcp %s: connect: %s", host, error_words((int)sys));
		break;
	case CURLE_SSL_CONNECT_ERROR:
		if (strstr(h->why, "wrong version number"))
			return xstrdup("http: server gave HTTP response to HTTPS client");
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
		return xasprintf("tls: failed to verify certificate: x509: %s", h->why);
	case CURLE_TOO_MANY_REDIRECTS:
		return xstrdup("stopped after 10 redirects");
	case CURLE_OPERATION_TIMEDOUT:
		return xasprintf("net/http: request canceled (Client.Timeout exceeded): %s",
				 h->why);
	default:
		break;
	}
	return xstrdup(*h->why ? h->why : h->lib->easy_strerror(h->result));
}

/* Would another attempt, a little later, be reasonable? */
static bool is_passing(CURLcode code)
{
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_COULDNT_CONNECT:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return true;
	default:
		return false;
	}
}

static int fail(struct wire *h, struct error *err)
{
	autofree char *words = NULL;

	if (h->cancel.is && h->cancel.is(h->cancel.arg))
		return error_set(err, ERR_CANCELLED, "context canceled");
	words = h->source_errno ? xstrdup(error_words(h->source_errno)) : words_of(h);
	return error_set(err, is_passing(h->result) ? ERR_UNAVAILABLE : ERR_INTERNAL,
			 "%s \"%s\": %s", h->method, h->url, words);
}

/* One turn: whatever the network has now, or a short wait for it. */
static void turn(struct wire *h)
{
	int running, left;
	CURLMsg *m;

	if (h->cancel.is && h->cancel.is(h->cancel.arg)) {
		h->done = true;
		h->result = CURLE_ABORTED_BY_CALLBACK;
		return;
	}
	if (h->paused && !h->body.len) {
		h->paused = false;
		h->lib->easy_pause(h->easy, CURLPAUSE_CONT);
	}
	if (h->lib->multi_perform(h->multi, &running) != CURLM_OK) {
		h->done = true;
		h->result = CURLE_FAILED_INIT;
		return;
	}
	while ((m = h->lib->multi_info_read(h->multi, &left)))
		if (m->msg == CURLMSG_DONE) {
			h->done = true;
			h->result = m->data.result;
		}
	if (!h->done && !h->body.len)
		h->lib->multi_wait(h->multi, NULL, 0, WAIT_MS, NULL);
}

int wire_begin(struct wire *h, const struct wire_request *r, struct error *err)
{
	long status = 0;

	wire_end(h);
	h->method = wire_verb(r->method);
	h->url = xstrdup(r->url);
	h->read = r->read;
	h->from = r->from;
	h->has_head = h->done = h->paused = false;
	h->result = CURLE_OK;
	h->source_errno = 0;
	*h->why = '\0';
	set_options(h, r);
	if (h->lib->multi_add_handle(h->multi, h->easy) != CURLM_OK)
		return error_set(err, ERR_INTERNAL, "libcurl cannot begin a request");
	h->active = true;
	while (!h->has_head && !h->done)
		turn(h);
	if (h->done && h->result != CURLE_OK && !h->has_head)
		return fail(h, err);
	h->lib->easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

ssize_t wire_read(struct wire *h, void *p, size_t n, struct error *err)
{
	while (!h->body.len && !h->done)
		turn(h);
	if (!h->body.len && h->result != CURLE_OK)
		return fail(h, err);
	if (n > h->body.len)
		n = h->body.len;
	if (n)
		memcpy(p, h->body.p, n);
	buf_drop(&h->body, n);
	return (ssize_t)n;
}

int wire_read_all(struct wire *h, struct buf *b, struct error *err)
{
	char part[4096];
	ssize_t n;

	while ((n = wire_read(h, part, sizeof(part), err)) > 0)
		if (buf_add(b, part, (size_t)n) < 0)
			return error_set(err, ERR_INTERNAL, "%s \"%s\": the answer is too large",
					 h->method, h->url);
	return n < 0 ? -1 : 0;
}

const char *wire_header(const struct wire *h, const char *name, size_t i)
{
	size_t n = strlen(name);

	for (size_t at = 0; at < h->head.len; at += strlen(h->head.p + at) + 1) {
		const char *line = h->head.p + at;

		if (strncasecmp(line, name, n) == 0 && line[n] == ':' && i-- == 0)
			return line + n + 1 + strspn(line + n + 1, " \t");
	}
	return NULL;
}

const char *wire_url(const struct wire *h)
{
	char *url = NULL;

	h->lib->easy_getinfo(h->easy, CURLINFO_EFFECTIVE_URL, &url);
	return url ? url : h->url;
}

int wire_pause(struct wire *h, int64_t ms, struct error *err)
{
	while (ms > 0) {
		int64_t part = ms < WAIT_MS ? ms : WAIT_MS;

		if (h->cancel.is && h->cancel.is(h->cancel.arg))
			return error_set(err, ERR_CANCELLED, "context canceled");
		usleep((useconds_t)part * 1000);
		ms -= part;
	}
	return 0;
}
