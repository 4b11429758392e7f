/*
 * Reading one line of a json-file log: see logline.h. A log is read at the speed of its reader's
 * connection, so the form that our monitors write is decoded by hand; any other JSON object with the
 * same members goes through the JSON library.
 */
#include "daemon/logline.h"

#include <string.h>

#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/timefmt.h"

struct cursor {
	const char *p, *end;
};

static bool skip(struct cursor *c, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0)
		return false;
	c->p += n;
	return true;
}

static int hex4(const char *p)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		char ch = p[i];
		int digit = ch >= '0' && ch <= '9'   ? ch - '0'
			    : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
			    : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10
						     : -1;

		if (digit < 0)
			return -1;
		v = v * 16 + digit;
	}
	return v;
}

static int put_utf8(struct buf *out, unsigned v)
{
	char s[4];

	if (v < 0x80)
		return buf_addc(out, (char)v);
	if (v < 0x800) {
		s[0] = (char)(0xc0 | v >> 6);
		s[1] = (char)(0x80 | (v & 0x3f));
		return buf_add(out, s, 2);
	}
	if (v < 0x10000) {
		s[0] = (char)(0xe0 | v >> 12);
		s[1] = (char)(0x80 | (v >> 6 & 0x3f));
		s[2] = (char)(0x80 | (v & 0x3f));
		return buf_add(out, s, 3);
	}
	s[0] = (char)(0xf0 | v >> 18);
	s[1] = (char)(0x80 | (v >> 12 & 0x3f));
	s[2] = (char)(0x80 | (v >> 6 & 0x3f));
	s[3] = (char)(0x80 | (v & 0x3f));
	return buf_add(out, s, 4);
}

/* The digits of \uXXXX, with a second half when it is the first of a pair. */
static int unescape_unicode(struct cursor *c, struct buf *out)
{
	int v = c->end - c->p >= 4 ? hex4(c->p) : -1, low;

	if (v < 0)
		return -1;
	c->p += 4;
	if (v >= 0xd800 && v < 0xdc00) {
		if (!skip(c, "\\u") || c->end - c->p < 4)
			return -1;
		low = hex4(c->p);
		if (low < 0xdc00 || low > 0xdfff)
			return -1;
		c->p += 4;
		v = 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
	}
	return put_utf8(out, (unsigned)v);
}

static int unescape(struct cursor *c, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (c->p >= c->end)
		return -1;
	if (*c->p == 'u') {
		c->p++;
		return unescape_unicode(c, out);
	}
	at = *c->p ? strchr(from, *c->p) : NULL;
	if (!at)
		return -1;
	c->p++;
	return buf_addc(out, to[at - from]);
}

/* Behind the opening quote; ends behind the closing one. */
static int read_string(struct cursor *c, struct buf *out)
{
	while (c->p < c->end) {
		const char *start = c->p;

		while (c->p < c->end && *c->p != '"' && *c->p != '\\')
			c->p++;
		if (buf_add(out, start, (size_t)(c->p - start)) < 0 || c->p >= c->end)
			return -1;
		if (*c->p++ == '"')
			return 0;
		if (unescape(c, out) < 0)
			return -1;
	}
	return -1;
}

static int read_time(const char *p, size_t n, struct timespec *out)
{
	char text[TIMEFMT_SIZE];

	if (n >= sizeof(text))
		return -1;
	memcpy(text, p, n);
	text[n] = '\0';
	return timefmt_parse(text, out);
}

/* The form that is written by the monitors and by Docker without attributes. */
static int parse_usual(const char *p, size_t n, struct buf *scratch, struct logline *out)
{
	struct cursor c = { p, p + n };
	const char *quote;

	if (!skip(&c, "{\"log\":\"") || read_string(&c, scratch) < 0)
		return -1;
	if (skip(&c, ",\"stream\":\"stdout\""))
		out->is_stderr = false;
	else if (skip(&c, ",\"stream\":\"stderr\""))
		out->is_stderr = true;
	else
		return -1;
	if (!skip(&c, ",\"time\":\""))
		return -1;
	quote = memchr(c.p, '"', (size_t)(c.end - c.p));
	return quote ? read_time(c.p, (size_t)(quote - c.p), &out->time) : -1;
}

static int parse_any(const char *p, size_t n, struct buf *scratch, struct logline *out)
{
	autojson json_t *j = json_parse(p, n, NULL);
	const json_t *text = json_object_get(j, "log");
	const char *when = json_get_str(j, "time", NULL);

	if (!json_is_string(text) || !when)
		return -1;
	out->is_stderr = strcmp(json_get_str(j, "stream", "stdout"), "stderr") == 0;
	if (buf_add(scratch, json_string_value(text), json_string_length(text)) < 0)
		return -1;
	return timefmt_parse(when, &out->time);
}

int logline_parse(const char *p, size_t n, struct buf *scratch, struct logline *out)
{
	buf_reset(scratch);
	if (parse_usual(p, n, scratch, out) < 0) {
		buf_reset(scratch);
		if (parse_any(p, n, scratch, out) < 0)
			return -1;
	}
	out->text = buf_text(scratch);
	out->len = scratch->len;
	return 0;
}
