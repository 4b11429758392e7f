/* Downloading, with libcurl, which is loaded when it is first needed. */
#ifndef GRAPH_FETCH_H
#define GRAPH_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "pkg/error.h"

struct fetch;

/*
 * Begin a GET of an http or https URL; redirections are followed. cancelled (may be NULL) is asked
 * now and then. NULL with err.
 */
struct fetch *fetch_open(const char *url, bool (*cancelled)(void *arg), void *arg,
			 struct error *err);
void fetch_close(struct fetch *f);

/* A decompress_source: up to n bytes of the body, 0 at the end, -1 with errno: see fetch_error(). */
ssize_t fetch_read(void *f, void *p, size_t n);

/* Why a read failed; NULL when none did. */
const char *fetch_error(const struct fetch *f);

#endif
