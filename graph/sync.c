/*
 * Making layers durable without making anybody wait. A new layer carries a mark with the boot in
 * which it was made; a thread syncs the file system and takes the marks away. A layer whose mark is
 * of an earlier boot was not all on the disk when the machine went down: it is not trusted.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "graph/internal.h"
#include "pkg/fs.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/workers.h"

bool sync_boot_id(struct buf *b)
{
	return fs_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", b) == 0;
}

int sync_mark(int dir, const char *folder)
{
	autofree char *path = xasprintf("%s/" UNSYNCED, folder);
	autobuf struct buf boot = BUF_INIT(256);

	return sync_boot_id(&boot) ? fs_save_atomic(dir, path, boot.p, boot.len, 0600, 0) : 0;
}

/* The marks that are there now: only what they stand for is on the disk after the sync. */
static void list_marks(int dir, struct strlist *marks)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d))) {
		autofree char *mark = xasprintf("%s/" UNSYNCED, e->d_name);

		if (e->d_name[0] != '.' && faccessat(fd, mark, F_OK, 0) == 0)
			strlist_take(marks, take_ptr(&mark));
	}
	closedir(d);
}

/* A layer that is put on another meanwhile is in the other folder: it keeps its mark, and is synced again. */
static void unmark(int dir, const struct strlist *marks)
{
	for (size_t i = 0; i < marks->n; i++)
		if (unlinkat(dir, marks->v[i], 0) < 0 && errno != ENOENT)
			log_warn("cannot unmark %s: %s, ignoring", marks->v[i], error_words(errno));
}

static void sync_once(struct graph *g)
{
	autostrlist struct strlist layers = STRLIST_INIT, ready = STRLIST_INIT;

	list_marks(g->layers_fd, &layers);
	list_marks(g->ready_fd, &ready);
	if (!layers.n && !ready.n)
		return;
	if (syncfs(g->layers_fd) < 0) {
		log_warn("cannot sync the layers: %s, ignoring", error_words(errno));
		return;
	}
	unmark(g->layers_fd, &layers);
	unmark(g->ready_fd, &ready);
}

static void work(void *arg)
{
	struct graph *g = arg;
	bool again;

	do {
		sync_once(g);
		pthread_mutex_lock(&g->lock);
		again = g->sync_again;
		g->sync_again = false;
		g->syncing = again;
		if (!again)
			pthread_cond_broadcast(&g->changed);
		pthread_mutex_unlock(&g->lock);
	} while (again);
}

void sync_start(struct graph *g)
{
	bool needed;

	pthread_mutex_lock(&g->lock);
	needed = !g->syncing;
	g->sync_again = !needed;
	g->syncing = true;
	pthread_mutex_unlock(&g->lock);
	if (needed && workers_run(work, g) < 0) {
		pthread_mutex_lock(&g->lock);
		g->syncing = false; /* the marks stay until the next time */
		pthread_mutex_unlock(&g->lock);
	}
}

void sync_wait(struct graph *g)
{
	pthread_mutex_lock(&g->lock);
	while (g->syncing)
		pthread_cond_wait(&g->changed, &g->lock);
	pthread_mutex_unlock(&g->lock);
}
