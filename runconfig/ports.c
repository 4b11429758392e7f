/* Ports as users write them: "80", "80/udp", "8000-8010/tcp". */
#include "runconfig/ports.h"

#include <string.h>
#include <strings.h>

#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/parse.h"
#include "runconfig/internal.h"

static bool parse_number(const char *s, unsigned *out)
{
	uint32_t n;

	if (parse_u32(s, &n) < 0 || n > 65535)
		return false;
	*out = n;
	return true;
}

/* "a" or "a-b". */
static bool parse_span(const char *s, struct port_range *out)
{
	const char *dash = strchr(s, '-');
	autofree char *low = xstrndup(s, dash ? (size_t)(dash - s) : strlen(s));

	if (!parse_number(low, &out->low))
		return false;
	out->high = out->low;
	return !dash || (parse_number(dash + 1, &out->high) && out->high >= out->low);
}

int port_range_parse(const char *spec, struct port_range *out, struct error *err)
{
	static const char *const protos[] = { "tcp", "udp", "sctp" };
	const char *slash = strchr(spec, '/');
	autofree char *ports = xstrndup(spec, slash ? (size_t)(slash - spec) : strlen(spec));

	if (!parse_span(ports, out))
		return error_set(err, ERR_BAD_REQUEST, "invalid port specification: \"%s\"", ports);
	out->proto = protos[0];
	if (!slash)
		return 0;
	out->proto = NULL;
	for (size_t i = 0; i < array_size(protos); i++)
		if (strcasecmp(slash + 1, protos[i]) == 0)
			out->proto = protos[i];
	return out->proto ? 0 : error_set(err, ERR_BAD_REQUEST, "invalid proto: %s", slash + 1);
}

static int check_bindings(const json_t *list, struct error *err)
{
	const json_t *b;
	size_t i;

	json_array_foreach(list, i, b) {
		const char *port = json_get_str(b, "HostPort", "");
		struct port_range range;

		if (*port && !parse_span(port, &range))
			return error_set(err, ERR_BAD_REQUEST, "invalid port specification: \"%s\"",
					 port);
	}
	return 0;
}

int ports_check(const json_t *host_config, struct error *err)
{
	json_t *map = json_get_obj(host_config, "PortBindings"), *list;
	const char *key;

	json_object_foreach(map, key, list) {
		struct port_range range;

		if (port_range_parse(key, &range, err) < 0 || check_bindings(list, err) < 0)
			return -1;
	}
	return 0;
}
