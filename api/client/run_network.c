/*
 * --network and the flags that belong to it: NAME, or "name=NAME,alias=A,ip=...,driver-opt=K=V,...",
 * any number of times. The old flags (--network-alias, --ip, --mac-address, ...) are for the first.
 */
#include "api/client/run_opts.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "api/client/addresses.h"
#include "pkg/csv.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/parse.h"

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* "x=y" somewhere in it: then it is a list of fields. */
static bool is_long(const char *text)
{
	for (const char *p = text; (p = strchr(p, '=')) != NULL; p++)
		if (p > text && is_word(p[-1]) && is_word(p[1]))
			return true;
	return false;
}

/* Small letters (also in values, as in Docker's own client), no blanks around. In place. */
static char *tidy(char *s)
{
	size_t n;

	s += strspn(s, " \t\r\n");
	n = strlen(s);
	while (n && isspace((unsigned char)s[n - 1]))
		n--;
	s[n] = '\0';
	for (char *p = s; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return s;
}

/* A member of o that is an object or array, made when it is first needed. Borrowed. */
static json_t *member(json_t *o, const char *name, json_t *(*make)(void))
{
	json_t *v = json_object_get(o, name);

	if (!v) {
		v = make();
		json_object_set_new_nocheck(o, name, v);
	}
	return v;
}

static void set_text(json_t *o, const char *name, const char *text)
{
	json_object_set_new_nocheck(o, name, json_string_nocheck(text));
}

static json_t *ipam(json_t *endpoint)
{
	return member(endpoint, "IPAMConfig", json_object);
}

static int set_driver_opt(json_t *endpoint, char *pair, struct error *err)
{
	char *eq = strchr(pair, '=');

	if (!eq || eq == pair)
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid key value pair format in driver options");
	*eq = '\0';
	set_text(member(endpoint, "DriverOpts", json_object), tidy(pair), tidy(eq + 1));
	return 0;
}

static int set_priority(json_t *endpoint, const char *text, struct error *err)
{
	int64_t n;

	if (parse_i64(text, &n) < 0)
		return error_set(err, ERR_BAD_REQUEST, "invalid gw-priority (%s): %s", text,
				 errno == ERANGE ? "value out of range" : "invalid syntax");
	json_object_set_new_nocheck(endpoint, "GwPriority", json_integer(n));
	return 0;
}

static int set_field(json_t *endpoint, const char *key, char *value, struct error *err)
{
	if (strcmp(key, "alias") == 0)
		json_array_append_new(member(endpoint, "Aliases", json_array),
				      json_string_nocheck(value));
	else if (strcmp(key, "ip") == 0)
		set_text(ipam(endpoint), "IPv4Address", value);
	else if (strcmp(key, "ip6") == 0)
		set_text(ipam(endpoint), "IPv6Address", value);
	else if (strcmp(key, "link-local-ip") == 0)
		json_array_append_new(member(ipam(endpoint), "LinkLocalIPs", json_array),
				      json_string_nocheck(value));
	else if (strcmp(key, "mac-address") == 0)
		set_text(endpoint, "MacAddress", value);
	else if (strcmp(key, "driver-opt") == 0)
		return set_driver_opt(endpoint, value, err);
	else if (strcmp(key, "gw-priority") == 0)
		return set_priority(endpoint, value, err);
	else
		return error_set(err, ERR_BAD_REQUEST, "invalid field key %s", key);
	return 0;
}

/* The network's name, which the caller frees, and what is said of it, into endpoint. NULL with err. */
static char *parse_network(const char *text, json_t *endpoint, struct error *err)
{
	autostrlist struct strlist fields = STRLIST_INIT;
	autofree char *name = NULL;

	if (!is_long(text))
		return xstrdup(text);
	if (csv_split(text, &fields, err) < 0)
		return NULL;
	for (size_t i = 0; i < fields.n; i++) {
		autofree char *field = xstrdup(fields.v[i]);
		char *eq = strchr(field, '='), *key, *value;

		if (!eq || eq == field) {
			error_set(err, ERR_BAD_REQUEST, "invalid field %s", fields.v[i]);
			return NULL;
		}
		*eq = '\0';
		key = tidy(field);
		value = tidy(eq + 1);
		if (strcmp(key, "name") == 0) {
			free(name);
			name = xstrdup(value);
		} else if (set_field(endpoint, key, value, err) < 0) {
			return NULL;
		}
	}
	if (!name || !*name) {
		error_set(err, ERR_BAD_REQUEST, "network name/id is not specified");
		return NULL;
	}
	return take_ptr(&name);
}

int flag_network(const char *text, void *list, struct error *err)
{
	autojson json_t *endpoint = json_object();
	autofree char *name = parse_network(text, endpoint, err);

	if (!name)
		return -1;
	strlist_add(list, text);
	return 0;
}

static bool is_user_defined(const char *name)
{
	static const char *const own[] = { "bridge", "host", "none", "default" };

	for (size_t i = 0; i < array_size(own); i++)
		if (strcmp(name, own[i]) == 0)
			return false;
	return strncmp(name, "container:", 10) != 0;
}

static int conflict(const char *flag, const char *other, struct error *err)
{
	return error_set(err, ERR_BAD_REQUEST,
			 "conflicting options: cannot specify both %s and per-network %s", flag,
			 other);
}

/* The old flags may not repeat what the first network says itself. */
static int check_first(const struct run_opts *o, json_t *endpoint, struct error *err)
{
	const json_t *own = json_object_get(endpoint, "IPAMConfig");

	if (json_object_get(endpoint, "Aliases") && o->network_alias.n)
		return conflict("--network-alias", "alias", err);
	if (*json_get_str(own, "IPv4Address", "") && o->ip && *o->ip)
		return conflict("--ip", "IPv4 address", err);
	if (*json_get_str(own, "IPv6Address", "") && o->ip6 && *o->ip6)
		return conflict("--ip6", "IPv6 address", err);
	if (*json_get_str(endpoint, "MacAddress", "") && o->mac_address && *o->mac_address)
		return conflict("--mac-address", "MAC address", err);
	if (json_object_get(own, "LinkLocalIPs") && o->link_local_ip.n)
		return conflict("--link-local-ip", "link-local IP addresses", err);
	return 0;
}

static void apply_old_flags(const struct run_opts *o, const char *name, json_t *endpoint)
{
	if (o->network_alias.n)
		json_object_set_new_nocheck(endpoint, "Aliases",
					    json_from_strlist(&o->network_alias));
	/* On the default bridge a link is the container's, elsewhere it is a name on the network. */
	if (o->link.n && is_user_defined(name))
		json_object_set_new_nocheck(endpoint, "Links", json_from_strlist(&o->link));
	if (o->ip && *o->ip)
		set_text(ipam(endpoint), "IPv4Address", o->ip);
	if (o->ip6 && *o->ip6)
		set_text(ipam(endpoint), "IPv6Address", o->ip6);
	if (o->link_local_ip.n)
		json_object_set_new_nocheck(ipam(endpoint), "LinkLocalIPs",
					    json_from_strlist(&o->link_local_ip));
	if (o->mac_address && *o->mac_address)
		set_text(endpoint, "MacAddress", o->mac_address);
}

static int check_endpoint(const char *name, const json_t *endpoint, struct error *err)
{
	const char *mac = json_get_str(endpoint, "MacAddress", "");

	if (!name[strspn(name, " \t\r\n")])
		return error_set(err, ERR_BAD_REQUEST, "no name set for network");
	if (!is_user_defined(name) && json_object_get(endpoint, "Aliases"))
		return error_set(err, ERR_BAD_REQUEST,
				 "network-scoped aliases are only supported for user-defined "
				 "networks");
	if (*mac && !is_mac(mac))
		return error_set(err, ERR_BAD_REQUEST, "%s is not a valid mac address", mac);
	return 0;
}

/* One --network into endpoints; alone and without a word about it, it is left out. */
static int add_network(const struct run_opts *o, const char *text, bool first, json_t *endpoints,
		       char **name_out, struct error *err)
{
	autojson json_t *endpoint = json_object();
	autofree char *name = parse_network(text, endpoint, err);

	if (!name || (first && check_first(o, endpoint, err) < 0))
		return -1;
	if (first)
		apply_old_flags(o, name, endpoint);
	if (check_endpoint(name, endpoint, err) < 0)
		return -1;
	if (json_object_get(endpoints, name))
		return error_set(err, ERR_BAD_REQUEST, "network \"%s\" is specified multiple times",
				 name);
	if (o->network.n > 1 || json_object_size(endpoint))
		json_object_set_nocheck(endpoints, name, endpoint);
	*name_out = take_ptr(&name);
	return 0;
}

/* The name of the first into mode. */
static int add_networks(const struct run_opts *o, json_t *endpoints, char **mode, struct error *err)
{
	bool own = false, others = false;

	if (!o->network.n)
		return add_network(o, "default", true, endpoints, mode, err);
	for (size_t i = 0; i < o->network.n; i++) {
		autofree char *name = NULL;

		if (add_network(o, o->network.v[i], i == 0, endpoints, &name, err) < 0)
			return -1;
		own |= is_user_defined(name);
		others |= !is_user_defined(name);
		if (i == 0)
			*mode = take_ptr(&name);
	}
	if (own && others)
		return error_set(err, ERR_BAD_REQUEST,
				 "conflicting options: cannot attach both user-defined and "
				 "non-user-defined network-modes");
	return 0;
}

int run_networks(const struct run_opts *o, json_t *config, json_t *host_config, struct error *err)
{
	autojson json_t *endpoints = json_object();
	autofree char *mode = NULL;
	const char *mac;

	if (o->mac_address && *o->mac_address && !is_mac(o->mac_address))
		return error_set(err, ERR_BAD_REQUEST, "%s is not a valid mac address",
				 o->mac_address);
	if (add_networks(o, endpoints, &mode, err) < 0)
		return -1;
	set_text(host_config, "NetworkMode", mode);
	/* Where daemons below API 1.44 look for it. */
	mac = json_get_str(json_object_get(endpoints, mode), "MacAddress", "");
	if (*mac)
		set_text(config, "MacAddress", mac);
	if (json_object_size(endpoints))
		json_object_set_new_nocheck(config, "NetworkingConfig",
					    json_pack("{s:O}", "EndpointsConfig", endpoints));
	return 0;
}
