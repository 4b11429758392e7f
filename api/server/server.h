/*
 * The HTTP face of the engine: listeners, requests, routes. It translates; what a request does is a
 * job of some subsystem, named in routes.c.
 *
 * Life cycle: server_new(), server_install() (the jobs serveapi and acceptconnections). serveapi
 * binds its addresses and then runs the event loop on its thread until the loop is broken.
 *
 * To add a route: one row in routes.c, and the job in docs/jobs.md.
 */
#ifndef API_SERVER_SERVER_H
#define API_SERVER_SERVER_H

#include "pkg/error.h"

struct engine;
struct event_base;
struct server;

struct server *server_new(struct engine *e, struct event_base *base);
int server_install(struct server *s, struct engine *e, struct error *err);
void server_free(
	struct server *s); /* after the loop has ended; closes listeners and removes socket files */

#endif
