/* Times as the API writes them. */
#ifndef PKG_TIMEFMT_H
#define PKG_TIMEFMT_H

#include <stddef.h>
#include <time.h>

#define TIMEFMT_SIZE 40
#define TIMEFMT_ZERO "0001-01-01T00:00:00Z" /* Go's zero time: never happened */

struct timespec time_now(void); /* CLOCK_REALTIME */

/* RFC 3339 in UTC with nanoseconds, trailing zeros trimmed (Go's RFC3339Nano). {0,0} is Go's zero. */
const char *timefmt_rfc3339nano(char out[TIMEFMT_SIZE], struct timespec t);

/* The same with exactly nine fractional digits, as `logs -t` prints. */
const char *timefmt_rfc3339nano_fixed(char out[TIMEFMT_SIZE], struct timespec t);

/* Read RFC 3339 with any number of fractional digits and Z or an offset. 0, or -1 with EINVAL. */
int timefmt_parse(const char *s, struct timespec *out);

/* Read unix seconds with an optional fraction, as `since` and `until` are sent. 0, -1 EINVAL. */
int timefmt_parse_unix(const char *s, struct timespec *out);

/* "5 seconds", "About a minute", "3 hours", "2 weeks": Docker's words for a length of time. */
const char *timefmt_human(char out[TIMEFMT_SIZE], long long seconds);

#endif
