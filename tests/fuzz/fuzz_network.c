/*
 * Bytes from a client into the body of a network's creation: read, made ready, written down again, and
 * read once more: what is kept on disk must be what was understood.
 * Sources: networkdriver/network.c networkdriver/spec.c networkdriver/networks.c networkdriver/names.c
 * Sources: networkdriver/ipalloc.c networkdriver/ip6alloc.c networkdriver/subnet.c networkdriver/subnet6.c
 * Sources: pkg/map.c pkg/id.c pkg/fs.c pkg/log.c pkg/strlist.c pkg/timefmt.c pkg/netlink.c
 * Sources: pkg/netlink_route.c pkg/mem.c
 * Libraries: -ljansson -pthread
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "networkdriver/network.h"
#include "pkg/json.h"
#include "pkg/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct network *read_network(const json_t *body)
{
	struct network *net = network_new("fuzz", DRIVER_BRIDGE);
	struct error err;

	if (network_read(net, body, &err) == 0)
		return net;
	network_unref(net);
	return NULL;
}

/* What is written must be readable, and say the same. */
static void round_trip(struct network *net)
{
	autojson json_t *first = network_json(net, true), *again = NULL;
	struct network *second = read_network(first);
	autofree char *a = NULL, *b = NULL;

	assert(second);
	memcpy(second->id, net->id, sizeof(net->id));
	again = network_json(second, true);
	a = json_text(first);
	b = json_text(again);
	assert(strcmp(a, b) == 0);
	network_unref(second);
}

static void use(struct network *net)
{
	struct endpoint e = { .ip = 0, .mac = { 2 }, .ifname = "veth0123456" };
	struct error err;

	if (network_init(net, &err) < 0)
		return;
	(void)network_address_adopt(net, "one", &e, &err); /* full, perhaps */
	json_decref(network_json(net, true));
	network_address_release(net, "one");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	autojson json_t *body = json_parse((const char *)data, n, NULL);
	struct network *net = body ? read_network(body) : NULL;

	if (!net)
		return 0;
	round_trip(net);
	use(net);
	network_unref(net);
	return 0;
}
