/* Pushing blobs and manifests: see upload.h. (Distribution specification: push.) */
#include "registry/upload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/parse.h"
#include "pkg/strlist.h"
#include "registry/session.h"

#define TRIES 5
#define PAUSE_MS 500

/* The specification has one for each request, and registries have others. */
static bool is_success(int status)
{
	return status >= 200 && status < 300;
}

int upload_exists(struct session *s, struct wire *w, const char *digest, struct error *err)
{
	autofree char *path = xasprintf("/blobs/%s", digest);
	struct session_request q = {
		.method = "HEAD", .path = path, .length = -1, .patient = true
	};
	int status = session_call(s, w, &q, err);

	if (status < 0)
		return -1;
	if (status == 200 || status == 404) {
		wire_end(w);
		return status == 200;
	}
	return session_fail(w, status, err);
}

/* Where an upload goes on: a URL, or a path of the registry. NULL with err. */
static char *location_of(struct session *s, struct wire *w, struct error *err)
{
	const char *location = wire_header(w, "Location", 0);

	if (!location || !*location) {
		error_set(err, ERR_INTERNAL, "the registry did not say where to upload to");
		return NULL;
	}
	if (*location == '/')
		return xasprintf("%s%s", session_base(s), location);
	/* What is pushed to a registry that has TLS does not travel without. */
	if (strncmp(session_base(s), "https:", 6) == 0 && strncasecmp(location, "http:", 5) == 0) {
		error_set(err, ERR_INTERNAL, "refusing to upload to \"%s\" without TLS", location);
		return NULL;
	}
	return xstrdup(location);
}

int upload_mount(struct session *s, struct wire *w, const char *digest, const char *from,
		 struct error *err)
{
	autofree char *path = xasprintf("/blobs/uploads/?mount=%s&from=%s", digest, from);
	autofree char *location = NULL;
	struct session_request q = { .method = "POST", .path = path, .also = from, .length = -1 };
	struct error own = { 0 };
	int status = session_call(s, w, &q, &own);

	if (status < 0 && own.kind == ERR_CANCELLED) {
		if (err)
			*err = own;
		return -1;
	}
	/* No token for the other repository, say: then it is sent. */
	if (status < 0)
		return 0;
	if (status == 201) {
		wire_end(w);
		return 1;
	}
	/* An upload was begun instead, which nobody goes on with. */
	location = status == 202 ? location_of(s, w, NULL) : NULL;
	wire_end(w);
	if (location) {
		q = (struct session_request){ .method = "DELETE", .path = location, .length = -1 };
		(void)session_call(s, w, &q, NULL); /* it ends by itself one day */
		wire_end(w);
	}
	return 0;
}

static char *begin(struct session *s, struct wire *w, struct error *err)
{
	struct session_request q = {
		.method = "POST", .path = "/blobs/uploads/", .length = -1, .patient = true
	};
	int status = session_call(s, w, &q, err);
	char *location;

	if (status < 0)
		return NULL;
	if (!is_success(status)) {
		session_fail(w, status, err);
		return NULL;
	}
	location = location_of(s, w, err);
	wire_end(w);
	return location;
}

static int skip(const struct upload *u, int64_t n, struct error *err)
{
	char part[16384];

	while (n > 0) {
		size_t want = n < (int64_t)sizeof(part) ? (size_t)n : sizeof(part);
		ssize_t got = u->read(u->from, part, want);

		if (got <= 0)
			return error_set(err, ERR_INTERNAL, "cannot read what is pushed");
		n -= got;
	}
	return 0;
}

/* Send what the registry does not have yet; *location moves on. */
static int send_rest(struct session *s, struct wire *w, const struct upload *u, int64_t offset,
		     char **location, struct error *err)
{
	autostrlist struct strlist headers = STRLIST_INIT;
	struct session_request q = { .method = "PATCH",
				     .path = *location,
				     .headers = &headers,
				     .read = u->read,
				     .from = u->from,
				     .length = u->length < 0 ? -1 : u->length - offset };
	int status;
	char *next;

	strlist_add(&headers, "Content-Type: application/octet-stream");
	if (offset && q.length > 0)
		strlist_addf(&headers, "Content-Range: %lld-%lld", (long long)offset,
			     (long long)u->length - 1);
	if (skip(u, offset, err) < 0)
		return -1;
	status = session_call(s, w, &q, err);
	if (status < 0)
		return -1;
	if (!is_success(status))
		return session_fail(w, status, err);
	next = location_of(s, w, err);
	wire_end(w);
	if (!next)
		return -1;
	free(*location);
	*location = next;
	return 0;
}

/* How much of it has arrived; -1: it is not known there any more. */
static int64_t ask_offset(struct session *s, struct wire *w, char **location)
{
	struct session_request q = {
		.method = "GET", .path = *location, .length = -1, .patient = true
	};
	int status = session_call(s, w, &q, NULL);
	const char *range = status == 204 ? wire_header(w, "Range", 0) : NULL;
	const char *dash = range ? strchr(range, '-') : NULL;
	int64_t last, offset = -1;
	char *next = status == 204 ? location_of(s, w, NULL) : NULL;

	if (dash && parse_i64(dash + 1, &last) == 0 && last >= 0)
		offset = last ? last + 1 : 0; /* "0-0" is said of nothing */
	wire_end(w);
	if (next) {
		free(*location);
		*location = next;
	}
	return offset;
}

static int finish(struct session *s, struct wire *w, const char *location, const char *digest,
		  struct error *err)
{
	autofree char *path =
		xasprintf("%s%cdigest=%s", location, strchr(location, '?') ? '&' : '?', digest);
	struct session_request q = { .method = "PUT", .path = path, .length = -1, .patient = true };
	int status = session_call(s, w, &q, err);

	if (status < 0)
		return -1;
	/* It was ended by an attempt whose answer was lost. */
	if (status == 404 && upload_exists(s, w, digest, NULL) > 0)
		return 0;
	if (status == 404)
		return error_set(err, ERR_NOT_FOUND, "blob upload unknown to registry");
	if (!is_success(status))
		return session_fail(w, status, err);
	wire_end(w);
	return 0;
}

int upload_blob(struct session *s, struct wire *w, const struct upload *u, char digest[DIGEST_SIZE],
		struct error *err)
{
	autofree char *location = begin(s, w, err);
	struct error own = { 0 };
	int64_t offset = 0;

	if (!location)
		return -1;
	for (int tried = 1;; tried++) {
		int rc = u->begin(u->from, &own), ended;

		if (rc == 0)
			rc = send_rest(s, w, u, offset, &location, &own);
		ended = u->end(u->from, digest, rc == 0 ? &own : NULL);
		if (rc == 0 && ended < 0)
			rc = -1;
		if (rc == 0)
			return finish(s, w, location, digest, err);
		if (own.kind != ERR_UNAVAILABLE || tried == TRIES ||
		    wire_pause(w, PAUSE_MS, &own) < 0)
			break;
		log_debug("a push broke off: %s", own.text);
		offset = ask_offset(s, w, &location);
		if (offset >= 0)
			continue;
		offset = 0;
		free(location);
		location = begin(s, w, &own);
		if (!location)
			break;
	}
	if (err)
		*err = own;
	return -1;
}

struct text {
	const char *all, *p;
	size_t n, left;
};

static int begin_text(void *from, struct error *err)
{
	struct text *t = from;

	(void)err;
	t->p = t->all;
	t->left = t->n;
	return 0;
}

static ssize_t read_text(void *from, void *p, size_t n)
{
	struct text *t = from;

	if (n > t->left)
		n = t->left;
	memcpy(p, t->p, n);
	t->p += n;
	t->left -= n;
	return (ssize_t)n;
}

static int end_text(void *from, char digest[DIGEST_SIZE], struct error *err)
{
	const struct text *t = from;

	(void)err;
	digest_of(t->all, t->n, digest);
	return 0;
}

int upload_text(struct session *s, struct wire *w, const char *text, size_t n, struct error *err)
{
	struct text t = { .all = text, .n = n };
	const struct upload u = { begin_text, read_text, end_text, &t, (int64_t)n };
	char digest[DIGEST_SIZE];

	return upload_blob(s, w, &u, digest, err);
}

int upload_manifest(struct session *s, struct wire *w, const char *tag, const char *type,
		    const char *text, size_t n, struct error *err)
{
	autofree char *path = xasprintf("/manifests/%s", tag);
	autostrlist struct strlist headers = STRLIST_INIT;
	struct text t = { .all = text, .n = n };
	struct session_request q = { .method = "PUT",
				     .path = path,
				     .headers = &headers,
				     .read = read_text,
				     .from = &t,
				     .length = (int64_t)n };
	struct error own = { 0 };
	int status;

	strlist_addf(&headers, "Content-Type: %s", type);
	for (int tried = 1;; tried++) {
		(void)begin_text(&t, NULL);
		status = session_call(s, w, &q, &own);
		if (status >= 0 && !is_success(status))
			session_fail(w, status, &own);
		if (is_success(status) || own.kind != ERR_UNAVAILABLE || tried == TRIES ||
		    wire_pause(w, PAUSE_MS, &own) < 0)
			break;
	}
	wire_end(w);
	if (!is_success(status) && err)
		*err = own;
	return is_success(status) ? 0 : -1;
}
