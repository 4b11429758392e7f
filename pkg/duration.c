/* Lengths of time as Go writes them: see duration.h. */
#include "pkg/duration.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	int64_t ns;
} units[] = {
	{ "ns", 1 },
	{ "us", 1000 },
	{ "\302\265s", 1000 }, /* the micro sign, and the Greek letter */
	{ "\316\274s", 1000 },
	{ "ms", 1000000 },
	{ "s", 1000000000 },
	{ "m", 60LL * 1000000000 },
	{ "h", 3600LL * 1000000000 },
};

static int fail(int error)
{
	errno = error;
	return -1;
}

/* The unit at *s, which is moved behind it; 0 when there is none. */
static int64_t take_unit(const char **s)
{
	size_t n = strcspn(*s, "0123456789.");

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strlen(units[i].name) == n && strncmp(units[i].name, *s, n) == 0) {
			*s += n;
			return units[i].ns;
		}
	return 0;
}

/* One "number unit" at *s, in ns. */
static int take_term(const char **s, int64_t *ns)
{
	size_t n = strspn(*s, "0123456789."), digits = strspn(*s, "0123456789");
	char number[32];
	double value;
	int64_t unit;

	if (n == 0 || n >= sizeof(number) || (n == 1 && **s == '.'))
		return fail(EINVAL);
	memcpy(number, *s, n);
	number[n] = '\0';
	if (digits < n && strchr(number + digits + 1, '.'))
		return fail(EINVAL);
	*s += n;
	unit = take_unit(s);
	if (!unit)
		return fail(EINVAL);
	if (digits == n && n < 19) { /* exact where it can be */
		if (__builtin_mul_overflow(strtoll(number, NULL, 10), unit, ns))
			return fail(ERANGE);
		return 0;
	}
	value = strtod(number, NULL) * (double)unit;
	if (value >= 9.2e18)
		return fail(ERANGE);
	*ns = (int64_t)(value + 0.5);
	return 0;
}

int duration_parse(const char *s, int64_t *ns)
{
	int negative = *s == '-';
	int64_t sum = 0, term;

	if (*s == '-' || *s == '+')
		s++;
	if (strcmp(s, "0") == 0) {
		*ns = 0;
		return 0;
	}
	do {
		if (take_term(&s, &term) < 0)
			return -1;
		if (__builtin_add_overflow(sum, term, &sum))
			return fail(ERANGE);
	} while (*s);
	*ns = negative ? -sum : sum;
	return 0;
}
