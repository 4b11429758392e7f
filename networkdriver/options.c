/* The settings of init_networkdriver, read from its env and checked against each other. */
#include "networkdriver/internal.h"

#include <stdlib.h>
#include <string.h>

#include "engine/env.h"
#include "pkg/mem.h"
#include "pkg/parse.h"

#define DEFAULT_BRIDGE "docker0"
#define MIN_MTU 68 /* RFC 791: what every IPv4 link must carry */
#define MAX_MTU 65535

/* As the flags' defaults: true unless set. */
static bool get_true(const struct env *env, const char *key)
{
	return !env_has(env, key) || env_get_bool(env, key);
}

static int check_conflicts(const struct options *o, struct error *err)
{
	if (o->bridge_is_given && o->has_bip)
		return error_set(err, ERR_BAD_REQUEST,
				 "You specified -b & --bip, mutually exclusive options. "
				 "Please specify only one.");
	if (!o->iptables && !o->icc)
		return error_set(err, ERR_BAD_REQUEST,
				 "You specified --iptables=false with --icc=false. ICC uses "
				 "iptables to function. Please set --icc or --iptables to true.");
	if (o->has_fixed_cidr6 && !o->ipv6)
		return error_set(err, ERR_BAD_REQUEST,
				 "You specified --fixed-cidr-v6 without --ipv6");
	return 0;
}

static int get_subnet(const struct env *env, const char *key, struct subnet *out, bool *has,
		      struct error *err)
{
	const char *text = env_get(env, key, "");

	*has = *text != '\0';
	if (*has && subnet_parse(text, out) < 0)
		return error_set(err, ERR_BAD_REQUEST, "Invalid %s: invalid CIDR address: \"%s\"",
				 key, text);
	return 0;
}

static int get_bip(const struct env *env, struct options *o, struct error *err)
{
	if (get_subnet(env, "BridgeIP", &o->bip, &o->has_bip, err) < 0)
		return -1;
	if (o->has_bip &&
	    (o->bip.addr == subnet_first(o->bip) || o->bip.addr == subnet_last(o->bip)))
		return error_set(err, ERR_BAD_REQUEST,
				 "Invalid BridgeIP: \"%s\" is not an address of a host",
				 env_get(env, "BridgeIP", ""));
	return 0;
}

static int get_bridge(const struct env *env, struct options *o, struct error *err)
{
	const char *given = env_get(env, "BridgeIface", "");

	o->disabled = strcmp(given, "none") == 0;
	o->bridge_is_given = *given && !o->disabled;
	o->bridge = o->bridge_is_given ? given : env_get(env, "DefaultBridge", DEFAULT_BRIDGE);
	if (strlen(o->bridge) >= NL_NAME_SIZE || !*o->bridge || strpbrk(o->bridge, "/: \t\n"))
		return error_set(err, ERR_BAD_REQUEST, "Invalid name of a bridge: \"%s\"",
				 o->bridge);
	return 0;
}

static int get_numbers(const struct env *env, struct options *o, struct error *err)
{
	long long mtu = env_get_int(env, "Mtu", 0);
	const char *ip = env_get(env, "DefaultBindingIP", "");

	if (mtu != 0 && (mtu < MIN_MTU || mtu > MAX_MTU))
		return error_set(err, ERR_BAD_REQUEST, "Invalid MTU: %lld", mtu);
	o->mtu = (unsigned)mtu;
	if (*ip && ipv4_parse(ip, &o->binding_ip) < 0)
		return error_set(err, ERR_BAD_REQUEST, "Invalid DefaultBindingIP: \"%s\"", ip);
	return 0;
}

static int get_ip6(const struct env *env, struct options *o, struct error *err)
{
	const char *text = env_get(env, "FixedCIDRv6", "");

	o->ipv6 = env_get_bool(env, "EnableIPv6");
	o->has_fixed_cidr6 = *text != '\0';
	if (*text && subnet6_parse(text, &o->fixed_cidr6) < 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "Invalid FixedCIDRv6: invalid CIDR address: \"%s\"", text);
	return 0;
}

/* "base=10.0.0.0/8,size=24", in any order. */
static int get_pool(const char *text, struct pool_area *out, struct error *err)
{
	autostrlist struct strlist parts = STRLIST_INIT;
	bool has_base = false;
	uint32_t size = 0;

	strlist_split(&parts, text, ',');
	for (size_t i = 0; i < parts.n; i++)
		if (strncmp(parts.v[i], "base=", 5) == 0)
			has_base = subnet_parse(parts.v[i] + 5, &out->base) == 0;
		else if (strncmp(parts.v[i], "size=", 5) != 0 ||
			 parse_u32(parts.v[i] + 5, &size) < 0)
			size = UINT32_MAX;
	if (!has_base || size < (uint32_t)out->base.prefix || size < 8 || size > 30)
		return error_set(err, ERR_BAD_REQUEST,
				 "Invalid default address pool: \"%s\" (base=SUBNET,size=BITS)",
				 text);
	out->base = subnet_network(out->base);
	out->prefix = (int)size;
	return 0;
}

static int get_pools(const struct env *env, struct options *o, struct error *err)
{
	autostrlist struct strlist pools = STRLIST_INIT;

	env_get_list(env, "DefaultAddressPools", &pools);
	o->pools = xcalloc(pools.n + 1, sizeof(*o->pools));
	for (o->npools = 0; o->npools < pools.n; o->npools++)
		if (get_pool(pools.v[o->npools], &o->pools[o->npools], err) < 0)
			return -1;
	return 0;
}

void options_done(struct options *o)
{
	free(o->pools);
	o->pools = NULL;
	o->npools = 0;
}

int options_load(struct options *o, const struct env *env, struct error *err)
{
	*o = (struct options){
		.iptables = get_true(env, "EnableIptables"),
		.icc = get_true(env, "InterContainerCommunication"),
		.ip_forward = get_true(env, "EnableIpForward"),
		.no_forward_drop = env_get_bool(env, "IpForwardNoDrop"),
		.ip_masq = get_true(env, "EnableIpMasq"),
	};
	if (get_bridge(env, o, err) < 0 || get_bip(env, o, err) < 0 ||
	    get_subnet(env, "FixedCIDR", &o->fixed_cidr, &o->has_fixed_cidr, err) < 0 ||
	    get_numbers(env, o, err) < 0 || get_ip6(env, o, err) < 0 ||
	    get_pools(env, o, err) < 0 || check_conflicts(o, err) < 0) {
		options_done(o);
		return -1;
	}
	return 0;
}
