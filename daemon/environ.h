/* The environment of a process in a container. */
#ifndef DAEMON_ENVIRON_H
#define DAEMON_ENVIRON_H

#include <jansson.h>
#include <stdbool.h>

#include "pkg/strlist.h"

#define ENVIRON_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/*
 * PATH, HOSTNAME, TERM (with a terminal), then the Env of a Config over it: "K=V" replaces K or is
 * appended, "K" alone removes K. HOME is added by who knows the user.
 */
void environ_build(struct strlist *env, const json_t *config, bool tty);

/* Put the entries of an array of "K=V" or "K" over env. */
void environ_overlay(struct strlist *env, const json_t *entries);

#endif
