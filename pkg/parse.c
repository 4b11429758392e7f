/* Strict readers of numbers: see parse.h. */
#include "pkg/parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int parse_u64(const char *s, uint64_t *out)
{
	char *end;
	unsigned long long v;

	if (!isdigit((unsigned char)*s)) {
		errno = EINVAL;
		return -1;
	}
	errno = 0;
	v = strtoull(s, &end, 10);
	if (errno)
		return -1;
	if (*end) {
		errno = EINVAL;
		return -1;
	}
	*out = v;
	return 0;
}

int parse_i64(const char *s, int64_t *out)
{
	char *end;
	long long v;

	if (!isdigit((unsigned char)s[*s == '-' || *s == '+'])) {
		errno = EINVAL;
		return -1;
	}
	errno = 0;
	v = strtoll(s, &end, 10);
	if (errno)
		return -1;
	if (*end) {
		errno = EINVAL;
		return -1;
	}
	*out = v;
	return 0;
}

int parse_u32(const char *s, uint32_t *out)
{
	uint64_t v;

	if (parse_u64(s, &v) < 0)
		return -1;
	if (v > UINT32_MAX) {
		errno = ERANGE;
		return -1;
	}
	*out = (uint32_t)v;
	return 0;
}

bool parse_truth(const char *s)
{
	static const char *const no[] = { "", "0", "no", "false", "none" };

	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (strcasecmp(s, no[i]) == 0)
			return false;
	return true;
}

int parse_ram_bytes(const char *s, int64_t *bytes)
{
	static const char units[] = "bkmgtp";
	char *end;
	const char *unit;
	double v;

	errno = EINVAL;
	if (!isdigit((unsigned char)*s) || (s[0] == '0' && tolower((unsigned char)s[1]) == 'x'))
		return -1;
	v = strtod(s, &end);
	while (*end == ' ')
		end++;
	if (*end) {
		unit = strchr(units, tolower((unsigned char)*end++));
		if (!unit)
			return -1;
		for (; unit > units; unit--)
			v *= 1024;
		if (strcasecmp(end, "") != 0 && strcasecmp(end, "b") != 0 &&
		    strcasecmp(end, "ib") != 0)
			return -1;
	}
	errno = ERANGE;
	if (v >= 9.2e18)
		return -1;
	*bytes = (int64_t)v;
	return 0;
}
