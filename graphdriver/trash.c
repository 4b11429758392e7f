/*
 * Deleting later: see trash.h. At most one thread of the pool works on a trash; it ends when the
 * folder is empty. It holds a reference of its own, so that closing need not wait for it.
 */
#include "graphdriver/trash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/id.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/workers.h"

#define DEPTH_MAX 64 /* folders that are open at a time */

struct trash {
	int fd;               /* constant, as is the next */
	trash_deleter *quick; /* or NULL */
	pthread_mutex_t lock; /* guards all below */
	unsigned refs;
	bool busy, more, closed;
};

static void unref(struct trash *t)
{
	bool last;

	pthread_mutex_lock(&t->lock);
	last = --t->refs == 0;
	pthread_mutex_unlock(&t->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&t->lock);
	close(t->fd);
	free(t);
}

static bool is_closed(struct trash *t)
{
	bool closed;

	pthread_mutex_lock(&t->lock);
	closed = t->closed;
	pthread_mutex_unlock(&t->lock);
	return closed;
}

static DIR *open_dir(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		close(fd);
	return d;
}

static int delete_entry(struct trash *t, int dirfd, const char *name, unsigned depth);

static int delete_children(struct trash *t, DIR *d, unsigned depth)
{
	struct dirent *e;
	int rc = 0;

	while (rc == 0 && !is_closed(t) && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = delete_entry(t, dirfd(d), e->d_name, depth);
	return rc;
}

/* A container can nest folders without end: what is too deep is moved to the top, for later. */
static int delete_entry(struct trash *t, int dirfd, const char *name, unsigned depth)
{
	char aside[33];
	DIR *d;
	int rc;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -1;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0)
		return 0;
	if (depth == DEPTH_MAX) {
		id_random_hex(aside, 16);
		return renameat(dirfd, name, t->fd, aside);
	}
	d = open_dir(dirfd, name);
	if (!d)
		return -1;
	rc = delete_children(t, d, depth + 1);
	closedir(d);
	return rc < 0 || is_closed(t) ? rc : unlinkat(dirfd, name, AT_REMOVEDIR);
}

static int delete_top(struct trash *t, const char *name)
{
	if (t->quick && t->quick(t->fd, name) == 0)
		return 0;
	return delete_entry(t, t->fd, name, 0);
}

/* One pass over the folder. True when another one may find more. */
static bool sweep_once(struct trash *t)
{
	DIR *d = open_dir(t->fd, ".");
	struct dirent *e;
	bool removed = false;

	if (!d) {
		log_warn("cannot open the trash: %s, ignoring", strerror(errno));
		return false;
	}
	while (!is_closed(t) && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (delete_top(t, e->d_name) == 0)
			removed = true;
		else
			log_warn("cannot delete %s from the trash: %s, ignoring", e->d_name,
				 strerror(errno));
	}
	closedir(d);
	return removed && !is_closed(t);
}

static void sweep(struct trash *t)
{
	while (sweep_once(t))
		;
}

static void work(void *arg)
{
	struct trash *t = arg;
	bool again;

	do {
		sweep(t);
		pthread_mutex_lock(&t->lock);
		again = t->more && !t->closed;
		t->more = false;
		t->busy = again;
		pthread_mutex_unlock(&t->lock);
	} while (again);
	unref(t);
}

static void start(struct trash *t)
{
	bool needed;

	pthread_mutex_lock(&t->lock);
	needed = !t->busy;
	t->busy = true;
	t->more = !needed;
	t->refs += needed;
	pthread_mutex_unlock(&t->lock);
	if (needed && workers_run(work, t) < 0) {
		pthread_mutex_lock(&t->lock);
		t->busy = false; /* no thread to be had: the next put tries again */
		pthread_mutex_unlock(&t->lock);
		unref(t);
	}
}

struct trash *trash_open(const char *dir, trash_deleter *quick, struct error *err)
{
	struct trash *t;
	int fd;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
		error_sys(err, "cannot create %s", dir);
		return NULL;
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		error_sys(err, "cannot open %s", dir);
		return NULL;
	}
	t = xcalloc(1, sizeof(*t));
	t->fd = fd;
	t->quick = quick;
	t->refs = 1;
	pthread_mutex_init(&t->lock, NULL);
	start(t);
	return t;
}

void trash_close(struct trash *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->closed = true;
	pthread_mutex_unlock(&t->lock);
	unref(t);
}

int trash_put(struct trash *t, int dirfd, const char *name)
{
	char aside[33];

	id_random_hex(aside, 16);
	if (renameat(dirfd, name, t->fd, aside) < 0)
		return errno == ENOENT ? 0 : -1;
	start(t);
	return 0;
}
