/* Times as the API writes them: see timefmt.h. */
#include "pkg/timefmt.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct timespec time_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t;
}

const char *timefmt_rfc3339nano_fixed(char out[TIMEFMT_SIZE], struct timespec t)
{
	struct tm tm;
	size_t n;

	gmtime_r(&t.tv_sec, &tm);
	n = strftime(out, TIMEFMT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, TIMEFMT_SIZE - n, ".%09ldZ", t.tv_nsec);
	return out;
}

const char *timefmt_rfc3339nano(char out[TIMEFMT_SIZE], struct timespec t)
{
	size_t n;

	if (t.tv_sec == 0 && t.tv_nsec == 0) {
		snprintf(out, TIMEFMT_SIZE, TIMEFMT_ZERO);
		return out;
	}
	timefmt_rfc3339nano_fixed(out, t);
	n = strlen(out) - 1; /* at the Z */
	while (out[n - 1] == '0')
		n--;
	if (out[n - 1] == '.')
		n--;
	out[n] = 'Z';
	out[n + 1] = '\0';
	return out;
}

/* ".123" -> nanoseconds; *s is moved behind the digits. */
static long fraction(const char **s)
{
	long ns = 0, unit = 100000000;

	if (**s != '.')
		return 0;
	for ((*s)++; isdigit((unsigned char)**s); (*s)++, unit /= 10)
		ns += (**s - '0') * unit;
	return ns;
}

int timefmt_parse(const char *s, struct timespec *out)
{
	struct tm tm = { 0 };
	const char *p = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	int h, m, n = 0;
	long ns;

	errno = EINVAL;
	if (!p)
		return -1;
	ns = fraction(&p);
	out->tv_sec = timegm(&tm);
	out->tv_nsec = ns;
	if (strcmp(p, "Z") == 0 || strcmp(p, "z") == 0) {
		if (tm.tm_year == 1 - 1900)
			*out = (struct timespec){ 0 };
		return 0;
	}
	if ((*p != '+' && *p != '-') || sscanf(p + 1, "%2d:%2d%n", &h, &m, &n) != 2 || p[1 + n])
		return -1;
	out->tv_sec -= (*p == '-' ? -1 : 1) * (h * 3600L + m * 60L);
	return 0;
}

int timefmt_parse_unix(const char *s, struct timespec *out)
{
	char *end;
	const char *p;
	long long sec;
	long ns;

	errno = EINVAL;
	if (!isdigit((unsigned char)s[*s == '-']))
		return -1;
	sec = strtoll(s, &end, 10);
	p = end;
	ns = fraction(&p);
	if (*p)
		return -1;
	*out = (struct timespec){ .tv_sec = sec, .tv_nsec = ns };
	return 0;
}

const char *timefmt_human(char out[TIMEFMT_SIZE], long long s)
{
	long long hours = (s + 1800) / 3600;

	if (s < 1)
		snprintf(out, TIMEFMT_SIZE, "Less than a second");
	else if (s == 1)
		snprintf(out, TIMEFMT_SIZE, "1 second");
	else if (s < 60)
		snprintf(out, TIMEFMT_SIZE, "%lld seconds", s);
	else if (s / 60 == 1)
		snprintf(out, TIMEFMT_SIZE, "About a minute");
	else if (s / 60 < 60)
		snprintf(out, TIMEFMT_SIZE, "%lld minutes", s / 60);
	else if (hours == 1)
		snprintf(out, TIMEFMT_SIZE, "About an hour");
	else if (hours < 48)
		snprintf(out, TIMEFMT_SIZE, "%lld hours", hours);
	else if (hours < 24 * 7 * 2)
		snprintf(out, TIMEFMT_SIZE, "%lld days", hours / 24);
	else if (hours < 24 * 30 * 2)
		snprintf(out, TIMEFMT_SIZE, "%lld weeks", hours / 24 / 7);
	else if (hours < 24 * 365 * 2)
		snprintf(out, TIMEFMT_SIZE, "%lld months", hours / 24 / 30);
	else
		snprintf(out, TIMEFMT_SIZE, "%lld years", s / 3600 / 24 / 365);
	return out;
}
