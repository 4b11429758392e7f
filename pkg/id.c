/* Random identifiers: see id.h. */
#include "pkg/id.h"

#include <string.h>
#include <sys/random.h>

#include "pkg/mem.h"

void id_hex(char *out, const unsigned char *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = '\0';
}

void id_random_hex(char *out, size_t n)
{
	unsigned char bytes[32];

	while (n) {
		size_t part = n < sizeof(bytes) ? n : sizeof(bytes);

		if (getrandom(bytes, part, 0) != (ssize_t)part)
			continue; /* only a signal can do that, for so few bytes */
		id_hex(out, bytes, part);
		out += part * 2;
		n -= part;
	}
}

void id_generate(char out[ID_SIZE])
{
	do
		id_random_hex(out, 32);
	while (strspn(out, "0123456789") >= 12);
}

bool id_is_full(const char *s)
{
	return strspn(s, "0123456789abcdef") == ID_SIZE - 1 && !s[ID_SIZE - 1];
}
