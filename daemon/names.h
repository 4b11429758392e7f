/* Names of containers: the rule they obey, and made-up ones. Stored with one leading slash. */
#ifndef DAEMON_NAMES_H
#define DAEMON_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* [a-zA-Z0-9][a-zA-Z0-9_.-]+ after at most one leading slash. */
bool name_is_valid(const char *name);
/* "web" or "/web" -> "/web"; the caller frees. */
char *name_canonical(const char *name);

#define NAME_MADE_UP_SIZE 64
/* "brave_hopper"; with a digit behind it when attempt > 0. */
void name_make_up(char out[NAME_MADE_UP_SIZE], int attempt);

#endif
