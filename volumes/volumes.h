/*
 * Local volumes: folders that outlive containers, <root>/volumes/NAME/_data. Anonymous ones have a
 * name of 64 random hex digits. Who uses a volume is the daemon's knowledge, not kept here.
 *
 * Thread-safe without a lock: the file system decides who creates and who removes.
 */
#ifndef VOLUMES_VOLUMES_H
#define VOLUMES_VOLUMES_H

#include <stdbool.h>

#include "pkg/error.h"
#include "pkg/strlist.h"

struct volumes;

/* Opens <root>/volumes, and deletes what an interrupted removal left. */
struct volumes *volumes_open(const char *root, struct error *err);
void volumes_close(struct volumes *v);

/*
 * Make a volume, or find the one of that name; name NULL: a new anonymous one. Its name goes to
 * *out, which the caller frees; *created tells whether it is new. ERR_BAD_REQUEST for a bad name.
 */
int volumes_create(struct volumes *v, const char *name, char **out, bool *created,
		   struct error *err);
/* The names of all volumes, sorted, appended. 0, or -1 with ERR_INTERNAL. */
int volumes_list(const struct volumes *v, struct strlist *names, struct error *err);
bool volumes_has(const struct volumes *v, const char *name);
char *volumes_path(const struct volumes *v, const char *name); /* of its data; caller frees */
/* The caller has checked that nobody uses it. A volume that is not there is a success. */
int volumes_remove(struct volumes *v, const char *name, struct error *err);

bool volumes_name_is_valid(const char *name); /* [a-zA-Z0-9][a-zA-Z0-9_.-]+ */

#endif
