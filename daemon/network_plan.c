/* Which networks a container is to be on, decided when it is created. */
#include <string.h>

#include "daemon/internal.h"
#include "daemon/network.h"
#include "engine/engine.h"
#include "pkg/json.h"
#include "pkg/mem.h"

/* The real name and the id of a network, into the endpoint. The key when there is no such network. */
static char *resolve_name(struct daemon *d, struct job *job, const char *key, json_t *endpoint)
{
	autojson json_t *network = NULL;

	if (strcmp(key, "default") == 0)
		key = "bridge";
	if (!engine_has(d->engine, "network_inspect") ||
	    nested_job(d, job, "network_inspect", key, json_pack("{s:b}", "NoContainers", true),
		       &network, NULL) < 0)
		return xstrdup(key);
	json_object_set_new(endpoint, "NetworkID", json_string(json_get_str(network, "Id", "")));
	return xstrdup(json_get_str(network, "Name", key));
}

static void add_endpoint(struct daemon *d, struct job *job, const char *key, const json_t *given,
			 json_t *all, char **name)
{
	json_t *endpoint = json_is_object(given) ? json_copy((json_t *)given) : json_object();

	*name = resolve_name(d, job, key, endpoint);
	json_object_set_new(all, *name, endpoint);
}

/* A MAC of the container's is the one of its first network, where that has none of its own. */
static void set_old_mac(const json_t *config, json_t *endpoint)
{
	const char *mac = json_get_str(config, "MacAddress", "");

	if (*mac && !*json_get_str(endpoint, "MacAddress", ""))
		json_object_set_new(endpoint, "MacAddress", json_string(mac));
}

json_t *network_plan(struct daemon *d, struct job *job, const json_t *config, json_t *host_config,
		     const json_t *networking, struct error *err)
{
	/* Copies: the mode is replaced by the network's real name on the way. */
	autofree char *mode = xstrdup(json_get_str(host_config, "NetworkMode", ""));
	autofree char *kind = xstrdup(network_kind(d, config, host_config));
	const char *key;
	json_t *given = json_get_obj(networking, "EndpointsConfig"), *v, *all = json_object();
	autofree char *first = NULL;

	if (network_is_private(kind)) {
		const json_t *own = json_object_get(given, *mode ? mode : "default");

		add_endpoint(d, job, kind, own ? own : json_object_get(given, kind), all, &first);
		set_old_mac(config, json_object_get(all, first));
		if (strcmp(kind, "bridge") != 0)
			json_object_set_new(host_config, "NetworkMode", json_string(first));
	} else if (strcmp(kind, "container") != 0) {
		add_endpoint(d, job, kind, json_object_get(given, kind), all, &first);
	} else if (json_object_size(given) > 0) {
		json_decref(all);
		error_set(err, ERR_BAD_REQUEST,
			  "container cannot be connected to network endpoints: %s", mode);
		return NULL;
	}
	json_object_foreach(given, key, v) {
		autofree char *name = NULL;

		if (!network_is_private(kind) || strcmp(key, mode) == 0 ||
		    strcmp(key, "default") == 0 || strcmp(key, kind) == 0)
			continue;
		add_endpoint(d, job, key, v, all, &name);
	}
	return json_pack("{s:o}", "EndpointsConfig", all);
}
