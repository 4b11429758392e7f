/*
 * The head of an HTTP request: see http.h. A head is copied once and then cut in place into
 * NUL-terminated strings, so a NUL inside it is refused before anything else is looked at.
 */
#include "pkg/http.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "pkg/httpuri.h"
#include "pkg/mem.h"
#include "pkg/parse.h"

static int bad(struct error *err, const char *why)
{
	return error_set(err, ERR_BAD_REQUEST, "%s", why);
}

static bool is_token_char(unsigned char c)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z'))
		return true;
	return c && strchr(others, c);
}

static bool is_token(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!is_token_char((unsigned char)*s))
			return false;
	return true;
}

/* Field values may hold anything but controls; tabs are fine. */
static bool is_field_value(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
			return false;
	return true;
}

/* A first line that is no request line is told at once, without waiting for the head's end. */
static int check_first_line(const char *p, size_t n)
{
	const char *last = n ? memrchr(p, ' ', n) : NULL;

	if (!last || !is_token_char((unsigned char)*p))
		return -1;
	last++;
	return n - (size_t)(last - p) >= 8 && memcmp(last, "HTTP/1.", 7) == 0 ? 0 : -1;
}

ssize_t http_head_length(const char *p, size_t n, size_t *scanned, struct error *err)
{
	size_t limit = n < HTTP_HEAD_MAX ? n : HTTP_HEAD_MAX;
	size_t from = *scanned;

	while (from < limit) {
		const char *lf = memchr(p + from, '\n', limit - from);
		size_t at;

		if (!lf)
			break;
		at = (size_t)(lf - p);
		if (!memchr(p, '\n', at) && check_first_line(p, at) < 0)
			return bad(err, "malformed request line");
		/* The line ends here; is the one before it the last of the head? */
		if (at >= 3 && p[at - 1] == '\r' && p[at - 2] == '\n')
			return (ssize_t)at + 1;
		if (at >= 1 && p[at - 1] == '\n')
			return (ssize_t)at + 1; /* bare line feeds: parsing refuses them */
		from = at + 1;
	}
	*scanned = from < limit ? from : limit;
	if (n >= HTTP_HEAD_MAX)
		return bad(err, "request head too large");
	return 0;
}

/* "/path?query", "http://host/path?query" or "*" -> path and query, cut in place. */
static int parse_target(struct http_head *h, char *target, struct error *err)
{
	char *q;

	if (strncasecmp(target, "http://", 7) == 0) {
		target = strpbrk(target + 7, "/?");
		if (!target || *target != '/')
			return bad(err, "malformed request target");
	} else if (*target != '/' && strcmp(target, "*") != 0) {
		return bad(err, "malformed request target");
	}
	q = strchr(target, '?');
	if (q)
		*q++ = '\0';
	h->path = target;
	h->query = q;
	return 0;
}

static int parse_request_line(struct http_head *h, char *line, struct error *err)
{
	char *target = strchr(line, ' '), *version = target ? strchr(target + 1, ' ') : NULL;

	if (!version)
		return bad(err, "malformed request line");
	*target++ = '\0';
	*version++ = '\0';
	if (!is_token(line) || !is_field_value(target) || strchr(target, '\t'))
		return bad(err, "malformed request line");
	if (strcmp(version, "HTTP/1.1") == 0)
		h->minor = 1;
	else if (strcmp(version, "HTTP/1.0") != 0)
		return bad(err, "unsupported protocol version");
	h->method = line;
	return parse_target(h, target, err);
}

static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		s[--n] = '\0';
	return s;
}

static int parse_header(struct http_head *h, char *line, struct error *err)
{
	char *colon = strchr(line, ':');

	if (h->nheaders == HTTP_HEADERS_MAX)
		return bad(err, "too many header fields");
	if (!colon)
		return bad(err, "malformed header field");
	*colon = '\0';
	if (!is_token(line)) /* a space before the colon or at the line's start, too */
		return bad(err, "malformed header field name");
	if (!is_field_value(colon + 1))
		return bad(err, "malformed header field value");
	h->headers[h->nheaders++] = (struct http_header){ line, trim(colon + 1) };
	return 0;
}

const char *http_header(const struct http_head *h, const char *name)
{
	for (size_t i = 0; i < h->nheaders; i++)
		if (strcasecmp(h->headers[i].name, name) == 0)
			return h->headers[i].value;
	return NULL;
}

static size_t count_headers(const struct http_head *h, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < h->nheaders; i++)
		count += strcasecmp(h->headers[i].name, name) == 0;
	return count;
}

static bool list_has(const char *list, const char *word)
{
	size_t n = strlen(word);

	while (*list) {
		size_t len;

		list += strspn(list, " \t,");
		len = strcspn(list, ",");
		if (len >= n && strncasecmp(list, word, n) == 0 &&
		    n + strspn(list + n, " \t") >= len)
			return true;
		list += len;
	}
	return false;
}

bool http_header_has(const struct http_head *h, const char *name, const char *word)
{
	for (size_t i = 0; i < h->nheaders; i++)
		if (strcasecmp(h->headers[i].name, name) == 0 &&
		    list_has(h->headers[i].value, word))
			return true;
	return false;
}

static int check_host(const struct http_head *h, struct error *err)
{
	size_t n = count_headers(h, "Host");

	if (n == 0 && h->minor >= 1)
		return bad(err, "missing required Host header");
	if (n > 1)
		return bad(err, "too many Host headers");
	/* Not read any further: clients of old put the path of their socket here. */
	if (n && strpbrk(http_header(h, "Host"), " \t,"))
		return bad(err, "malformed Host header");
	return 0;
}

/* How the body is delimited must be told once and in one way: all else is request smuggling. */
static int read_framing(struct http_head *h, struct error *err)
{
	const char *coding = http_header(h, "Transfer-Encoding");
	const char *length = http_header(h, "Content-Length");

	if (count_headers(h, "Content-Length") > 1 || count_headers(h, "Transfer-Encoding") > 1)
		return bad(err, "duplicate Content-Length or Transfer-Encoding");
	if (coding && length)
		return bad(err, "both Content-Length and Transfer-Encoding");
	if (coding && (h->minor == 0 || strcasecmp(coding, "chunked") != 0))
		return bad(err, "unsupported transfer encoding");
	h->chunked = coding != NULL;
	if (length && (parse_u64(length, &h->length) < 0 || h->length > INT64_MAX))
		return bad(err, "malformed Content-Length");
	return 0;
}

static int read_meaning(struct http_head *h, struct error *err)
{
	const char *expect = http_header(h, "Expect");

	if (check_host(h, err) < 0 || read_framing(h, err) < 0)
		return -1;
	if (expect && h->minor >= 1) {
		if (strcasecmp(expect, "100-continue") != 0)
			return bad(err, "unsupported expectation");
		h->expects_continue = h->chunked || h->length;
	}
	h->keep_alive = h->minor >= 1 ? !http_header_has(h, "Connection", "close")
				      : http_header_has(h, "Connection", "keep-alive");
	return 0;
}

/* Cut the text into lines that end in CRLF and hold neither CR nor LF; *next is behind this one. */
static char *cut_line(char *line, char **next)
{
	char *lf = strchr(line, '\n');

	if (!lf || lf == line || lf[-1] != '\r')
		return NULL;
	*next = lf + 1;
	lf[-1] = '\0';
	return strchr(line, '\r') ? NULL : line;
}

static int parse_lines(struct http_head *h, struct error *err)
{
	char *next, *line = cut_line(h->text, &next);

	if (!line || parse_request_line(h, line, err) < 0)
		return line ? -1 : bad(err, "malformed line ending");
	for (;;) {
		line = cut_line(next, &next);
		if (!line)
			return bad(err, "malformed line ending");
		if (!*line)
			return read_meaning(h, err);
		if (parse_header(h, line, err) < 0)
			return -1;
	}
}

int http_head_parse(struct http_head *h, const char *p, size_t n, struct error *err)
{
	memset(h, 0, sizeof(*h));
	if (n > HTTP_HEAD_MAX)
		return bad(err, "request head too large");
	if (memchr(p, '\0', n))
		return bad(err, "NUL in the request head");
	h->text = xstrndup(p, n);
	if (parse_lines(h, err) == 0)
		return 0;
	http_head_done(h);
	return -1;
}

void http_head_done(struct http_head *h)
{
	free(h->text);
	h->text = NULL;
}

/* The reader of chunk framing. */
enum {
	CHUNK_SIZE,
	CHUNK_EXTENSION,
	CHUNK_SIZE_LF,
	CHUNK_DATA_CR, /* behind the data */
	CHUNK_DATA_LF,
	CHUNK_TRAILER, /* at the start of a trailer line */
	CHUNK_TRAILER_TEXT,
	CHUNK_TRAILER_LF,
	CHUNK_LAST_LF,
};

#define CHUNK_OVERHEAD_MAX 16384

static int chunk_size_char(struct http_chunked *c, char ch)
{
	int digit = http_hex_digit(ch);

	if (digit >= 0) {
		if (++c->digits > 15) /* 60 bits: no overflow, and more than anybody sends */
			return -1;
		c->size = c->size << 4 | (unsigned)digit;
		return 0;
	}
	if (!c->digits)
		return -1;
	if (ch == '\r')
		c->state = CHUNK_SIZE_LF;
	else if (ch == ';')
		c->state = CHUNK_EXTENSION;
	else
		return -1;
	return 0;
}

/* A byte of an extension or a trailer; these are read over, up to a limit. */
static int chunk_text_char(struct http_chunked *c, char ch, int after_cr)
{
	if (ch == '\r')
		c->state = after_cr;
	else if (((unsigned char)ch < ' ' && ch != '\t') || ch == 0x7f ||
		 ++c->overhead > CHUNK_OVERHEAD_MAX)
		return -1;
	return 0;
}

static int chunk_expect(struct http_chunked *c, char ch, char want, int next)
{
	c->state = next;
	return ch == want ? 0 : -1;
}

static int chunk_char(struct http_chunked *c, char ch)
{
	switch (c->state) {
	case CHUNK_SIZE:
		return chunk_size_char(c, ch);
	case CHUNK_EXTENSION:
		return chunk_text_char(c, ch, CHUNK_SIZE_LF);
	case CHUNK_SIZE_LF:
		c->left = c->size;
		c->size = c->digits = 0;
		return chunk_expect(c, ch, '\n', c->left ? CHUNK_DATA_CR : CHUNK_TRAILER);
	case CHUNK_DATA_CR:
		return chunk_expect(c, ch, '\r', CHUNK_DATA_LF);
	case CHUNK_DATA_LF:
		return chunk_expect(c, ch, '\n', CHUNK_SIZE);
	case CHUNK_TRAILER:
		if (ch == '\r')
			return chunk_expect(c, ch, '\r', CHUNK_LAST_LF);
		c->state = CHUNK_TRAILER_TEXT;
		return is_token_char((unsigned char)ch) ? 0 : -1;
	case CHUNK_TRAILER_TEXT:
		return chunk_text_char(c, ch, CHUNK_TRAILER_LF);
	case CHUNK_TRAILER_LF:
		return chunk_expect(c, ch, '\n', CHUNK_TRAILER);
	default: /* CHUNK_LAST_LF */
		c->done = true;
		return ch == '\n' ? 0 : -1;
	}
}

ssize_t http_chunked_next(struct http_chunked *c, const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && !c->done && !c->left)
		if (chunk_char(c, p[i++]) < 0) {
			errno = EPROTO;
			return -1;
		}
	return (ssize_t)i;
}
