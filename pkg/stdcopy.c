/* Taking the frames of attach and logs apart: see stdcopy.h. */
#include "pkg/stdcopy.h"

#include <string.h>

static int take_head(struct stdcopy *s, struct error *err)
{
	const unsigned char *h = s->head;

	if (h[0] > STDCOPY_ERROR || h[1] || h[2] || h[3])
		return error_set(err, ERR_INTERNAL, "Unrecognized input header: %u", h[0]);
	s->left = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7];
	return 0;
}

int stdcopy_feed(struct stdcopy *s, const char *p, size_t n, stdcopy_fn *fn, void *to,
		 struct error *err)
{
	while (n) {
		size_t take = s->have < STDCOPY_HEAD ? STDCOPY_HEAD - s->have : s->left;

		if (take > n)
			take = n;
		if (s->have < STDCOPY_HEAD) {
			memcpy(s->head + s->have, p, take);
			s->have += take;
			if (s->have == STDCOPY_HEAD && take_head(s, err) < 0)
				return -1;
		} else {
			if (fn(to, s->head[0], p, take) < 0)
				return -1;
			s->left -= (uint32_t)take;
		}
		if (s->have == STDCOPY_HEAD && !s->left)
			s->have = 0;
		p += take;
		n -= take;
	}
	return 0;
}
