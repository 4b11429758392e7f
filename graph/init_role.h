/* The role docker-initlayer: see init.c. */
#ifndef GRAPH_INIT_ROLE_H
#define GRAPH_INIT_ROLE_H

#include "pkg/reexec.h"

extern const struct reexec_role init_role;

#endif
