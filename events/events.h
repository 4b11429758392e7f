/* Events: the jobs `events`, `log` and `subscribers_count` over a ring of the newest ones. */
#ifndef EVENTS_EVENTS_H
#define EVENTS_EVENTS_H

#include "pkg/error.h"

struct engine;

int events_install(struct engine *e, struct error *err);

#endif
