/* Links that are open, each once however many ask for it: who keeps them counts, see links_add(). */
#include "networkdriver/internal.h"

#include <stdlib.h>
#include <string.h>

#include "pkg/mem.h"

/* Two links may open the same port: as many records as there are links, one rule. */
void links_add(struct networkdriver *d, const struct fw_link *v, size_t n)
{
	if (!n)
		return;
	pthread_mutex_lock(&d->lock);
	d->links = xrealloc(d->links, (d->nlinks + n) * sizeof(*v));
	memcpy(d->links + d->nlinks, v, n * sizeof(*v));
	d->nlinks += n;
	pthread_mutex_unlock(&d->lock);
}

static bool is_same(const struct fw_link *a, const struct fw_link *b)
{
	return a->from == b->from && a->to == b->to && a->proto == b->proto && a->port == b->port;
}

void links_remove(struct networkdriver *d, const struct fw_link *v, size_t n)
{
	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < d->nlinks; k++)
			if (is_same(&v[i], &d->links[k])) {
				d->links[k] = d->links[--d->nlinks];
				break;
			}
	pthread_mutex_unlock(&d->lock);
}
