/*
 * The program's log: one write(2) per line, to standard error, with time and level.
 *
 * debug is for us, info tells changes of state, warn ends in "ignoring" or says what goes on
 * instead, error is a failed operation. Libraries return errors; main, the begin and end of jobs
 * and connection threads log them. Secrets and environment values are never logged.
 */
#ifndef PKG_LOG_H
#define PKG_LOG_H

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_FATAL
};

void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* "debug", "info", "warn", "error", "fatal" -> level; -1 for anything else. */
int log_level_parse(const char *name);

void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...) log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_fatal(...) log_at(LOG_LEVEL_FATAL, __VA_ARGS__) /* logs only; the caller ends */

#endif
