/* Manifests and tags of a repository: see session.h. */
#include <stdlib.h>
#include <string.h>

#include "pkg/json.h"
#include "pkg/mem.h"
#include "registry/internal.h"
#include "registry/session.h"

#define TAGS_MAX (4 * 1024 * 1024) /* bytes of one page of tags */
#define PAGES_MAX 1000

/* All that the image store reads, and what it refuses with a sentence of its own. */
static const char *const media_types[] = {
	"application/vnd.docker.distribution.manifest.v2+json",
	"application/vnd.docker.distribution.manifest.list.v2+json",
	"application/vnd.oci.image.manifest.v1+json",
	"application/vnd.oci.image.index.v1+json",
	"application/vnd.docker.distribution.manifest.v1+prettyjws",
};

/* Without parameters and blanks; the caller frees. */
static char *plain_type(const char *header)
{
	return xstrndup(header ? header : "", strcspn(header ? header : "", "; \t"));
}

static int check(const struct wire *h, const char *wanted, const struct buf *b,
		 char digest[DIGEST_SIZE], struct error *err)
{
	const char *said = wire_header(h, "Docker-Content-Digest", 0);

	digest_of(buf_text(b), b->len, digest);
	if (strchr(wanted, ':') && strcmp(wanted, digest) != 0)
		return error_set(err, ERR_INTERNAL, "manifest verification failed for digest %s",
				 wanted);
	if (said && digest_is_valid(said) && strcmp(said, digest) != 0)
		return error_set(err, ERR_INTERNAL, "manifest verification failed for digest %s",
				 said);
	return 0;
}

int session_manifest(struct session *s, struct wire *h, const char *tag_or_digest, struct buf *b,
		     char digest[DIGEST_SIZE], char **type, struct error *err)
{
	autostrlist struct strlist headers = STRLIST_INIT;
	autofree char *path = xasprintf("/manifests/%s", tag_or_digest);
	struct session_request q = {
		.method = "GET", .path = path, .headers = &headers, .length = -1, .patient = true
	};
	int status;

	for (size_t i = 0; i < array_size(media_types); i++)
		strlist_addf(&headers, "Accept: %s", media_types[i]);
	status = session_call(s, h, &q, err);
	if (status < 0)
		return -1;
	if (status != 200)
		return session_fail(h, status, err);
	*type = plain_type(wire_header(h, "Content-Type", 0));
	if (wire_read_all(h, b, err) == 0 && check(h, tag_or_digest, b, digest, err) == 0) {
		wire_end(h);
		return 0;
	}
	wire_end(h);
	free(*type);
	*type = NULL;
	return -1;
}

/*
 * `Link: </v2/NAME/tags/list?last=x&n=100>; rel="next"`: the path, or a whole URL; NULL: no more. The
 * caller frees.
 */
static char *next_page(const struct wire *h)
{
	const char *link = wire_header(h, "Link", 0);
	const char *end;

	if (!link || *link != '<' || !strstr(link, "next"))
		return NULL;
	end = strchr(link, '>');
	return end && (strncmp(link + 1, "/v2/", 4) == 0 || strncmp(link + 1, "http", 4) == 0)
		       ? xstrndup(link + 1, (size_t)(end - link - 1))
		       : NULL;
}

static int read_page(struct wire *h, struct strlist *tags, struct error *err)
{
	autobuf struct buf body = BUF_INIT(TAGS_MAX);
	autojson json_t *j = NULL;

	if (wire_read_all(h, &body, err) < 0)
		return -1;
	j = json_parse(buf_text(&body), body.len, err);
	if (!j)
		return error_prefix(err, "the list of tags");
	json_get_strlist(j, "tags", tags);
	return 0;
}

int session_tags(struct session *s, struct wire *h, struct strlist *tags, struct error *err)
{
	autofree char *path = xstrdup("/tags/list");

	for (int page = 0; path && page < PAGES_MAX; page++) {
		struct session_request q = {
			.method = "GET", .path = path, .length = -1, .patient = true
		};
		int status = session_call(s, h, &q, err);

		if (status < 0)
			return -1;
		if (status != 200)
			return session_fail(h, status, err);
		if (read_page(h, tags, err) < 0)
			return -1;
		free(path);
		path = next_page(h);
		wire_end(h);
	}
	return 0;
}
