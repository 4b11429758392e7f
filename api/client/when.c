/* Times as users give them: see when.h. */
#include "api/client/when.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "pkg/duration.h"
#include "pkg/mem.h"
#include "pkg/timefmt.h"

static char *from_timespec(struct timespec t)
{
	return xasprintf("%lld.%09ld", (long long)t.tv_sec, t.tv_nsec);
}

/* A date, with or without a time, in the zone of the user. */
static int parse_local(const char *text, struct timespec *out)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H",
					     "%Y-%m-%d" };
	autofree char *copy = xstrdup(text);
	char *fraction = strchr(copy, '.'), *end;
	double part = 0;

	if (fraction) {
		autofree char *digits = xasprintf("0%s", fraction);

		if (!fraction[1] || strspn(fraction + 1, "0123456789") != strlen(fraction + 1) ||
		    sscanf(digits, "%lf", &part) != 1)
			return -1;
		*fraction = '\0';
	}
	for (size_t i = 0; i < array_size(forms); i++) {
		struct tm tm = { .tm_isdst = -1 };

		end = strptime(copy, forms[i], &tm);
		if (!end || *end)
			continue;
		*out = (struct timespec){ .tv_sec = mktime(&tm), .tv_nsec = (long)(part * 1e9) };
		return 0;
	}
	return -1;
}

char *when_parse(const char *text, struct error *err)
{
	struct timespec t;
	int64_t ago;

	if (timefmt_parse_unix(text, &t) == 0)
		return xstrdup(text);
	if (duration_parse(text, &ago) == 0) {
		int64_t at;

		t = time_now();
		at = t.tv_sec * 1000000000LL + t.tv_nsec - ago;
		return from_timespec(
			(struct timespec){ .tv_sec = at / 1000000000, .tv_nsec = at % 1000000000 });
	}
	if (timefmt_parse(text, &t) == 0 || parse_local(text, &t) == 0)
		return from_timespec(t);
	error_set(err, ERR_BAD_REQUEST, "invalid value for a time: \"%s\"", text);
	return NULL;
}
