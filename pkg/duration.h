/* Lengths of time as Go writes them: "1h30m", "1.5s", "250ms". */
#ifndef PKG_DURATION_H
#define PKG_DURATION_H

#include <stdint.h>

/* Units are ns, us (or µs), ms, s, m and h; "0" needs none. 0, or -1 with EINVAL or ERANGE. */
int duration_parse(const char *s, int64_t *ns);

#endif
