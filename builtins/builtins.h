/* What an engine has before the daemon object exists: one page that lists it. */
#ifndef BUILTINS_BUILTINS_H
#define BUILTINS_BUILTINS_H

#include "pkg/error.h"

struct engine;
struct event_base;
struct registry;
struct server;

/*
 * serveapi, acceptconnections, events, log, subscribers_count, version, init_networkdriver, auth,
 * search, distribution_inspect.
 */
int builtins_install(struct engine *e, struct server *s, struct event_base *base,
		     struct registry *registry, struct error *err);

const char *program_version(void); /* "0.1.0" */
const char *program_git_commit(void);

#endif
