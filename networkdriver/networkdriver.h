/*
 * The bridge network driver: the job init_networkdriver sets the bridge up and installs the others.
 */
#ifndef NETWORKDRIVER_NETWORKDRIVER_H
#define NETWORKDRIVER_NETWORKDRIVER_H

#include "pkg/error.h"

struct engine;

/* Install init_networkdriver. The state lives as long as the engine. */
int networkdriver_install(struct engine *e, struct error *err);

#endif
