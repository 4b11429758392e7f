/* Detach key sequences: see detachkeys.h. */
#include "daemon/detachkeys.h"

#include <string.h>

/* One key of n characters as its byte, or -1. */
static int parse_key(const char *s, size_t n)
{
	if (n == 1)
		return (unsigned char)*s;
	if (n != 6 || strncmp(s, "ctrl-", 5) != 0)
		return -1;
	if (s[5] >= 'a' && s[5] <= 'z')
		return s[5] - 'a' + 1;
	return s[5] >= '[' && s[5] <= '_' ? s[5] - '@' : -1;
}

int detach_keys_parse(const char *text, char out[DETACH_KEYS_MAX + 1])
{
	char keys[DETACH_KEYS_MAX + 1] = "";
	size_t n = 0;

	while (*text) {
		size_t len = strcspn(text, ",");
		int key;

		if (*text == ',' && (text[1] == ',' || !text[1]))
			len = 1; /* the comma itself is the key */
		key = parse_key(text, len);
		if (key <= 0 || n == DETACH_KEYS_MAX)
			return -1;
		keys[n++] = (char)key;
		text += len;
		if (*text == ',' && !*++text)
			return -1;
	}
	memcpy(out, keys, sizeof(keys));
	return 0;
}
