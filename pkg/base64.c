/* Base64: see base64.h. */
#include "pkg/base64.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

void base64_encode(struct buf *out, const void *p, size_t n, bool url)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i += 3) {
		size_t have = n - i < 3 ? n - i : 3;
		uint32_t v = (uint32_t)b[i] << 16 | (have > 1 ? (uint32_t)b[i + 1] << 8 : 0) |
			     (have > 2 ? b[i + 2] : 0);

		for (size_t k = 0; k < 4; k++) {
			char c = k > have ? '=' : plain[v >> (18 - 6 * k) & 63];

			if (url)
				c = c == '+' ? '-' : c == '/' ? '_' : c;
			buf_addc(out, c);
		}
	}
}

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

int base64_decode(struct buf *out, const char *text)
{
	uint32_t v = 0;
	unsigned bits = 0;

	for (; *text && *text != '='; text++) {
		int d = digit(*text);

		if (d < 0) {
			errno = EINVAL;
			return -1;
		}
		v = (v << 6 | (uint32_t)d) & 0xffffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_addc(out, (char)(v >> bits & 0xff));
		}
	}
	if (text[strspn(text, "=")]) {
		errno = EINVAL;
		return -1;
	}
	return 0;
}
