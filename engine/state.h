/* The engine's members, for engine.c and shutdown.c alone. */
#ifndef ENGINE_STATE_H
#define ENGINE_STATE_H

#include <pthread.h>
#include <stdbool.h>

#include "engine/internal.h"
#include "pkg/map.h"

struct callback {
	void (*fn)(void *arg);
	void *arg;
	struct engine *engine;
};

struct engine {
	char id[9];

	pthread_rwlock_t registry; /* guards handlers and catchall */
	struct map handlers;       /* name -> struct registered */
	struct registered catchall;

	pthread_mutex_t lock;   /* guards all below */
	pthread_cond_t changed; /* running or callbacks_left reached 0 */
	bool logging, shutdown;
	size_t running; /* jobs, endless ones aside */
	struct callback *callbacks;
	size_t ncallbacks, callbacks_left;

	int stop_endless, stop_all; /* eventfds, readable for good once that stop began */
};

#endif
