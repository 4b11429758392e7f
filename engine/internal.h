/* What engine.c and job.c share. Not for other folders. */
#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H

#include "engine/engine.h"

struct registered {
	struct handler row; /* name is the registry's key */
	void *self;
};

/* Look up; false when neither a handler nor a catch-all exists. */
bool engine_find(struct engine *e, const char *name, struct registered *out);

/* Count a job in, unless shutdown began (false); and out. */
bool engine_begin(struct engine *e, bool endless);
void engine_end(struct engine *e, bool endless);

/* A descriptor that becomes readable, for good, when jobs of that sort must stop. Borrowed. */
int engine_stop_fd(struct engine *e, bool endless);

bool engine_logging(struct engine *e);

#endif
