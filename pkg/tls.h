/*
 * TLS as a relay: one side is the network, the other a plain socket that everybody else can use as
 * if there were no TLS. libssl is loaded by the first tls_new(); a program that needs no TLS does
 * not pay for it.
 *
 * Life cycle: tls_new(), any number of tls_relay() on threads that hold a tls_ref(), tls_unref().
 */
#ifndef PKG_TLS_H
#define PKG_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "pkg/error.h"

struct tls;

struct tls_config {
	bool server;
	bool verify;            /* the other side must have a certificate that ca has signed */
	const char *ca;         /* PEM files; ca may be NULL when nothing is verified */
	const char *cert, *key; /* a client may have none */
};

/* NULL with err: no libssl, or a file is missing or wrong. */
struct tls *tls_new(const struct tls_config *config, struct error *err);
struct tls *tls_ref(struct tls *t);
void tls_unref(struct tls *t);
size_t tls_refs(const struct tls *t); /* that are held: a measure of the relays there are */

/*
 * Shake hands on net, then carry bytes both ways between net and the stream socket plain, ends of
 * one direction included, until both have ended or one is gone. Closes both. host (a client's, may
 * be NULL) is the name or address that the server's certificate must be for.
 */
void tls_relay(struct tls *t, int net, int plain, const char *host);

#endif
