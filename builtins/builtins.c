/*
 * What the server's engine can do before there is a daemon object: the network driver's set-up, the
 * API, events and the version. The daemon and the image store install the rest when they are loaded.
 */
#include "builtins/builtins.h"

#include "api/server/server.h"
#include "builtins/internal.h"
#include "engine/engine.h"
#include "events/events.h"
#include "networkdriver/networkdriver.h"
#include "registry/registry.h"

int builtins_install(struct engine *e, struct server *s, struct event_base *base,
		     struct registry *registry, struct error *err)
{
	if (networkdriver_install(e, base, err) < 0) /* init_networkdriver */
		return -1;
	if (server_install(s, e, err) < 0) /* serveapi, acceptconnections */
		return -1;
	if (events_install(e, err) < 0) /* events, log, subscribers_count */
		return -1;
	if (registry_install(registry, e, err) < 0) /* auth, search, distribution_inspect */
		return -1;
	return engine_install(e, version_jobs, NULL, err);
}
