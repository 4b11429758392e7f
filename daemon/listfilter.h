/* The filters of `ps` and of `containers_prune`. */
#ifndef DAEMON_LISTFILTER_H
#define DAEMON_LISTFILTER_H

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

#include "daemon/state.h"
#include "pkg/error.h"

/* What is known of one container when it is matched; all borrowed. */
struct list_item {
	const char *id, *name; /* with its slash */
	const char *image_id;
	const json_t *config, *host_config, *mounts;
	const json_t *networking; /* see network.h */
	struct container_state state;
	struct timespec created;
};

struct listfilter;

/*
 * Text is the JSON of the query, or NULL. ERR_BAD_REQUEST for keys and values that make no sense.
 * Not resolved here, but left to the caller: ancestor, before, since.
 */
struct listfilter *listfilter_parse(const char *text, struct error *err);
void listfilter_free(struct listfilter *f);
const json_t *listfilter_json(const struct listfilter *f); /* as of pkg/filters.h */

bool listfilter_has_status(const struct listfilter *f); /* then containers that ended count, too */
bool listfilter_match(const struct listfilter *f, const struct list_item *item);

#endif
