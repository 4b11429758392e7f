/* Where a daemon listens, as -H and DOCKER_HOST have it. */
#ifndef PKG_HOSTADDR_H
#define PKG_HOSTADDR_H

#include "pkg/error.h"

#define HOSTADDR_DEFAULT "unix:///var/run/docker.sock"

/*
 * "", "unix://", "unix:///path", "tcp://host:port", "host:port", ":port", "[v6]:port", "fd://..." into
 * "unix:///path", "tcp://host:port" or "fd://...". The caller frees; NULL with ERR_BAD_REQUEST
 * "Invalid bind address format: x".
 */
char *hostaddr_normalize(const char *text, struct error *err);

#endif
