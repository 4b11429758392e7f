/* The answers of a small HTTP/1.1 client: heads, and bodies sized, chunked or until the end. */
#include "pkg/httpc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "pkg/httpc_internal.h"
#include "pkg/mem.h"
#include "pkg/parse.h"

size_t httpc_take_buffered(struct httpc *c, void *p, size_t n)
{
	size_t have = c->end - c->start;

	if (n > have)
		n = have;
	memcpy(p, c->buffer + c->start, n);
	c->start += n;
	return n;
}

static int broken(struct error *err, ssize_t got)
{
	if (got == 0)
		return error_set(err, ERR_UNAVAILABLE, "unexpected EOF");
	error_sys(err, "reading the answer");
	if (err)
		err->kind = ERR_UNAVAILABLE;
	return -1;
}

static ssize_t receive(struct httpc *c, void *p, size_t n)
{
	ssize_t got;

	do
		got = recv(c->fd, p, n, 0);
	while (got < 0 && errno == EINTR);
	return got;
}

/* More bytes into the buffer, which must not be full. */
static int fill(struct httpc *c, struct error *err)
{
	ssize_t got;

	if (c->start) {
		memmove(c->buffer, c->buffer + c->start, c->end - c->start);
		c->end -= c->start;
		c->start = 0;
	}
	if (c->end == sizeof(c->buffer))
		return error_set(err, ERR_INTERNAL, "the answer's head is too long");
	got = receive(c, c->buffer + c->end, sizeof(c->buffer) - c->end);
	if (got <= 0)
		return broken(err, got);
	c->end += (size_t)got;
	return 0;
}

/* The next line, NUL-terminated in place, without its end; valid until the next read. */
static char *read_line(struct httpc *c, struct error *err)
{
	for (;;) {
		char *line = c->buffer + c->start;
		char *nl = memchr(line, '\n', c->end - c->start);

		if (nl) {
			c->start = (size_t)(nl - c->buffer) + 1;
			*nl = '\0';
			if (nl > line && nl[-1] == '\r')
				nl[-1] = '\0';
			return line;
		}
		if (fill(c, err) < 0)
			return NULL;
	}
}

static void keep(char *out, size_t size, const char *value)
{
	snprintf(out, size, "%s", value);
}

static int take_header(struct httpc *c, struct httpc_response *resp, char *line, struct error *err)
{
	char *value = strchr(line, ':');

	if (!value)
		return error_set(err, ERR_INTERNAL, "malformed header in the answer");
	*value++ = '\0';
	value += strspn(value, " \t");
	strlist_add(&c->headers, line);
	strlist_add(&c->headers, value);
	if (strcasecmp(line, "Content-Length") == 0) {
		if (parse_u64(value, &c->left) < 0)
			return error_set(err, ERR_INTERNAL, "malformed Content-Length");
		if (c->body == HTTPC_BODY_UNTIL_CLOSE)
			c->body = HTTPC_BODY_LENGTH;
	} else if (strcasecmp(line, "Transfer-Encoding") == 0 &&
		   strcasecmp(value, "chunked") == 0) {
		c->body = HTTPC_BODY_CHUNKED;
	} else if (strcasecmp(line, "Content-Type") == 0) {
		keep(resp->content_type, sizeof(resp->content_type), value);
	} else if (strcasecmp(line, "Api-Version") == 0) {
		keep(resp->api_version, sizeof(resp->api_version), value);
	}
	return 0;
}

static int read_head(struct httpc *c, struct httpc_response *resp, struct error *err)
{
	char *line = read_line(c, err), *end;

	if (!line)
		return -1;
	*resp = (struct httpc_response){ 0 };
	strlist_done(&c->headers);
	if (strncmp(line, "HTTP/1.", 7) != 0 || !line[7] || line[8] != ' ')
		return error_set(err, ERR_INTERNAL, "malformed HTTP response");
	resp->status = (int)strtol(line + 9, &end, 10);
	if (resp->status < 100 || resp->status > 999)
		return error_set(err, ERR_INTERNAL, "malformed HTTP status");
	keep(resp->reason, sizeof(resp->reason), *end ? end + 1 : "");
	c->body = HTTPC_BODY_UNTIL_CLOSE;
	while ((line = read_line(c, err)) && *line)
		if (take_header(c, resp, line, err) < 0)
			return -1;
	return line ? 0 : -1;
}

int httpc_receive(struct httpc *c, struct httpc_response *resp, struct error *err)
{
	do
		if (read_head(c, resp, err) < 0)
			return -1;
	while (resp->status == 100);
	if (c->head_request || resp->status == 204 || resp->status == 304)
		c->body = HTTPC_BODY_NONE;
	if (c->body == HTTPC_BODY_CHUNKED) {
		c->left = 0;
		c->first_chunk = true;
	}
	return 0;
}

const char *httpc_header(const struct httpc *c, const char *name)
{
	for (size_t i = 0; i + 1 < c->headers.n; i += 2)
		if (strcasecmp(c->headers.v[i], name) == 0)
			return c->headers.v[i + 1];
	return NULL;
}

/* The size line of the next chunk; at the last one the trailers are read away. */
static int next_chunk(struct httpc *c, struct error *err)
{
	char *line = c->first_chunk ? "" : read_line(c, err), *end;

	if (!line)
		return -1;
	c->first_chunk = false;
	line = read_line(c, err);
	if (!line)
		return -1;
	errno = 0;
	c->left = strtoull(line, &end, 16);
	if (end == line || errno || (*end && *end != ';' && *end != ' '))
		return error_set(err, ERR_INTERNAL, "malformed chunk in the answer");
	if (c->left)
		return 0;
	c->body = HTTPC_BODY_NONE;
	while ((line = read_line(c, err)) && *line)
		;
	return line ? 0 : -1;
}

ssize_t httpc_read(struct httpc *c, void *p, size_t n, struct error *err)
{
	bool counted = c->body == HTTPC_BODY_LENGTH || c->body == HTTPC_BODY_CHUNKED;
	ssize_t got;

	if (c->body == HTTPC_BODY_CHUNKED && !c->left && next_chunk(c, err) < 0)
		return -1;
	if (c->body == HTTPC_BODY_NONE || (counted && !c->left))
		return 0;
	if (counted && n > c->left)
		n = (size_t)c->left;
	got = c->start < c->end ? (ssize_t)httpc_take_buffered(c, p, n) : receive(c, p, n);
	if (got == 0 && !counted)
		return 0;
	if (got <= 0)
		return broken(err, got);
	if (counted)
		c->left -= (uint64_t)got;
	return got;
}

int httpc_read_all(struct httpc *c, struct buf *b, struct error *err)
{
	char part[8192];
	ssize_t n;

	while ((n = httpc_read(c, part, sizeof(part), err)) > 0)
		if (buf_add(b, part, (size_t)n) < 0)
			return error_sys(err, "the answer is too large");
	return n < 0 ? -1 : 0;
}

int httpc_drain(struct httpc *c, struct error *err)
{
	char part[4096];
	ssize_t n;

	while ((n = httpc_read(c, part, sizeof(part), err)) > 0)
		;
	return n < 0 ? -1 : 0;
}
