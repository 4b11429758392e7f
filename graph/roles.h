/* The roles of our own binary that the image store needs; main() dispatches them. */
#ifndef GRAPH_ROLES_H
#define GRAPH_ROLES_H

#include "pkg/reexec.h"

extern const struct reexec_role *const graph_roles[]; /* ends with NULL */

#endif
