/* Sizes and lengths of time: see units.h. */
#include "pkg/units.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static double unit_of(const char **p)
{
	static const struct {
		const char *name;
		double nanoseconds;
	} units[] = {
		{ "ns", 1 },  { "us", 1e3 }, { "\302\265s", 1e3 }, { "ms", 1e6 },
		{ "s", 1e9 }, { "m", 60e9 }, { "h", 3600e9 },
	};

	for (size_t i = 0; i < array_size(units); i++) {
		size_t n = strlen(units[i].name);

		if (strncmp(*p, units[i].name, n) == 0) {
			*p += n;
			return units[i].nanoseconds;
		}
	}
	return 0;
}

int units_parse_duration(const char *s, int64_t *nanoseconds)
{
	const char *p = s + (*s == '-' || *s == '+');
	double total = 0;

	errno = EINVAL;
	if (!*p)
		return -1;
	if (strcmp(p, "0") == 0) {
		*nanoseconds = 0;
		return 0;
	}
	while (*p) {
		char *end;
		double unit, v;

		if (!isdigit((unsigned char)*p) && *p != '.')
			return -1;
		if (p[0] == '0' && tolower((unsigned char)p[1]) == 'x')
			return -1;
		v = strtod(p, &end);
		if (end == p)
			return -1;
		p = end;
		unit = unit_of(&p);
		errno = EINVAL;
		if (unit == 0)
			return -1;
		total += v * unit;
	}
	errno = ERANGE;
	if (total >= 9.2e18)
		return -1;
	*nanoseconds = (int64_t)(*s == '-' ? -total : total);
	return 0;
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
