/* Layers as tars: see layertar.h. */
#include "graph/layertar.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "graph/internal.h"
#include "pkg/mem.h"

static int open_record(struct graph *g, const struct layer *l, struct error *err)
{
	autofree char *path = xasprintf("%s/record", digest_hex(l->chain));
	int fd = openat(g->layers_fd, path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? error_sys(err, "cannot open the record of layer %s", l->chain) : fd;
}

int layertar_size(struct graph *g, struct layer *l, int64_t *size, struct error *err)
{
	autoclose int fd = -1;
	int64_t known;

	pthread_mutex_lock(&g->lock);
	known = l->tar_size;
	pthread_mutex_unlock(&g->lock);
	if (known < 0) {
		fd = open_record(g, l, err);
		if (fd < 0)
			return -1;
		if (record_size(fd, &known, err) < 0)
			return error_prefix(err, "layer %s", l->chain);
		pthread_mutex_lock(&g->lock);
		l->tar_size = known;
		pthread_mutex_unlock(&g->lock);
	}
	*size = known;
	return 0;
}

/* What goes through on its way to the caller's sink. */
struct checking {
	record_sink *write;
	void *to;
	struct digest digest;
	int64_t left;
};

static int check(void *arg, const void *p, size_t n)
{
	struct checking *c = arg;

	if ((int64_t)n > c->left) {
		errno = EFBIG;
		return -1;
	}
	c->left -= (int64_t)n;
	digest_add(&c->digest, p, n);
	return c->write(c->to, p, n);
}

int layertar_write(struct graph *g, const struct layer *l, int64_t size, record_sink *write,
		   void *to, struct error *err)
{
	struct checking c = { .write = write, .to = to, .left = size };
	autofree char *dir = g->ops->diff_path(g->self, l->name);
	autoclose int record = open_record(g, l, err), root = -1;
	char have[DIGEST_SIZE];

	if (record < 0)
		return -1;
	root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_sys(err, "cannot open the files of layer %s", l->chain);
	digest_init(&c.digest);
	if (record_replay(record, root, check, &c, err) < 0)
		return error_prefix(err, "layer %s", l->chain);
	digest_end(&c.digest, have);
	if (c.left || strcmp(have, l->diff) != 0)
		return error_set(err, ERR_INTERNAL,
				 "layer %s was changed: its content is %s, not %s", l->chain, have,
				 l->diff);
	return 0;
}
