/* Request targets, the text that goes into answers, the names of statuses: see httpuri.h. */
#include "pkg/httpuri.h"

#include <string.h>

#include "pkg/mem.h"

int http_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *decode(const char *p, size_t n, bool plus_is_space)
{
	autofree char *out = xmalloc(n + 1);
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if (c == '%') {
			int hi = n - i > 2 ? http_hex_digit(p[i + 1]) : -1;
			int lo = n - i > 2 ? http_hex_digit(p[i + 2]) : -1;

			if (hi < 0 || lo < 0)
				return NULL;
			c = (char)(hi << 4 | lo);
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		if (!c)
			return NULL;
		out[len++] = c;
	}
	out[len] = '\0';
	return http_is_utf8(out, len) ? take_ptr(&out) : NULL;
}

char *http_decode_path(const char *path)
{
	return decode(path, strlen(path), false);
}

char *http_decode_query(const char *p, size_t n)
{
	return decode(p, n, true);
}

/* Take the last segment off out, which ends in a slash; the slash before it stays. */
static size_t drop_segment(const char *out, size_t len)
{
	while (len > 1 && out[len - 2] != '/')
		len--;
	return len > 1 ? len - 1 : len;
}

char *http_clean_path(const char *path)
{
	size_t full = strlen(path), len = 1;
	bool ends_in_slash = full && path[full - 1] == '/';
	char *out = xmalloc(full + 2);

	out[0] = '/';
	for (;;) {
		size_t n;

		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (!n)
			break;
		if (n == 2 && memcmp(path, "..", 2) == 0) {
			len = drop_segment(out, len);
		} else if (n != 1 || *path != '.') {
			memcpy(out + len, path, n);
			len += n;
			if (path[n])
				out[len++] = '/';
		}
		path += n;
	}
	if (len > 1 && out[len - 1] == '/' && !ends_in_slash)
		len--;
	out[len] = '\0';
	return out;
}

int http_encode_path(struct buf *out, const char *path)
{
	static const char plain[] = "/-._~!$&'()*+,;=:@";

	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;
		bool ok = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
			  strchr(plain, c);

		if ((ok ? buf_addc(out, (char)c) : buf_addf(out, "%%%02X", c)) < 0)
			return -1;
	}
	return 0;
}

/* Bytes of the UTF-8 sequence at p; 0 when there is none. Refuses overlong forms and surrogates. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	if (p[0] > 0xf4 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

bool http_is_utf8(const char *p, size_t n)
{
	while (n) {
		size_t len = utf8_length((const unsigned char *)p, n);

		if (!len)
			return false;
		p += len;
		n -= len;
	}
	return true;
}

static int add_json_char(struct buf *out, const char *p, size_t len)
{
	if (!len)
		return buf_adds(out, "\\ufffd");
	if (*p == '"' || *p == '\\')
		return buf_addf(out, "\\%c", *p);
	if (*p == '\n')
		return buf_adds(out, "\\n");
	if (len == 1 && (unsigned char)*p < ' ')
		return buf_addf(out, "\\u%04x", (unsigned char)*p);
	return buf_add(out, p, len);
}

int http_add_json_string(struct buf *out, const char *text)
{
	size_t n = strlen(text);
	int rc = buf_addc(out, '"');

	while (n && rc == 0) {
		size_t len = utf8_length((const unsigned char *)text, n);

		rc = add_json_char(out, text, len);
		text += len ? len : 1;
		n -= len ? len : 1;
	}
	return rc < 0 ? -1 : buf_addc(out, '"');
}

const char *http_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 204, "No Content" },
		{ 301, "Moved Permanently" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 406, "Not Acceptable" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 499, "Client Closed Request" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
	};

	for (size_t i = 0; i < array_size(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}
