/*
 * TLS relays over libssl: see tls.h. One thread per connection runs tls_relay(), so neither side's
 * code knows of OpenSSL's way of wanting to read in order to write.
 */
#include "pkg/tls.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pkg/log.h"
#include "pkg/mem.h"

#define HANDSHAKE_MS 10000
#define RELAY_SIZE 16384 /* a TLS record */

/* What is used of libssl and libcrypto. */
#define SYMBOLS(X)                                                                                 \
	X(TLS_server_method)                                                                       \
	X(TLS_client_method)                                                                       \
	X(SSL_CTX_new)                                                                             \
	X(SSL_CTX_free)                                                                            \
	X(SSL_CTX_ctrl)                                                                            \
	X(SSL_CTX_use_certificate_chain_file)                                                      \
	X(SSL_CTX_use_PrivateKey_file)                                                             \
	X(SSL_CTX_check_private_key)                                                               \
	X(SSL_CTX_load_verify_locations)                                                           \
	X(SSL_CTX_set_verify)                                                                      \
	X(SSL_load_client_CA_file)                                                                 \
	X(SSL_CTX_set_client_CA_list)                                                              \
	X(SSL_new)                                                                                 \
	X(SSL_free)                                                                                \
	X(SSL_ctrl)                                                                                \
	X(SSL_set_fd)                                                                              \
	X(SSL_get0_param)                                                                          \
	X(SSL_accept)                                                                              \
	X(SSL_connect)                                                                             \
	X(SSL_read)                                                                                \
	X(SSL_write)                                                                               \
	X(SSL_shutdown)                                                                            \
	X(SSL_get_error)                                                                           \
	X(X509_VERIFY_PARAM_set1_host)                                                             \
	X(X509_VERIFY_PARAM_set1_ip_asc)                                                           \
	X(ERR_get_error)                                                                           \
	X(ERR_clear_error)                                                                         \
	X(ERR_reason_error_string)

#define MEMBER(name) typeof(&name) name;
static struct {
	SYMBOLS(MEMBER)
	bool loaded;
} lib; /* written once, by load_once() */

struct tls {
	SSL_CTX *ctx;
	bool server;
	atomic_int refs;
};

static bool load_symbol(void *ssl, void *to, const char *name)
{
	void *symbol = dlsym(ssl, name);

	memcpy(to, &symbol, sizeof(symbol));
	return symbol != NULL;
}

static void load_once(void)
{
	void *ssl = dlopen("libssl.so.3", RTLD_NOW | RTLD_LOCAL);

	if (!ssl)
		return;
#define LOAD(name) &&load_symbol(ssl, &lib.name, #name)
	lib.loaded = true SYMBOLS(LOAD);
}

static bool load(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load_once);
	return lib.loaded;
}

static const char *reason(void)
{
	const char *why = lib.ERR_reason_error_string(lib.ERR_get_error());

	lib.ERR_clear_error();
	return why ? why : "unknown reason";
}

static int load_own(struct tls *t, const struct tls_config *c, struct error *err)
{
	if (!c->cert && !c->server)
		return 0;
	if (!c->cert || lib.SSL_CTX_use_certificate_chain_file(t->ctx, c->cert) != 1)
		return error_set(err, ERR_BAD_REQUEST,
				 "Couldn't load the X509 certificate \"%s\": %s",
				 c->cert ? c->cert : "", c->cert ? reason() : "none given");
	if (!c->key || lib.SSL_CTX_use_PrivateKey_file(t->ctx, c->key, SSL_FILETYPE_PEM) != 1 ||
	    lib.SSL_CTX_check_private_key(t->ctx) != 1)
		return error_set(err, ERR_BAD_REQUEST, "Couldn't load the key \"%s\": %s",
				 c->key ? c->key : "", c->key ? reason() : "none given");
	return 0;
}

static int load_authority(struct tls *t, const struct tls_config *c, struct error *err)
{
	int mode = SSL_VERIFY_PEER | (c->server ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);

	if (!c->verify) {
		lib.SSL_CTX_set_verify(t->ctx, SSL_VERIFY_NONE, NULL);
		return 0;
	}
	if (!c->ca || lib.SSL_CTX_load_verify_locations(t->ctx, c->ca, NULL) != 1)
		return error_set(err, ERR_BAD_REQUEST,
				 "Couldn't read the CA certificate \"%s\": %s", c->ca ? c->ca : "",
				 c->ca ? reason() : "none given");
	lib.SSL_CTX_set_verify(t->ctx, mode, NULL);
	if (c->server)
		lib.SSL_CTX_set_client_CA_list(t->ctx, lib.SSL_load_client_CA_file(c->ca));
	return 0;
}

struct tls *tls_new(const struct tls_config *config, struct error *err)
{
	struct tls *t;

	if (!load()) {
		error_set(err, ERR_NOT_IMPLEMENTED,
			  "TLS needs libssl.so.3, which cannot be loaded");
		return NULL;
	}
	t = xcalloc(1, sizeof(*t));
	t->server = config->server;
	atomic_init(&t->refs, 1);
	t->ctx =
		lib.SSL_CTX_new(config->server ? lib.TLS_server_method() : lib.TLS_client_method());
	if (!t->ctx)
		error_set(err, ERR_INTERNAL, "cannot set TLS up: %s", reason());
	if (t->ctx) /* SSL_CTX_set_min_proto_version() is a macro over this */
		lib.SSL_CTX_ctrl(t->ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL);
	if (t->ctx && load_own(t, config, err) == 0 && load_authority(t, config, err) == 0)
		return t;
	tls_unref(t);
	return NULL;
}

struct tls *tls_ref(struct tls *t)
{
	atomic_fetch_add(&t->refs, 1);
	return t;
}

size_t tls_refs(const struct tls *t)
{
	return (size_t)atomic_load(&t->refs);
}

void tls_unref(struct tls *t)
{
	if (!t || atomic_fetch_sub(&t->refs, 1) > 1)
		return;
	if (t->ctx)
		lib.SSL_CTX_free(t->ctx);
	free(t);
}

/* Bytes on their way in one direction. */
struct lane {
	char p[RELAY_SIZE];
	size_t at, len;
	bool end;    /* nothing more will come */
	bool closed; /* and the receiver was told */
};

struct relay {
	SSL *ssl;
	int net, plain;
	short net_wants; /* poll events that libssl waits for */
	bool dead;
	struct lane in, out; /* from the network, to it */
};

/* What a call of libssl that did not work wants: events are noted, an end or a failure told. */
static void note_wish(struct relay *r, int rc, bool *end)
{
	switch (lib.SSL_get_error(r->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		r->net_wants |= POLLIN;
		break;
	case SSL_ERROR_WANT_WRITE:
		r->net_wants |= POLLOUT;
		break;
	case SSL_ERROR_ZERO_RETURN:
		*end = true;
		break;
	default:
		r->dead = true;
	}
	lib.ERR_clear_error();
}

static bool is_for_later(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Each of these says whether it got on at all: if neither did, it is time to wait. */
static bool read_net(struct relay *r)
{
	struct lane *l = &r->in;
	int n;

	if (l->len || l->end)
		return false;
	n = lib.SSL_read(r->ssl, l->p, sizeof(l->p));
	l->at = 0;
	if (n > 0)
		l->len = (size_t)n;
	else
		note_wish(r, n, &l->end);
	return n > 0;
}

static bool write_plain(struct relay *r)
{
	struct lane *l = &r->in;
	ssize_t n;

	if (!l->len) {
		if (l->end && !l->closed)
			(void)shutdown(r->plain, SHUT_WR); /* it may be gone already */
		l->closed = l->end;
		return false;
	}
	n = send(r->plain, l->p + l->at, l->len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0) {
		l->at += (size_t)n;
		l->len -= (size_t)n;
	} else if (!is_for_later(n)) {
		r->dead = true;
	}
	return n > 0;
}

static bool read_plain(struct relay *r)
{
	struct lane *l = &r->out;
	ssize_t n;

	if (l->len || l->end)
		return false;
	n = recv(r->plain, l->p, sizeof(l->p), MSG_DONTWAIT);
	if (n > 0)
		l->len = (size_t)n;
	else if (!is_for_later(n))
		l->end = true;
	return n > 0;
}

/*
 * Tells the other side that no more will come. An end of the stream without that alert is an error
 * to it, and costs it what is still on its way here, so a full socket is waited for.
 */
static void close_net(struct relay *r)
{
	int rc = lib.SSL_shutdown(r->ssl);
	bool is_full = rc < 0 && lib.SSL_get_error(r->ssl, rc) == SSL_ERROR_WANT_WRITE;

	lib.ERR_clear_error();
	if (is_full) {
		r->net_wants |= POLLOUT;
		return;
	}
	(void)shutdown(r->net, SHUT_WR);
	r->out.closed = true;
}

static bool write_net(struct relay *r)
{
	struct lane *l = &r->out;
	bool ignored;
	int n;

	if (!l->len) {
		if (l->end && !l->closed)
			close_net(r);
		return false;
	}
	n = lib.SSL_write(r->ssl, l->p, (int)l->len);
	if (n > 0)
		l->len = 0; /* libssl takes all or nothing */
	else
		note_wish(r, n, &ignored);
	return n > 0;
}

/* Until something can be moved. */
static void wait_for_either(struct relay *r)
{
	short plain_wants =
		(short)((r->in.len ? POLLOUT : 0) | (!r->out.len && !r->out.end ? POLLIN : 0));
	struct pollfd p[2] = {
		{ .fd = r->net_wants ? r->net : -1, .events = r->net_wants },
		/* Once our reader's side is over, its hang-up is what ends the rest. */
		{ .fd = plain_wants || r->out.closed ? r->plain : -1, .events = plain_wants },
	};

	if (poll(p, 2, -1) < 0 && errno != EINTR)
		r->dead = true;
	if (r->out.closed && p[1].revents & (POLLHUP | POLLERR))
		r->dead = true;
}

static void carry(struct relay *r)
{
	while (!r->dead && !(r->in.closed && r->out.closed)) {
		bool moved;

		r->net_wants = 0;
		moved = read_net(r);
		moved |= write_plain(r);
		moved |= read_plain(r);
		moved |= write_net(r);
		if (!moved && !r->dead && !(r->in.closed && r->out.closed))
			wait_for_either(r);
	}
}

static int shake_hands(struct relay *r, bool server)
{
	bool end = false;
	int rc;

	while ((rc = server ? lib.SSL_accept(r->ssl) : lib.SSL_connect(r->ssl)) != 1) {
		struct pollfd p = { .fd = r->net };

		r->net_wants = 0;
		note_wish(r, rc, &end);
		p.events = r->net_wants;
		if (r->dead || end || poll(&p, 1, HANDSHAKE_MS) <= 0)
			return -1;
	}
	return 0;
}

static bool set_host(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *param = lib.SSL_get0_param(ssl);

	if (lib.X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1)
		return true;
	lib.ERR_clear_error();
	/* SSL_set_tlsext_host_name() is a macro over this */
	return lib.SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
			    (void *)host) == 1 &&
	       lib.X509_VERIFY_PARAM_set1_host(param, host, 0) == 1;
}

void tls_relay(struct tls *t, int net, int plain, const char *host)
{
	struct relay *r = xcalloc(1, sizeof(*r));

	r->net = net;
	r->plain = plain;
	r->ssl = lib.SSL_new(t->ctx);
	if (r->ssl && fcntl(net, F_SETFL, fcntl(net, F_GETFL) | O_NONBLOCK) == 0 &&
	    lib.SSL_set_fd(r->ssl, net) == 1 && (!host || set_host(r->ssl, host)) &&
	    shake_hands(r, t->server) == 0)
		carry(r);
	else
		log_debug("a TLS handshake failed");
	if (r->ssl)
		lib.SSL_free(r->ssl);
	close(net);
	close(plain);
	free(r);
}
