/* Reading the output of ps. */
#ifndef DAEMON_TOP_H
#define DAEMON_TOP_H

#include <jansson.h>
#include <sys/types.h>

#include "pkg/error.h"

/*
 * The lines of ps output whose PID is one of pids: {"Titles": [...], "Processes": [[...], ...]}; the
 * last column keeps its spaces. NULL with ERR_INTERNAL when there is no PID column.
 */
json_t *top_filter(const char *ps_output, const pid_t *pids, size_t n, struct error *err);

#endif
