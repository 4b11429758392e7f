/*
 * Links of the default bridge, as early Docker had them: whoever links to a container finds it under
 * an alias in its hosts file and its environment, and may reach its exposed ports where containers
 * may not talk otherwise (--icc=false). On networks of the user's own a link is an alias for the
 * resolver and nothing else: see resolver.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/disk.h"
#include "daemon/internal.h"
#include "daemon/netfiles.h"
#include "daemon/network.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"

/* "child:alias", either with a slash before it. */
struct link {
	char *child, *alias;
};

static void link_done(struct link *l)
{
	free(l->child);
	free(l->alias);
}

static struct link link_of(const char *text)
{
	const char *colon = strchr(text, ':'), *slash, *alias;
	struct link l;

	l.child = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup(text);
	alias = colon ? colon + 1 : text;
	slash = strrchr(alias, '/');
	l.alias = xstrdup(slash ? slash + 1 : alias);
	return l;
}

static bool is_on_default_bridge(const json_t *host_config)
{
	const char *mode = json_get_str(host_config, "NetworkMode", "");

	return !*mode || strcmp(mode, "default") == 0 || strcmp(mode, "bridge") == 0;
}

static json_t *links_of(const json_t *host_config)
{
	return is_on_default_bridge(host_config) ? json_get_arr(host_config, "Links") : NULL;
}

void links_note(struct daemon *d, const json_t *host_config)
{
	if (json_array_size(links_of(host_config)))
		d->has_links = true;
}

int links_settle(struct daemon *d, json_t *host_config, struct error *err)
{
	json_t *links = links_of(host_config), *v;
	size_t i;

	links_note(d, host_config);
	json_array_foreach(links, i, v) {
		struct link l = link_of(json_is_string(v) ? json_string_value(v) : "");
		struct container *child = store_lookup(d->store, l.child, err);
		autojson json_t *h = child ? container_host_config(child) : NULL;
		int rc = 0;

		if (!child)
			rc = error_prefix(err, "could not get container for %s", l.child);
		if (!child && err)
			err->kind = ERR_BAD_REQUEST;
		if (child && strcmp(json_get_str(h, "NetworkMode", ""), "host") == 0)
			rc = error_set(
				err, ERR_BAD_REQUEST,
				"conflicting options: host type networking can't be used with "
				"links. This would result in undefined behavior");
		if (rc == 0)
			json_array_set_new(links, i, json_sprintf("%s:%s", child->id, l.alias));
		link_done(&l);
		container_unref(child);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* ---- the environment ---- */

/* "db-1" as a variable's name: "DB_1". */
static char *upper(const char *alias)
{
	char *out = xstrdup(alias);

	for (char *p = out; *p; p++)
		*p = *p == '-' ? '_' : *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
	return out;
}

static int by_number(const void *a, const void *b)
{
	long x = strtol(*(char *const *)a, NULL, 10), y = strtol(*(char *const *)b, NULL, 10);

	return x != y ? (x > y) - (x < y) : strcmp(*(char *const *)a, *(char *const *)b);
}

/* "80/tcp", in order. */
static void exposed_of(const json_t *config, struct strlist *out)
{
	const char *key;
	json_t *v;

	json_object_foreach(json_get_obj(config, "ExposedPorts"), key, v)
		strlist_add(out, key);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_number);
}

/* The last of those that follow on ports[i], as Docker counts: one of UDP may be in between. */
static size_t last_in_row(const struct strlist *ports, size_t i)
{
	long value = strtol(ports->v[i], NULL, 10);

	while (i + 1 < ports->n && strtol(ports->v[i + 1], NULL, 10) <= value + 1) {
		i++;
		value++;
	}
	return i;
}

static void add_end_env(struct strlist *env, const char *prefix, const char *ip, const char *spec,
			const char *end)
{
	int n = (int)strcspn(spec, "/");
	const char *proto = spec[n] ? spec + n + 1 : "tcp";
	autofree char *up = upper(proto);

	strlist_addf(env, "%s_PORT_%.*s_%s_%s=%s://%s:%.*s", prefix, n, spec, up, end, proto, ip, n,
		     spec);
	strlist_addf(env, "%s_PORT_%.*s_%s_PORT_%s=%.*s", prefix, n, spec, up, end, n, spec);
}

/* Of three and more in a row, where they start and end. */
static void add_rows_env(struct strlist *env, const char *prefix, const char *ip,
			 const struct strlist *ports)
{
	for (size_t i = 0, last; i<ports->n; i = last> i + 1 ? last + 1 : i + 1) {
		last = last_in_row(ports, i);
		if (last > i + 1) {
			add_end_env(env, prefix, ip, ports->v[i], "START");
			add_end_env(env, prefix, ip, ports->v[last], "END");
		}
	}
}

static void add_port_env(struct strlist *env, const char *prefix, const char *ip, const char *spec)
{
	int n = (int)strcspn(spec, "/");
	const char *proto = spec[n] ? spec + n + 1 : "tcp";
	autofree char *up = upper(proto);

	strlist_addf(env, "%s_PORT_%.*s_%s=%s://%s:%.*s", prefix, n, spec, up, proto, ip, n, spec);
	strlist_addf(env, "%s_PORT_%.*s_%s_ADDR=%s", prefix, n, spec, up, ip);
	strlist_addf(env, "%s_PORT_%.*s_%s_PORT=%.*s", prefix, n, spec, up, n, spec);
	strlist_addf(env, "%s_PORT_%.*s_%s_PROTO=%s", prefix, n, spec, up, proto);
}

/* What the child was told itself, but for what every process has. */
static void add_own_env(struct strlist *env, const char *prefix, const json_t *config)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_get_arr(config, "Env"), i, v) {
		const char *entry = json_string_value(v);
		const char *eq = entry ? strchr(entry, '=') : NULL;

		if (eq && strncmp(entry, "HOME=", 5) != 0 && strncmp(entry, "PATH=", 5) != 0)
			strlist_addf(env, "%s_ENV_%s", prefix, entry);
	}
}

static void add_env(struct strlist *env, const char *parent, const struct link *l, const char *ip,
		    const json_t *config)
{
	autostrlist struct strlist ports = STRLIST_INIT;
	autofree char *prefix = upper(l->alias);

	exposed_of(config, &ports);
	if (ports.n) {
		int n = (int)strcspn(ports.v[0], "/");

		strlist_addf(env, "%s_PORT=%s://%s:%.*s", prefix,
			     ports.v[0][n] ? ports.v[0] + n + 1 : "tcp", ip, n, ports.v[0]);
	}
	add_rows_env(env, prefix, ip, &ports);
	for (size_t i = 0; i < ports.n; i++)
		add_port_env(env, prefix, ip, ports.v[i]);
	strlist_addf(env, "%s_NAME=%s/%s", prefix, parent, l->alias);
	add_own_env(env, prefix, config);
}

static const char *bridge_ip(const json_t *network)
{
	return json_get_str(network_interface(network, "bridge"), "IP", "");
}

static void add_link_env(struct daemon *d, struct container *c, const struct link *l,
			 struct strlist *env)
{
	struct container *child = store_lookup(d->store, l->child, NULL);
	autojson json_t *config = child ? container_config(child) : NULL;
	autojson json_t *theirs = child ? container_network(child) : NULL;
	autostrlist struct strlist told = STRLIST_INIT;
	autofree char *parent = container_name(c);

	if (*bridge_ip(theirs))
		add_env(&told, parent, l, bridge_ip(theirs), config);
	for (size_t i = 0; i < told.n; i++) {
		autofree char *key = xstrndup(told.v[i], strcspn(told.v[i], "="));

		if (!strlist_env_get(env, key))
			strlist_add(env, told.v[i]);
	}
	container_unref(child);
}

void links_environ(struct daemon *d, struct container *c, struct strlist *env)
{
	autojson json_t *network = container_network(c), *h = container_host_config(c);
	const json_t *v;
	size_t i;

	if (!network_interface(network, "bridge"))
		return;
	json_array_foreach(links_of(h), i, v) {
		struct link l = link_of(json_is_string(v) ? json_string_value(v) : "");

		add_link_env(d, c, &l, env);
		link_done(&l);
	}
}

/* ---- opening ports ---- */

/* how: "-I" or "-D". They close by themselves, when the address of either end is released. */
static int run_link(struct daemon *d, struct job *job, const char *how, const char *parent_ip,
		    const char *child_ip, const json_t *child_config, struct error *err)
{
	autostrlist struct strlist ports = STRLIST_INIT;

	exposed_of(child_config, &ports);
	if (!ports.n)
		return 0;
	return nested_job(d, job, "link", how,
			  json_pack("{s:s, s:s, s:o}", "ParentIP", parent_ip, "ChildIP", child_ip,
				    "Ports", json_from_strlist(&ports)),
			  NULL, err);
}

static int open_one(struct daemon *d, struct container *c, struct job *job, const json_t *network,
		    const struct link *l, struct error *err)
{
	struct container *child = store_lookup(d->store, l->child, err);
	autojson json_t *config = child ? container_config(child) : NULL;
	autojson json_t *theirs = child ? container_network(child) : NULL;
	autofree char *parent = container_name(c), *name = child ? container_name(child) : NULL;
	const char *ip = bridge_ip(theirs);
	int rc = 0;

	if (!child)
		return -1;
	if (!*ip)
		rc = error_set(err, ERR_BAD_REQUEST,
			       "Cannot link to a non running container: %s AS %s/%s", name, parent,
			       l->alias);
	else if (json_get_bool(network_interface(network, "bridge"), "Isolated", false))
		rc = run_link(d, job, "-I", bridge_ip(network), ip, config, err);
	container_unref(child);
	return rc;
}

int links_open(struct daemon *d, struct container *c, struct job *job, const json_t *network,
	       struct error *err)
{
	autojson json_t *h = container_host_config(c);
	const json_t *v;
	size_t i;

	if (!network_interface(network, "bridge"))
		return 0;
	json_array_foreach(links_of(h), i, v) {
		struct link l = link_of(json_is_string(v) ? json_string_value(v) : "");
		int rc = open_one(d, c, job, network, &l, err);

		link_done(&l);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* ---- what changes while a container runs ---- */

/* After a restart of the daemon, or of a child. One that does not run opens its own when it does. */
void links_reopen(struct daemon *d, struct container *c)
{
	autojson json_t *network = container_network(c), *h = container_host_config(c);
	struct error err;
	const json_t *v;
	size_t i;

	if (!json_get_bool(network_interface(network, "bridge"), "Isolated", false))
		return;
	json_array_foreach(links_of(h), i, v) {
		struct link l = link_of(json_is_string(v) ? json_string_value(v) : "");

		if (open_one(d, c, NULL, network, &l, &err) < 0)
			log_debug("links of %s: %s, ignoring", c->id, err.text);
		link_done(&l);
	}
}

static bool links_to(struct daemon *d, const json_t *host_config, const struct container *child)
{
	bool found = false;
	const json_t *v;
	size_t i;

	json_array_foreach(links_of(host_config), i, v) {
		struct link l = link_of(json_is_string(v) ? json_string_value(v) : "");
		struct container *other = store_lookup(d->store, l.child, NULL);

		found = found || other == child;
		link_done(&l);
		container_unref(other);
	}
	return found;
}

static void refresh(struct daemon *d, struct container *parent, const struct container *child)
{
	autojson json_t *h = container_host_config(parent), *network = NULL;
	struct error err;

	if (!json_array_size(links_of(h)) || parent == child || !links_to(d, h, child))
		return;
	network = container_network(parent);
	if (!network)
		return;
	if (netfiles_rewrite(d, parent, network, &err) < 0)
		log_warn("hosts of %s: %s, ignoring", parent->id, err.text);
	links_reopen(d, parent);
}

void links_child_started(struct daemon *d, struct container *c)
{
	struct container **all;

	if (!d->has_links)
		return;
	all = store_list(d->store);
	for (struct container **p = all; *p; p++)
		refresh(d, *p, c);
	store_list_free(all);
}

/* ---- taking a link away ---- */

/* The links but the one of that alias, a new list, and its child; NULL: there is none. */
static json_t *links_without(const json_t *host_config, const char *alias, char **child)
{
	json_t *kept = json_array(), *v;
	size_t i;

	json_array_foreach(links_of(host_config), i, v) {
		struct link l = link_of(json_is_string(v) ? json_string_value(v) : "");

		if (!*child && strcmp(l.alias, alias) == 0)
			*child = take_ptr(&l.child);
		else
			json_array_append(kept, v);
		link_done(&l);
	}
	if (*child)
		return kept;
	json_decref(kept);
	return NULL;
}

/* The record first; a running container forgets the name, and the ports close. */
static int forget_link(struct daemon *d, struct container *c, struct job *job, json_t *links,
		       const char *child_name, struct error *err)
{
	autojson json_t *old = container_host_config(c), *new = json_copy(old);
	autojson json_t *network = container_network(c), *config = NULL, *theirs = NULL;
	struct container *child = store_lookup(d->store, child_name, NULL);
	int rc = 0;

	json_object_set(new, "Links", links);
	container_set_json(c, &c->host_config, json_incref(new));
	if (disk_save_host_config(c, err) < 0) {
		container_set_json(c, &c->host_config, json_incref(old));
		container_unref(child);
		return -1;
	}
	config = child ? container_config(child) : NULL;
	theirs = child ? container_network(child) : NULL;
	if (network && *bridge_ip(theirs) &&
	    json_get_bool(network_interface(network, "bridge"), "Isolated", false))
		rc = run_link(d, job, "-D", bridge_ip(network), bridge_ip(theirs), config, err);
	if (rc == 0 && network)
		rc = netfiles_rewrite(d, c, network, err);
	container_unref(child);
	return rc;
}

int links_remove(struct daemon *d, struct job *job, const char *path, struct error *err)
{
	const char *name = path + strspn(path, "/"), *slash = strrchr(name, '/');
	autofree char *parent = slash ? xstrndup(name, (size_t)(slash - name)) : NULL;
	autofree char *child = NULL;
	autojson json_t *h = NULL, *links = NULL;
	struct container *c;
	int rc = -1;

	if (!slash)
		return error_set(err, ERR_INTERNAL,
				 "Conflict, cannot remove the default link name of the container");
	c = store_lookup(d->store, parent, err);
	if (!c)
		return -1;
	if (container_begin(c, OP_CHANGE, job, err) == 0) {
		h = container_host_config(c);
		links = links_without(h, slash + 1, &child);
		rc = links ? forget_link(d, c, job, links, child, err)
			   : error_set(err, ERR_NOT_FOUND, "No such link: /%s", name);
		container_end(c);
	}
	container_unref(c);
	return rc;
}

/* ---- hosts, and what is shown ---- */

static void add_host(struct daemon *d, const struct link *l, json_t *out)
{
	struct container *child = store_lookup(d->store, l->child, NULL);
	autojson json_t *theirs = child ? container_network(child) : NULL;
	autojson json_t *config = child ? container_config(child) : NULL;
	autofree char *name = child ? container_name(child) : NULL, *line = NULL;
	const char *ip = bridge_ip(theirs);

	if (*ip) {
		bool is_alias = strcmp(l->alias, name + 1) == 0;

		line = xasprintf("%s\t%s %s%s%s", ip, l->alias,
				 json_get_str(config, "Hostname", ""), is_alias ? "" : " ",
				 is_alias ? "" : name + 1);
		json_array_append_new(out, json_string(line));
	}
	container_unref(child);
}

json_t *links_hosts(struct daemon *d, struct container *c)
{
	autojson json_t *h = container_host_config(c);
	json_t *out = json_array();
	const json_t *v;
	size_t i;

	json_array_foreach(links_of(h), i, v) {
		struct link l = link_of(json_is_string(v) ? json_string_value(v) : "");

		add_host(d, &l, out);
		link_done(&l);
	}
	return out;
}

json_t *links_shown(struct daemon *d, struct container *c, const json_t *host_config)
{
	const json_t *links = links_of(host_config), *v;
	autofree char *own = container_name(c);
	json_t *out;
	size_t i;

	if (!json_array_size(links))
		return json_null();
	out = json_array();
	json_array_foreach(links, i, v) {
		struct link l = link_of(json_is_string(v) ? json_string_value(v) : "");
		struct container *child = store_lookup(d->store, l.child, NULL);
		autofree char *name = child ? container_name(child) : xasprintf("/%s", l.child);

		json_array_append_new(out, json_sprintf("%s:%s/%s", name, own, l.alias));
		container_unref(child);
		link_done(&l);
	}
	return out;
}
