/*
 * Published ports: see ports.h. A port is first entered, under the lock, and then tried on the host,
 * without it; one that a program of the host has is taken out again.
 */
#include "networkdriver/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/mem.h"

#define TRIES 64 /* of any ports that are free with us but not on the host */

static const struct {
	const char *name;
	uint8_t number;
} protos[] = { { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP } };

const char *proto_name(uint8_t proto)
{
	for (size_t i = 0; i < array_size(protos); i++)
		if (protos[i].number == proto)
			return protos[i].name;
	return NULL;
}

uint8_t proto_number(const char *name)
{
	for (size_t i = 0; i < array_size(protos); i++)
		if (strcasecmp(protos[i].name, name) == 0)
			return protos[i].number;
	return 0;
}

static size_t proto_index(uint8_t proto)
{
	size_t i = 0;

	while (i + 1 < array_size(protos) && protos[i].number != proto)
		i++;
	return i;
}

void port_list_done(struct port_list *l)
{
	free(l->v);
	*l = (struct port_list){ 0 };
}

static void list_add(struct port_list *l, const struct port *p)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 4;
		l->v = xrealloc(l->v, l->cap * sizeof(*l->v));
	}
	l->v[l->n++] = *p;
}

void ports_init(struct ports *p)
{
	*p = (struct ports){ 0 };
	pthread_mutex_init(&p->lock, NULL);
	map_init(&p->owners);
}

void ports_done(struct ports *p)
{
	size_t pos = 0;
	void *v;

	while (map_next(&p->owners, &pos, &v)) {
		port_list_done(v);
		free(v);
	}
	free(p->taken);
	map_done(&p->owners);
	pthread_mutex_destroy(&p->lock);
}

static bool is_same_number(const struct taken_port *t, const struct port *port)
{
	return t->proto == port->proto && t->host_port == port->host_port;
}

/* Where the ones of this port's number are, or would be. With the lock held. */
static size_t taken_at(const struct ports *p, const struct port *port)
{
	uint32_t key = (uint32_t)port->proto << 16 | port->host_port;
	size_t low = 0, high = p->ntaken;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct taken_port *t = &p->taken[mid];

		if (((uint32_t)t->proto << 16 | t->host_port) < key)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Is it, or any that covers it or is covered by it, given out? With the lock held. */
static bool is_taken(const struct ports *p, const struct port *port)
{
	for (size_t i = taken_at(p, port); i < p->ntaken; i++) {
		const struct taken_port *t = &p->taken[i];

		if (!is_same_number(t, port))
			return false;
		if (t->v6 == port->v6 && (t->any || port->any || ip6_equal(&t->host, &port->host)))
			return true;
	}
	return false;
}

static void enter(struct ports *p, const struct port *port)
{
	size_t at = taken_at(p, port);

	if (port->routed)
		return;
	if (p->ntaken == p->taken_cap) {
		p->taken_cap += p->taken_cap / 4 + 16;
		p->taken = xrealloc(p->taken, p->taken_cap * sizeof(*p->taken));
	}
	memmove(&p->taken[at + 1], &p->taken[at], (p->ntaken++ - at) * sizeof(*p->taken));
	p->taken[at] = (struct taken_port){ port->host, port->host_port, port->proto, port->v6,
					    port->any };
}

static void leave(struct ports *p, const struct port *port)
{
	if (port->routed)
		return;
	for (size_t i = taken_at(p, port); i < p->ntaken; i++) {
		const struct taken_port *t = &p->taken[i];

		if (!is_same_number(t, port))
			return;
		if (t->v6 != port->v6 || t->any != port->any || !ip6_equal(&t->host, &port->host))
			continue;
		memmove(&p->taken[i], &p->taken[i + 1], (--p->ntaken - i) * sizeof(*p->taken));
		return;
	}
}

/* One request in the making: the one or two ports that it becomes. */
struct pair {
	struct port v[2];
	size_t n;
};

static struct pair pair_of(const struct port_request *r)
{
	struct pair out = { .n = 0 };
	struct port p = { .proto = r->proto, .port = r->port };

	if (r->v4) {
		p.any = r->any4, p.routed = r->routed4, p.host = r->host4, p.to = r->to4;
		out.v[out.n++] = p;
	}
	if (r->v6) {
		p.v6 = true;
		p.any = r->any6, p.routed = r->routed6, p.host = r->host6, p.to = r->to6;
		out.v[out.n++] = p;
	}
	return out;
}

/* Enter them all at this number of the host, or none. With the lock held. */
static bool enter_pair(struct ports *p, struct pair *pair, uint16_t host_port)
{
	for (size_t i = 0; i < pair->n; i++) {
		pair->v[i].host_port = pair->v[i].routed ? pair->v[i].port : host_port;
		if (!pair->v[i].routed && is_taken(p, &pair->v[i]))
			return false;
	}
	for (size_t i = 0; i < pair->n; i++)
		enter(p, &pair->v[i]);
	return true;
}

static void leave_pair(struct ports *p, const struct pair *pair)
{
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < pair->n; i++)
		leave(p, &pair->v[i]);
	pthread_mutex_unlock(&p->lock);
}

/* NULL when the host has nothing against it, else the one that is refused, with errno. */
static const struct port *check_pair(const struct pair *pair)
{
	for (size_t i = 0; i < pair->n; i++)
		if (!pair->v[i].routed && port_check(&pair->v[i]) < 0)
			return &pair->v[i];
	return NULL;
}

static const char *host_text(char out[IPV6_TEXT + 2], const struct port *p)
{
	char text[IPV6_TEXT];

	if (p->v6)
		snprintf(out, IPV6_TEXT + 2, "[%s]", p->any ? "::" : ipv6_text(text, &p->host));
	else
		inet_ntop(AF_INET, p->host.b, out, IPV6_TEXT);
	return out;
}

static int fail_host(const struct port *p, struct error *err)
{
	char text[IPV6_TEXT + 2];

	return error_sys(err, "failed to bind host port %s:%u/%s", host_text(text, p), p->host_port,
			 proto_name(p->proto));
}

/* A number that the user chose. */
static int allocate_fixed(struct ports *p, struct pair *pair, uint16_t host_port, struct error *err)
{
	const struct port *refused;
	char text[IPV6_TEXT + 2];
	bool entered;

	pthread_mutex_lock(&p->lock);
	entered = enter_pair(p, pair, host_port);
	pthread_mutex_unlock(&p->lock);
	if (!entered)
		return error_set(err, ERR_CONFLICT,
				 "Bind for %s:%u failed: port is already allocated",
				 host_text(text, &pair->v[0]), host_port);
	refused = check_pair(pair);
	if (!refused)
		return 0;
	fail_host(refused, err);
	leave_pair(p, pair);
	return -1;
}

/* The next number of first..last that is free with us, entered. 0: there is none. */
static uint16_t enter_next(struct ports *p, struct pair *pair, uint16_t first, uint16_t last,
			   uint16_t *next)
{
	uint32_t span = (uint32_t)last - first + 1;
	uint16_t found = 0;

	pthread_mutex_lock(&p->lock);
	if (*next < first || *next > last)
		*next = first;
	for (uint32_t i = 0; i < span && !found; i++) {
		uint16_t candidate = *next;

		*next = *next == last ? first : (uint16_t)(*next + 1);
		if (enter_pair(p, pair, candidate))
			found = candidate;
	}
	pthread_mutex_unlock(&p->lock);
	return found;
}

static int allocate_any(struct ports *p, struct pair *pair, uint16_t first, uint16_t last,
			uint32_t tries, uint16_t *next, struct error *err)
{
	for (uint32_t i = 0; i < tries; i++) {
		const struct port *refused;

		if (!enter_next(p, pair, first, last, next))
			break;
		refused = check_pair(pair);
		if (!refused)
			return 0;
		leave_pair(p, pair);
		if (errno != EADDRINUSE)
			return fail_host(refused, err);
	}
	return error_set(err, ERR_CONFLICT, "all ports are allocated in %u-%u", first, last);
}

static int allocate_one(struct ports *p, const struct port_request *r, struct pair *pair,
			struct error *err)
{
	uint16_t first = r->first, last = r->last, own;

	if ((!r->v4 || r->routed4) && (!r->v6 || r->routed6)) {
		enter_pair(p, pair, 0); /* takes nothing of the host */
		return 0;
	}
	if (first && first == last)
		return allocate_fixed(p, pair, first, err);
	if (first) {
		own = first; /* a range is tried from its beginning */
		return allocate_any(p, pair, first, last, (uint32_t)last - first + 1, &own, err);
	}
	port_range(&first, &last);
	return allocate_any(p, pair, first, last, TRIES, &p->next[proto_index(r->proto)], err);
}

static struct port_list *owner_list(struct ports *p, const char *container)
{
	struct port_list *l = map_get(&p->owners, container);

	if (!l) {
		l = xcalloc(1, sizeof(*l));
		map_set(&p->owners, container, l);
	}
	return l;
}

static void own(struct ports *p, const char *container, const struct port_list *given)
{
	struct port_list *l = owner_list(p, container);

	for (size_t i = 0; i < given->n; i++)
		list_add(l, &given->v[i]);
}

static void append(struct port_list *to, const struct port_list *from)
{
	for (size_t i = 0; i < from->n; i++)
		list_add(to, &from->v[i]);
}

int ports_allocate(struct ports *p, const char *container, const struct port_request *requests,
		   size_t n, struct port_list *out, struct error *err)
{
	struct port_list given = { 0 };
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		struct pair pair = pair_of(&requests[i]);

		rc = allocate_one(p, &requests[i], &pair, err);
		for (size_t k = 0; rc == 0 && k < pair.n; k++)
			list_add(&given, &pair.v[k]);
	}
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; rc < 0 && i < given.n; i++)
		leave(p, &given.v[i]);
	if (rc == 0)
		own(p, container, &given);
	pthread_mutex_unlock(&p->lock);
	if (rc == 0)
		append(out, &given);
	port_list_done(&given);
	return rc;
}

void ports_adopt(struct ports *p, const char *container, const struct port_list *l)
{
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < l->n; i++) {
		if (!l->v[i].routed && is_taken(p, &l->v[i]))
			continue;
		enter(p, &l->v[i]);
		list_add(owner_list(p, container), &l->v[i]);
	}
	pthread_mutex_unlock(&p->lock);
}

static bool is_same(const struct port *a, const struct port *b)
{
	return a->proto == b->proto && a->v6 == b->v6 && a->any == b->any &&
	       a->routed == b->routed && a->host_port == b->host_port && a->port == b->port &&
	       ip6_equal(&a->host, &b->host) && ip6_equal(&a->to, &b->to);
}

void ports_disown(struct ports *p, const char *container, const struct port_list *these,
		  struct port_list *out)
{
	struct port_list *l;
	size_t kept = 0, k = 0;

	pthread_mutex_lock(&p->lock);
	l = map_get(&p->owners, container);
	for (size_t i = 0; l && i < l->n; i++)
		if (!these || (k < these->n && is_same(&l->v[i], &these->v[k]))) {
			list_add(out, &l->v[i]);
			k++;
		} else {
			l->v[kept++] = l->v[i];
		}
	if (l)
		l->n = kept;
	if (l && kept == 0) {
		map_del(&p->owners, container);
		port_list_done(l);
		free(l);
	}
	pthread_mutex_unlock(&p->lock);
}

void ports_free(struct ports *p, const struct port_list *l)
{
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < l->n; i++)
		leave(p, &l->v[i]);
	pthread_mutex_unlock(&p->lock);
}

void ports_list(struct ports *p, struct port_list *out)
{
	size_t pos = 0;
	void *v;

	pthread_mutex_lock(&p->lock);
	while (map_next(&p->owners, &pos, &v))
		append(out, v);
	pthread_mutex_unlock(&p->lock);
}
