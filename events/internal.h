/* What the files of this folder (and its unit test) share. */
#ifndef EVENTS_INTERNAL_H
#define EVENTS_INTERNAL_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "engine/engine.h"

/* One event: read-only once it is published, so it is shared by reference. */
struct event_message {
	atomic_int refs;
	struct timespec time;
	json_t *object; /* as clients get it */
	char *line;     /* the same as text, with its newline */
};

struct event_message *event_message_new(const char *type, const char *action, const char *id,
					const char *from, const json_t *attributes);
struct event_message *event_message_ref(struct event_message *ev);
void event_message_unref(struct event_message *ev);

/* Does a subscriber with these filters (see pkg/filters.h) get it? */
bool event_message_matches(const struct event_message *ev, const json_t *filters);

struct events;
struct events *events_new(void);
void events_free(struct events *e); /* no job may be running */
extern const struct handler events_jobs[];

#endif
