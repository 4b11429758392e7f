/* Packing layers: see packer.h. */
#include "graph/packer.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "graph/layertar.h"
#include "pkg/compress.h"
#include "pkg/fs.h"
#include "pkg/workers.h"

#define PIPE_SIZE (1024 * 1024)

void packer_init(struct packer *p, struct graph *g, struct layer *l)
{
	*p = (struct packer){ .graph = g, .layer = l, .fd = -1, .write_fd = -1 };
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->ended, NULL);
}

void packer_done(struct packer *p)
{
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->ended);
}

static int to_pipe(void *to, const void *data, size_t n)
{
	const struct packer *p = to;

	return fs_write_all(p->write_fd, data, n);
}

struct packing {
	struct packer *packer;
	struct compress *z;
};

static int to_gzip(void *to, const void *data, size_t n)
{
	struct packing *p = to;

	atomic_fetch_add(&p->packer->bytes, (long long)n);
	return compress_add(p->z, data, n);
}

static void pack(void *arg)
{
	struct packer *p = arg;
	struct packing packing = { p, compress_new(to_pipe, p) };
	struct error err = { 0 };
	int rc = layertar_write(p->graph, p->layer, p->size, to_gzip, &packing, &err);

	if (rc == 0 && compress_end(packing.z) < 0)
		rc = error_sys(&err, "cannot pack the layer");
	compress_free(packing.z);
	pthread_mutex_lock(&p->lock);
	close(p->write_fd);
	p->write_fd = -1;
	p->rc = rc;
	p->err = err;
	p->running = false;
	pthread_cond_signal(&p->ended);
	pthread_mutex_unlock(&p->lock);
}

int packer_begin(void *packer, struct error *err)
{
	struct packer *p = packer;
	int64_t size;
	int pipefd[2];

	if (layertar_size(p->graph, p->layer, &size, err) < 0)
		return -1;
	atomic_store(&p->size, size);
	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return error_sys(err, "cannot make a pipe");
	(void)fcntl(pipefd[1], F_SETPIPE_SZ, PIPE_SIZE); /* a smaller one is only slower */
	p->fd = pipefd[0];
	p->write_fd = pipefd[1];
	p->packed = 0;
	p->running = true;
	atomic_store(&p->bytes, 0);
	digest_init(&p->digest);
	if (workers_run(pack, p) == 0)
		return 0;
	p->running = false;
	close(p->fd);
	close(p->write_fd);
	p->fd = p->write_fd = -1;
	return error_set(err, ERR_UNAVAILABLE, "no thread to pack a layer");
}

ssize_t packer_read(void *packer, void *data, size_t n)
{
	struct packer *p = packer;
	ssize_t got;

	do
		got = read(p->fd, data, n);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		digest_add(&p->digest, data, (size_t)got);
		p->packed += got;
	}
	return got;
}

int packer_end(void *packer, char digest[DIGEST_SIZE], struct error *err)
{
	struct packer *p = packer;

	if (p->fd < 0)
		return -1; /* it did not begin */
	close(p->fd);      /* whoever packs for nobody is told by the pipe */
	p->fd = -1;
	pthread_mutex_lock(&p->lock);
	while (p->running)
		pthread_cond_wait(&p->ended, &p->lock);
	pthread_mutex_unlock(&p->lock);
	if (!err)
		return -1;
	if (p->rc < 0) {
		*err = p->err;
		return -1;
	}
	digest_end(&p->digest, digest);
	return 0;
}
