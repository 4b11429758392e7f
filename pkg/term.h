/*
 * The user's terminal: its size, raw mode, and its way back, which a program must not miss however it
 * ends. One terminal at a time; the saved settings are process-wide, for the sake of signal handlers.
 */
#ifndef PKG_TERM_H
#define PKG_TERM_H

#include <stdbool.h>

bool term_is_tty(int fd);

/* Rows and columns. 0, or -1 with errno. */
int term_size(int fd, unsigned *rows, unsigned *columns);

/*
 * Raw mode. From here to term_restore() the settings are put back at exit(3) and when a signal that
 * would end or crash the program arrives, before it does. 0, or -1 with errno.
 */
int term_raw(int fd);
void term_restore(void); /* no-op when nothing is raw */

#endif
