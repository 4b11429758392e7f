/* Detach key sequences, as `--detach-keys` writes them. */
#ifndef DAEMON_DETACHKEYS_H
#define DAEMON_DETACHKEYS_H

#define DETACH_KEYS_MAX 16 /* keys in a sequence */

/*
 * "ctrl-p,ctrl-q", "a,b,ctrl-[" -> raw bytes and a NUL in out. Each key is one character or ctrl-
 * with one of a-z @ [ \ ] ^ _ ; ctrl-@ (NUL) cannot be told from the end and is refused.
 * "" leaves out empty. 0, or -1 for anything else.
 */
int detach_keys_parse(const char *text, char out[DETACH_KEYS_MAX + 1]);

#endif
