/* Sizes and lengths of time: see units.h. */
#include "pkg/units.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "pkg/mem.h"

static const char *scaled(char out[UNITS_SIZE], double v, double base, int digits,
			  const char *const *names, size_t n)
{
	size_t i = 0;

	for (; v >= base && i + 1 < n; i++)
		v /= base;
	snprintf(out, UNITS_SIZE, "%.*g%s", digits, v, names[i]);
	return out;
}

const char *units_decimal(char out[UNITS_SIZE], double bytes, int digits)
{
	static const char *const names[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };

	return scaled(out, bytes, 1000, digits, names, array_size(names));
}

const char *units_binary(char out[UNITS_SIZE], double bytes)
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };

	return scaled(out, bytes, 1024, 4, names, array_size(names));
}

int units_parse_nano(const char *s, int64_t *out)
{
	uint64_t v = 0;
	int fraction = -1; /* digits behind the point */
	bool any = false;

	errno = EINVAL;
	for (; *s; s++) {
		if (*s == '.' && fraction < 0) {
			fraction = 0;
			continue;
		}
		if (!isdigit((unsigned char)*s))
			return -1;
		any = true;
		if (fraction == 9) { /* finer than a billionth: only zeros are exact */
			if (*s != '0')
				return -1;
			continue;
		}
		fraction += fraction >= 0;
		v = v * 10 + (uint64_t)(*s - '0');
		errno = ERANGE;
		if (v > INT64_MAX / 10)
			return -1;
		errno = EINVAL;
	}
	if (!any)
		return -1;
	for (int i = fraction < 0 ? 0 : fraction; i < 9; i++) {
		errno = ERANGE;
		if (v > INT64_MAX / 10)
			return -1;
		v *= 10;
	}
	*out = (int64_t)v;
	return 0;
}
