/*
 * What the endpoints of a network are called, in a file that the resolvers of their containers read:
 * a line per endpoint, "IPV4 IPV6 NAME NAME ...", "-" for an address that is missing. It is replaced
 * by rename, so that a resolver sees the old one or the new one. Nothing is synced: after a reboot
 * nobody asks. Only names that can be looked up are written.
 */
#include "networkdriver/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "pkg/fs.h"
#include "pkg/log.h"
#include "pkg/mem.h"

#define FILE_MAX (4 << 20)

static void put_endpoint(struct buf *b, const struct endpoint *e)
{
	char ip[IPV4_TEXT], ip6[IPV6_TEXT];

	if (!e->names)
		return;
	/* What does not fit is left out: nobody has so many containers on one bridge. */
	(void)buf_addf(b, "%s %s %s\n", e->ip ? ipv4_text(ip, e->ip) : "-",
		       ip6_is_zero(&e->ip6) ? "-" : ipv6_text(ip6, &e->ip6), e->names);
}

void names_write(struct network *net)
{
	autobuf struct buf b = BUF_INIT(FILE_MAX);
	size_t pos = 0;
	void *e;

	if (!net->names_file)
		return;
	pthread_mutex_lock(&net->names_lock);
	pthread_mutex_lock(&net->lock);
	while (map_next(&net->endpoints, &pos, &e))
		put_endpoint(&b, e);
	pthread_mutex_unlock(&net->lock);
	if (fs_save_atomic(AT_FDCWD, net->names_file, buf_text(&b), b.len, 0600, 0) < 0)
		log_error("cannot write \"%s\": %s", net->names_file, error_words(errno));
	pthread_mutex_unlock(&net->names_lock);
}
