/*
 * Options that exclude one another. They are asked before the image's config is merged in: only
 * what the user said himself can be in conflict.
 */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "pkg/json.h"
#include "pkg/mem.h"
#include "runconfig/internal.h"
#include "runconfig/schema.h"

const char *mode_container(const char *mode)
{
	static const char prefix[] = "container:";

	return strncmp(mode, prefix, strlen(prefix)) == 0 ? mode + strlen(prefix) : NULL;
}

/* What cannot be said together with --network container:X. */
static const struct {
	bool of_host_config;
	const char *member, *text;
} with_container[] = {
	{ false, "Hostname", "conflicting options: hostname and the network mode" },
	{ true, "Links",
	  "conflicting options: container type network can't be used with links. This would "
	  "result in undefined behavior" },
	{ true, "Dns", "conflicting options: dns and the network mode" },
	{ true, "ExtraHosts",
	  "conflicting options: custom host-to-IP mapping and the network mode" },
	{ false, "MacAddress", "conflicting options: mac-address and the network mode" },
	{ true, "PortBindings",
	  "conflicting options: port publishing and the container type network mode" },
	{ true, "PublishAllPorts",
	  "conflicting options: port publishing and the container type network mode" },
	{ false, "ExposedPorts",
	  "conflicting options: port exposing and the container type network mode" },
};

static int check_container_mode(const json_t *config, const json_t *host_config, struct error *err)
{
	const char *mode = json_get_str(host_config, "NetworkMode", "");
	const char *name = mode_container(mode);

	if (strcmp(mode, "container") == 0 || (name && (!*name || *name == ':')))
		return error_set(err, ERR_BAD_REQUEST,
				 "Invalid network mode: invalid container format "
				 "container:<name|id>");
	if (!name)
		return 0;
	for (size_t i = 0; i < array_size(with_container); i++) {
		const json_t *o = with_container[i].of_host_config ? host_config : config;

		if (!schema_is_zero(json_object_get(o, with_container[i].member)))
			return error_set(err, ERR_BAD_REQUEST, "%s", with_container[i].text);
	}
	return 0;
}

static int check_host_mode(const json_t *config, const json_t *host_config, struct error *err)
{
	bool host_net = strcmp(json_get_str(host_config, "NetworkMode", ""), "host") == 0;

	if (strcmp(json_get_str(host_config, "UTSMode", ""), "host") == 0 &&
	    *json_get_str(config, "Hostname", ""))
		return error_set(err, ERR_BAD_REQUEST,
				 "conflicting options: hostname and the UTS mode");
	if (host_net && !schema_is_zero(json_object_get(host_config, "Links")))
		return error_set(err, ERR_BAD_REQUEST,
				 "conflicting options: host type networking can't be used with "
				 "links. This would result in undefined behavior");
	if (host_net && *json_get_str(config, "MacAddress", ""))
		return error_set(err, ERR_BAD_REQUEST,
				 "conflicting options: mac-address and the network mode");
	return 0;
}

/* Which namespaces may be shared, and by which words. */
static const struct {
	const char *member, *text;
	const char *words[5];
	bool container; /* "container:X" is one of them */
} modes[] = {
	{ "IpcMode", "IPC mode", { "", "none", "private", "shareable", "host" }, true },
	{ "PidMode", "PID mode", { "", "host" }, true },
	{ "UTSMode", "UTS mode", { "", "host" }, false },
	{ "UsernsMode", "userns mode", { "", "host" }, false },
};

static int check_modes(const json_t *host_config, struct error *err)
{
	for (size_t i = 0; i < array_size(modes); i++) {
		const char *mode = json_get_str(host_config, modes[i].member, "");
		const char *name = modes[i].container ? mode_container(mode) : NULL;
		bool known = name && *name;

		for (size_t w = 0; w < array_size(modes[i].words) && modes[i].words[w]; w++)
			known = known || strcmp(modes[i].words[w], mode) == 0;
		if (!known)
			return error_set(err, ERR_BAD_REQUEST, "invalid %s: %s", modes[i].text,
					 mode);
	}
	return 0;
}

/* What only other platforms know. */
static int check_platform(const json_t *host_config, struct error *err)
{
	const char *isolation = json_get_str(host_config, "Isolation", "");

	if (*isolation && strcasecmp(isolation, "default") != 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "Invalid isolation: \"%s\" - linux only supports 'default'",
				 isolation);
	if (json_get_int(host_config, "IOMaximumBandwidth", 0))
		return error_set(err, ERR_BAD_REQUEST,
				 "Invalid QoS settings: linux does not support configuration of "
				 "maximum bandwidth");
	if (json_get_int(host_config, "IOMaximumIOps", 0))
		return error_set(err, ERR_BAD_REQUEST,
				 "Invalid QoS settings: linux does not support configuration of "
				 "maximum IOPs");
	return 0;
}

static int check_endpoints(const json_t *networking, struct error *err)
{
	json_t *all = json_get_obj(networking, "EndpointsConfig"), *ep;
	const char *name;
	unsigned char addr[16];

	json_object_foreach(all, name, ep) {
		const json_t *ipam = json_get_obj(ep, "IPAMConfig");
		const char *v4 = json_get_str(ipam, "IPv4Address", "");
		const char *v6 = json_get_str(ipam, "IPv6Address", "");

		if (*v4 && inet_pton(AF_INET, v4, addr) != 1)
			return error_set(err, ERR_BAD_REQUEST, "invalid IPv4 address: %s", v4);
		if (*v6 && inet_pton(AF_INET6, v6, addr) != 1)
			return error_set(err, ERR_BAD_REQUEST, "invalid IPv6 address: %s", v6);
	}
	return 0;
}

int conflicts_check(const json_t *config, const json_t *host_config, const json_t *networking,
		    struct error *err)
{
	if (check_container_mode(config, host_config, err) < 0 ||
	    check_host_mode(config, host_config, err) < 0 || check_modes(host_config, err) < 0 ||
	    check_platform(host_config, err) < 0)
		return -1;
	return check_endpoints(networking, err);
}
