/* The choice of a free subnet: see pool.h. Pure: the caller says what is taken. */
#include "networkdriver/pool.h"

#include <stdlib.h>
#include <string.h>

#include "pkg/mem.h"
#include "pkg/strlist.h"

/* Each row is an area, and the prefix of the pools that it is cut into. */
static const struct {
	uint32_t first, last; /* network addresses of the first and the last pool */
	int prefix;
} areas[] = {
	{ 0xac110000, 0xac1f0000, 16 }, /* 172.17.0.0/16 to 172.31.0.0/16 */
	{ 0xc0a80000, 0xc0a8f000, 20 }, /* 192.168.0.0/20 to 192.168.240.0/20 */
};

#define WIDEST_NETWORK 2

static bool is_free(struct subnet pool, const struct subnet *taken, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (taken[i].prefix >= WIDEST_NETWORK && subnet_overlaps(pool, taken[i]))
			return false;
	return true;
}

int pool_choose(const struct subnet *taken, size_t n, struct subnet *out, struct error *err)
{
	for (size_t i = 0; i < array_size(areas); i++) {
		uint32_t step = UINT32_C(1) << (32 - areas[i].prefix);
		for (uint32_t net = areas[i].first; net <= areas[i].last; net += step) {
			struct subnet pool = { net + 1, areas[i].prefix };
			if (!is_free(pool, taken, n))
				continue;
			*out = pool;
			return 0;
		}
	}
	return error_set(err, ERR_INTERNAL,
			 "Could not find a free IP address range for the bridge. "
			 "Please choose one with --bip");
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
