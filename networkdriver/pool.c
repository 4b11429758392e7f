/* The choice of a free subnet: see pool.h. Pure: the caller says what is taken. */
#include "networkdriver/pool.h"

#include <stdlib.h>
#include <string.h>

#include "pkg/mem.h"
#include "pkg/strlist.h"

#define AREA(a, b, c, d, prefix, size)                                                             \
	{                                                                                          \
		{ (uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d), prefix }, size                 \
	}

const struct pool_area pool_bridge[] = {
	AREA(172, 17, 0, 0, 16, 16), AREA(172, 18, 0, 0, 15, 16),  AREA(172, 20, 0, 0, 14, 16),
	AREA(172, 24, 0, 0, 13, 16), AREA(192, 168, 0, 0, 16, 20),
};
const size_t pool_bridge_count = array_size(pool_bridge);

/* 6 and 64 * 8 and 16 networks. */
const struct pool_area pool_networks[] = {
	AREA(172, 18, 0, 0, 15, 16),
	AREA(172, 20, 0, 0, 14, 16),
	AREA(172, 24, 0, 0, 13, 22),
	AREA(192, 168, 0, 0, 16, 20),
};
const size_t pool_networks_count = array_size(pool_networks);

#define WIDEST_NETWORK 2

static bool is_free(struct subnet pool, const struct subnet *taken, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (taken[i].prefix >= WIDEST_NETWORK && subnet_overlaps(pool, taken[i]))
			return false;
	return true;
}

static bool choose_in(const struct pool_area *area, const struct subnet *taken, size_t n,
		      struct subnet *out)
{
	uint64_t step = UINT64_C(1) << (32 - area->prefix);

	for (uint64_t net = subnet_first(area->base); net <= subnet_last(area->base); net += step) {
		struct subnet pool = { (uint32_t)net + 1, area->prefix };

		if (!is_free(pool, taken, n))
			continue;
		*out = pool;
		return true;
	}
	return false;
}

int pool_choose(const struct pool_area *areas, size_t nareas, const struct subnet *taken, size_t n,
		struct subnet *out, struct error *err)
{
	for (size_t i = 0; i < nareas; i++)
		if (choose_in(&areas[i], taken, n, out))
			return 0;
	return error_set(err, ERR_INTERNAL,
			 "could not find an available, non-overlapping IPv4 address pool among the "
			 "defaults to assign to the network");
}

void taken_add(struct taken *t, struct subnet s)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 16;
		t->v = xrealloc(t->v, t->cap * sizeof(*t->v));
	}
	t->v[t->n++] = s;
}

void taken_done(struct taken *t)
{
	free(t->v);
	*t = (struct taken){ 0 };
}

void taken_add_nameservers(struct taken *t, const char *resolv_conf)
{
	static const char keyword[] = "nameserver", blank[] = " \t";
	autostrlist struct strlist lines = STRLIST_INIT;

	strlist_split(&lines, resolv_conf, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		char *at = lines.v[i] + strspn(lines.v[i], blank);
		uint32_t addr;
		if (strncmp(at, keyword, sizeof(keyword) - 1) != 0)
			continue;
		at += sizeof(keyword) - 1;
		if (!strspn(at, blank))
			continue;
		at += strspn(at, blank);
		at[strcspn(at, " \t\r#;")] = '\0';
		if (ipv4_parse(at, &addr) == 0)
			taken_add(t, (struct subnet){ addr, 32 });
	}
}
