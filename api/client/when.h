/* Times as users give them to --since and --until. */
#ifndef API_CLIENT_WHEN_H
#define API_CLIENT_WHEN_H

#include "pkg/error.h"

/*
 * "10m" (ago), "2014-09-16T06:17:46.000000000", "2014-09-16T06:17:46Z", "2014-09-16" (local time
 * without a zone), "1700000000.5" -> unix seconds, "1700000000.500000000". The caller frees it.
 * NULL with ERR_BAD_REQUEST.
 */
char *when_parse(const char *text, struct error *err);

#endif
