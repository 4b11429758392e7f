/* The texts of a container's hosts and resolv.conf: see hosts.h. */
#include "daemon/hosts.h"

#include <stdbool.h>
#include <string.h>

#include "pkg/mem.h"
#include "pkg/strlist.h"

/* Appends may meet the ceiling of out: what does not fit is left out, and the rest stays valid. */
#define put(...) ((void)buf_addf(__VA_ARGS__))

static void put_extra_host(struct buf *out, const char *entry, const char *gateway)
{
	const char *colon = strpbrk(entry, ":=");
	const char *address;

	if (!colon)
		return;
	address = colon + 1;
	if (strcmp(address, "host-gateway") == 0)
		address = gateway ? gateway : "127.0.0.1";
	put(out, "%s\t%.*s\n", address, (int)(colon - entry), entry);
}

static void put_own(struct buf *out, const char *ip, const struct hosts_options *o)
{
	if (*o->domainname)
		put(out, "%s\t%s.%s %s\n", ip, o->hostname, o->domainname, o->hostname);
	else
		put(out, "%s\t%s\n", ip, o->hostname);
}

void hosts_text(struct buf *out, const struct hosts_options *o)
{
	const json_t *v;
	size_t i;

	put(out, "127.0.0.1\tlocalhost\n"
		 "::1\tlocalhost ip6-localhost ip6-loopback\n"
		 "fe00::0\tip6-localnet\n"
		 "ff00::0\tip6-mcastprefix\n"
		 "ff02::1\tip6-allnodes\n"
		 "ff02::2\tip6-allrouters\n");
	json_array_foreach(o->extra_hosts, i, v)
		if (json_is_string(v))
			put_extra_host(out, json_string_value(v), o->gateway);
	json_array_foreach(o->links, i, v)
		put(out, "%s\n", json_string_value(v));
	json_array_foreach(o->ips, i, v)
		if (*o->hostname)
			put_own(out, json_string_value(v), o);
}

struct resolv {
	struct strlist servers, search, options;
	bool with_loopback; /* servers of the host's loopback interface count, too */
};

static void resolv_done(struct resolv *r)
{
	strlist_done(&r->servers);
	strlist_done(&r->search);
	strlist_done(&r->options);
}

bool resolv_is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

/* The next word of a line, NULL at its end. */
static char *next_word(char **rest)
{
	char *word;

	while ((word = strsep(rest, " \t")) && !*word)
		;
	return word;
}

static void add_words(struct strlist *list, char *rest)
{
	char *w;

	while ((w = next_word(&rest)))
		strlist_add(list, w);
}

static void parse_line(struct resolv *r, char *line)
{
	char *key = next_word(&line);

	if (!key || *key == '#' || *key == ';')
		return;
	if (strcmp(key, "nameserver") == 0) {
		const char *address = next_word(&line);

		if (address && (r->with_loopback || !resolv_is_loopback(address)))
			strlist_add(&r->servers, address);
	} else if (strcmp(key, "search") == 0 || strcmp(key, "domain") == 0) {
		strlist_done(&r->search); /* the last one counts */
		add_words(&r->search, line);
	} else if (strcmp(key, "options") == 0) {
		add_words(&r->options, line);
	}
}

static void parse_host(struct resolv *r, const char *text)
{
	autofree char *copy = xstrdup(text);
	char *rest = copy, *line;

	while ((line = strsep(&rest, "\n")))
		parse_line(r, line);
}

/* A non-empty array takes the place of what the host has. */
static void replace(struct strlist *list, const json_t *given)
{
	const json_t *v;
	size_t i;

	if (json_array_size(given) == 0)
		return;
	strlist_done(list);
	json_array_foreach(given, i, v)
		if (json_is_string(v))
			strlist_add(list, json_string_value(v));
}

static void put_list(struct buf *out, const char *key, const struct strlist *words)
{
	if (!words->n)
		return;
	put(out, "%s", key);
	for (size_t i = 0; i < words->n; i++)
		put(out, " %s", words->v[i]);
	put(out, "\n");
}

void resolv_text(struct buf *out, const char *host_conf, const struct resolv_options *o)
{
	struct resolv r = { 0 };

	parse_host(&r, host_conf);
	replace(&r.servers, o->dns);
	replace(&r.search, o->search);
	replace(&r.options, o->options);
	if (!r.servers.n) {
		strlist_add(&r.servers, "8.8.8.8");
		strlist_add(&r.servers, "8.8.4.4");
	}
	for (size_t i = 0; i < r.servers.n; i++)
		put(out, "nameserver %s\n", r.servers.v[i]);
	if (r.search.n != 1 || strcmp(r.search.v[0], ".") != 0) /* "." says: no search at all */
		put_list(out, "search", &r.search);
	put_list(out, "options", &r.options);
	resolv_done(&r);
}

void resolv_servers(const char *host_conf, struct strlist *out)
{
	struct resolv r = { .with_loopback = true };

	parse_host(&r, host_conf);
	for (size_t i = 0; i < r.servers.n; i++)
		strlist_add(out, r.servers.v[i]);
	resolv_done(&r);
}

void resolv_text_embedded(struct buf *out, const char *host_conf, const struct resolv_options *o)
{
	struct resolv r = { 0 };
	bool ndots = false;

	parse_host(&r, host_conf);
	replace(&r.search, o->search);
	replace(&r.options, o->options);
	for (size_t i = 0; i < r.options.n; i++)
		ndots = ndots || strncmp(r.options.v[i], "ndots:", 6) == 0;
	if (!ndots)
		strlist_add(&r.options, "ndots:0");
	put(out, "nameserver 127.0.0.11\n");
	if (r.search.n != 1 || strcmp(r.search.v[0], ".") != 0)
		put_list(out, "search", &r.search);
	put_list(out, "options", &r.options);
	resolv_done(&r);
}
