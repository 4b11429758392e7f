/* Ports of the host that others have: found by binding them for a moment, as a program would. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "networkdriver/ports.h"
#include "pkg/fs.h"
#include "pkg/mem.h"

#define RANGE_FILE "/proc/sys/net/ipv4/ip_local_port_range"
#define RANGE_FIRST 49153 /* where that cannot be read */

static int open_socket(const struct port *p)
{
	int type = p->proto == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
	int sock = socket(p->v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, p->proto);
	const int on = 1;

	/* As servers do: connections that are ending do not keep a port. Not UDP, where it would share. */
	if (sock >= 0 && p->proto == IPPROTO_TCP)
		(void)setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (sock >= 0 && p->v6)
		(void)setsockopt(sock, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	return sock;
}

static int bind_port(int sock, const struct port *p)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(p->host_port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(p->host_port) };

	if (!p->any && p->v6)
		memcpy(&in6.sin6_addr, p->host.b, sizeof(in6.sin6_addr));
	else if (!p->any)
		memcpy(&in.sin_addr, p->host.b, sizeof(in.sin_addr));
	return p->v6 ? bind(sock, (struct sockaddr *)&in6, sizeof(in6))
		     : bind(sock, (struct sockaddr *)&in, sizeof(in));
}

int port_check(const struct port *p)
{
	autoclose int sock = open_socket(p);

	if (sock < 0) /* a protocol that the host does not speak: nobody has the port */
		return errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT || errno == ESOCKTNOSUPPORT
			       ? 0
			       : -1;
	if (bind_port(sock, p) < 0)
		return -1;
	return p->proto == IPPROTO_TCP ? listen(sock, 1) : 0;
}

void port_range(uint16_t *first, uint16_t *last)
{
	autobuf struct buf b = BUF_INIT(64);
	unsigned low, high;

	*first = RANGE_FIRST;
	*last = UINT16_MAX;
	if (fs_read_file(AT_FDCWD, RANGE_FILE, &b) == 0 &&
	    sscanf(buf_text(&b), "%u %u", &low, &high) == 2 && low && low < high &&
	    high <= UINT16_MAX) {
		*first = (uint16_t)low;
		*last = (uint16_t)high;
	}
}
