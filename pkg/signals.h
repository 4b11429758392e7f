/* Signals by name, as `kill` and STOPSIGNAL take them. */
#ifndef PKG_SIGNALS_H
#define PKG_SIGNALS_H

/* "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3" -> number from 1 to 64; -1 when unknown. */
int signal_parse(const char *text);

/* 15 -> "TERM"; NULL when it has no name of its own. */
const char *signal_name(int signo);

#endif
