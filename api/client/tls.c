/*
 * TLS to the daemon: a thread relays between the network and one end of a socket pair, the client goes
 * on with the other end as if it were a plain connection. Without --tls nothing of this is loaded.
 */
#include "pkg/tls.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/client/internal.h"
#include "pkg/mem.h"
#include "pkg/workers.h"

struct relay {
	struct tls *tls;
	int net, plain;
	char *host;
};

bool client_wants_tls(const struct client *c)
{
	return (c->options->tls || c->options->tls_verify) &&
	       strncmp(c->options->host, "unix://", 7) != 0;
}

static void run_relay(void *arg)
{
	struct relay *r = arg;

	tls_relay(r->tls, r->net, r->plain, r->host);
	tls_unref(r->tls);
	free(r->host);
	free(r);
}

/* "tcp://host:port" -> "host", which the server's certificate must be for. */
static char *host_name(const char *address)
{
	const char *start = strstr(address, "://"), *end;

	start = start ? start + 3 : address;
	end = strrchr(start, ':');
	if (*start == '[' && end && end > start && end[-1] == ']') {
		start++;
		end--;
	}
	return xstrndup(start, end ? (size_t)(end - start) : strlen(start));
}

static int load(struct client *c, struct error *err)
{
	const struct client_options *o = c->options;
	struct tls_config config = {
		.verify = o->tls_verify, .ca = o->tls_ca, .cert = o->tls_cert, .key = o->tls_key
	};

	/* The default paths need not exist: a client without a certificate is one that has none. */
	if (!config.cert || access(config.cert, R_OK) < 0)
		config.cert = config.key = NULL;
	if (!config.verify)
		config.ca = NULL;
	if (!c->tls)
		c->tls = tls_new(&config, err);
	return c->tls ? 0 : -1;
}

int client_wrap_tls(void *arg, int fd, struct error *err)
{
	struct client *c = arg;
	struct relay *r;
	int ends[2];

	if (load(c, err) < 0) {
		close(fd);
		return -1;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		error_sys(err, "socketpair");
		close(fd);
		return -1;
	}
	r = xcalloc(1, sizeof(*r));
	*r = (struct relay){ tls_ref(c->tls), fd, ends[1], host_name(c->options->host) };
	if (workers_run(run_relay, r) == 0)
		return ends[0];
	error_sys(err, "starting a thread");
	tls_unref(r->tls);
	free(r->host);
	free(r);
	close(fd);
	close(ends[0]);
	close(ends[1]);
	return -1;
}
