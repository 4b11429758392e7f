/*
 * Requests into complete objects: see runconfig.h. The members are in members.c, the checks that
 * need the image or the host in validate.c.
 */
#include "runconfig/runconfig.h"

#include <strings.h>

#include "pkg/json.h"
#include "pkg/mem.h"
#include "runconfig/internal.h"
#include "runconfig/schema.h"

/* Config members of API 1.17 and before that live in HostConfig today. */
static const struct {
	const char *config, *host_config;
} moved[] = {
	{ "Memory", "Memory" },
	{ "MemorySwap", "MemorySwap" },
	{ "CpuShares", "CpuShares" },
	{ "Cpuset", "CpusetCpus" },
};

void runconfig_done(struct runconfig *rc)
{
	json_decref(rc->config);
	json_decref(rc->host_config);
	json_decref(rc->networking_config);
	*rc = (struct runconfig){ 0 };
}

/* The last member of that name, in any case: the one that Go's decoder would end with. */
static json_t *member_get(const json_t *o, const char *name)
{
	json_t *found = NULL, *v;
	const char *key;

	json_object_foreach((json_t *)o, key, v)
		if (strcasecmp(key, name) == 0)
			found = v;
	return found;
}

static bool has_config(const json_t *body)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)body, key, v)
		if (schema_find(&schema_config, key))
			return true;
	return false;
}

/* The HostConfig of the body with the moved members that it does not have itself. New reference. */
static json_t *host_config_of(const json_t *body)
{
	json_t *given = member_get(body, "HostConfig"), *merged;

	if (given && !json_is_object(given) && !json_is_null(given))
		return json_incref(given); /* for the decoder to complain about */
	merged = json_is_object(given) ? json_copy(given) : json_object();
	for (size_t i = 0; i < array_size(moved); i++) {
		json_t *v = member_get(body, moved[i].config);

		if (v && schema_is_zero(member_get(merged, moved[i].host_config)))
			json_object_set_nocheck(merged, moved[i].host_config, v);
	}
	return merged;
}

int runconfig_decode(const json_t *body, struct runconfig *out, struct error *err)
{
	autojson json_t *config = NULL, *host = NULL, *net = NULL, *given = NULL;

	if (json_is_null(body) || (json_is_object(body) && !has_config(body)))
		return error_set(err, ERR_BAD_REQUEST,
				 "Config cannot be empty in order to create a container");
	config = schema_decode(&schema_config, body, "ContainerConfigWrapper", err);
	if (!config)
		return -1;
	given = host_config_of(body);
	host = schema_decode_at(&schema_host_config, given, "HostConfig", err);
	if (!host)
		return -1;
	net = schema_decode_at(&schema_networking_config, member_get(body, "NetworkingConfig"),
			       "NetworkingConfig", err);
	if (!net || conflicts_check(config, host, net, err) < 0)
		return -1;
	*out = (struct runconfig){ take_json(&config), take_json(&host), take_json(&net) };
	return 0;
}

json_t *runconfig_config(const json_t *partial, struct error *err)
{
	return schema_decode(&schema_config, partial, "ContainerConfigWrapper", err);
}

json_t *runconfig_host_config(const json_t *partial, struct error *err)
{
	return schema_decode(&schema_host_config, partial, "HostConfig", err);
}
