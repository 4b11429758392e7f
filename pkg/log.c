/* The program's log: see log.h. The level is the one mutable global, set before threads start. */
#include "pkg/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pkg/mem.h"

static const char *const names[] = { "debug", "info", "warn", "error", "fatal" };
static enum log_level threshold = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	threshold = level;
}

enum log_level log_get_level(void)
{
	return threshold;
}

int log_level_parse(const char *name)
{
	for (size_t i = 0; i < array_size(names); i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

void log_at(enum log_level level, const char *fmt, ...)
{
	char line[1024];
	struct timespec now;
	struct tm tm;
	size_t n;
	int m;
	ssize_t written;
	va_list ap;

	if (level < threshold)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	n = strftime(line, sizeof(line), "%Y/%m/%d %H:%M:%S", &tm);
	n += (size_t)snprintf(line + n, sizeof(line) - n, ".%03ld [%s] ", now.tv_nsec / 1000000,
			      names[level]);
	va_start(ap, fmt);
	m = vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	n = m < 0 ? n : (size_t)m < sizeof(line) - n - 1 ? n + (size_t)m : sizeof(line) - 2;
	line[n++] = '\n';
	written = write(STDERR_FILENO, line, n);
	(void)written; /* a log that cannot be written cannot be reported either */
}
