/* Passwords for registries, in config.json as Docker keeps them. */
#ifndef API_CLIENT_AUTH_H
#define API_CLIENT_AUTH_H

#include "api/client/internal.h"

#define AUTH_DEFAULT_SERVER "https://index.docker.io/v1/"

/* The registry of an image's name: "localhost:5000/x" -> "localhost:5000". The caller frees it. */
char *auth_server_of(const char *image);
/* Append "X-Registry-Auth: ...\r\n" for a server; "{}" when nothing is known. */
void auth_header(struct buf *out, const char *server);
/* Append "X-Registry-Config: ...\r\n", all that is known, for a build. */
void auth_config_header(struct buf *out);
/* Keep a password or token; user NULL: forget. 0, or -1 with err. */
int auth_store(const char *server, const char *user, const char *password, const char *token,
	       struct error *err);

#endif
