/* What this host is and can do, for checks at create and for `info`. */
#ifndef DAEMON_HOSTINFO_H
#define DAEMON_HOSTINFO_H

#include <stddef.h>

struct daemon;
struct runconfig_host;

void hostinfo_limits(const struct daemon *d, struct runconfig_host *out);
/* PRETTY_NAME of os-release. */
void hostinfo_os(char *out, size_t n);

int hostinfo_count(const char *dir); /* entries of a folder of /proc */

#endif
