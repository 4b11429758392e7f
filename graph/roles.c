/* The roles of the image store: see roles.h. */
#include "graph/roles.h"

#include <stddef.h>

#include "graph/init_role.h"
#include "graph/tarout.h"
#include "graph/untar.h"
#include "graphdriver/driver.h"

const struct reexec_role *const graph_roles[] = { &untar_role, &tar_role, &init_role,
						  &graphdriver_probe_role, NULL };
