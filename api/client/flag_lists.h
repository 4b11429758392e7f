/* Readers of list flags (struct mflag's parse): each appends to a struct strlist, or refuses. */
#ifndef API_CLIENT_FLAG_LISTS_H
#define API_CLIENT_FLAG_LISTS_H

#include "pkg/error.h"

int flag_csv(const char *text, void *list, struct error *err);        /* "a,b": both */
int flag_filter(const char *text, void *list, struct error *err);     /* "NAME=VALUE" */
int flag_label(const char *text, void *list, struct error *err);      /* "NAME[=VALUE]" */
int flag_link(const char *text, void *list, struct error *err);       /* "CONTAINER[:ALIAS]" */
int flag_add_host(const char *text, void *list, struct error *err);   /* "a=[::1]" as "a:::1" */
int flag_dns(const char *text, void *list, struct error *err);        /* an address */
int flag_dns_search(const char *text, void *list, struct error *err); /* a domain, or "." */

#endif
