/*
 * The network driver: the job init_networkdriver sets the default bridge up and installs the others.
 */
#ifndef NETWORKDRIVER_NETWORKDRIVER_H
#define NETWORKDRIVER_NETWORKDRIVER_H

#include "pkg/error.h"

struct engine;
struct event_base;

/*
 * Install init_networkdriver. The state lives as long as the engine. With base (may be NULL: then
 * nobody watches) rules that somebody else takes away are put back.
 */
int networkdriver_install(struct engine *e, struct event_base *base, struct error *err);

#endif
