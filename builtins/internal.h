/* What the files of this folder share. */
#ifndef BUILTINS_INTERNAL_H
#define BUILTINS_INTERNAL_H

#include "engine/engine.h"

extern const struct handler version_jobs[];

#endif
